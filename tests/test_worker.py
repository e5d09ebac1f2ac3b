"""The worker on the real studio: pictures follow the ratings, and a worker killed in the middle loses nothing."""

import io
import json
import os
import random
import signal
import time
from collections import Counter

import numpy as np
import pytest
from sqlalchemy import select
from test_crash import wait_for
from webtools import SPACE, Serving, fill, rate, upcoming

from zahir.media import Media, Origin, read_image
from zahir.store import Pick, Store
from zahir.store.schema import picks
from zahir.web import jobs, library, stock
from zahir.web.bench import set_up
from zahir.web.chores import embed_some
from zahir.web.making import LEAN, TURNED, missing
from zahir.web.settings import Settings
from zahir.web.worker import do

MINE = "SELECT 1 FROM picks WHERE slot = 'mine'"  # something made for somebody waits for them
pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path):
    serving = Serving(tmp_path / "home", ZAHIR_SHELF="8")
    serving.start()
    yield serving
    serving.stop()


def warmth(browser, item):
    """Red over blue of a picture: something no encoder was told of."""
    pixels = read_image(io.BytesIO(browser.get(f"/media/{item['id']}.webp").content)).pixels
    return float(np.mean(pixels[..., 0]) - np.mean(pixels[..., 2]))


def test_sixty_ratings_later_the_pictures_are_made_for_me(server):
    """The whole product: rate what is warm, and what is made grows warm; fits are kept; shapes are painted."""
    browser = server.visit()
    shown, kinds = [], Counter()
    for turn in range(60):
        item = upcoming(browser, 1, shape="wide")[0]
        heat = warmth(browser, item)
        shown.append((item["slot"], heat))
        kinds[item["slot"]] += 1
        browser.post("/api/exposures", json={"item": item["id"], "slot": item["slot"], "position": turn})
        assert rate(browser, item["id"], 0.5 if heat > 5 else -0.5)["number"] == turn + 1
        if turn >= 12:  # somebody who looks at pictures gives the worker time to make them
            wait_for(lambda: server.rows(MINE), 300)
    assert kinds["calibration"] == 12
    mine = [heat for slot, heat in shown if slot == "mine"]
    assert len(mine) >= 15, kinds
    first = [heat for slot, heat in shown if slot == "calibration"]
    assert np.mean([heat > 5 for heat in mine]) > np.mean([heat > 5 for heat in first]) + 0.2
    wait_for(lambda: server.rows("SELECT count(*) FROM fits")[0][0], 300)
    assert browser.get("/api/taste").json()["shared"] is not None
    wait_for(lambda: server.rows("SELECT count(*) FROM variants WHERE shape = 'wide'")[0][0], 300)
    wide = server.rows("SELECT i.token FROM variants v JOIN items i ON i.id = v.item LIMIT 1")[0][0]
    reply = browser.get(f"/media/{wide}.webp?shape=wide")
    assert read_image(io.BytesIO(reply.content)).size == stock.SHAPES["wide"]
    assert "immutable" in reply.headers["cache-control"]
    why = browser.get(f"/api/why/{wide}").json()
    assert sum(why["shares"].values()) == 100


def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(server):
    browser = server.visit()
    for _ in range(10):
        rate(browser, upcoming(browser, 1)[0]["id"], 0.5)
    wait_for(lambda: server.rows("SELECT 1 FROM items WHERE made_for IS NOT NULL"), 180)  # kernels are compiled
    rng = random.Random(0)
    for _ in range(6):
        rate(browser, upcoming(browser, 1)[0]["id"], 0.5)
        wait_for(lambda: server.rows("SELECT 1 FROM jobs WHERE state = 'running'"), 60)
        time.sleep(rng.uniform(0, 0.8))
        worker = wait_for(server.worker)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: server.worker() not in (None, worker))  # noqa: B023
    wait_for(lambda: not server.rows("SELECT 1 FROM jobs WHERE state IN ('queued', 'running')"), 180)
    assert set(server.rows("SELECT state FROM jobs")) <= {("done",), ("failed",)}
    assert server.rows("SELECT 1 FROM jobs WHERE state = 'failed' AND error IS NULL") == []
    server.stop()
    store = Store(server.home)
    named = {name for (name,) in server.rows("SELECT file FROM items UNION SELECT file FROM variants")}
    assert all(store.files.path(name).stat().st_size for name in named)
    store.sweep(older_than=0)
    assert set(store.files.names(older_than=-1)) == named
    orphans = "SELECT 1 FROM items LEFT JOIN embeddings ON embeddings.item = items.id WHERE embeddings.item IS NULL"
    assert server.rows(orphans) == []
    store.close()


