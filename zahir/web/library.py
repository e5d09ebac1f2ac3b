"""The library: everything that is here, the space in which the server's encoder sees it, and how much of it is seen.

Knows no person and makes nothing.
"""

from __future__ import annotations

import time

from sqlalchemy import func, insert, select, update

from zahir.safety import Guard
from zahir.store import Store
from zahir.store.schema import embeddings, items, spaces, variants
from zahir.web.settings import Settings
from zahir.web.stock import POSTER


def open_store(settings: Settings) -> Store:
    """The store of these settings, guarded where a filter is named."""
    guard = None
    if settings.filter:
        name = settings.filter.partition("=")[0]
        guard = Guard(name, settings.filter_policy, settings.filter_threshold)
    return Store(settings.home, settings.database or None, guard=guard)


def choose_space(store: Store, space: str) -> None:
    """From now on the server's encoder writes this space."""
    now = time.time_ns() // 1_000_000  # ms: two choices within a second have an order
    with store.writing() as db:
        if not db.execute(update(spaces).where(spaces.c.space == space).values(chosen=now)).rowcount:
            db.execute(insert(spaces).values(space=space, chosen=now, unreadable=0))


def chosen_space(store: Store) -> str | None:
    """The space that the server's encoder writes; None before a worker ever ran."""
    with store.engine.connect() as db:
        return db.scalar(select(spaces.c.space).order_by(spaces.c.chosen.desc()).limit(1))


def note_unreadable(store: Store, space: str, count: int) -> None:
    """Note how many items cannot be looked at, so that nobody waits for them."""
    with store.engine.connect() as db:
        known = db.scalar(select(spaces.c.unreadable).where(spaces.c.space == space))
    if known is not None and known != count:
        with store.writing() as db:
            db.execute(update(spaces).where(spaces.c.space == space).values(unreadable=count))


def looked_at(store: Store) -> tuple[int, int]:
    """(pictures that the server's encoder has looked at, pictures there are), those that cannot be read left out."""
    shown = items.c.file.is_not(None)
    with store.engine.connect() as db:
        chosen = db.execute(select(spaces).order_by(spaces.c.chosen.desc()).limit(1)).one_or_none()
        of = db.scalar(select(func.count()).where(shown)) or 0
        if chosen is None:
            return of, of
        seen = select(func.count()).select_from(embeddings).join(items, items.c.id == embeddings.c.item)
        done = db.scalar(seen.where(embeddings.c.space == chosen.space, shown)) or 0
    return min(done, of), max(done, of - chosen.unreadable)


def videos_without_poster(store: Store) -> list[int]:
    """Numbers of videos whose poster was not made yet."""
    have = select(variants.c.item).where(variants.c.shape == POSTER)
    query = select(items.c.id).where(items.c.kind == "video", items.c.file.is_not(None), items.c.id.not_in(have))
    with store.engine.connect() as db:
        return list(db.scalars(query))
