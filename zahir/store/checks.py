"""What a filter said of each picture, and what therefore nobody, or one person, is shown.

Knows no filter: scores come in, and go by the store's `guard`. Where there is none, nothing is held back. A picture
that was not judged yet, or at which the filter failed, counts as not safe.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, true, update

from zahir.errors import StoreError
from zahir.protocols import Filter
from zahir.safety import POLICIES, Guard, Policy, stricter
from zahir.store.schema import checks, items, ratings, users

if TYPE_CHECKING:
    from zahir.store.store import Store

AGAIN = 3600  # seconds after which a picture that the filter failed at is tried again


class Veil(NamedTuple):
    """Ids of items that are not to be shown, or only blurred."""

    blocked: frozenset[int] = frozenset()
    blurred: frozenset[int] = frozenset()


def record(store: Store, ids: Sequence[int], scores: Sequence[float | None], *, by: Filter) -> None:
    """Keep what a filter said of these items, instead of what it said before; None where it failed.

    Raises ValueError when the store's guard goes by another filter: it would never see this one's scores.
    """
    if store.guard is not None and store.guard.filter != by.name:
        raise ValueError(
            f"the store is guarded by the filter '{store.guard.filter}', and '{by.name}' judged. Give both one name."
        )
    now = int(time.time())
    rows = [
        {"item": item, "filter": by.name, "version": by.version, "score": score, "created": now}
        for item, score in zip(ids, scores, strict=True)
    ]
    if rows:
        with store.writing() as db:
            db.execute(delete(checks).where(checks.c.filter == by.name, checks.c.item.in_(list(ids))))
            db.execute(insert(checks), rows)


def unchecked(store: Store, n: int, *, by: Filter) -> list[int]:
    """Up to n items with a picture that this version of the filter has yet to judge; the oldest first.

    Those that it failed at come again after an hour.
    """
    stale = and_(checks.c.score.is_(None), checks.c.created < int(time.time()) - AGAIN)
    due = or_(checks.c.item.is_(None), checks.c.version != by.version, stale)
    query = select(items.c.id).outerjoin(checks, _judged(by.name)).where(items.c.file.is_not(None), due)
    with store.engine.connect() as db:
        return list(db.scalars(query.order_by(items.c.id).limit(n)))


def set_policy(store: Store, user: int, policy: Policy | None) -> None:
    """Remember a person's own policy; None leaves it to the installation."""
    if policy is not None and policy not in POLICIES:
        raise ValueError(f"a policy is one of {', '.join(POLICIES)}; got {policy!r}.")
    with store.writing() as db:
        db.execute(update(users).where(users.c.id == user).values(safety=policy))


def own_policy(store: Store, user: int) -> Policy | None:
    """What a person asks for themselves; None where they leave it to the installation."""
    with store.engine.connect() as db:
        return db.scalar(select(users.c.safety).where(users.c.id == user))


def policy(store: Store, user: int | None) -> Policy:
    """What holds for a person: the stricter of the installation's policy and their own; for nobody (None, 0) its own.

    Always "off" where the store has no guard: nothing is judged there.
    """
    if store.guard is None:
        return "off"
    if not user:
        return store.guard.policy
    with store.engine.connect() as db:
        row = db.execute(select(users.c.safety).where(users.c.id == user)).one_or_none()
    if row is None:
        raise StoreError(f"no user {user}.")
    return stricter(store.guard.policy, row.safety or "off")


def veil(store: Store, user: int | None, among: Collection[int] | None = None) -> Veil:
    """What this person must not see, or sees blurred, of all items or among some; for None, what nobody may."""
    holds = policy(store, user)
    if store.guard is None or holds == "off":
        return Veil()
    unsafe = or_(checks.c.score.is_(None), checks.c.score >= store.guard.threshold)
    query = select(items.c.id).outerjoin(checks, _judged(store.guard.filter)).where(items.c.file.is_not(None), unsafe)
    if among is not None:
        query = query.where(items.c.id.in_(list(among)))
    with store.engine.connect() as db:
        found = frozenset(db.scalars(query))
    return Veil(blocked=found) if holds == "block" else Veil(blurred=found)


def counts(guard: Guard | None) -> ColumnElement[bool]:
    """Whether a rating may teach: not of a picture that was judged and is blocked for the person who gave it."""
    if guard is None:
        return true()
    failed = or_(checks.c.score.is_(None), checks.c.score >= guard.threshold)
    unsafe = select(checks.c.item).where(checks.c.item == ratings.c.item, checks.c.filter == guard.filter, failed)
    if guard.policy == "block":
        return ~unsafe.exists()
    strict = select(users.c.id).where(users.c.id == ratings.c.user, users.c.safety == "block")
    return ~and_(unsafe.exists(), strict.exists())


def _judged(by: str) -> ColumnElement[bool]:
    return and_(checks.c.item == items.c.id, checks.c.filter == by)
