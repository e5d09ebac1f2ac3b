"""What every request passes: a number, a size limit, the forgery check, security headers, errors without traces.

Knows no route and no person. Errors are {"error": what is wrong and what to do, "id": the request's number}.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("zahir.web")

BODY_SECONDS = 10  # bodies are small: whoever takes longer holds a connection open
UPLOAD_SECONDS = 60  # files may come through a slow line
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Cache-Control": "no-cache",  # where a route says nothing else: a page and its scripts change together
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Wrap an ASGI application; `uploads` are paths that may be sent more bytes than `max_body`."""

    def __init__(self, app: ASGIApp, max_body: int, uploads: Mapping[str, int] | None = None) -> None:
        self.app, self.max_body, self.uploads = app, max_body, uploads or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is forged or too large; number and armour everything else."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope.setdefault("state", {})["id"] = number = secrets.token_hex(4)
        headers = Headers(scope=scope)
        started = False

        async def armoured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                out["X-Request-Id"] = number
            await send(message)

        refusal = _forged(scope["method"], headers)
        if refusal is not None:
            return await error(403, refusal, number)(scope, receive, armoured)
        upload = self.uploads.get(scope["path"]) if scope["method"] == "POST" else None
        most, seconds = (self.max_body, BODY_SECONDS) if upload is None else (upload, UPLOAD_SECONDS)
        too_large = f"This request is larger than {most} bytes. Send less at once."
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            return await error(413, too_large, number)(scope, receive, armoured)
        try:
            async with asyncio.timeout(seconds):
                body = await _read(receive, most)
        except TimeoutError:
            what = f"This request did not arrive within {seconds} seconds. Send it again."
            return await error(408, what, number)(scope, receive, armoured)
        if body is None:
            return await error(413, too_large, number)(scope, receive, armoured)
        try:
            return await self.app(scope, _replay(body, receive), armoured)
        except Exception:  # a bug: the person gets a number, the log the trace under the same number
            log.exception("request %s failed: %s %s", number, scope["method"], scope["path"])
            if started:
                raise
            what = "Something went wrong on the server, and it has been noted. Try again in a moment."
            return await error(500, what, number)(scope, receive, armoured)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None when it is larger than `most` bytes, of which no more are kept."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            return None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read already, then whatever follows."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _forged(method: str, headers: Headers) -> str | None:
    """Why a request that changes something is not from our own pages, or None."""
    if method in SAFE:
        return None
    site, origin, host = headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", "")
    if site not in (None, "same-origin"):
        return f"This request comes from another site (Sec-Fetch-Site: {site}). Send it from Zahir's own pages."
    if origin is not None and origin.partition("://")[2] != host:
        return f"This request comes from another site (Origin: {origin[:80]}). Send it from Zahir's own pages."
    if headers.get("x-zahir") != "1":
        return "This request lacks the header X-Zahir: 1, which other sites cannot send. Add it."
    return None


def error(status: int, what: str, number: str, **headers: str) -> JSONResponse:
    """An error as the whole API gives it."""
    return JSONResponse({"error": what, "id": number}, status, headers)


def catch_errors(app: FastAPI) -> None:
    """Give every error of the application the same form."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, problem: HTTPException) -> JSONResponse:
        plain = problem.detail == HTTPStatus(problem.status_code).phrase
        what = _PLAIN.get(problem.status_code, f"{problem.detail}.") if plain else problem.detail
        return error(problem.status_code, what, request.state.id, **(problem.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, problem: RequestValidationError) -> JSONResponse:
        what = " ".join(_mistake(each) for each in problem.errors()[:3])
        return error(422, what, request.state.id)


_PLAIN = {
    404: "There is nothing here. Check the address, or start at /.",
    405: "This address does not do that. See /docs for what it does.",
}


def _mistake(each: Any) -> str:
    where = ".".join(str(part) for part in each["loc"])
    return f"{where}: {each['msg'][0].lower()}{each['msg'][1:]}. See /docs for what is expected."
