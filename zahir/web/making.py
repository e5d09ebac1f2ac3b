"""What people get: their stock brought up to date, pictures made for them at once or slowly, and shapes for screens.

Knows neither queue nor thread. Doing anything here twice is harmless: it looks at what there is, and makes what
is missing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

from zahir.feed import CALIBRATION, TURNED, next_items
from zahir.loop import step
from zahir.media import Media, to_bytes
from zahir.protocols import Progress
from zahir.space import normalize
from zahir.studio import recipe, remake
from zahir.web import mixes, stock
from zahir.web.bench import Bench
from zahir.web.stock import Fresh

PICKED = 24  # picks that wait for somebody who was just served
AHEAD = 6  # of them, so many have their screen's shape
EARLY = 4  # ratings before the end of calibration at which the first pictures are made
STALE = 12  # ratings after which a picture follows an outdated taste
LEAN = 0.3  # radians that an ordinary picture is turned away from the taste
FEW = 4  # pictures of which one is a surprise, however few are wanted
SPARE = 2  # times as many unseen pictures on the shelf as are kept ready, for people who wait for slow ones


def refill(bench: Bench, user: int, *, shape: str, holds: Sequence[str]) -> bool:
    """Choose what waits for somebody, and make at most one picture; returns whether more is wanted."""
    store, space = bench.store, bench.encoder.space
    strength, share = store.dials(user)
    rated = {item for _, item, _, _ in store.rated(user)}
    held = [item for item in stock.item_ids(store, holds) if item not in rated]
    young, old = stock.fresh(store, user, strength=strength, stale_after=STALE)
    more = False
    if bench.quick and (angle := wanted(bench, user, bench.quick, young, share, len(rated))) is not None:
        made = make(bench, user, bench.quick, angle, size=stock.SHAPES["square"])
        young += [Fresh(item, angle, bench.quick) for item in made]
        more = True
    elif not bench.quick and len(rated) >= CALIBRATION and short(bench, user):
        add_to_shelf(bench)
        more = True
    outdated = [item for item in old if len(young) >= bench.settings.ready]
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
    return more or paint_one(bench, [pick.item for pick in picks[:AHEAD]], shape)


def next_slow(bench: Bench, user: int) -> tuple[str, float] | None:
    """Which slow generator should make a picture for somebody, and how far turned; None when there are enough."""
    strength, share = bench.store.dials(user)
    rated = len(bench.store.rated(user))
    young, _ = stock.fresh(bench.store, user, strength=strength, stale_after=STALE)
    lacking = {name: wanted(bench, user, name, young, share, rated) for name in bench.settings.slow}
    have = {name: sum(each.maker == name for each in young) / bench.quota(name) for name in lacking}
    for name in sorted(lacking, key=lambda name: have[name]):
        angle = lacking[name]
        if angle is not None:
            return name, angle
    return None


def wanted(bench: Bench, user: int, name: str, young: Sequence[Fresh], share: float, rated: int) -> float | None:
    """How far the next picture of this generator should be turned from the taste; None when none is wanted."""
    if rated < CALIBRATION - EARLY:
        return None
    mine = [each for each in young if (each.maker or bench.quick) == name]
    shown = stock.allowed(bench.store, user, mine)
    if len(mine) - len(shown) >= bench.settings.ready:  # the filter holds them all back: wait for another taste
        return None
    return missing([(each.item, each.surprise) for each in shown], share, bench.quota(name))


def missing(young: Sequence[tuple[int, float]], share: float, quota: int) -> float | None:
    """How far, in radians, the next picture should be turned from the taste; None when there are enough.

    Surprises are turned further the more of them are wanted, from 1.1 to 1.5 radians.
    """
    surprises = sum(angle >= TURNED for _, angle in young)
    wanted_surprises = max(1 if share and quota >= FEW else 0, round(quota * share))
    if surprises < wanted_surprises and surprises / wanted_surprises <= len(young) / quota:
        return TURNED + 0.1 * stock.step_of(share)
    return LEAN if len(young) - surprises < quota - wanted_surprises else None


def make(
    bench: Bench,
    user: int,
    name: str,
    angle: float,
    *,
    size: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """Make one picture or video for somebody; returns its item, or nothing when `progress` stopped it."""
    strength, _ = bench.store.dials(user)
    made = step(
        bench.store,
        user,
        encoder=bench.encoder,
        model=bench.model,
        generator=bench.generators[name],
        n=1,
        strength=strength,
        surprise=angle,
        steer=mixes.steer(bench.store, user, bench.encoder.space),
        seed=secrets.randbits(31),
        size=size,
        check=bench.filter,
        progress=progress,
    )
    finish(bench, made, name)
    return made


def add_to_shelf(bench: Bench) -> None:
    """Make one picture for nobody in particular by the stand-in; the server's encoder says where it lies."""
    anywhere = normalize(bench.rng.standard_normal((1, bench.stand_in_dim)))
    seeds = [secrets.randbits(31)]
    made = bench.stand_in.generate(anywhere, seeds=seeds, strength=0.0, size=stock.SHAPES["square"])
    vectors = bench.encoder.encode(made)
    ids = bench.store.add_items(made, vectors, space=bench.encoder.space, made_for=None, check=bench.filter)
    finish(bench, ids, bench.settings.generator_stand_in)


def short(bench: Bench, user: int) -> bool:
    """Whether somebody may soon have seen all that there is."""
    seen = np.concatenate(bench.store.seen(user))
    unseen = ~np.isin(bench.store.shelf(bench.encoder.space, user).ids, seen)
    return int(unseen.sum()) < SPARE * bench.settings.ready


def finish(bench: Bench, ids: Sequence[int], name: str) -> None:
    """What comes after the making: who made it, and a video's poster."""
    stock.note_maker(bench.store, ids, name)
    for item in ids:
        if bench.store.item(item).kind == "video":
            film(bench, item, bench.store.media(item))


def film(bench: Bench, item: int, media: Media) -> None:
    """Give a video its poster, the first frame, and the form that other browsers play."""
    files = bench.store.files
    stock.add_variant(bench.store, item, stock.MP4, files.keep(to_bytes(media, "mp4"), "mp4"))
    stock.add_variant(bench.store, item, stock.POSTER, files.add(Media.image(media.frames[0], media.origin)))


def paint_one(bench: Bench, ids: Sequence[int], shape: str) -> bool:
    """Paint the first of these pictures that is not there in this shape; returns whether there may be another."""
    if shape == "square":  # as all items are
        return False
    bench.shapes.add(shape)
    for item in stock.without_variant(bench.store, ids, shape):
        if bench.store.item(item).kind == "image" and paint(bench, item, shape):
            return True
    return False


def paint(bench: Bench, item: int, shape: str) -> bool:
    """Paint an item of the studio in the shape of a screen; False for what the studio did not make."""
    known = bench.store.item(item)
    if shape == "square" or not recipe.is_studio(known.origin):
        return False
    size = stock.VIDEO_SHAPES[shape] if known.kind == "video" else stock.SHAPES[shape]
    stock.add_variant(bench.store, item, shape, bench.store.files.add(remake(known.origin, size)))
    return True
