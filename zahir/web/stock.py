"""What is ready for whom: picks that wait, pictures in the shape of a screen, and what was rated.

Knows nothing of models and makes nothing: the web process reads here what the worker wrote, so that no
request ever waits for a computation.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from zahir.feed import FROM_THE_SHELF, POLICY
from zahir.media import Origin
from zahir.store import Pick, Store
from zahir.store.checks import veil
from zahir.store.schema import embeddings, exposures, items, picks, ratings, spaces, variants
from zahir.store.store import stands

SHAPES: Mapping[str, tuple[int, int]] = {"square": (768, 768), "wide": (1152, 864), "tall": (720, 960)}
"""Width and height in pixels of pictures in the shape of a screen. The canonical item stays square."""
VIDEO_SHAPES: Mapping[str, tuple[int, int]] = {"square": (512, 512), "wide": (768, 576), "tall": (540, 720)}
"""The same of videos, of which every frame is painted."""
POSTER, MP4 = "poster", "mp4"  # variants of a video: its first frame, and the same film for browsers without VP9

_LOOKED_AT = 48  # newest pictures of a person that may be fresh
_SAME_STRENGTH = 0.25
_BLOCKED_AT_MOST = 4  # as many times more are drawn from the shelf, since some may be blocked

SURPRISES = (0.0, 1 / 12, 1 / 7, 1 / 4, 1 / 2, 1.0)
"""Share of surprises at each step of the dial."""


class Ready(NamedTuple):
    """A pick with what its page needs."""

    token: str
    kind: str
    alt: str
    source: str
    pick: Pick  # whether it is blurred goes by the person's policy now


class Fresh(NamedTuple):
    """A picture made for somebody that they have not seen."""

    item: int
    surprise: float  # radians
    maker: str | None


@dataclass(frozen=True)
class Standing:
    """One rating that stands, with its item."""

    id: int
    item: int
    token: str
    kind: str
    alt: str
    number: int
    rating: float
    created: int


def strength_of(dial: int) -> float:
    """The dial's 0 to 100 as a strength in [0, 2]: 60 is 1, the taste itself."""
    return dial / 60 if dial <= 60 else 1 + (dial - 60) / 40


def dial_of(strength: float) -> int:
    """What `strength_of` came from."""
    return round(strength * 60 if strength <= 1 else 60 + (strength - 1) * 40)


def step_of(surprise: float) -> int:
    """The dial's step whose share of surprises is nearest."""
    return min(range(len(SURPRISES)), key=lambda step: abs(SURPRISES[step] - surprise))


def ready(store: Store, user: int, n: int, *, have: Collection[str] = ()) -> list[Ready]:
    """The next n picks that wait for a person, without those their page has already and those that are blocked."""
    query = (
        select(items.c.token, items.c.kind, items.c.alt, items.c.source, picks)
        .join(items, items.c.id == picks.c.item)
        .where(picks.c.user == user, items.c.token.not_in(list(have)))
        .order_by(picks.c.place)
    )
    with store.engine.connect() as db:
        rows = db.execute(query if store.guard else query.limit(n)).all()
    waiting = [
        Ready(row.token, row.kind, row.alt, row.source, Pick(row.item, row.slot, row.why, row.propensity, row.policy))
        for row in rows
    ]
    return _unblocked(store, user, waiting)[:n]


def from_the_shelf(store: Store, user: int, n: int, *, besides: Collection[str] = ()) -> list[Ready]:
    """Up to n pictures that were not rated, at random, unseen ones first; none only when everything was rated.

    For when the worker has not caught up.
    """
    left = (
        items.c.file.is_not(None),
        items.c.token.not_in(list(besides)),
        items.c.id.not_in(select(ratings.c.item).where(ratings.c.user == user, stands())),
    )
    seen = items.c.id.in_(select(exposures.c.item).where(exposures.c.user == user))
    columns = (items.c.id, items.c.token, items.c.kind, items.c.alt, items.c.source)
    with store.engine.connect() as db:
        count = max(1, db.scalar(select(func.count()).where(*left, ~seen)) or 0)
        drawn = n * _BLOCKED_AT_MOST if store.guard else n
        rows = db.execute(select(*columns).where(*left).order_by(seen, func.random()).limit(drawn)).all()
    found = [
        Ready(row.token, row.kind, row.alt, row.source, Pick(row.id, "shelf", FROM_THE_SHELF, 1 / count, POLICY))
        for row in rows
    ]
    return _unblocked(store, user, found)[:n]


