"""What a newcomer meets: the calibration set, in the store once, and a first dozen chosen from it.

Knows nothing of taste: nobody has one yet, so that no model is needed for the first screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from zahir.feed import CALIBRATION, next_items
from zahir.protocols import TasteModel
from zahir.store import Pick, Store
from zahir.store.schema import embeddings, items
from zahir.studio import calibration
from zahir.web import auth, stock


def lay_out(store: Store) -> str:
    """Put the studio's calibration set into the store, unless it is there; returns its space."""
    space = calibration.space()
    query = select(items.c.id).join(embeddings, embeddings.c.item == items.c.id)
    with store.engine.connect() as db:
        there = db.scalar(query.where(items.c.source == "calibration", embeddings.c.space == space).limit(1))
    if there is None:
        files = [store.files.keep(path.read_bytes(), "webp") for path in sorted(calibration.FOLDER.glob("*.webp"))]
        media, vectors = calibration.calibration(), calibration.embeddings()
        store.add_items(media, vectors, space=space, made_for=None, source="calibration", files=files)
    return space


def first_picks(store: Store, space: str, model: TasteModel, rng: np.random.Generator) -> list[Pick]:
    """The first pictures of somebody new; the model knows nothing yet and is not asked."""
    nobody = 0
    return next_items(store, model, nobody, CALIBRATION, space=space, strength=1.0, surprise=0.0, rng=rng)


def admit(store: Store, first: Sequence[Pick]) -> str:
    """Let a stranger in: a person, a session, and their first pictures; returns the cookie."""
    with store.writing():
        user, cookie = auth.admit(store)
        stock.replace_picks(store, user, first, keep=())
    return cookie
