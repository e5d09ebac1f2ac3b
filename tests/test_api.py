"""The API on a real store: what a page hears, whom it belongs to, and what is refused."""

import io
import json
import threading
import time

import numpy as np
import pytest
import webtools
from fastapi.routing import APIRoute
from PIL import Image
from sqlalchemy import event, func, select
from webtools import OURS, key, rate, running, upcoming, visit

from zahir.loop import refit
from zahir.media import read_image
from zahir.space import cosine
from zahir.store.schema import exposures, jobs, picks, ratings, sessions, users
from zahir.taste.wals import TetheredWALS
from zahir.web import api as routes
from zahir.web import stock

LABEL = b"trainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), 60) as started:
        yield started


@pytest.fixture
def browser(app):
    return visit(app)


def count(app, table, *where):
    with app.state.server.store.engine.connect() as db:
        return db.scalar(select(func.count()).select_from(table).where(*where))


# visitors


def test_a_stranger_is_welcomed_first(app):
    stranger = webtools.TestClient(app, follow_redirects=False)
    assert [stranger.get(page).headers["location"] for page in ("/", "/likes")] == ["/welcome"] * 2
    assert stranger.get("/api/next").status_code == 401
    hello = stranger.get("/welcome")
    flags = hello.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert "secure" not in flags
    assert stranger.get("/").status_code == 200


def test_one_visitor_is_one_person_and_the_cookie_is_not_kept(app):
    before = count(app, users)
    browser = visit(app, base_url="https://testserver")
    for _ in range(3):
        assert "set-cookie" not in browser.get("/welcome").headers
    assert count(app, users) == before + 1
    cookie = browser.cookies["zahir"]
    with app.state.server.store.engine.connect() as db:
        assert cookie not in str(db.execute(select(sessions)).all())
        assert cookie not in str(db.execute(select(users)).all())


def test_the_cookie_is_secure_behind_tls(app):
    stranger = webtools.TestClient(app, base_url="https://testserver")
    assert "secure" in stranger.get("/welcome").headers["set-cookie"].lower()


def test_a_made_up_cookie_is_nobody(app):
    forged = webtools.TestClient(app, cookies={"zahir": "x" * 43})
    assert forged.get("/api/taste").status_code == 401


# the feed


def test_next_tells_all_that_a_page_needs(browser):
    first, *_ = upcoming(browser, 3, shape="wide")
    assert set(first) == {"id", "url", "films", "blurred", "kind", "why", "slot", "ai", "alt", "number"}
    assert (first["films"], first["blurred"]) == ([], False)
    assert first["number"] == 1
    assert first["url"] == f"/media/{first['id']}.webp?shape=wide"
    assert first["ai"] is True
    assert first["slot"] in {"calibration", "mine", "people", "surprise", "shelf"}
    assert first["alt"].startswith("picture ")


def test_next_leaves_out_what_the_page_holds(browser):
    held = [each["id"] for each in upcoming(browser, 4)]
    more = [each["id"] for each in upcoming(browser, 4, have=",".join(held))]
    assert len(set(held + more)) == 8
    assert [each["number"] for each in upcoming(browser, 2, have=",".join(held))] == [5, 6]


def test_nothing_rated_comes_again_until_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(routes, "PATIENCE", 0.3)
    with running(tmp_path, 25) as app:
        browser = visit(app)
        seen = []
        while batch := upcoming(browser, 4):
            for each in batch:
                assert rate(browser, each["id"])["number"] == each["number"] == len(seen) + 1
                seen.append(each["id"])
        assert len(seen) == len(set(seen)) == 25


def test_the_page_keeps_its_pictures_over_a_reload(browser):
    before = [each["id"] for each in upcoming(browser, 4)]
    assert [each["id"] for each in upcoming(browser, 4)] == before


def test_a_rating_asks_for_more_pictures_in_the_shape_of_the_screen(app, browser):
    held = upcoming(browser, 4, shape="tall")
    rate(browser, held[0]["id"])
    store, user = app.state.server.store, app.state.server._known[browser.cookies["zahir"]]
    end = time.monotonic() + 5
    while not count(app, jobs, jobs.c.user == user) and time.monotonic() < end:
        time.sleep(0.05)
    with store.engine.connect() as db:
        (payload,) = db.scalars(select(jobs.c.payload).where(jobs.c.user == user, jobs.c.kind == "refill"))
    assert json.loads(payload) == {"shape": "tall", "holds": [each["id"] for each in held]}


# ratings


