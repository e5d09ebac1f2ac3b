"""A server killed at any moment: no acknowledged rating is lost, none counts twice, and no child stays behind."""

import random
import threading
import time
from collections import defaultdict
from pathlib import Path

import httpx2
import pytest
import webtools
from webtools import Serving, upcoming

KILLS, PEOPLE = 12, 8


@pytest.fixture
def server(tmp_path):
    webtools.fill(tmp_path / "home", 30)
    serving = Serving(
        tmp_path / "home", ZAHIR_GENERATOR_STAND_IN="none", ZAHIR_WORKER="false", ZAHIR_RATINGS_PER_SECOND="1000"
    )
    serving.start()
    yield serving
    serving.stop()


@pytest.mark.slow
def test_killed_under_load_it_loses_no_acknowledged_rating_and_counts_none_twice(server):
    """Eight people rate as fast as they can and send again what was not answered, as the page does."""
    done, acknowledged, lock = threading.Event(), defaultdict(set), threading.Lock()
    browsers = [server.visit() for _ in range(PEOPLE)]
    items = [each["id"] for each in upcoming(browsers[0], 12)]
    sent = {}

    def person(number, browser):
        rng = random.Random(number)
        for turn in range(10**6):
            if done.is_set():
                return
            name = f"{number}-{turn}"
            body = {"item": rng.choice(items), "rating": rng.choice([-1, -0.5, 0, 0.5, 1])}
            sent[name] = body["rating"]
            for _ in range(200):
                try:
                    reply = browser.post("/api/ratings", json=body, headers={"Idempotency-Key": name})
                except httpx2.TransportError:
                    time.sleep(0.05)
                    continue
                assert reply.status_code == 200, reply.text
                with lock:
                    acknowledged[name].add(reply.json()["id"])
                if rng.random() < 0.9:  # one in ten is sent again though it was answered
                    break

    threads = [threading.Thread(target=person, args=each) for each in enumerate(browsers)]
    for thread in threads:
        thread.start()
    rng = random.Random(0)
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.8))
        server.kill()
        server.start()
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join()
    server.kill()
    kept = defaultdict(list)
    for name, number, rating in server.rows("SELECT key, id, rating FROM ratings"):
        kept[name].append((number, rating))
    assert len(acknowledged) > 10 * KILLS
    assert {name for name in acknowledged if name not in kept} == set()
    assert {name: rows for name, rows in kept.items() if len(rows) > 1} == {}
    for name, numbers in acknowledged.items():
        assert (numbers, sent[name]) == ({kept[name][0][0]}, kept[name][0][1])
    assert server.rows("PRAGMA integrity_check") == [("ok",)]


def alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "zombie" not in status.read_text()


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_the_worker_leaves_with_the_server(tmp_path, end):
    serving = Serving(tmp_path / "home")
    serving.start()
    worker = wait_for(serving.worker)
    getattr(serving, end)()
    wait_for(lambda: not alive(worker))
    serving.stop()
