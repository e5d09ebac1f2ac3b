"""Tastes that came in files: kept, listed, found by name, dropped.

Knows nothing of how a file is read; what it keeps has been read already, and is kept as Zahir writes it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, delete, insert, select

from zahir.errors import StoreError
from zahir.store.schema import mixes, tastes
from zahir.taste_file import TasteFile, from_bytes, to_bytes

if TYPE_CHECKING:
    from zahir.store.store import Store


class Kept(NamedTuple):
    """One taste that is kept."""

    id: int
    name: str
    space: str
    created: int  # when it came


def keep_taste(store: Store, taste: TasteFile, *, user: int | None = None, name: str | None = None) -> int:
    """Keep a taste under its own name or another one, for a person or (None) for the installation; returns its id.

    Raises StoreError when that name is taken.
    """
    called = name or taste.name
    with store.writing() as db:
        if db.scalar(select(tastes.c.id).where(_of(user), tastes.c.name == called)) is not None:
            raise StoreError(f"a taste '{called}' is there already. Give this one another name, or delete the other.")
        values = {"user": user, "name": called, "space": taste.space, "file": to_bytes(taste), "created": _now()}
        key = db.execute(insert(tastes).values(values)).inserted_primary_key
        assert key is not None
        return int(key[0])


def kept_tastes(store: Store, *, user: int | None = None) -> list[Kept]:
    """Those of a person, or of the installation, the oldest first."""
    query = select(tastes.c.id, tastes.c.name, tastes.c.space, tastes.c.created).where(_of(user))
    with store.engine.connect() as db:
        return [Kept(*row) for row in db.execute(query.order_by(tastes.c.id))]


def taste_named(store: Store, name: str, *, user: int | None = None) -> TasteFile:
    """The taste of this name; raises StoreError with those that there are."""
    with store.engine.connect() as db:
        data = db.scalar(select(tastes.c.file).where(_of(user), tastes.c.name == name))
    if data is None:
        raise _unknown(store, name, user)
    return from_bytes(data)


def drop_taste(store: Store, name: str, *, user: int | None = None) -> None:
    """Forget a taste, and whose own it was mixed into; raises StoreError when there is none of this name."""
    with store.writing() as db:
        found = db.scalar(select(tastes.c.id).where(_of(user), tastes.c.name == name))
        if found is None:
            raise _unknown(store, name, user)
        db.execute(delete(mixes).where(mixes.c.taste == found))
        db.execute(delete(tastes).where(tastes.c.id == found))


def _of(user: int | None) -> ColumnElement[bool]:
    return tastes.c.user.is_(None) if user is None else tastes.c.user == user


def _unknown(store: Store, name: str, user: int | None) -> StoreError:
    names = [each.name for each in kept_tastes(store, user=user)]
    return StoreError(f"no taste '{name}'. Known: {', '.join(names) or 'none; zahir taste import FILE brings one'}.")


def _now() -> int:
    return int(time.time())
