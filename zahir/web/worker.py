"""The worker process: two lanes of work, of which one answers people at once and one makes what takes long.

Knows nothing of HTTP. It owns encoder, generators and model; all it shares with the web process is the store. Its
first word on the standard output is that it is ready, or why it cannot be. It leaves when its parent does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection

from zahir.errors import ZahirError
from zahir.loop import refit
from zahir.protocols import Progress
from zahir.web import jobs
from zahir.web.bench import Bench, lane_of, set_up, take_newest_fit
from zahir.web.child import READY
from zahir.web.chores import look_for_refit, tidy
from zahir.web.making import make, next_slow, paint, refill
from zahir.web.settings import Settings

log = logging.getLogger("zahir.worker")

NAP = 0.05  # seconds between two looks for work
TOLD = 0.5  # seconds between two reports of how far something is
ORPHAN = 3600  # seconds after which a file that no row names was left by somebody who died
AT_ONCE, SLOWLY = ("refill", "refit"), ("make",)


def main() -> None:
    """Read the settings from standard input, then work until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no word of ours
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:     worker: %(message)s")
    log.setLevel(logging.INFO)
    settings = Settings(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        bench = set_up(settings)
    except ZahirError as error:
        print(error, file=say, flush=True)
        sys.exit(2)
    print(READY, file=say, flush=True)
    work(bench)


def work(bench: Bench) -> None:
    """Claim, do, finish, for ever, in both lanes."""
    bench.store.sweep(older_than=ORPHAN)
    if bench.settings.slow:
        beside = lane_of(bench)
        threading.Thread(target=_or_die, args=(lambda: lane(beside, SLOWLY, lambda _: False),), daemon=True).start()
    log.info("ready")
    lane(bench, AT_ONCE, tidy, before=look_for_refit)


def lane(
    bench: Bench,
    kinds: Collection[str],
    idle: Callable[[Bench], bool],
    *,
    before: Callable[[Bench], None] = lambda _: None,
) -> None:
    """Do jobs of these kinds, whoever waited longest first; `idle` does something else when there are none."""
    turns: dict[int | None, int] = {}
    turn = 0
    while True:
        before(bench)
        job = jobs.claim(bench.store, turns, kinds)
        if job is not None:
            turn += 1
            turns[job.user] = turn
            do(bench, job)
        elif not idle(bench):
            time.sleep(NAP)


def do(bench: Bench, job: jobs.Job) -> None:
    """Do one job; what a person can put right is its failure's reason, anything else is a bug and ends the worker."""
    try:
        with jobs.held(bench.store, job):
            take_newest_fit(bench)
            if job.kind == "refill" and job.user is not None:
                answer(bench, job, job.user)
            elif job.kind == "make" and job.user is not None:
                make_slowly(bench, job, job.user)
            elif job.kind == "refit":
                bench.fit = refit(bench.store, bench.model, space=bench.encoder.space)
    except ZahirError as error:
        log.warning("job %d (%s) failed: %s", job.id, job.kind, error)
        jobs.fail(bench.store, job, str(error))
    else:
        jobs.finish(bench.store, job)


def answer(bench: Bench, job: jobs.Job, user: int) -> None:
    """Bring somebody's stock up to date, and ask the other lane for what takes long."""
    more = refill(bench, user, **job.payload)
    slowly = next_slow(bench, user) is not None
    with bench.store.writing() as db:
        if more:
            jobs.enqueue(db, "refill", {user: job.payload}, newer=False)
        if slowly and not jobs.pending(db, "make", user):
            jobs.enqueue(db, "make", {user: {}})


def make_slowly(bench: Bench, job: jobs.Job, user: int) -> None:
    """Make what somebody lacks most, in the shape of their screen, too; then their stock is brought up to date."""
    lacking = next_slow(bench, user)
    if lacking is None:
        return
    name, angle = lacking
    jobs.tell(bench.store, job, generator=name.partition("=")[0])
    made = make(bench, user, name, angle, progress=watch(bench, job))
    with bench.store.writing() as db:
        last = jobs.latest(db, "refill", user)
        screen = json.loads(last.payload) if last else {"shape": "square", "holds": []}
        if made:
            jobs.enqueue(db, "refill", {user: screen}, newer=False)
    for item in made:
        if bench.store.item(item).kind == "video":
            paint(bench, item, str(screen["shape"]))


def watch(bench: Bench, job: jobs.Job) -> Progress:
    """Note how far a job is, twice a second at most, and hear whether it was cancelled."""
    told, on = 0.0, True

    def progress(done: int, of: int) -> bool:
        nonlocal told, on
        if on and time.monotonic() - told >= TOLD:
            told, on = time.monotonic(), jobs.report(bench.store, job, done, of)
        return on

    return progress


def _or_die(run: Callable[[], None]) -> None:
    """A lane that ends is a bug, and half a worker is worse than a new one."""
    try:
        run()
    except BaseException:
        log.exception("the lane of slow work ended")
        os._exit(1)


def _leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
