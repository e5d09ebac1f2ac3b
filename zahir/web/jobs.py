"""Work that waits in the database: claimed for a while, finished once, or failed with a reason.

Knows nothing of what the work is or of who does it. A claim that is not renewed lapses, so that work
survives the death of its worker.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, or_, select, update

from zahir.store import Store
from zahir.store.schema import jobs

LEASE = 30  # seconds a claim lasts
ATTEMPTS = 3
_KEPT = 600  # seconds that a finished job is kept to be looked at


@dataclass(frozen=True)
class Job:
    """One piece of work, claimed."""

    id: int
    kind: str
    user: int | None
    payload: Mapping[str, Any]
    attempts: int


_WAITING = select(jobs.c.id, jobs.c.user).where(jobs.c.state == "queued", jobs.c.kind == bindparam("what"))
_UPDATE = update(jobs).where(jobs.c.id == bindparam("this"))


def enqueue(db: Connection, kind: str, payloads: Mapping[int | None, Mapping[str, Any]], *, newer: bool = True) -> None:
    """Queue a job for each of these people (None: for nobody), at most one of a kind per person.

    One that waits already takes the `newer` payload instead.
    """
    waiting = {row.user: row.id for row in db.execute(_WAITING, {"what": kind})}
    now = int(time.time())
    new = [
        {"kind": kind, "user": user, "payload": json.dumps(payload), "created": now}
        for user, payload in payloads.items()
        if user not in waiting
    ]
    changed = [
        {"this": waiting[user], "payload": json.dumps(payload)} for user, payload in payloads.items() if user in waiting
    ]
    if new:
        db.execute(insert(jobs), new)
    if changed and newer:
        db.execute(_UPDATE, changed)


def claim(store: Store, turns: Mapping[int | None, int], kinds: Collection[str] = ()) -> Job | None:
    """Take the job of whoever had their turn longest ago, the older first; None when nothing waits.

    `turns` is person -> the number of their last turn; `kinds` are those wanted, all when empty. Work that died
    ATTEMPTS times fails for good.
    """
    now = int(time.time())
    waits = and_(_open(now), jobs.c.kind.in_(list(kinds))) if kinds else _open(now)
    with store.engine.connect() as db:
        if db.scalar(select(jobs.c.id).where(waits).limit(1)) is None:
            return None
    with store.writing() as db:
        died = and_(jobs.c.state == "running", jobs.c.lease_until < now, jobs.c.attempts >= ATTEMPTS)
        reason = f"the worker died on it {ATTEMPTS} times."
        db.execute(update(jobs).where(died).values(state="failed", error=reason, finished=now))
        waiting = db.execute(select(jobs.c.id, jobs.c.user).where(waits).order_by(jobs.c.id)).all()
        if not waiting:
            return None
        chosen = min(waiting, key=lambda row: (turns.get(row.user, 0), row.id)).id
        values = {"state": "running", "lease_until": now + LEASE, "attempts": jobs.c.attempts + 1, "done": None}
        db.execute(update(jobs).where(jobs.c.id == chosen).values(values))
        row = db.execute(select(jobs).where(jobs.c.id == chosen)).one()
    return Job(row.id, row.kind, row.user, json.loads(row.payload), row.attempts)


@contextmanager
def held(store: Store, job: Job) -> Iterator[None]:
    """Renew the claim for as long as the block runs."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE / 3):
            with store.writing() as db:
                values = {"lease_until": int(time.time()) + LEASE}
                db.execute(update(jobs).where(jobs.c.id == job.id, jobs.c.state == "running").values(values))

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def finish(store: Store, job: Job) -> None:
    """Done; what was finished long ago is forgotten."""
    now = int(time.time())
    with store.writing() as db:
        db.execute(jobs.delete().where(jobs.c.state == "done", jobs.c.finished < now - _KEPT))
        db.execute(update(jobs).where(jobs.c.id == job.id).values(state="done", finished=now, lease_until=None))


def fail(store: Store, job: Job, reason: str) -> None:
    """Back into the queue, or after ATTEMPTS failed for good with its reason."""
    state = "queued" if job.attempts < ATTEMPTS else "failed"
    with store.writing() as db:
        values = {"state": state, "error": reason, "finished": int(time.time()), "lease_until": None}
        db.execute(update(jobs).where(jobs.c.id == job.id).values(values))


def pending(db: Connection, kind: str, user: int) -> bool:
    """Whether a job of this kind waits or runs for a person."""
    mine = (jobs.c.kind == kind, jobs.c.user == user, jobs.c.state.in_(("queued", "running")))
    return db.scalar(select(jobs.c.id).where(*mine).limit(1)) is not None


def latest(db: Connection, kind: str, user: int) -> Row[Any] | None:
    """The newest job of this kind for a person, as its row, for as long as it is kept."""
    mine = select(jobs).where(jobs.c.kind == kind, jobs.c.user == user)
    return db.execute(mine.order_by(jobs.c.id.desc()).limit(1)).one_or_none()


def cancel(db: Connection, kind: str, user: int) -> bool:
    """Stop a person's work of this kind: what waits is done with, what runs hears of it; False when there is none."""
    now = int(time.time())
    mine = update(jobs).where(jobs.c.kind == kind, jobs.c.user == user)
    waiting = db.execute(mine.where(jobs.c.state == "queued").values(state="done", finished=now, cancelled=now))
    running = db.execute(mine.where(jobs.c.state == "running", jobs.c.cancelled.is_(None)).values(cancelled=now))
    return waiting.rowcount + running.rowcount > 0


def tell(store: Store, job: Job, **more: Any) -> None:
    """Add to what a job's payload says, for those who look at it."""
    with store.writing() as db:
        db.execute(_UPDATE, {"this": job.id, "payload": json.dumps({**job.payload, **more})})


def report(store: Store, job: Job, done: int, of: int) -> bool:
    """Note how far a job has come; returns whether to go on: False once somebody has cancelled it."""
    with store.writing() as db:
        db.execute(update(jobs).where(jobs.c.id == job.id).values({"done": done, "of": of}))
        return db.scalar(select(jobs.c.cancelled).where(jobs.c.id == job.id)) is None


def _open(now: int) -> ColumnElement[bool]:
    lapsed = and_(jobs.c.state == "running", jobs.c.lease_until < now, jobs.c.attempts < ATTEMPTS)
    return or_(jobs.c.state == "queued", lapsed)
