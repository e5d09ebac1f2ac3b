"""What the worker does when nobody waits: pictures looked at anew, judged and filmed, the shelf filled, refits queued.

Knows no person.
"""

from __future__ import annotations

import logging
import time

from sqlalchemy import func, select

from zahir.errors import ZahirError
from zahir.media import Media
from zahir.safety import judge
from zahir.store.checks import record, unchecked
from zahir.store.schema import fits, items, ratings
from zahir.web import jobs, library
from zahir.web.bench import Bench
from zahir.web.making import add_to_shelf, film, paint_one

log = logging.getLogger("zahir.worker")

BATCH = 8  # pictures that are looked at together
REFIT_AT_LEAST, REFIT_SHARE = 50, 0.05  # new ratings before a refit


def tidy(bench: Bench) -> bool:
    """Do one of the things that are left to do; False when there are none."""
    if time.monotonic() - bench.full < 5:
        return False
    if any(chore(bench) for chore in (judge_some, embed_some, film_some, fill_shelf)):
        return True
    bench.full = time.monotonic()
    return False


def look_for_refit(bench: Bench) -> None:
    """Queue a refit when there are enough new ratings, at most every five seconds."""
    now = time.monotonic()
    if now - bench.looked < 5 or not hasattr(bench.model, "save"):
        return
    bench.looked = now
    newest = select(fits.c.created, fits.c.ratings).where(fits.c.space == bench.encoder.space)
    with bench.store.engine.connect() as db:
        fit = db.execute(newest.order_by(fits.c.number.desc()).limit(1)).one_or_none()
        since, used = (0, 0) if fit is None else (fit.created, fit.ratings)
        new = db.scalar(select(func.count()).select_from(ratings).where(ratings.c.created >= since)) or 0
    if new >= max(REFIT_AT_LEAST, REFIT_SHARE * used):
        with bench.store.writing() as db:
            jobs.enqueue(db, "refit", {None: {}})


def judge_some(bench: Bench) -> bool:
    """Ask the filter about pictures that this version of it has not seen; False when there are none."""
    if bench.filter is None:
        return False
    media = _readable(bench, unchecked(bench.store, BATCH + len(bench.unreadable), by=bench.filter))
    if media:
        record(bench.store, list(media), judge(bench.filter, list(media.values())), by=bench.filter)
    return bool(media)


def embed_some(bench: Bench) -> bool:
    """Look at pictures that this encoder has not seen, of other weights or imported; False when there are none."""
    space = bench.encoder.space
    media = _readable(bench, bench.store.unembedded(space, BATCH + len(bench.unreadable)))
    if media:
        bench.store.embed(list(media), bench.encoder.encode(list(media.values())), space=space)
    library.note_unreadable(bench.store, space, len(bench.unreadable))
    return bool(media)


def film_some(bench: Bench) -> bool:
    """Give one video its poster; False when all have theirs."""
    waiting = [item for item in library.videos_without_poster(bench.store) if item not in bench.unreadable]
    for item, media in _readable(bench, waiting[:1]).items():
        film(bench, item, media)
    return bool(waiting)


def fill_shelf(bench: Bench) -> bool:
    """Make one picture for nobody in particular, or paint the calibration set for a screen; False when all is there."""
    shown = items.c.file.is_not(None)
    with bench.store.engine.connect() as db:
        calibration = list(db.scalars(select(items.c.id).where(items.c.source == "calibration", shown)))
        for_nobody = (items.c.made_for.is_(None), items.c.source == "generated", shown)
        count = db.scalar(select(func.count()).where(*for_nobody)) or 0
    if any(paint_one(bench, calibration, shape) for shape in sorted(bench.shapes)):
        return True
    if count >= bench.settings.shelf:
        return False
    add_to_shelf(bench)
    return True


def _readable(bench: Bench, ids: list[int]) -> dict[int, Media]:
    """Up to a batch of these, as far as their files can be read."""
    media: dict[int, Media] = {}
    for item in ids:
        try:
            if item not in bench.unreadable and len(media) < BATCH:
                media[item] = bench.store.media(item)
        except ZahirError as error:  # a file is gone: the others still count
            log.warning("item %d cannot be looked at: %s", item, error)
            bench.unreadable.add(item)
    return media
