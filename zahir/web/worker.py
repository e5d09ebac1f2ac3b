"""The worker process: brings people's stock up to date, paints shapes, refits, and fills the shelf when idle.

Knows nothing of HTTP. It owns encoder, generator and model; all it shares with the web process is the
store. It leaves when its parent does.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import func, select

from zahir.errors import BadData, ZahirError
from zahir.feed import CALIBRATION, TURNED, next_items
from zahir.loop import refit, step
from zahir.plugins import make
from zahir.protocols import Encoder, Generator
from zahir.space import normalize
from zahir.store import Store
from zahir.store.schema import fits, items, ratings
from zahir.studio import recipe, remake
from zahir.web import jobs, stock
from zahir.web.settings import Settings

log = logging.getLogger("zahir.worker")

NAP = 0.05  # seconds between two looks for work
PICKED = 24  # picks that wait for somebody who was just served
AHEAD = 6  # of them, so many have their screen's shape
EARLY = 4  # ratings before the end of calibration at which the first pictures are made
STALE = 12  # ratings after which a picture follows an outdated taste
LEAN = 0.3  # radians that an ordinary picture is turned away from the taste
BATCH = 8  # pictures that are looked at together
ORPHAN = 3600  # seconds after which a file that no row names was left by somebody who died
REFIT_AT_LEAST, REFIT_SHARE = 50, 0.05  # new ratings before a refit


@dataclass
class Bench:
    """What the worker works with."""

    settings: Settings
    store: Store
    encoder: Encoder
    generator: Generator
    model: Any  # a SavedTasteModel
    fit: str | None  # the one that the model holds
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    shapes: set[str] = field(default_factory=set)  # that screens have asked for
    unreadable: set[int] = field(default_factory=set)  # items whose file is gone
    looked: float = 0.0  # when it was last considered whether to refit
    full: float = 0.0  # when the shelf was last found full


def main() -> None:
    """Read the settings from standard input, then work until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:     worker: %(message)s")
    log.setLevel(logging.INFO)
    settings = Settings(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    work(settings)


def work(settings: Settings) -> None:
    """Claim, do, finish, for ever."""
    bench = set_up(settings)
    bench.store.sweep(older_than=ORPHAN)
    turns: dict[int | None, int] = {}
    turn = 0
    log.info("ready")
    while True:
        look_for_refit(bench)
        job = jobs.claim(bench.store, turns)
        if job is not None:
            turn += 1
            turns[job.user] = turn
            do(bench, job)
        elif not (embed_some(bench) or fill_shelf(bench)):
            time.sleep(NAP)


def set_up(settings: Settings) -> Bench:
    """Load the parts, and the newest fit."""
    store = Store(settings.home, settings.database or None)
    encoder, generator = make("encoders", settings.encoder), make("generators", settings.generator)
    bench = Bench(settings, store, encoder, generator, make("taste_models", settings.taste_model), None)
    take_newest_fit(bench)
    return bench


def take_newest_fit(bench: Bench) -> None:
    """Load the current fit, unless the model holds it already: another process may have made it."""
    current = bench.store.current_fit(bench.encoder.space)
    if current is None or current[0] == bench.fit or not hasattr(bench.model, "load"):
        return
    bench.fit = current[0]
    try:
        bench.model = type(bench.model).load(bench.store.home / "fits" / bench.fit)
    except BadData as error:  # of another model, or of another version
        log.warning("%s A new one is made.", error)
        with bench.store.writing() as db:
            jobs.enqueue(db, "refit", {None: {}})


def do(bench: Bench, job: jobs.Job) -> None:
    """Do one job; what a person can put right is its failure's reason, anything else is a bug and ends the worker."""
    try:
        with jobs.held(bench.store, job):
            take_newest_fit(bench)
            if job.kind == "refill" and job.user is not None:
                more = refill(bench, job.user, **job.payload)
                if more:
                    with bench.store.writing() as db:
                        jobs.enqueue(db, "refill", {job.user: job.payload}, newer=False)
            elif job.kind == "refit":
                bench.fit = refit(bench.store, bench.model, space=bench.encoder.space)
    except ZahirError as error:
        log.warning("job %d (%s) failed: %s", job.id, job.kind, error)
        jobs.fail(bench.store, job, str(error))
    else:
        jobs.finish(bench.store, job)


def refill(bench: Bench, user: int, *, shape: str, holds: list[str]) -> bool:
    """Choose what waits for somebody, and make at most one picture; returns whether more is wanted.

    Doing it twice is harmless: it looks at what there is, and makes what is missing.
    """
    store, space = bench.store, bench.encoder.space
    strength, share = store.dials(user)
    rated = {item for _, item, _, _ in store.rated(user)}
    held = [item for item in stock.item_ids(store, holds) if item not in rated]
    young, old = stock.fresh(store, user, strength=strength, stale_after=STALE)
    angle = missing(young, share, bench.settings.ready) if len(rated) >= CALIBRATION - EARLY else None
    if angle is not None:
        made = step(
            store,
            user,
            encoder=bench.encoder,
            model=bench.model,
            generator=bench.generator,
            n=1,
            strength=strength,
            surprise=angle,
            seed=secrets.randbits(31),
            size=stock.SHAPES["square"],
        )
        young += [(item, angle) for item in made]
    outdated = old if len(young) >= bench.settings.ready else []
    picks = next_items(
        store,
        bench.model,
        user,
        PICKED,
        space=space,
        strength=strength,
        surprise=share,
        rng=bench.rng,
        exclude=[*held, *outdated],
    )
    stock.replace_picks(store, user, picks, keep=held)
    if angle is not None:
        return True
    return paint_one(bench, [pick.item for pick in picks[:AHEAD]], shape)


def missing(young: list[tuple[int, float]], share: float, wanted: int) -> float | None:
    """How far, in radians, the next picture should be turned from the taste; None when there are enough.

    Surprises are turned further the more of them are wanted, from 1.1 to 1.5 radians.
    """
    surprises = sum(angle >= TURNED for _, angle in young)
    wanted_surprises = 0 if share == 0 else max(1, round(wanted * share))
    if surprises < wanted_surprises and surprises / wanted_surprises <= len(young) / wanted:
        return TURNED + 0.1 * stock.step_of(share)
    return LEAN if len(young) - surprises < wanted - wanted_surprises else None


def paint_one(bench: Bench, ids: list[int], shape: str) -> bool:
    """Paint the first of these items that is not there in this shape; returns whether there may be another."""
    if shape == "square":  # as all items are
        return False
    bench.shapes.add(shape)
    for item in stock.without_variant(bench.store, ids, shape):
        origin = bench.store.item(item).origin
        if recipe.is_studio(origin):
            file = bench.store.files.add(remake(origin, stock.SHAPES[shape]))
            stock.add_variant(bench.store, item, shape, file)
            return True
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


def embed_some(bench: Bench) -> bool:
    """Look at pictures that this encoder has not seen, of other weights or imported; False when there are none."""
    if time.monotonic() - bench.full < 5:
        return False
    ids = bench.store.unembedded(bench.encoder.space, BATCH + len(bench.unreadable))
    media = {}
    for item in ids:
        try:
            if item not in bench.unreadable:
                media[item] = bench.store.media(item)
        except ZahirError as error:  # a file is gone: the others still count
            log.warning("item %d cannot be looked at: %s", item, error)
            bench.unreadable.add(item)
    if media:
        vectors = bench.encoder.encode(list(media.values()))
        bench.store.embed(list(media), vectors, space=bench.encoder.space)
    return bool(media)


def fill_shelf(bench: Bench) -> bool:
    """Make one picture for nobody in particular, or paint the calibration set for a screen; False when all is there."""
    store = bench.store
    if time.monotonic() - bench.full < 5:
        return False
    shown = items.c.file.is_not(None)
    with store.engine.connect() as db:
        calibration = list(db.scalars(select(items.c.id).where(items.c.source == "calibration", shown)))
        for_nobody = (items.c.made_for.is_(None), items.c.source == "generated", shown)
        count = db.scalar(select(func.count()).where(*for_nobody)) or 0
    if any(paint_one(bench, calibration, shape) for shape in sorted(bench.shapes)):
        return True
    if count >= bench.settings.shelf:
        bench.full = time.monotonic()
        return False
    anywhere = normalize(bench.rng.standard_normal((1, bench.encoder.dim)))
    made = bench.generator.generate(anywhere, seeds=[secrets.randbits(31)], strength=0.0, size=stock.SHAPES["square"])
    store.add_items(made, bench.encoder.encode(made), space=bench.encoder.space, made_for=None)
    return True


def _leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
