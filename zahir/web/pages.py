"""Pages, pictures and health: what a browser opens. Knows no rating."""

from __future__ import annotations

import html
import io
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.exc import DBAPIError

from zahir.errors import StoreError
from zahir.store import Item
from zahir.store.checks import veil
from zahir.web import auth, reasons, stock, welcome
from zahir.web.api import Id, problems
from zahir.web.messages import Health, Shape
from zahir.web.server import Here, Server, slow_down

STATIC = Path(__file__).parent / "static"
FOR_EVER = "private, max-age=31536000, immutable"  # a token names one picture, always the same

pages = APIRouter()
media = APIRouter(prefix="/media", responses=problems(404, 422))


@pages.get("/", include_in_schema=False)
async def feed(here: Here, request: Request) -> Response:
    """The feed; strangers are shown the welcome first."""
    return await _page(here, request, "feed.html")


@pages.get("/likes", include_in_schema=False)
async def likes(here: Here, request: Request) -> Response:
    """What this person liked."""
    return await _page(here, request, "gallery.html")


@pages.get("/welcome", include_in_schema=False)
async def hello(here: Here, request: Request) -> Response:
    """The first page; whoever opens it is a person from then on."""
    answer = FileResponse(STATIC / "welcome.html", headers={"Cache-Control": "no-cache"})
    if await here.who(request) is None:
        slow_down(here.visitors, request.client.host if request.client else "")
        rng = np.random.default_rng()
        model = reasons.load_model(here.settings.taste_model, None)
        first = await here.read(welcome.first_picks, here.space, model, rng) if here.space else []
        cookie = await here.writer(partial(welcome.admit, here.store, first))
        auth.set_cookie(request, answer, cookie)
    return answer


@pages.get("/healthz", responses={503: {"model": Health}})
def health(here: Here) -> JSONResponse:
    """Whether the database answers and the worker runs, and how much it has looked at; 503 without the database."""
    try:
        with here.store.engine.connect() as db:
            db.exec_driver_sql("SELECT 1")
        done, of = here.library()
    except DBAPIError:
        return JSONResponse({"database": False, "worker": here.child.alive}, 503)
    return JSONResponse({"database": True, "worker": here.child.alive, "library": {"done": done, "of": of}})


@pages.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The API in words, from its own description; no script and nothing from elsewhere."""
    return HTMLResponse(_describe(request.app.openapi()))


@media.get("/{token}.webp", response_class=FileResponse)
def picture(here: Here, token: Id, shape: Shape = "square") -> FileResponse:
    """A picture for the screen: in this shape once it was painted in it, until then square; a video's first frame."""
    item = _item(here, token)
    if item.kind == "video":
        return _send(here, stock.variant(here.store, item.id, stock.POSTER), "image/webp")
    file = None if shape == "square" else stock.variant(here.store, item.id, shape)
    return _send(here, file or item.file, "image/webp", final=shape == "square" or file is not None)


@media.get("/{token}.webm", response_class=FileResponse)
def film(here: Here, token: Id, shape: Shape = "square") -> FileResponse:
    """A video, whole or in ranges: in this shape once it was painted in it, until then square."""
    item = _video(here, token)
    file = None if shape == "square" else stock.variant(here.store, item.id, shape)
    return _send(here, file or item.file, "video/webm", final=shape == "square" or file is not None)


@media.get("/{token}.mp4", response_class=FileResponse)
def mp4(here: Here, token: Id) -> FileResponse:
    """The same video for browsers that do not play WebM."""
    return _send(here, stock.variant(here.store, _video(here, token).id, stock.MP4), "video/mp4")


