"""The product as a person meets it: the real server, a real Chromium, keys, fingers, and a server that dies.

Screenshots are kept in artefacts/ (ZAHIR_ARTEFACTS chooses another folder).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
ARTEFACTS = Path(os.environ.get("ZAHIR_ARTEFACTS", ROOT / "artefacts"))
CHROMIUM = shutil.which("chromium")
AXE = ROOT / "node_modules/axe-core/axe.min.js"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 30_000  # ms; a shared machine may be slow, and nothing here asserts a time
KEYS = ["l", "a", "Space", "ArrowRight", "ArrowLeft", "ArrowDown", "Shift+L", "Shift+A"]
GRADES = dict(zip(KEYS, [0.5, -0.5, 0, 0.5, -0.5, 0, 1, -1]))


class Serving:
    """`zahir serve` as a process of its own, on a port and a home that outlive it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.home.parent / "serve.log").open("ab")
        command = [sys.executable, "-m", "zahir", "serve", "--port", str(self.port)]
        environment = {**os.environ, "ZAHIR_HOME": str(self.home)}
        with log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    assert json.load(answer)["database"]
                    return
            except OSError:
                said = (self.home.parent / "serve.log").read_text()[-2000:]
                assert self.process.poll() is None, said
                assert time.monotonic() < end, said
                time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: nothing is written that was not already."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def rows(self, query: str) -> list[tuple]:
        (file,) = self.home.glob("*.db")
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            rows = db.execute(query).fetchall()
        db.close()
        return rows


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("ZAHIR_REQUIRE_ALL") else pytest.skip)("chromium is not installed")
    from playwright.sync_api import sync_playwright

    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(folder: Path):
    home = folder / "home"
    home.mkdir()
    server = Serving(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("browser")) as one:
        yield one


class Visitor:
    """One person: a browser context of their own, and everything the browser complained about."""

    def __init__(self, chromium, url: str, **options) -> None:
        self.url = url
        self.context = chromium.new_context(viewport={"width": 1440, "height": 900}, **options)
        self.context.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.open()

    def open(self) -> None:
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def begin(self) -> None:
        """Through the front door: strangers are welcomed, then the first picture hangs."""
        if not self.context.cookies():
            self.page.goto(self.url)
        assert self.page.url == f"{self.url}/welcome"
        self.page.get_by_role("link", name="Show me the first").click()
        self.page.wait_for_url(f"{self.url}/")
        self.wall()

    def wall(self, but: str | None = None) -> str:
        """The id of the picture that hangs, complete and decoded, once it is another than `but`."""
        self.page.wait_for_function(
            """but => { const now = document.querySelector("#now");
                        const there = now && ((now.complete && now.naturalWidth) || now.readyState >= 2);
                        return there && !(now.currentSrc || now.src).includes(but); }""",
            arg=but or "nothing",
        )
        url = self.page.eval_on_selector("#now", "now => now.currentSrc || now.src")
        return url.rpartition("/")[2].partition(".")[0]

    def key(self, key: str) -> tuple[str, str]:
        """Rate by a key: the picture that was rated, and the one that hangs now."""
        before = self.wall()
        self.page.keyboard.press(key)
        return before, self.wall(but=before)

    def api(self, path: str):
        answer = self.context.request.get(self.url + path)
        assert answer.ok, answer.text()
        return answer.json()

    def delivered(self) -> None:
        """Wait until nothing is left in the outbox."""
        self.page.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('zahir.outbox.'))")

    def stocked(self) -> None:
        """Wait until as many pictures wait in the page as it wants."""
        self.page.wait_for_function("() => JSON.parse(sessionStorage.getItem('zahir.queue')).length >= 5")
        self.page.wait_for_load_state("networkidle")

    def liked(self) -> dict[str, float]:
        return {item["id"]: item["rating"] for item in self.api("/api/gallery?show=likes")["items"]}

    def shot(self, name: str) -> None:
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    def accessible(self, state: str) -> None:
        """No violation of any of axe's rules."""
        if not AXE.exists():
            assert not os.environ.get("ZAHIR_REQUIRE_ALL"), "axe-core is not here: npm install --no-package-lock"
            return
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run().then(({violations}) => violations)")
        told = [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]
        assert not told, f"{state}: {told}"


