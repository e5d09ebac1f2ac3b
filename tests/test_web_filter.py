"""The filter in the app: what is blocked never arrives, what is blurred says so, and everybody may be stricter."""

import pytest
from webtools import rate, running, upcoming, visit

from zahir.store import checks
from zahir.store.checks import record


class Judge:
    name, version = "judge", "1"

    def score(self, media):
        raise AssertionError("only the worker asks")


def judged(app, unsafe):
    """Every third picture is unsafe; all are judged."""
    store = app.state.server.store
    with store.engine.connect() as db:
        ids = [row[0] for row in db.exec_driver_sql("SELECT id FROM items ORDER BY id")]
    record(store, ids, [0.9 if item in unsafe else 0.1 for item in ids], by=Judge())
    return {store.item(item).token for item in unsafe}


def everything(browser):
    """All that ever arrives, each rated as neither."""
    seen = {}
    while items := upcoming(browser, 12):
        seen |= {item["id"]: item for item in items}
        for item in items:
            rate(browser, item["id"], 0)
        if len(seen) > 60:
            break
    return seen


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("zahir.web.api.PATIENCE", 0.25)


def test_blocked_pictures_never_arrive(tmp_path):
    with running(tmp_path, 30, filter="judge", filter_policy="block") as app:
        unsafe = judged(app, range(1, 31, 3))
        browser = visit(app)
        seen = everything(browser)
        assert len(seen) == 20
        assert not unsafe & set(seen)
        assert all(browser.get(f"/media/{token}.webp").status_code == 404 for token in unsafe)
        assert all(browser.get(f"/media/{token}.png").status_code == 404 for token in unsafe)
        assert browser.get("/api/taste").json()["filter"] == {"least": "block", "own": "off"}


def test_a_newcomer_is_let_in_with_a_filter(tmp_path):
    chosen = {"filter": "judge", "generator_stand_in": "studio"}  # the calibration set is there, not judged yet
    with running(tmp_path, 0, **chosen) as app:
        assert all(item["blurred"] for item in upcoming(visit(app), 12))


def test_nothing_arrives_before_it_was_judged(tmp_path):
    with running(tmp_path, 10, filter="judge", filter_policy="block") as app:
        assert upcoming(visit(app), 4) == []


def test_blurred_pictures_say_so_and_a_person_may_ask_for_more(tmp_path):
    with running(tmp_path, 30, filter="judge", filter_policy="blur") as app:
        unsafe = judged(app, range(1, 31, 3))
        browser, other = visit(app), visit(app)
        seen = everything(browser)
        assert {token for token, item in seen.items() if item["blurred"]} == unsafe
        assert all(browser.get(f"/media/{token}.webp").status_code == 200 for token in unsafe)
        for token in sorted(unsafe)[:3]:
            rate(browser, token, 0.5)
        assert [each["blurred"] for each in browser.get("/api/gallery").json()["items"]] == [True] * 3
        assert browser.put("/api/filter", json={"own": "block"}).status_code == 204
        assert browser.get("/api/taste").json()["filter"] == {"least": "blur", "own": "block"}
        assert browser.get("/api/gallery").json()["items"] == []
        assert {token for token, item in everything(other).items() if item["blurred"]} == unsafe
        assert browser.put("/api/filter", json={"own": "off"}).status_code == 204  # the server asks for more
        assert checks.policy(app.state.server.store, 1) == "blur"


def test_without_a_filter_nobody_is_asked(tmp_path):
    with running(tmp_path, 10) as app:
        browser = visit(app)
        assert browser.get("/api/taste").json()["filter"] is None
        assert not any(item["blurred"] for item in upcoming(browser, 4))