def test_rating_and_undo(browser):
    liked, disliked, passed = (each["id"] for each in upcoming(browser, 3))
    first = rate(browser, liked, 0.5)
    rate(browser, disliked, -0.5)
    rate(browser, passed, 0)
    taste = browser.get("/api/taste").json()
    assert (taste["ratings"], taste["likes"], taste["calibration"]) == (3, 1, {"done": 3, "of": 12})
    shown = browser.get("/api/gallery", params={"show": "likes"}).json()
    assert [(each["id"], each["number"], each["rating_id"]) for each in shown["items"]] == [(liked, 1, first["id"])]
    assert shown["since"] == shown["items"][0]["rated"]
    for _ in range(2):
        assert browser.delete(f"/api/ratings/{first['id']}").status_code == 204
    assert browser.get("/api/gallery").json() == {"items": [], "since": None}
    assert browser.get("/api/taste").json()["ratings"] == 2
    assert rate(browser, liked, 1.0)["number"] == 1  # the same picture keeps its number


def test_the_last_rating_of_a_picture_stands_and_an_undo_brings_the_one_before_back(browser):
    item = upcoming(browser, 1)[0]["id"]
    rate(browser, item, 0.5)
    later = rate(browser, item, -1)
    assert browser.get("/api/gallery").json()["items"] == []
    browser.delete(f"/api/ratings/{later['id']}")
    assert [each["rating"] for each in browser.get("/api/gallery").json()["items"]] == [0.5]


def test_likes_come_newest_first(browser):
    ids = [each["id"] for each in upcoming(browser, 5)]
    for item in ids:
        rate(browser, item, 1)
    assert [each["id"] for each in browser.get("/api/gallery").json()["items"]] == ids[::-1]


@pytest.mark.parametrize("wrong", [1.01, -7, "much", None, float("nan"), [0.5]])
def test_a_rating_out_of_range_is_refused(browser, wrong):
    item = upcoming(browser, 1)[0]["id"]
    text = json.dumps({"item": item, "rating": wrong})
    reply = browser.post("/api/ratings", content=text, headers={**key(), "Content-Type": "application/json"})
    assert reply.status_code == 422
    assert "rating" in reply.json()["error"]
    assert browser.get("/api/taste").json()["ratings"] == 0


def test_a_rating_needs_a_key_and_a_key_serves_one_picture(browser):
    one, other = (each["id"] for each in upcoming(browser, 2))
    assert browser.post("/api/ratings", json={"item": one, "rating": 0}).status_code == 422
    same = key()
    assert browser.post("/api/ratings", json={"item": one, "rating": 0}, headers=same).status_code == 200
    assert browser.post("/api/ratings", json={"item": other, "rating": 0}, headers=same).status_code == 409
    assert browser.get("/api/taste").json()["ratings"] == 1


