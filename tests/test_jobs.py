"""Jobs: claimed by one, in turn, finished once, and not lost with the worker that had them."""

import json
import threading

import pytest
from sqlalchemy import select, update

from zahir.store import Store
from zahir.store.schema import jobs as table
from zahir.web import jobs


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def queue(store, user, kind="refill", newer=True, **payload):
    with store.writing() as db:
        jobs.enqueue(db, kind, {user: payload}, newer=newer)


def states(store):
    with store.engine.connect() as db:
        return [(row.user, row.state) for row in db.execute(select(table).order_by(table.c.id))]


def lapse(store):
    with store.writing() as db:
        db.execute(update(table).where(table.c.state == "running").values(lease_until=0))


def test_one_job_of_a_kind_waits_per_person_with_the_newest_payload(store):
    one = store.add_user()
    for k in range(3):
        queue(store, one, step=k)
    queue(store, one, newer=False, step=9)
    queue(store, one, kind="other", step=7)
    queue(store, None, kind="refit")
    queue(store, None, kind="refit")
    with store.engine.connect() as db:
        rows = [(row.kind, json.loads(row.payload)) for row in db.execute(select(table).order_by(table.c.id))]
    assert rows == [("refill", {"step": 2}), ("other", {"step": 7}), ("refit", {})]


def test_whoever_was_served_longest_ago_comes_first(store):
    greedy, modest = store.add_user(), store.add_user()
    for k in range(50):
        queue(store, greedy, kind=f"k{k}")
    queue(store, modest)
    turns, served = {}, []
    for turn in range(1, 4):
        job = jobs.claim(store, turns)
        turns[job.user] = turn
        served.append(job.user)
        jobs.finish(store, job)
    assert served == [greedy, modest, greedy]


def test_a_claimed_job_is_nobody_elses_until_its_claim_lapses(store):
    user = store.add_user()
    queue(store, user)
    first = jobs.claim(store, {})
    assert jobs.claim(store, {}) is None
    lapse(store)
    again = jobs.claim(store, {})
    assert (again.id, first.attempts, again.attempts) == (first.id, 1, 2)


def test_a_job_that_kills_its_workers_fails_with_a_reason(store):
    user = store.add_user()
    queue(store, user)
    for _ in range(jobs.ATTEMPTS):
        assert jobs.claim(store, {}) is not None
        lapse(store)
    queue(store, store.add_user())
    assert jobs.claim(store, {}) is not None
    with store.engine.connect() as db:
        row = db.execute(select(table).where(table.c.user == user)).one()
    assert (row.state, "died" in row.error) == ("failed", True)


def test_a_failed_job_is_tried_again_and_then_keeps_its_reason(store):
    queue(store, store.add_user())
    for attempt in range(jobs.ATTEMPTS):
        job = jobs.claim(store, {})
        jobs.fail(store, job, f"no {attempt}")
    assert jobs.claim(store, {}) is None
    with store.engine.connect() as db:
        row = db.execute(select(table)).one()
    assert (row.state, row.error) == ("failed", f"no {jobs.ATTEMPTS - 1}")


def test_a_claim_is_renewed_while_the_work_goes_on(store, monkeypatch):
    monkeypatch.setattr(jobs, "LEASE", 0.3)
    queue(store, store.add_user())
    job = jobs.claim(store, {})
    lapse(store)
    with jobs.held(store, job):
        threading.Event().wait(0.5)
    with store.engine.connect() as db:
        assert db.scalar(select(table.c.lease_until)) > 0
    jobs.finish(store, job)
    assert states(store) == [(job.user, "done")]


def test_two_workers_never_claim_the_same_job(store, tmp_path):
    for _ in range(20):
        queue(store, store.add_user())
    claimed, other = [], Store(tmp_path)

    def work(mine):
        while (job := jobs.claim(mine, {})) is not None:
            claimed.append(job.id)
            jobs.finish(mine, job)

    threads = [threading.Thread(target=work, args=(each,)) for each in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 20


def test_lanes_take_only_their_kinds_and_a_person_has_one_at_a_time(store):
    one, other = store.add_user(), store.add_user()
    queue(store, one, kind="make")
    queue(store, other)
    assert jobs.claim(store, {}, ["refill"]).user == other
    assert jobs.claim(store, {}, ["refill"]) is None
    with store.engine.connect() as db:
        assert jobs.pending(db, "make", one)
        assert not jobs.pending(db, "make", other)
        assert jobs.latest(db, "refill", one) is None
    job = jobs.claim(store, {}, ["make"])
    with store.engine.connect() as db:
        assert jobs.pending(db, "make", one)
    jobs.finish(store, job)
    with store.engine.connect() as db:
        assert not jobs.pending(db, "make", one)
        assert jobs.latest(db, "make", one).id == job.id


def test_whoever_works_hears_of_a_cancel_and_what_waits_is_done_with(store):
    one, other = store.add_user(), store.add_user()
    for user in (one, other):
        queue(store, user, kind="make")
    job = jobs.claim(store, {}, ["make"])
    assert job.user == one
    jobs.tell(store, job, generator="slow")
    assert jobs.report(store, job, 3, 20)
    with store.engine.connect() as db:
        row = jobs.latest(db, "make", one)
    assert (row.done, row.of, json.loads(row.payload)) == (3, 20, {"generator": "slow"})
    with store.writing() as db:
        assert jobs.cancel(db, "make", one)
        assert not jobs.cancel(db, "make", one)  # once is enough
        assert jobs.cancel(db, "make", other)
        assert not jobs.cancel(db, "refill", one)
    assert not jobs.report(store, job, 4, 20)
    jobs.finish(store, job)
    assert states(store) == [(one, "done"), (other, "done")]
    assert jobs.claim(store, {}) is None
