"""Why a picture is shown: the liked ones it is close to, and what that rests on. Knows no route."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32
from sqlalchemy import select

from zahir.errors import BadData
from zahir.feed import because, near
from zahir.interactions import History
from zahir.plugins import make
from zahir.protocols import TasteModel
from zahir.store import Item, Store
from zahir.store.schema import exposures, fits, picks
from zahir.store.store import NEITHER_WEIGHT
from zahir.web import stock

NEAREST = 3
SAMPLE = 256  # pictures that a prediction is compared with


class Reason(NamedTuple):
    """A sentence, what it speaks of, and how much of it is whose, in percent."""

    why: str
    near: list[stock.Standing]  # the nearest first
    shares: dict[str, int]


def reason(store: Store, user: int, item: Item, *, taste_model: str) -> Reason:
    """The reason that was given with a picture, the liked pictures close to it now, and what it rests on."""
    rated = {each.item: each for each in stock.standing(store, user) if each.item != item.id}
    space, vectors, known = stock.embedded(store, item.id, list(rated))
    told = _told(store, user, item.id)
    if space is None:
        return Reason(told or "It came without an embedding, so that nothing is known of it.", [], _NOTHING)
    fit = newest_fit(store, space)
    others = [rated[each] for each in known.items[1:]]
    history = History.of(
        vectors[1:],
        [each.rating for each in others],
        user=user - 1 if user <= fit.users else None,
        items=np.where(known.rows[1:] < fit.items, known.rows[1:], -1),
        weights=[NEITHER_WEIGHT if each.rating == 0 else 1.0 for each in others],
        times=[each.created for each in others],
    )
    among = store.vectors(space)
    close = [others[k] for k in near(vectors[0], history, among)[:NEAREST]]
    model = load_model(taste_model, fit.folder)
    some = among[:: max(1, len(among) // SAMPLE)]
    return Reason(told or because("mine", vectors[0], history, among), close, shares(model, history, vectors[0], some))


def shares(
    model: TasteModel, history: History, vector: Float32[np.ndarray, "dim"], among: Float32[np.ndarray, "m dim"]
) -> dict[str, int]:
    """What a prediction rests on, in percent: one's own ratings, other people's of the same pictures, everyone's.

    The prediction, less that for pictures at large, is taken apart by asking three times: without the
    history, with it, and with what the fit learned of its items. The sizes of the three steps are shared out.
    """

    def leaning(known: History) -> float:
        scores = model.score(known, np.concatenate([vector[None], among]))
        return float(scores[0] - scores[1:].mean())

    everyone = leaning(History.empty(len(vector)))
    alone = leaning(History.of(history.embeddings, history.ratings, weights=history.weights, times=history.times))
    steps = np.abs([alone - everyone, leaning(history) - alone, everyone])
    if steps.sum() < 1e-9:
        return _NOTHING
    parts = 100 * steps / steps.sum()
    whole = np.floor(parts).astype(int)
    whole[np.argsort(whole - parts)[: 100 - whole.sum()]] += 1  # the largest remainders, so that they add up
    return dict(zip(("own", "people", "everyone"), whole.tolist()))


def shared_share(store: Store, *, taste_model: str) -> float | None:
    """How much of tastes all people have in common, in [0, 1], by the newest fit; None until there is one."""
    with store.engine.connect() as db:
        newest = db.scalar(select(fits.c.id).order_by(fits.c.number.desc()).limit(1))
    if newest is None:
        return None
    share: float | None = getattr(load_model(taste_model, store.home / "fits" / newest), "shared_share_", None)
    return share


class Fit(NamedTuple):
    """The newest fit of a space; without any, one that knows nobody."""

    folder: Path | None
    users: int
    items: int


def newest_fit(store: Store, space: str) -> Fit:
    """Find it."""
    with store.engine.connect() as db:
        row = db.execute(
            select(fits).where(fits.c.space == space).order_by(fits.c.number.desc()).limit(1)
        ).one_or_none()
    return Fit(None, 0, 0) if row is None else Fit(store.home / "fits" / row.id, row.users_known, row.items_known)


@lru_cache(maxsize=2)
def load_model(name: str, folder: Path | None) -> Any:
    """The taste model, with the fit of this folder where it is one of its own; its tables stay on the disk."""
    model = make("taste_models", name)
    if folder is None:
        return model
    try:
        return type(model).load(folder)
    except BadData:  # of another model or version, until the worker has made a new one: a person's own ratings do
        return model


_NOTHING = {"own": 0, "people": 0, "everyone": 100}


def _told(store: Store, user: int, item: int) -> str | None:
    """What was said when the picture was chosen for, or last shown to, this person."""
    with store.engine.connect() as db:
        waiting = db.scalar(select(picks.c.why).where(picks.c.user == user, picks.c.item == item))
        shown = select(exposures.c.why).where(exposures.c.user == user, exposures.c.item == item, exposures.c.why != "")
        return waiting or db.scalar(shown.order_by(exposures.c.id.desc()).limit(1))
