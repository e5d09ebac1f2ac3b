"""A friend's taste mixed into one's own: which one, how much of it, and what that does to what is made.

Knows no file's form: tastes that came in files are the store's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from sqlalchemy import delete, insert, select

from zahir.steer import Steer, mix
from zahir.store import Store
from zahir.store.schema import mixes, tastes
from zahir.taste_file import TasteFile, from_bytes


class Mixed(NamedTuple):
    """What is mixed in."""

    name: str
    share: float  # of it, in [0, 1]
    taste: TasteFile


def mixed(store: Store, user: int) -> Mixed | None:
    """What a person mixes into their taste; None for nothing."""
    query = select(tastes.c.name, tastes.c.file, mixes.c.share).join(mixes, mixes.c.taste == tastes.c.id)
    with store.engine.connect() as db:
        row = db.execute(query.where(mixes.c.user == user)).one_or_none()
    return None if row is None else Mixed(row.name, row.share, from_bytes(row.file))


def set_mix(store: Store, user: int, name: str | None, share: float) -> bool:
    """Mix a kept taste of this person's into their own, or none; False when they keep none of this name."""
    with store.writing() as db:
        taste = db.scalar(select(tastes.c.id).where(tastes.c.user == user, tastes.c.name == name))
        if name is not None and taste is None:
            return False
        db.execute(delete(mixes).where(mixes.c.user == user))
        if taste is not None:
            db.execute(insert(mixes).values(user=user, taste=taste, share=share))
    return True


def steer(store: Store, user: int, space: str) -> Steer | None:
    """How this person's tastes are turned before something is made of them; None where nothing is mixed in."""
    found = mixed(store, user)
    if found is None or found.taste.space != space or found.share == 0:
        return None

    def turned(own: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        return mix([own, found.taste.positive], [1 - found.share, found.share])

    return turned