def test_a_job_done_twice_makes_no_more_than_done_once(tmp_path):
    bench = set_up(Settings(home=tmp_path))
    store = bench.store
    user = store.add_user()
    pictures = bench.stand_in.generate(np.eye(3, bench.encoder.dim, dtype=np.float32), seeds=[1, 2, 3])
    ids = store.add_items(pictures, bench.encoder.encode(pictures), space=bench.encoder.space, made_for=None)
    for item in ids:
        store.rate(user, item, 0.5, key=str(item))
    with store.writing() as db:
        jobs.enqueue(db, "refill", {user: {"shape": "square", "holds": [store.item(ids[0]).token]}})
    job = jobs.claim(store, {})
    do(bench, job)
    with store.engine.connect() as db:
        once = db.execute(select(picks.c.item).order_by(picks.c.item)).all()
    do(bench, job)
    with store.engine.connect() as db:
        assert db.execute(select(picks.c.item).order_by(picks.c.item)).all() == once
    store.close()


def test_surprises_are_made_in_proportion():
    def settle(share, wanted=6):
        young = []
        while (angle := missing(young, share, wanted)) is not None:
            young.append((len(young), angle))
        return sum(angle >= TURNED for _, angle in young), sum(angle == LEAN for _, angle in young)

    assert [settle(share) for share in stock.SURPRISES] == [(0, 6), (1, 5), (1, 5), (2, 4), (3, 3), (6, 0)]
    # one picture of a slow generator is a surprise only for those who want nothing else
    assert [settle(share, 1) for share in stock.SURPRISES] == [(0, 1)] * 5 + [(1, 0)]
    assert [settle(share, 3) for share in stock.SURPRISES] == [(0, 3), (0, 3), (0, 3), (1, 2), (2, 1), (3, 0)]
    angles = [missing([], share, 6) for share in stock.SURPRISES]
    assert angles == sorted(angles)
    assert json.dumps(angles)


def test_pictures_of_an_outdated_taste_or_strength_are_not_fresh(tmp_path):
    fill(tmp_path, 40)
    store = Store(tmp_path)
    user = store.add_user()

    def made(strength):
        media = Media.image(
            np.random.default_rng(len(store.shelf(SPACE).ids)).integers(0, 256, (8, 8, 3), np.uint8),
            Origin("test", SPACE, strength=strength, details={"surprise": LEAN}),
        )
        return store.add_items([media], np.ones((1, 8), np.float32), space=SPACE, made_for=user)[0]

    def look(strength=1.0):
        young, old = stock.fresh(store, user, strength=strength, stale_after=12)
        return [each.item for each in young], old

    early, weak = made(1.0), made(0.2)
    assert look() == ([early], [weak])
    assert look(0.3) == ([weak], [early])
    with store.writing() as db:
        db.exec_driver_sql("UPDATE items SET created = created - 100")
    for item in range(1, 13):
        store.rate(user, item, 0.5, key=str(item))
    assert look() == ([early], [weak])  # twelve ratings are not yet another taste
    store.rate(user, 13, 0.5, key="13")
    late = made(1.0)
    assert look() == ([late], [early, weak])
    store.expose(user, Pick(late, "mine", "", 1.0))
    assert look() == ([], [early, weak])
    store.close()


def test_pictures_of_another_encoder_are_looked_at_when_idle(tmp_path):
    fill(tmp_path, 11)
    bench = set_up(Settings(home=tmp_path))
    bench.store.files.delete(bench.store.item(11).file)
    while embed_some(bench):
        pass
    assert bench.store.spaces() == {SPACE: 11, bench.encoder.space: 10}
    assert bench.unreadable == {11}
    assert library.looked_at(bench.store) == (10, 10)
    expected = bench.encoder.encode([bench.store.media(4)])[0]
    np.testing.assert_allclose(bench.store.vectors(bench.encoder.space)[3], expected, atol=1e-5)
    bench.store.close()