def test_a_thousand_retries_have_one_effect_each(app):
    browser = visit(app)
    items = [each["id"] for each in upcoming(browser, 12)] + [each["id"] for each in upcoming(browser, 12, have="none")]
    items = list(dict.fromkeys(items))
    rng = np.random.default_rng(0)
    letters = [
        ({"item": items[k % len(items)], "rating": float(rng.choice([-1, -0.5, 0, 0.5, 1]))}, key()) for k in range(700)
    ]
    sent = [letters[k] for k in rng.permutation([*range(700), *rng.integers(700, size=300)])]
    answers = {}
    with_retries = threading.Lock()

    def deliver(part):
        mine = webtools.TestClient(app, headers=OURS, cookies=browser.cookies)
        for body, header in part:
            reply = mine.post("/api/ratings", json=body, headers=header)
            assert reply.status_code == 200, reply.text
            with with_retries:
                answers.setdefault(header["Idempotency-Key"], set()).add(reply.json()["id"])

    threads = [threading.Thread(target=deliver, args=(sent[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 700
    assert all(len(ids) == 1 for ids in answers.values())
    user = app.state.server._known[browser.cookies["zahir"]]
    assert count(app, ratings, ratings.c.user == user) == 700


def test_too_many_ratings_are_slowed_down_and_nobody_else_is(tmp_path):
    with running(tmp_path, 40, ratings_per_second=5) as app:
        hasty, calm = visit(app), visit(app)
        item = upcoming(hasty, 1)[0]["id"]
        codes = [
            hasty.post("/api/ratings", json={"item": item, "rating": 0}, headers=key()).status_code for _ in range(30)
        ]
        refused = hasty.post("/api/ratings", json={"item": item, "rating": 0}, headers=key())
        assert codes[:5] == [200] * 5
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        rate(calm, upcoming(calm, 1)[0]["id"])


def test_visitors_of_one_address_are_limited(tmp_path):
    with running(tmp_path, 0, visitors_per_minute=3) as app:
        codes = [webtools.TestClient(app).get("/welcome").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]


# dials


def test_every_step_of_the_dials_comes_back(browser):
    assert browser.get("/api/taste").json()["dials"] == {"strength": 60, "surprise": 2}
    for strength in range(0, 101, 5):
        wanted = {"strength": strength, "surprise": strength % 6}
        assert browser.put("/api/dials", json=wanted).status_code == 204
        assert browser.get("/api/taste").json()["dials"] == wanted
    assert browser.put("/api/dials", json={"strength": 101, "surprise": 0}).status_code == 422


def test_strength_is_the_taste_itself_at_60():
    assert [stock.strength_of(dial) for dial in (0, 60, 100)] == [0, 1, 2]
    assert [stock.dial_of(stock.strength_of(dial)) for dial in range(101)] == list(range(101))


# exposures


def test_an_exposure_remembers_how_the_picture_was_chosen_and_counts_once(app, browser):
    item = upcoming(browser, 1)[0]
    body = {"item": item["id"], "slot": item["slot"], "position": 7}
    numbers = stock.item_ids(app.state.server.store, [item["id"]])
    with app.state.server.store.engine.connect() as db:
        user = app.state.server._known[browser.cookies["zahir"]]
        chosen = db.execute(select(picks).where(picks.c.user == user, picks.c.item == numbers[0])).one()
    for _ in range(3):
        assert browser.post("/api/exposures", json=body).status_code == 204
    with app.state.server.store.engine.connect() as db:
        (row,) = db.execute(select(exposures).where(exposures.c.user == user)).all()
    assert (row.slot, row.why, row.policy, row.propensity, row.position) == (
        chosen.slot, chosen.why, chosen.policy, chosen.propensity, 7,
    )  # fmt: skip
    assert 0 < row.propensity <= 1
    assert browser.post("/api/exposures", json={**body, "item": "nothing"}).status_code == 404


# reasons


def test_why_names_the_nearest_liked_pictures_and_shares_that_add_up(app, browser):
    store = app.state.server.store
    for each in upcoming(browser, 12):
        rate(browser, each["id"], 0.5)
    item = upcoming(browser, 1)[0]
    told = browser.get(f"/api/why/{item['id']}").json()
    assert told["why"] == item["why"]
    assert sum(told["shares"].values()) == 100
    assert told["shares"]["people"] == 0  # nobody else rated any of them in a fit
    assert told["made"]["generator"] == "test"
    assert told["made"]["strength"] == 60
    liked = browser.get("/api/gallery").json()["items"]
    vectors = store.vectors(webtools.SPACE)
    centred = vectors - vectors.mean(axis=0)
    row = {token: store.item(token).id - 1 for token in [item["id"], *(each["id"] for each in liked)]}
    close = cosine(centred[[row[item["id"]]]], centred[[row[each["id"]] for each in liked]])[0]
    order = [liked[k]["id"] for k in np.argsort(-close)]
    near = [each["id"] for each in told["near"]]
    assert near == order[: len(near)]
    assert browser.get("/api/why/nothing").status_code == 404


def test_with_a_fit_everybody_has_a_share_in_the_reason(tmp_path):
    with running(tmp_path, 40, taste_model="wals") as app:
        people, store = [visit(app) for _ in range(5)], app.state.server.store
        for k, browser in enumerate(people):  # everybody looks at a direction of their own
            for each in upcoming(browser, 12):
                vector = store.vectors(webtools.SPACE)[store.item(each["id"]).id - 1]
                rate(browser, each["id"], 0.5 if vector[k] + 0.2 * vector[5] > 0 else -0.5)
        assert people[0].get("/api/taste").json()["shared"] is None
        refit(store, TetheredWALS(tether=1.0, population=1.0, regularization=1.0), space=webtools.SPACE)
        assert 0 <= people[0].get("/api/taste").json()["shared"] <= 1
        item = upcoming(people[0], 1)[0]["id"]
        shares = people[0].get(f"/api/why/{item}").json()["shares"]
        assert sum(shares.values()) == 100
        assert shares["own"] > 0
        assert shares["everyone"] + shares["people"] > 0


def test_the_fit_of_another_model_is_no_hindrance(tmp_path):
    with running(tmp_path, 30, taste_model="gaussian") as app:
        browser, store = visit(app), app.state.server.store
        for k, each in enumerate(upcoming(browser, 12)):
            rate(browser, each["id"], 0.5 if k % 2 else -0.5)
        refit(store, TetheredWALS(tether=1.0, population=1.0, regularization=1.0), space=webtools.SPACE)
        told = browser.get(f"/api/why/{upcoming(browser, 1)[0]['id']}").json()
        assert told["shares"]["own"] > 0
        assert browser.get("/api/taste").json()["shared"] is None


def test_a_picture_is_not_near_itself(browser):
    item = upcoming(browser, 1)[0]["id"]
    rate(browser, item, 1)
    told = browser.get(f"/api/why/{item}").json()
    assert told["near"] == []


# pictures


def test_a_picture_is_served_for_ever_and_its_shape_once_it_is_there(app, browser):
    store, item = app.state.server.store, upcoming(browser, 1)[0]["id"]
    kept = store.item(item)
    square = browser.get(f"/media/{item}.webp")
    assert square.content == store.files.path(kept.file).read_bytes()
    assert "immutable" in square.headers["cache-control"]
    assert LABEL in square.content
    meanwhile = browser.get(f"/media/{item}.webp?shape=wide")
    assert meanwhile.content == square.content
    assert "no-cache" in meanwhile.headers["cache-control"]
    other = next(each for each in range(1, 60) if each != kept.id)
    stock.add_variant(store, kept.id, "wide", store.item(other).file)
    wide = browser.get(f"/media/{item}.webp?shape=wide")
    assert wide.content != square.content
    assert "immutable" in wide.headers["cache-control"]


@pytest.mark.parametrize("origin", [0, 1])
def test_a_copy_says_that_it_was_generated_and_how_when_asked(app, browser, origin):
    item = upcoming(browser, 1)[0]["id"]
    reply = browser.get(f"/media/{item}.png", params={"download": 1, "origin": origin})
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["content-disposition"].startswith("attachment")
    assert LABEL in reply.content
    told = read_image(io.BytesIO(reply.content)).origin
    assert (told.generator, told.seed) == (
        ("test", app.state.server.store.item(item).origin.seed) if origin else ("", None)
    )
    assert Image.open(io.BytesIO(reply.content)).size == (16, 16)


@pytest.mark.parametrize(
    "path",
    [
        "/media/1.webp", "/media/../zahir.db", "/media/..%2f..%2fzahir.db", "/media/%2e%2e/zahir.db.webp",
        "/media/.webp", "/media/x%00.webp", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%5capp.py",
        "/media/' OR 1=1 --.png", "/api/why/..%2f1",
    ],
)  # fmt: skip
def test_guessing_and_climbing_find_nothing(browser, path):
    reply = browser.get(path)
    assert reply.status_code in {404, 422}
    assert "id" in reply.json()


# two people at once


def test_two_people_never_mix(app):
    one, two = visit(app), visit(app)
    for k in range(6):
        for browser, rating in ((one, 0.5), (two, -0.5)):
            item = upcoming(browser, 1)[0]
            assert rate(browser, item["id"], rating)["number"] == k + 1
    assert (one.get("/api/taste").json()["likes"], two.get("/api/taste").json()["likes"]) == (6, 0)
    assert two.get("/api/gallery").json()["items"] == []
    one.put("/api/dials", json={"strength": 10, "surprise": 0})
    assert two.get("/api/taste").json()["dials"] == {"strength": 60, "surprise": 2}


def test_nobody_takes_back_the_rating_of_another(app):
    one, two = visit(app), visit(app)
    mine = rate(one, upcoming(one, 1)[0]["id"])["id"]
    for guess in (mine, mine + 1, 10**12, 2**63 - 1):
        assert two.delete(f"/api/ratings/{guess}").status_code == 404
    assert two.delete(f"/api/ratings/{2**63}").status_code == 422
    assert one.get("/api/taste").json()["ratings"] == 1


def test_the_same_key_of_two_people_is_two_keys(app):
    one, two, same = visit(app), visit(app), key()
    for browser in (one, two):
        item = upcoming(browser, 1)[0]["id"]
        assert browser.post("/api/ratings", json={"item": item, "rating": 1}, headers=same).status_code == 200
    assert [browser.get("/api/taste").json()["likes"] for browser in (one, two)] == [1, 1]


# forgery, limits, errors


def changing_routes(app):
    """(method, path) of all routes that change something, found in the application itself."""
    found = set()

    def walk(routes_, prefix=""):
        for route in routes_:
            if isinstance(route, APIRoute):
                found.update((method, route.path) for method in route.methods if method not in {"GET", "HEAD"})

    described = app.openapi()["paths"]
    walk(app.routes)
    found |= {(method.upper(), path) for path, methods in described.items() for method in methods if method != "get"}
    return sorted(found)


def test_every_change_needs_our_own_page(app, browser):
    item = upcoming(browser, 1)[0]["id"]
    mine = rate(browser, item)["id"]
    user = app.state.server._known[browser.cookies["zahir"]]
    bodies = {
        "/api/ratings": {"item": item, "rating": -1},
        "/api/exposures": {"item": item, "slot": "shelf", "position": 0},
        "/api/dials": {"strength": 0, "surprise": 0},
    }
    forgeries = [
        {"X-Zahir": ""},
        {"X-Zahir": "1", "Origin": "https://evil.example"},
        {"X-Zahir": "1", "Origin": "null"},
        {"X-Zahir": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Zahir": "1", "Sec-Fetch-Site": "same-site"},
    ]
    routes_ = changing_routes(app)
    assert len(routes_) >= 4
    for method, path in routes_:
        for forged in forgeries:
            reply = browser.request(
                method, path.replace("{rating}", str(mine)), json=bodies.get(path), headers={**key(), **forged}
            )
            assert reply.status_code == 403, (method, path, forged)
    assert browser.get("/api/taste").json()["likes"] == 1
    assert count(app, exposures, exposures.c.user == user) == 0
    honest = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert browser.put("/api/dials", json=bodies["/api/dials"], headers=honest).status_code == 204


def test_large_bodies_are_refused_whether_or_not_they_say_so(browser):
    def pieces():
        for _ in range(100):
            yield b"x" * 1000

    for content in (b"x" * 100_000, pieces()):
        reply = browser.post("/api/ratings", content=content, headers=key())
        assert reply.status_code == 413
        assert "16384" in reply.json()["error"]


@pytest.mark.parametrize(
    "path", ["/", "/welcome", "/likes", "/docs", "/healthz", "/api/taste", "/static/feed.js", "/no"]
)
def test_headers_guard_every_answer(browser, path):
    headers = browser.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_errors_have_one_form_and_a_number(browser):
    for reply in (browser.get("/nothing"), browser.patch("/api/dials"), browser.get("/api/next?n=0")):
        assert set(reply.json()) == {"error", "id"}
        assert reply.json()["id"] == reply.headers["x-request-id"]


def test_a_bug_shows_no_trace_and_is_logged_under_its_number(browser, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(stock, "counts", broken)
    reply = browser.get("/api/taste")
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert reply.json()["id"] in caplog.text
    assert "secret detail" in caplog.text


def test_a_full_disk_is_a_503_that_says_so_and_loses_nothing(tmp_path):
    with running(tmp_path, 20) as app:
        browser = visit(app)
        item = upcoming(browser, 1)[0]["id"]
        rate(browser, item, 0.5)
        engine = app.state.server.store.engine

        def no_more_pages(connection, *_):
            connection.execute("PRAGMA max_page_count=1")  # no more than there are

        event.listen(engine, "checkout", no_more_pages)
        codes = []
        for k in range(400):
            reply = browser.post(
                "/api/ratings", json={"item": item, "rating": 0}, headers={"Idempotency-Key": f"{k}" * 30}
            )
            codes.append(reply.status_code)
            if reply.status_code != 200:
                break
        assert reply.status_code == 503
        assert "full" in reply.json()["error"]
        assert reply.headers["retry-after"] == "2"
        event.remove(engine, "checkout", no_more_pages)

        def more_pages(connection, *_):
            connection.execute("PRAGMA max_page_count=1000000")

        event.listen(engine, "checkout", more_pages)
        rate(browser, item, 1.0)
        user = app.state.server._known[browser.cookies["zahir"]]
        assert count(app, ratings, ratings.c.user == user) == codes.count(200) + 2


def test_the_api_describes_itself(app, browser):
    described = app.openapi()
    page = browser.get("/docs").text
    for path, methods in described["paths"].items():
        assert path in page
        for method, route in methods.items():
            assert route["description"], path
            if method != "get":
                assert {"401", "403", "422"} <= set(route["responses"])
    assert "<script" not in page
    assert "//" not in page.replace("http://", "").replace("<!doctype", "")


def test_health_tells_of_the_worker(browser):
    answer = browser.get("/healthz").json()
    assert (answer["database"], answer["worker"]) == (True, False)
    assert answer["library"]["done"] == answer["library"]["of"] > 0
