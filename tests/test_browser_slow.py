"""What takes long, as a person meets it: steps and a word that stops them, videos, the filter's blur, a friend's taste.

Screenshots go where those of test_browser.py go.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import slow_plugin
from test_browser import ARTEFACTS, Serving, Visitor, chromium  # noqa: F401 - a fixture
from test_crash import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WATCHED = "() => { const now = document.querySelector('#now'); return now && now.currentTime }"


@pytest.fixture
def serve(tmp_path, monkeypatch, chromium):  # noqa: F811
    """Start a server on these settings, with a visitor; at the end nobody may have heard a complaint."""
    started: list[Serving] = []
    visitors: list[Visitor] = []

    def one(**environment) -> Visitor:
        kernels = str(Path(tempfile.gettempdir(), "zahir-numba"))  # compiled once for all of these servers
        monkeypatch.setenv("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", kernels))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        started.append(Serving(home))
        started[-1].start()
        visitors.append(Visitor(chromium, started[-1].url))
        visitors[-1].server = started[-1]
        visitors[-1].context.set_default_timeout(120_000)
        return visitors[-1]

    yield one
    for visitor in visitors:
        visitor.context.close()
    for server in started:
        server.stop()
    assert not [said for visitor in visitors for said in visitor.complaints]


def rate(visitor, n, key="l"):
    for _ in range(n):
        visitor.key(key)
    visitor.delivered()


def test_steps_are_told_quietly_and_a_word_stops_them(serve, tmp_path):
    (tmp_path / "pace").write_text("1")
    path = slow_plugin.on_path(tmp_path / "site")
    visitor = serve(ZAHIR_GENERATOR=f"slow={tmp_path / 'pace'}", PYTHONPATH=path)
    page = visitor.page
    visitor.begin()
    rate(visitor, 14)
    page.wait_for_function("() => /Step \\d+ of 20/.test(document.querySelector('#step').textContent)")
    before = page.locator("#rate").bounding_box()
    visitor.shot("20-step")
    visitor.accessible("step")
    page.locator("#more-button").press("Enter")
    page.get_by_text("The next one is being made by slow: step").wait_for()
    visitor.shot("21-more-making")
    visitor.accessible("more, making")
    page.locator("#cancel").click()
    page.get_by_text("Nothing is being made now.").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('#step').textContent === ''")
    assert page.locator("#rate").bounding_box() == before, "the rating never moves"
    (tmp_path / "pace").write_text("0.02")
    rate(visitor, 1)
    wait_for(
        lambda: visitor.server.rows("SELECT 1 FROM picks p JOIN items i ON i.id = p.item WHERE maker LIKE 'slow%'"), 60
    )
    page.set_viewport_size({"width": 360, "height": 780})
    (tmp_path / "pace").write_text("1")
    rate(visitor, 13)
    page.wait_for_function("() => /Step \\d+ of 20/.test(document.querySelector('#step').textContent)")
    visitor.shot("22-phone-step")
    visitor.accessible("phone, step")
    page.locator("#dials-button").click()
    page.locator("#more-button").click()
    visitor.shot("23-phone-more")
    visitor.accessible("phone, more")


def test_videos_play_without_sound_and_rest_when_asked(serve):
    visitor = serve(ZAHIR_GENERATOR="studio-video", ZAHIR_READY="2")
    page = visitor.page
    visitor.begin()
    rate(visitor, 12)
    film = "SELECT 1 FROM variants v JOIN picks p ON p.item = v.item WHERE v.shape = 'poster'"
    wait_for(lambda: visitor.server.rows(film), 240)
    for _ in range(12):
        if page.evaluate("document.querySelector('#now').tagName") == "VIDEO":
            break
        visitor.key("Space")
    facts = page.evaluate(
        "(({muted, loop, playsInline, poster, ariaLabel}) => ({muted, loop, playsInline, poster, ariaLabel}))"
        "(document.querySelector('#now'))"
    )
    assert (facts["muted"], facts["loop"], facts["playsInline"]) == (True, True, True)
    assert "/media/" in facts["poster"]
    assert facts["ariaLabel"]
    page.wait_for_function("() => document.querySelector('#now').currentTime > 0.3")
    assert page.locator("#made-button").inner_text() == "Generated video"
    visitor.shot("24-video")
    visitor.accessible("video")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("() => document.querySelector('#now').paused")
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function("() => !document.querySelector('#now').paused")
    page.keyboard.press("p")
    assert page.locator("#play-button").inner_text() == "Play"
    rests = page.evaluate(WATCHED)
    page.wait_for_timeout(500)
    assert page.evaluate(WATCHED) == rests
    page.locator("#play-button").click()
    page.wait_for_function(f"() => ({WATCHED})() !== {rests}")
    token = visitor.wall()
    source = page.eval_on_selector("#now", "now => now.currentSrc")
    reply = visitor.context.request.get(source, headers={"Range": "bytes=0-99"})
    assert (reply.status, len(reply.body()), reply.headers["content-type"]) == (206, 100, "video/webm")
    mp4 = visitor.context.request.get(f"{visitor.url}/media/{token}.mp4", headers={"Range": "bytes=4-7"})
    assert (mp4.status, mp4.body()) == (206, b"ftyp")

    page.keyboard.press("l")  # liked: it leaves, and rests
    visitor.wall(but=token)
    visitor.delivered()
    page.goto(f"{visitor.url}/likes")
    page.locator(".pick").first.wait_for()
    assert page.locator(".pick .caption").first.inner_text().endswith("video")
    page.locator(".pick").first.hover()
    page.wait_for_function("() => document.querySelector('.pick video')?.currentTime > 0")
    visitor.shot("25-likes-video")
    visitor.accessible("likes, video")
    page.locator(".pick").first.dblclick()
    page.wait_for_function("() => document.querySelector('#large-film').currentTime > 0")
    page.locator("#play-button").click()
    page.wait_for_function("() => document.querySelector('#large-film').paused")
    visitor.shot("26-likes-video-large")
    visitor.accessible("likes, video large")


def test_a_blurred_picture_is_shown_once_when_asked(serve):
    visitor = serve(ZAHIR_FILTER="nsfw", ZAHIR_FILTER_POLICY="blur", ZAHIR_FILTER_THRESHOLD="0.0000001")
    page = visitor.page
    visitor.begin()
    page.wait_for_function("() => document.querySelector('#step').textContent === 'blurred by the filter'")
    visitor.shot("27-blurred")
    visitor.accessible("blurred")
    page.locator("#show-button").click()
    assert page.locator("#show-button").is_hidden()
    assert "blurred" not in (page.locator("#now").get_attribute("class") or "")
    rate(visitor, 2)
    assert page.locator("#show-button").is_visible(), "once is once"
    assert page.locator("#strip .blurred").count() == 2
    page.locator("#more-button").click()
    page.locator("#filter").wait_for()
    assert page.locator("[name=filter][value=off]").is_disabled()
    visitor.shot("28-more-filter")
    visitor.accessible("more, filter")


def test_a_friends_taste_is_mixed_in_and_ones_own_taken_along(serve, tmp_path):
    visitor = serve()
    page = visitor.page
    visitor.begin()
    page.locator("#more-button").click()
    page.get_by_text("After the first rating there is something to take.").wait_for()
    page.keyboard.press("Escape")
    rate(visitor, 6)
    wait_for(lambda: visitor.server.rows("SELECT 1 FROM spaces"), 60)  # the worker has said what it sees in
    page.locator("#more-button").click()
    with page.expect_download() as kept:
        page.get_by_role("link", name="As safetensors").click()
    file = tmp_path / "anna.safetensors"
    assert kept.value.failure() is None, kept.value.failure()
    file.write_bytes(kept.value.path().read_bytes())
    page.locator("#file").set_input_files(file)
    page.get_by_text("led by both: 30\u2009% by").wait_for()
    (name,) = [each["name"] for each in visitor.api("/api/tastes")["kept"]]
    assert name.startswith("Taste of 20")
    page.locator("#mix").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("led by both: 35\u2009% by").wait_for()
    assert visitor.api("/api/tastes")["mix"] == {"taste": name, "share": 35}
    visitor.shot("29-more-mix")
    visitor.accessible("more, mix")
    page.get_by_label("nothing").check()
    page.wait_for_function("() => document.querySelector('#mixing').hidden")
    assert visitor.api("/api/tastes")["mix"]["taste"] is None
    page.get_by_label(name, exact=True).check()
    page.locator("#forget").click()
    page.wait_for_function("() => document.querySelector('#kept').hidden")
    (tmp_path / "no.json").write_text("{}")
    page.locator("#file").set_input_files(tmp_path / "no.json")
    page.get_by_text("This is no taste that can be read").wait_for()
    visitor.shot("30-more-refused")
    visitor.accessible("more, refused")
    visitor.complaints = [said for said in visitor.complaints if "422" not in said]


def test_a_new_look_at_the_library_is_told(serve):
    visitor = serve()
    page = visitor.page
    page.route("**/api/making", lambda route: route.fulfill(json={
        "slow": False, "state": "none", "done": None, "of": None, "generator": None, "trouble": None,
        "library": {"done": 120, "of": 900},
    }))  # fmt: skip
    visitor.begin()
    page.get_by_text("Looking at the library anew, 120 of 900").first.wait_for()
    visitor.shot("31-library")
    visitor.accessible("library")
    page.set_viewport_size({"width": 360, "height": 780})
    rate(visitor, 2)
    visitor.shot("32-phone-library")
    visitor.accessible("phone, library")