@media.get("/{token}.png", responses={200: {"content": {"image/png": {}}}})
def copy(
    here: Here,
    token: Id,
    download: Annotated[bool, Query(description="1: to be saved as a file")] = False,
    origin: Annotated[bool, Query(description="1: with how it was made, so that it can be made again")] = True,
) -> Response:
    """A copy to keep, as PNG. It says that it was generated whether or not it tells its origin."""
    item = _item(here, token)
    _path(here, item.file)
    out = io.BytesIO()
    here.store.media(item.id).to_png(out, tell_origin=origin)
    kept = {"Content-Disposition": f'attachment; filename="zahir-{item.id}.png"'} if download else {}
    return Response(out.getvalue(), media_type="image/png", headers={"Cache-Control": FOR_EVER, **kept})


async def _page(here: Server, request: Request, name: str) -> Response:
    if await here.who(request) is None:
        return RedirectResponse("/welcome", 303, {"Cache-Control": "no-store"})
    here.writer.later(partial(auth.note_visit, here.store, request.cookies[auth.COOKIE]))
    return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})


def _item(here: Server, token: str) -> Item:
    try:
        item = here.store.item(token)
    except StoreError as error:
        raise HTTPException(404, "There is no such picture. It may have been deleted.") from error
    if item.id in veil(here.store, None, [item.id]).blocked:
        raise HTTPException(404, "The filter of this server holds this picture back. Go on to the next one.")
    return item


def _video(here: Server, token: str) -> Item:
    item = _item(here, token)
    if item.kind != "video":
        raise HTTPException(404, "This is a picture and does not move: ask for it as .webp.")
    return item


def _send(here: Server, name: str | None, kind: str, *, final: bool = True) -> FileResponse:
    lasts = FOR_EVER if final else "private, no-cache"
    return FileResponse(_path(here, name), media_type=kind, headers={"Cache-Control": lasts})


def _path(here: Server, name: str | None) -> Path:
    try:
        if name is not None:
            return here.store.files.path(name)
    except StoreError:
        pass
    raise HTTPException(404, "The file of this picture is missing on the server. Go on to the next one.")


def _describe(api: dict[str, Any]) -> str:
    """A page of every route: what it does, takes and answers."""
    rows = []
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            takes = [
                f"<dt><code>{html.escape(each['name'])}</code> in {each['in']}</dt>"
                f"<dd>{html.escape(each.get('description', ''))} {_kind(each['schema'])}</dd>"
                for each in route.get("parameters", [])
            ]
            body = route.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                takes.append(f"<dt>body</dt><dd>{_kind(body['schema'])}</dd>")
            answers = [f"<dt>{code}</dt><dd>{_answer(each)}</dd>" for code, each in sorted(route["responses"].items())]
            rows.append(
                f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(route.get('description', ''))}</p>"
                f"<h3>Takes</h3><dl>{''.join(takes) or '<dt>nothing</dt>'}</dl>"
                f"<h3>Answers</h3><dl>{''.join(answers)}</dl></section>"
            )
    for name, schema in api["components"]["schemas"].items():
        fields = [
            f"<dt><code>{html.escape(field)}</code></dt>"
            f"<dd>{html.escape(each.get('description', ''))} {_kind(each)}</dd>"
            for field, each in schema.get("properties", {}).items()
        ]
        rows.append(f'<section id="{name}"><h2>{name}</h2><dl>{"".join(fields)}</dl></section>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Zahir: the API</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="/static/mark.svg"></head>'
        f"<body><main><h1>Zahir: the API</h1><p>{html.escape(api['info']['description'])} "
        f'For machines: <a href="/openapi.json">openapi.json</a>.</p>{"".join(rows)}</main></body></html>'
    )


def _answer(response: dict[str, Any]) -> str:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    return html.escape(response["description"]) + (f": {_kind(schema)}" if schema else "")


def _kind(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words, with a link to what it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "const" in schema or "enum" in schema:
        return html.escape(", ".join(map(str, schema.get("enum", [schema.get("const")]))))
    limits = [f"{name} {schema[key]}" for key, name in _LIMITS.items() if key in schema]
    return html.escape(", ".join([str(schema.get("type", "anything")), *limits]))


_LIMITS = {
    "minimum": "from",
    "maximum": "to",
    "minLength": "length from",
    "maxLength": "length to",
    "default": "default",
}