@pytest.fixture
def visit(chromium, server):
    """Open visitors; at the end none of them may have heard a complaint from the browser."""
    visitors: list[Visitor] = []

    def one(**options) -> Visitor:
        visitors.append(Visitor(chromium, server.url, **options))
        return visitors[-1]

    yield one
    for visitor in visitors:
        visitor.context.close()
        assert not visitor.complaints


def test_thirty_pictures_by_keyboard_then_undo_and_reload(visit, server):
    visitor = visit()
    visitor.page.goto(server.url)
    visitor.shot("1-welcome")
    visitor.accessible("welcome")
    visitor.begin()
    visitor.shot("2-first-picture")
    visitor.accessible("calibration")

    rated: list[tuple[str, float]] = []
    for k in range(30):
        key = KEYS[k % len(KEYS)]
        picture, _ = visitor.key(key)
        rated.append((picture, GRADES[key]))
        if k == 4:
            visitor.shot("3-calibration")
    visitor.page.wait_for_timeout(400)  # the last print leaves
    visitor.shot("4-thirty-rated")
    visitor.accessible("thirty rated")
    assert len({picture for picture, _ in rated}) == 30, "no picture comes twice"
    visitor.delivered()
    assert visitor.api("/api/taste")["ratings"] == 30
    assert visitor.liked() == {picture: grade for picture, grade in rated if grade > 0}
    assert visitor.page.locator("#number").inner_text() == "No. 31"

    ahead = visitor.wall()
    for k in range(6):
        visitor.page.keyboard.press("u" if k % 2 else "Control+z")
        assert visitor.wall(but=ahead) == rated[29 - k][0], "undo hangs what was rated last"
        ahead = rated[29 - k][0]
    visitor.delivered()
    assert visitor.api("/api/taste")["ratings"] == 24
    assert visitor.liked() == {picture: grade for picture, grade in rated[:24] if grade > 0}
    visitor.shot("5-undone")

    strip = visitor.page.locator("#strip figcaption").all_inner_texts()
    assert strip == ["21", "22", "23", "24"]
    visitor.page.reload()
    assert visitor.wall() == ahead, "the same picture hangs"
    visitor.page.wait_for_function("() => document.querySelector('#number').textContent === 'No. 25'")
    assert visitor.page.locator("#strip figcaption").all_inner_texts() == strip
    visitor.page.keyboard.press("u")
    assert visitor.wall(but=ahead) == rated[23][0], "undo goes on after a reload"
    visitor.delivered()
    assert visitor.api("/api/taste")["ratings"] == 23


def test_a_page_and_its_scripts_change_together(server):
    for path in ("/static/feed.js", "/static/tokens.css", "/static/marks.svg", "/welcome"):
        with urllib.request.urlopen(server.url + path) as answer:
            assert answer.headers["Cache-Control"] == "no-cache", path


def test_what_was_painted_is_logged_once_and_nothing_else(visit, server):
    before = dict(server.rows("SELECT user, count(*) FROM exposures GROUP BY user"))
    visitor = visit()
    visitor.begin()
    painted = [visitor.wall()]
    for _ in range(5):
        visitor.page.wait_for_timeout(100)  # two frames, so that each is painted
        painted.append(visitor.key("l")[1])
    visitor.page.wait_for_timeout(300)
    visitor.page.keyboard.press("u")
    visitor.page.wait_for_timeout(300)
    visitor.delivered()
    rows = server.rows(
        "SELECT e.user, i.token, e.slot, e.position, e.propensity FROM exposures e JOIN items i ON i.id = e.item"
        " ORDER BY e.id"
    )
    mine = [row for row in rows if row[0] not in before]
    assert [row[1] for row in mine] == painted
    assert [row[3] for row in mine] == list(range(6))
    assert all(row[2] == "calibration" and 0 < row[4] <= 1 for row in mine)


