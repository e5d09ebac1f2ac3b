"""What the routes share while the server runs. Knows no route."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import APIKeyCookie
from starlette.concurrency import run_in_threadpool

from zahir.store import Store
from zahir.web import auth, jobs, library
from zahir.web.child import Child
from zahir.web.limits import Rate
from zahir.web.settings import Settings
from zahir.web.writer import Writer

T = TypeVar("T")
_SCREENS = 10_000  # people whose screen is remembered


@dataclass(frozen=True)
class Screen:
    """What somebody's page last said of itself; only a hint, so memory is the place for it."""

    shape: str = "square"
    holds: tuple[str, ...] = ()  # tokens of the pictures that wait there


@dataclass
class Server:
    """One running server."""

    settings: Settings
    store: Store
    writer: Writer
    child: Child
    ratings: Rate
    visitors: Rate
    space: str | None = None  # of the calibration set
    _library: tuple[float, tuple[int, int]] = (-1e9, (0, 0))  # when it was counted, and what
    _screens: OrderedDict[int, Screen] = field(default_factory=OrderedDict)
    _wanting: set[int] = field(default_factory=set)
    _known: OrderedDict[str, int] = field(default_factory=OrderedDict)  # cookies of people who were here lately

    def screen(self, user: int) -> Screen:
        """What is known of a person's page."""
        return self._screens.get(user, Screen())

    def see(self, user: int, screen: Screen) -> None:
        """Remember it; the longest unseen is forgotten first."""
        self._screens[user] = screen
        self._screens.move_to_end(user)
        if len(self._screens) > _SCREENS:
            self._screens.popitem(last=False)

    def want(self, user: int) -> None:
        """Ask the worker to bring a person's stock up to date, with the next flush."""
        self._wanting.add(user)

    async def flush_wants(self) -> None:
        """Hand what was wanted to the worker, all of it at once, ten times a second; for ever."""
        while True:
            await asyncio.sleep(0.1)
            if self._wanting:
                wanting, self._wanting = self._wanting, set()
                await self.writer(partial(self._enqueue, wanting))

    def _enqueue(self, users: set[int]) -> None:
        payloads: dict[int | None, Mapping[str, object]] = {
            user: {"shape": self.screen(user).shape, "holds": self.screen(user).holds} for user in users
        }
        with self.store.writing() as db:
            jobs.enqueue(db, "refill", payloads)

    async def who(self, request: Request) -> int | None:
        """The person this request's cookie belongs to; None for a stranger."""
        cookie = request.cookies.get(auth.COOKIE)
        if not cookie:
            return None
        user = self._known.get(cookie)
        if user is None:
            user = await self.read(auth.visitor, cookie)
            if user is not None:
                self._known[cookie] = user
                if len(self._known) > _SCREENS:
                    self._known.popitem(last=False)
        return user

    def library(self) -> tuple[int, int]:
        """(pictures looked at, pictures there are), a second old at most: everybody may ask."""
        if time.monotonic() - self._library[0] > 1:
            self._library = time.monotonic(), library.looked_at(self.store)
        return self._library[1]

    async def read(self, read: Callable[..., T], *args: object, **named: object) -> T:
        """Run a read of the store in a thread, so that the loop goes on."""
        return await run_in_threadpool(read, self.store, *args, **named)


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


Here = Annotated[Server, Depends(_server)]
_cookie = APIKeyCookie(name=auth.COOKIE, auto_error=False, description="handed out by the first page")


async def _me(request: Request, here: Here, _: Annotated[str | None, Security(_cookie)]) -> int:
    user = await here.who(request)
    if user is None:
        raise HTTPException(401, "You are not known here yet. Open / in a browser: it hands out the cookie.")
    return user


Me = Annotated[int, Depends(_me)]
"""The person who asks; strangers get 401."""


def slow_down(rate: Rate, caller: object) -> None:
    """Raise 429 when this caller asks too often."""
    wait = rate.wait(caller, time.monotonic())
    if wait > 0:
        raise HTTPException(429, "That was too fast. Wait a second and send it again.", {"Retry-After": "1"})