def add_picks(store: Store, user: int, new: Sequence[Pick]) -> None:
    """Let these wait, too, after all others; those that wait already stay as they are."""
    with store.writing() as db:
        held = set(db.scalars(select(picks.c.item).where(picks.c.user == user)))
        _keep(db, user, [pick for pick in new if pick.item not in held])


def replace_picks(store: Store, user: int, new: Sequence[Pick], *, keep: Collection[int]) -> None:
    """Let these wait for a person in this order, instead of all others but those that their page holds."""
    with store.writing() as db:
        db.execute(delete(picks).where(picks.c.user == user, picks.c.item.not_in(list(keep))))
        held = set(db.scalars(select(picks.c.item).where(picks.c.user == user)))
        rated = set(db.scalars(select(ratings.c.item).where(ratings.c.user == user, stands())))
        _keep(db, user, [pick for pick in new if pick.item not in held | rated])


# what runs for every rating is built once: an expression costs more to build than to run
_MINE = ratings.c.user == bindparam("by")
_FIRST = select(func.min(ratings.c.id)).where(_MINE, ratings.c.item == bindparam("of")).scalar_subquery()
_NUMBER = select(func.count(ratings.c.item.distinct())).where(_MINE, ratings.c.id <= _FIRST)
_ITEM = select(items.c.id).where(items.c.token == bindparam("called"))
_PICK = select(picks).where(picks.c.user == bindparam("by"), picks.c.item == bindparam("of"))


def pick_of(db: Connection, user: int, item: int) -> Pick | None:
    """The pick of an item that waits for a person."""
    row = db.execute(_PICK, {"by": user, "of": item}).one_or_none()
    return None if row is None else Pick(row.item, row.slot, row.why, row.propensity, row.policy)


def item_id(db: Connection, token: str) -> int | None:
    """The number of the item of this token."""
    return db.scalar(_ITEM, {"called": token})


def item_ids(store: Store, tokens: Collection[str]) -> list[int]:
    """Numbers of the items of these tokens; unknown ones are left out."""
    with store.engine.connect() as db:
        return list(db.scalars(select(items.c.id).where(items.c.token.in_(list(tokens)))))


def number(db: Connection, user: int, item: int) -> int:
    """Which picture of this person's an item is, in the order of their first ratings, undone ones included."""
    return int(db.scalar(_NUMBER, {"by": user, "of": item}) or 0)


def last_number(store: Store, user: int) -> int:
    """How many pictures a person has ever rated."""
    with store.engine.connect() as db:
        return int(db.scalar(select(func.count(ratings.c.item.distinct())).where(ratings.c.user == user)) or 0)


def standing(store: Store, user: int) -> list[Standing]:
    """All of a person's ratings that stand, oldest first."""
    first = (
        select(ratings.c.item, func.min(ratings.c.id).label("id"))
        .where(ratings.c.user == user)
        .group_by(ratings.c.item)
        .subquery()
    )
    numbered = select(first.c.item, func.row_number().over(order_by=first.c.id).label("number")).subquery()
    query = (
        select(ratings, items.c.token, items.c.kind, items.c.alt, numbered.c.number)
        .join(items, items.c.id == ratings.c.item)
        .join(numbered, numbered.c.item == ratings.c.item)
        .where(ratings.c.user == user, stands())
        .order_by(ratings.c.id)
    )
    with store.engine.connect() as db:
        return [
            Standing(row.id, row.item, row.token, row.kind, row.alt, row.number, row.rating, row.created)
            for row in db.execute(query)
        ]


class Known(NamedTuple):
    """Items that have an embedding, with its row in their space."""

    items: list[int]
    rows: Int64[np.ndarray, "n"]


def embedded(store: Store, item: int, others: Sequence[int]) -> tuple[str | None, Float32[np.ndarray, "n dim"], Known]:
    """An item's space (the one chosen last), its embedding and those of the others in it, and whose they are."""
    with store.engine.connect() as db:
        chosen = select(spaces.c.chosen).where(spaces.c.space == embeddings.c.space).scalar_subquery()
        known = select(embeddings.c.space).where(embeddings.c.item == item)
        space = db.scalar(known.order_by(chosen.desc().nulls_last(), embeddings.c.space))
        query = select(embeddings).where(embeddings.c.space == space, embeddings.c.item.in_([item, *others]))
        found = {row.item: row for row in db.execute(query)}
    order = [each for each in (item, *others) if each in found]
    vectors = np.array([np.frombuffer(found[each].vector, "<f4") for each in order], np.float32)
    return space, vectors, Known(order, np.array([found[each].row for each in order], np.int64))