def test_two_people_side_by_side_never_mix(visit):
    one, other = visit(), visit()
    one.begin()
    other.begin()
    likes: dict[Visitor, set[str]] = {one: set(), other: set()}
    for k in range(10):
        for person, key in ((one, "l" if k % 2 else "a"), (other, "a" if k % 2 else "l")):
            picture, _ = person.key(key)
            if key == "l":
                likes[person].add(picture)
    other.page.keyboard.press("u")
    for person in (one, other):
        person.delivered()
    assert one.api("/api/taste")["ratings"] == 10
    assert other.api("/api/taste")["ratings"] == 9
    for person in (one, other):
        assert set(person.liked()) == likes[person]
    assert one.context.cookies()[0]["value"] != other.context.cookies()[0]["value"]


def touch(page, points: list[tuple[float, float]], *, hold: float = 0, every: float = 30) -> None:
    """One finger along these points, in CSS pixels; ms."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, at: list[tuple[float, float]]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]})

    send("touchStart", points[:1])
    page.wait_for_timeout(hold)
    for point in points[1:]:
        page.wait_for_timeout(every)
        send("touchMove", [point])
    send("touchEnd", [])
    session.detach()


def test_a_phone_by_touch(visit):
    visitor = visit(has_touch=True, is_mobile=True, device_scale_factor=2)
    page = visitor.page
    page.set_viewport_size({"width": 360, "height": 780})
    visitor.begin()
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing to scroll sideways"
    page.set_viewport_size({"width": 360, "height": 780})
    order = page.locator("#rate button").evaluate_all("all => all.map(one => one.dataset.grade)")
    assert order == ["dislike", "neither", "like"], "the focus goes as the eye does"
    for box in page.locator("button:visible, a:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().toJSON())"
    ):
        assert box["right"] < 0 or (box["width"] >= 24 and box["height"] >= 24), box
    visitor.shot("6-phone")

    def swipe(dx: float, dy: float = 0) -> None:
        touch(page, [(180 + dx * part, 300 + dy * part) for part in (0, 0.3, 0.6, 1)])

    first = visitor.wall()
    swipe(-30)
    swipe(20, 200)
    page.wait_for_timeout(400)
    assert visitor.wall() == first, "too short, or down rather than across"
    swipe(120)
    second = visitor.wall(but=first)
    page.wait_for_timeout(400)
    visitor.shot("7-phone-swiped")
    swipe(-120)
    third = visitor.wall(but=second)
    box = page.locator("[data-grade=like]").bounding_box()
    touch(page, [(box["x"] + 40, box["y"] + 30)], hold=700)
    fourth = visitor.wall(but=third)
    page.locator("[data-grade=like]").tap()
    visitor.wall(but=fourth)
    visitor.delivered()
    assert visitor.liked() == {first: 0.5, third: 1, fourth: 0.5}
    assert visitor.api("/api/taste")["ratings"] == 4

    page.locator("#because").tap()
    page.wait_for_timeout(300)
    visitor.shot("8-phone-why")
    visitor.accessible("phone, why")
    page.locator("#because").tap()
    page.locator("#dials-button").tap()
    assert page.locator("#strength").is_visible()
    visitor.shot("9-phone-dials")
    page.goto(f"{visitor.url}/likes")
    page.locator(".pick").first.tap()
    visitor.shot("10-phone-likes")
    visitor.accessible("phone, likes")


def test_everything_by_keyboard_alone(visit):
    visitor = visit()
    page = visitor.page
    visitor.begin()
    for _ in range(6):
        visitor.key("l")
    page.keyboard.press("w")
    page.wait_for_function(
        "() => document.querySelector('#near').children.length || document.querySelector('#why-note').textContent"
    )
    visitor.shot("11-why")
    visitor.accessible("why")
    page.keyboard.press("w")
    assert page.locator("#why").is_hidden()
    page.keyboard.press("?")
    visitor.shot("12-keys")
    visitor.accessible("keys")
    before = visitor.wall()
    page.keyboard.press("l")
    assert visitor.wall() == before, "keys rest while a sheet is open"
    page.keyboard.press("Escape")
    page.locator("#keys").wait_for(state="hidden")
    page.locator("#made-button").press("Enter")
    page.locator("#made-facts div").first.wait_for()
    visitor.shot("12-made")
    visitor.accessible("made")
    page.keyboard.press("Escape")
    page.locator("#made").wait_for(state="hidden")
    page.keyboard.press("f")
    assert page.locator(".label").is_hidden()
    page.keyboard.press("Escape")
    assert page.locator(".label").is_visible()

    page.keyboard.press("]")
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_timeout(400)  # a dial at rest is what is sent
    visitor.delivered()
    assert visitor.api("/api/taste")["dials"] == {"strength": 65, "surprise": 4}
    for key in ("Control+l", "Alt+ArrowDown", "Meta+a"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert visitor.wall() == before, "keys with Ctrl, Alt or Meta are the browser's"
    with page.expect_download() as kept:
        page.keyboard.press("s")
    assert Path(kept.value.path()).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"

    stops: list[str] = []
    page.locator("body").click(position={"x": 5, "y": 5})
    for _ in range(16):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "(({id, dataset, textContent}) => id || dataset.grade || textContent)(document.activeElement)"
            )
        )
    for stop in (
        "Likes",
        "because",
        "undo-button",
        "like",
        "neither",
        "dislike",
        "strength",
        "surprise",
        "made-button",
        "keys-button",
    ):
        assert stop in stops, f"Tab does not come to {stop}: {stops}"

    page.keyboard.press("2")
    page.wait_for_url("**/likes")
    page.locator(".pick").first.wait_for()
    visitor.shot("13-likes")
    visitor.accessible("likes")
    numbers = page.locator(".pick .caption").all_inner_texts()
    assert numbers == ["6", "5", "4", "3", "2", "1"], "newest first"
    page.locator(".pick").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert page.locator("#count").inner_text() == "2 chosen"
    visitor.shot("14-likes-chosen")
    visitor.accessible("likes, chosen")
    page.locator("#look-button").press("Enter")
    assert page.locator("#large-words").inner_text().startswith("No. 5.")
    page.keyboard.press("ArrowRight")
    assert page.locator("#large-words").inner_text().startswith("No. 4.")
    page.wait_for_timeout(300)
    visitor.shot("14-likes-large")
    visitor.accessible("likes, large")
    page.keyboard.press("Escape")
    page.locator("#look").wait_for(state="hidden")
    page.locator("#take-back").focus()
    page.keyboard.press("Enter")
    assert page.locator(".pick .caption").all_inner_texts() == ["6", "4", "3", "2"]
    assert page.evaluate("document.activeElement.textContent") == "4", "the focus is on the next neighbour"
    visitor.delivered()
    assert len(visitor.liked()) == 4
    page.locator("#put-back").press("Enter")
    visitor.delivered()
    assert len(visitor.liked()) == 6
    page.reload()
    page.locator(".pick").first.wait_for()
    assert page.locator(".pick").count() == 6


def test_the_wall_is_never_empty(visit):
    visitor = visit()
    page = visitor.page
    visitor.begin()
    visitor.stocked()
    page.route("**/api/next?*", lambda route: route.fulfill(json={"items": []}))
    for _ in range(4):
        visitor.key("l")
    last = visitor.wall()
    page.keyboard.press("l")
    page.get_by_text("The next one is on its way.").first.wait_for()
    page.keyboard.press("a")
    page.wait_for_timeout(400)
    assert visitor.wall() == last, "it stays until there is another, and is rated once"
    visitor.shot("18-waiting")
    page.keyboard.press("u")
    page.wait_for_timeout(400)
    assert visitor.wall() == last
    assert page.locator("#number").inner_text() == "4 of 12"
    page.keyboard.press("a")
    page.unroute("**/api/next?*")
    visitor.wall(but=last)
    visitor.delivered()
    assert visitor.api("/api/taste")["ratings"] == 5
    assert len(visitor.liked()) == 4


def test_a_stranger_has_no_likes_yet(visit):
    visitor = visit()
    visitor.begin()
    visitor.page.goto(f"{visitor.url}/likes")
    visitor.page.get_by_text("Nothing ringed yet.").wait_for()
    visitor.shot("15-no-likes")
    visitor.accessible("no likes")
    visitor.page.get_by_role("link", name="To the feed").click()
    visitor.wall()


@pytest.mark.parametrize("room", ["light", "dark"])
def test_rooms_and_sizes(visit, room):
    visitor = visit()
    page = visitor.page
    visitor.begin()
    page.goto(f"{visitor.url}/?theme={room}")
    for _ in range(3):
        visitor.key("l")
    for width, height in ((1280, 720), (640, 360), (3840, 2160), (768, 1024)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.locator("#picture").bounding_box()
        assert box["width"] * box["height"] >= 0.4 * width * height, "the picture is the page"
        visitor.shot(f"16-{room}-{width}")
        visitor.accessible(f"{room} at {width}")
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches") is False
    page.emulate_media(reduced_motion="reduce")
    before = visitor.wall()
    page.keyboard.press("l")
    visitor.wall(but=before)
    assert page.evaluate("document.getAnimations().filter(one => one.effect.getTiming().duration > 1).length") == 0


def test_a_server_that_dies_loses_nothing_and_counts_nothing_twice(chromium, tmp_path):
    with serving(tmp_path) as server:
        visitor = Visitor(chromium, server.url)
        visitor.begin()
        rated = [visitor.key("l")[0] for _ in range(5)]
        visitor.delivered()

        visitor.stocked()
        server.kill()
        rated += [visitor.key(key)[0] for key in ("l", "l", "a")]
        visitor.page.get_by_text("3 ratings are kept here").wait_for()
        visitor.shot("17-offline")
        visitor.page.keyboard.press("u")
        assert visitor.wall(but="nothing") == rated.pop()
        server.start()
        visitor.page.wait_for_function("() => !/Offline/.test(document.querySelector('#undo-text').textContent)")
        visitor.delivered()
        assert visitor.api("/api/taste")["ratings"] == 7
        assert set(visitor.liked()) == set(rated)

        # killed in the middle of a burst, over and over: each rating has its one effect
        for _ in range(3):
            visitor.stocked()
            for key in ("l", "Space"):
                rated.append(visitor.key(key)[0])
            server.kill()
            rated.append(visitor.key("l")[0])
            server.start()
            visitor.delivered()
        assert visitor.api("/api/taste")["ratings"] == len(rated) == len(set(rated))

        # delivered while another page is open: the feed can still undo it
        visitor.stocked()
        visitor.page.route("**/api/ratings", lambda route: route.abort())
        picture = visitor.key("l")[0]
        visitor.page.get_by_text("1 rating is kept here").wait_for()
        visitor.page.unroute("**/api/ratings")
        visitor.page.goto(f"{server.url}/likes")
        visitor.delivered()
        visitor.page.goto(server.url)
        hanging = visitor.wall()
        visitor.page.keyboard.press("u")
        assert visitor.wall(but=hanging) == picture
        visitor.delivered()
        assert visitor.api("/api/taste")["ratings"] == len(rated)

        # the page goes while the server is away; the next page delivers
        visitor.stocked()
        server.kill()
        rated.append(visitor.key("l")[0])
        visitor.page.get_by_text("1 rating is kept here").wait_for()
        visitor.page.close()
        server.start()
        visitor.open()
        visitor.page.goto(server.url)
        visitor.wall()
        visitor.delivered()
        assert visitor.api("/api/taste")["ratings"] == len(rated)
        # the one that was undone may have arrived and been taken back; nothing else is there twice
        (rows,) = server.rows("SELECT count(*) - (SELECT count(*) FROM retractions) FROM ratings")
        assert rows == (len(rated),)
        visitor.context.close()
        # what the browser says about a server that is away is all it may say
        assert not [said for said in visitor.complaints if "Failed to load resource" not in said]
