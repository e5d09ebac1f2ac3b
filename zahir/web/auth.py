"""Who is asking: a random cookie, of which only the hash is kept, names one row of users.

Knows nothing of what they may do: everybody may do the same, each to their own ratings.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from fastapi import Request, Response
from sqlalchemy import insert, select, update

from zahir.store import Store
from zahir.store.schema import sessions

COOKIE = "zahir"
_LIFE = 400 * 86400  # seconds; browsers keep none longer
_SEEN = 86400  # how exactly the last visit is known


def visitor(store: Store, cookie: str) -> int | None:
    """The person a cookie belongs to; None when nobody has it."""
    with store.engine.connect() as db:
        user = db.scalar(select(sessions.c.user).where(sessions.c.token_hash == _hash(cookie)))
    return None if user is None else int(user)


def admit(store: Store) -> tuple[int, str]:
    """Make a person and a session; returns both the person and the cookie's value, which is told only now."""
    cookie, now = secrets.token_urlsafe(32), int(time.time())
    with store.writing() as db:
        user = store.add_user()
        db.execute(insert(sessions).values(token_hash=_hash(cookie), user=user, created=now, seen=now))
    return user, cookie


def note_visit(store: Store, cookie: str) -> None:
    """Remember that this session was used today."""
    now = int(time.time())
    with store.writing() as db:
        mine = sessions.c.token_hash == _hash(cookie)
        db.execute(update(sessions).where(mine, sessions.c.seen < now - _SEEN).values(seen=now))


def set_cookie(request: Request, response: Response, value: str) -> None:
    """Hand the cookie over: out of reach of scripts and of other sites, and over TLS only where there is TLS."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, value, max_age=_LIFE, httponly=True, samesite="lax", secure=secure, path="/")


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