def variant(store: Store, item: int, shape: str) -> str | None:
    """The file of an item in the shape of a screen, once the worker has made it."""
    with store.engine.connect() as db:
        return db.scalar(select(variants.c.file).where(variants.c.item == item, variants.c.shape == shape))


def without_variant(store: Store, ids: Sequence[int], shape: str) -> list[int]:
    """Those of the items that were not made in this shape yet, in the same order."""
    query = select(variants.c.item).where(variants.c.item.in_(list(ids)), variants.c.shape == shape)
    with store.engine.connect() as db:
        have = set(db.scalars(query))
    return [item for item in ids if item not in have]


def add_variant(store: Store, item: int, shape: str, file: str) -> None:
    """Note the file of an item in the shape of a screen."""
    with store.writing() as db:
        if db.scalar(select(variants.c.item).where(variants.c.item == item, variants.c.shape == shape)) is None:
            db.execute(insert(variants).values(item=item, shape=shape, file=file))


def note_maker(store: Store, ids: Sequence[int], name: str) -> None:
    """Note which generator, as the settings name it, made these items."""
    with store.writing() as db:
        db.execute(update(items).where(items.c.id.in_(list(ids))).values(maker=name))


def allowed(store: Store, user: int, mine: Sequence[Fresh]) -> list[Fresh]:
    """Those that are not blocked for a person."""
    blocked = veil(store, user, [each.item for each in mine]).blocked
    return [each for each in mine if each.item not in blocked]


def fresh(store: Store, user: int, *, strength: float, stale_after: int) -> tuple[list[Fresh], list[int]]:
    """A person's own unseen pictures: the fresh ones, and the numbers of the outdated ones.

    Outdated are those made before the last `stale_after` ratings, or at quite another strength.
    """
    with store.engine.connect() as db:
        times = select(ratings.c.created).where(ratings.c.user == user).order_by(ratings.c.id.desc())
        since = db.scalar(times.offset(stale_after).limit(1)) or 0
        query = select(items.c.id, items.c.surprise, items.c.maker, items.c.created, items.c.origin).where(
            items.c.made_for == user,
            items.c.id.not_in(select(ratings.c.item).where(ratings.c.user == user)),
            items.c.id.not_in(select(exposures.c.item).where(exposures.c.user == user)),
        )
        rows = db.execute(query.order_by(items.c.id)).all()
    young, old = [], []
    for row in rows[-_LOOKED_AT:]:
        made_at = Origin.from_json(row.origin).strength or 0.0
        if row.created >= since and abs(made_at - strength) <= _SAME_STRENGTH:
            young.append(Fresh(row.id, row.surprise or 0.0, row.maker))
        else:
            old.append(row.id)
    return young, old + [row.id for row in rows[:-_LOOKED_AT]]


def counts(store: Store, user: int) -> tuple[int, int]:
    """(ratings that stand, likes among them)."""
    with store.engine.connect() as db:
        values = db.scalars(select(ratings.c.rating).where(ratings.c.user == user, stands())).all()
    return len(values), sum(value > 0 for value in values)


def _keep(db: Connection, user: int, chosen: Sequence[Pick]) -> None:
    now = int(time.time())
    first = (db.scalar(select(func.max(picks.c.place)).where(picks.c.user == user)) or 0) + 1
    rows = [
        {
            "user": user, "item": pick.item, "slot": pick.slot, "why": pick.why, "policy": pick.policy,
            "propensity": pick.propensity, "place": first + k, "created": now,
        }
        for k, pick in enumerate(chosen)
    ]  # fmt: skip
    if rows:
        db.execute(insert(picks), rows)


def _unblocked(store: Store, user: int, found: Sequence[Ready]) -> list[Ready]:
    """Those that a person may see, marked where they are to be blurred."""
    hidden = veil(store, user, [each.pick.item for each in found])
    return [
        each._replace(pick=replace(each.pick, blurred=each.pick.item in hidden.blurred))
        for each in found
        if each.pick.item not in hidden.blocked
    ]
