"""Tastes that travel: one's own as a file, a friend's from a file, and a mix of both. Knows no form of a file."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from zahir.errors import BadData, StoreError, ZahirError
from zahir.generate.loading import find_shell
from zahir.store import Store
from zahir.store.tastes import drop_taste, keep_taste, kept_tastes
from zahir.taste_file import MAX_BYTES, TasteFile, from_bytes, to_bytes
from zahir.travel import packed
from zahir.web import library, mixes, reasons
from zahir.web.api import iso, ours, problems
from zahir.web.messages import KeptTaste, Mix, Tastes
from zahir.web.server import Here, Me, Server, slow_down

MOST = 24  # tastes that one person may keep
UPLOADS = {"/api/tastes": MAX_BYTES}
"""Bytes that a request to these routes may have."""

tastes = APIRouter(prefix="/api", responses=problems(400, 401, 413, 422, 503))
changes = APIRouter(dependencies=[Depends(ours)], responses=problems(403))

_FILE = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {
    "type": "string", "format": "binary", "description": "a taste file, as safetensors or JSON",
}}}}}  # fmt: skip


@tastes.get(
    "/taste/file",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}, "application/json": {}}}, **problems(409)},
)
def export(
    here: Here,
    me: Me,
    format: Annotated[Literal["safetensors", "json"], Query()] = "safetensors",
    name: Annotated[str, Query(max_length=80, description="what to call it; empty: after the day")] = "",
) -> Response:
    """This person's taste as a file, for other Zahirs, for diffusers and for ComfyUI."""
    try:
        taste = _packed(here, me, name or f"Taste of {date.today().isoformat()}")
    except (ZahirError, ValueError) as error:
        raise HTTPException(409, f"There is no taste to put into a file yet: {error}") from error
    file = f'attachment; filename="{_plain(taste.name)}.{"json" if format == "json" else "safetensors"}"'
    kind = "application/json" if format == "json" else "application/octet-stream"
    return Response(to_bytes(taste, format), media_type=kind, headers={"Content-Disposition": file})


@tastes.get("/tastes")
def kept(here: Here, me: Me) -> Tastes:
    """The tastes of others that this person keeps, and what is mixed into their own."""
    space = library.chosen_space(here.store)
    mixed = mixes.mixed(here.store, me)
    return Tastes(
        kept=[
            KeptTaste(name=each.name, usable=each.space == space, kept=iso(each.created))
            for each in kept_tastes(here.store, user=me)
        ],
        mix=Mix(taste=mixed.name if mixed else None, share=round(100 * mixed.share) if mixed else 0),
    )


@changes.post("/tastes", status_code=201, responses=problems(409, 429), openapi_extra=_FILE)
async def bring(here: Here, me: Me, request: Request) -> KeptTaste:
    """Keep a friend's taste from a file, after checking it; the body is the file itself."""
    slow_down(here.ratings, (me, "taste"))
    try:
        taste = await here.read(_read, await request.body())
    except BadData as error:
        raise HTTPException(422, f"This is no taste that can be read: {error}") from error
    await here.writer(partial(_keep, here.store, me, taste))
    usable = taste.space == await here.read(library.chosen_space)
    return KeptTaste(name=taste.name, usable=usable, kept=iso(taste.created))


@changes.delete("/tastes/{name}", status_code=204, responses=problems(404))
async def forget(here: Here, me: Me, name: Annotated[str, Path(max_length=80)]) -> Response:
    """Forget a taste that was kept, and mix it in no longer."""
    await here.writer(partial(_forget, here.store, me, name))
    here.want(me)
    return Response(status_code=204)


@changes.put("/mix", status_code=204, responses=problems(404))
async def blend(here: Here, me: Me, mix: Mix) -> Response:
    """Mix a kept taste into one's own; what is made from now on leans that way."""
    found = await here.writer(partial(mixes.set_mix, here.store, me, mix.taste, mix.share / 100))
    if not found:
        raise HTTPException(404, _NO_TASTE)
    here.want(me)
    return Response(status_code=204)


_NO_TASTE = "You keep no taste of this name. GET /api/tastes lists those that you keep."


def _packed(here: Server, user: int, name: str) -> TasteFile:
    space = library.chosen_space(here.store)
    if space is None:
        raise ZahirError("the server has not looked at any picture yet. Try again in a moment.")
    model = reasons.load_model(here.settings.taste_model, reasons.newest_fit(here.store, space).folder)
    rng = np.random.default_rng(user)
    return packed(here.store, user, model=model, space=space, name=name, shell=find_shell(space), rng=rng)


def _read(_: Store, data: bytes) -> TasteFile:
    return from_bytes(data)


def _keep(store: Store, user: int, taste: TasteFile) -> None:
    if len(kept_tastes(store, user=user)) >= MOST:
        raise HTTPException(409, f"You keep {MOST} tastes, which is the most. Forget one first.")
    try:
        keep_taste(store, taste, user=user)
    except StoreError as error:
        raise HTTPException(409, f"You keep a taste called '{taste.name}' already. Forget it first.") from error


def _forget(store: Store, user: int, name: str) -> None:
    try:
        drop_taste(store, name, user=user)
    except StoreError as error:
        raise HTTPException(404, _NO_TASTE) from error


def _plain(name: str) -> str:
    """A name for a file anywhere: letters, digits, and hyphens for the rest."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "taste"


tastes.include_router(changes)
