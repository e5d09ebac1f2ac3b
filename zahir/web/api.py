"""The API: ratings in, pictures and reasons out. Knows nothing of models: what it says, the worker prepared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Response
from sqlalchemy import Connection, select

from zahir.errors import StoreError
from zahir.feed import CALIBRATION
from zahir.store import Pick, Store, checks
from zahir.store.checks import veil
from zahir.store.schema import exposures
from zahir.web import jobs, reasons, stock
from zahir.web.messages import (
    Calibration,
    Dials,
    Error,
    Exposure,
    FilterChoice,
    Filtering,
    Gallery,
    Kept,
    Library,
    Made,
    Making,
    Next,
    NextItem,
    Picture,
    Rated,
    Rating,
    Shape,
    Shares,
    Slot,
    Taste,
    Why,
)
from zahir.web.server import Here, Me, Screen, Server, slow_down

DOZEN = 12  # pictures taken from the shelf at once, so that the next request finds some ready
PATIENCE = 8.0  # seconds that an answer waits for a picture when there is none at all
NO_PICTURE = "There is no such picture. It may have been deleted: ask for the next one."
SLOWLY = "make"  # the kind of job that takes long
MAX_ID = 2**63 - 1  # of a rating: what a database can count

Problem = dict[int | str, dict[str, Any]]


def problems(*codes: int) -> Problem:
    """The errors of a route, for its description."""
    return {code: {"model": Error} for code in codes}


def ours(x_zahir: Annotated[Literal["1"], Header(description="what other sites cannot send")]) -> None:
    """Documents the header that the guard has checked already."""


api = APIRouter(prefix="/api", responses=problems(400, 401, 413, 422, 503))
changes = APIRouter(dependencies=[Depends(ours)], responses=problems(403))

Id = Annotated[str, Path(description="opaque name of a picture", max_length=64)]


@api.get("/next")
async def next_items(
    here: Here,
    me: Me,
    n: Annotated[int, Query(ge=1, le=12)] = 4,
    shape: Shape = "square",
    have: Annotated[str, Query(max_length=2000, description="ids the page holds already, with commas between")] = "",
) -> Next:
    """The next pictures to rate, none that was rated and none that the page holds; asks for more to be made."""
    held = [token for token in have.split(",") if token][:64]
    found: list[stock.Ready] = await here.read(stock.ready, me, n, have=held)
    for _ in range(int(PATIENCE / 0.25)):
        if len(found) == n:
            break
        besides = [*held, *(each.token for each in found)]
        more = await here.read(stock.from_the_shelf, me, DOZEN, besides=besides)
        await here.writer(partial(stock.add_picks, here.store, me, [each.pick for each in more]))
        found += more[: n - len(found)]
        if found:
            break
        await asyncio.sleep(0.25)
    tokens = [each.token for each in found]
    here.see(me, Screen(shape, (*held, *tokens)))
    here.want(me)
    count = await here.read(stock.last_number, me) + len(held)
    return Next(items=[_next_item(each, count + k + 1, shape) for k, each in enumerate(found)])


@changes.post("/ratings", responses=problems(404, 409, 429))
async def rate(
    here: Here,
    me: Me,
    new: Rating,
    key: Annotated[
        str,
        Header(alias="Idempotency-Key", min_length=1, max_length=128, description="the same key twice has one effect"),
    ],
) -> Rated:
    """Rate a picture. Answered once it is safe on the disk; a later rating of the same picture replaces it."""
    slow_down(here.ratings, me)
    done = await here.writer(partial(_rate, here.store, me, new, key))
    here.want(me)
    return done


@changes.delete("/ratings/{rating}", status_code=204, responses=problems(404))
async def retract(here: Here, me: Me, rating: Annotated[int, Path(ge=1, le=MAX_ID)]) -> Response:
    """Take a rating back. Twice is once."""
    try:
        await here.writer(partial(here.store.retract, me, rating))
    except StoreError as error:
        raise HTTPException(404, f"You have no rating {rating}. It may be somebody else's, or never was.") from error
    here.want(me)
    return Response(status_code=204)


@changes.post("/exposures", status_code=204, responses=problems(404, 429))
async def expose(here: Here, me: Me, seen: Exposure) -> Response:
    """Say that a picture was painted. The probability it was chosen with is remembered from /api/next."""
    slow_down(here.ratings, (me, "seen"))
    await here.writer(partial(_expose, here.store, me, seen))
    return Response(status_code=204)


@changes.put("/dials", status_code=204)
async def turn(here: Here, me: Me, dials: Dials) -> Response:
    """Set the two dials; what waits is chosen anew."""
    strength, surprise = stock.strength_of(dials.strength), stock.SURPRISES[dials.surprise]
    await here.writer(partial(here.store.set_dials, me, strength=strength, surprise=surprise))
    here.want(me)
    return Response(status_code=204)


@api.get("/taste")
def taste(here: Here, me: Me) -> Taste:
    """How far the taste has come, and the dials."""
    rated, likes = stock.counts(here.store, me)
    strength, surprise = here.store.dials(me)
    return Taste(
        ratings=rated,
        likes=likes,
        calibration=Calibration(done=min(rated, CALIBRATION), of=CALIBRATION),
        dials=Dials(strength=stock.dial_of(strength), surprise=stock.step_of(surprise)),
        shared=reasons.shared_share(here.store, taste_model=here.settings.taste_model),
        filter=_filtering(here, me),
    )


@changes.put("/filter", status_code=204)
async def choose_filter(here: Here, me: Me, choice: FilterChoice) -> Response:
    """Ask more of the filter than the server does; what is blocked then is not shown, and never counts as disliked."""
    await here.writer(partial(checks.set_policy, here.store, me, choice.own))
    here.want(me)
    return Response(status_code=204)


@api.get("/making")
def making(here: Here, me: Me) -> Making:
    """How far the picture is that a slow generator makes for this person, and a new look at the whole library."""
    done, of = here.library()
    with here.store.engine.connect() as db:
        job = jobs.latest(db, SLOWLY, me)
    state = {"queued": "waiting", "running": "working"}.get(job.state, "none") if job else "none"
    return Making(
        slow=bool(here.settings.slow),
        state="none" if job and job.cancelled else cast(Literal["none", "waiting", "working"], state),
        done=job.done if job and state == "working" else None,
        of=job.of if job and state == "working" else None,
        generator=json.loads(job.payload).get("generator") if job and state == "working" else None,
        trouble=job.error if job and job.state == "failed" else None,
        library=Library(done=done, of=of) if done < of else None,
    )


@changes.delete("/making", status_code=204)
async def cancel(here: Here, me: Me) -> Response:
    """Stop what is being made for this person; nothing is kept of it. Another begins with the next rating."""
    await here.writer(partial(_cancel, here.store, me))
    return Response(status_code=204)


@api.get("/why/{item}", responses=problems(404))
def why(here: Here, me: Me, item: Id) -> Why:
    """Why a picture is shown: the liked ones it is close to, what that rests on, and how it was made."""
    try:
        known = here.store.item(item)
    except StoreError as error:
        raise HTTPException(404, NO_PICTURE) from error
    said = reasons.reason(here.store, me, known, taste_model=here.settings.taste_model)
    origin = known.origin
    visible, hidden = _shown(here.store, me, said.near)
    return Why(
        why=said.why,
        near=[Picture(**_print(each, hidden), number=each.number) for each in said.near if each.item in visible],
        shares=Shares(**said.shares),
        made=Made(
            generator=origin.generator or None,
            seed=origin.seed,
            strength=None if origin.strength is None else stock.dial_of(origin.strength),
            date=iso(known.created),
        ),
    )


@api.get("/gallery")
def gallery(here: Here, me: Me, show: Annotated[Literal["likes"], Query()] = "likes") -> Gallery:
    """What this person liked."""
    liked = [each for each in stock.standing(here.store, me) if each.rating > 0]
    visible, hidden = _shown(here.store, me, liked)
    return Gallery(
        items=[
            Kept(
                **_print(each, hidden),
                number=each.number,
                rated=iso(each.created),
                rating=each.rating,
                rating_id=each.id,
            )
            for each in reversed(liked)
            if each.item in visible
        ],
        since=iso(liked[0].created) if liked else None,
    )


def media_url(token: str, shape: str = "square", kind: str = "webp") -> str:
    """Where a picture is, or a video."""
    return f"/media/{token}.{kind}" + ("" if shape == "square" else f"?shape={shape}")


def films(token: str, kind: str, shape: str = "square") -> list[str]:
    """Where a video is, the smaller form first; nothing for a picture."""
    return [media_url(token, shape, "webm"), media_url(token, kind="mp4")] if kind == "video" else []


def _shown(store: Store, user: int, some: Sequence[stock.Standing]) -> tuple[set[int], frozenset[int]]:
    """Numbers of the items that this person may see, and of those that are to be blurred."""
    hidden = veil(store, user, [each.item for each in some])
    return {each.item for each in some} - hidden.blocked, hidden.blurred


def _print(each: stock.Standing, blurred: frozenset[int]) -> dict[str, Any]:
    return {
        "id": each.token,
        "url": media_url(each.token),
        "films": films(each.token, each.kind),
        "blurred": each.item in blurred,
        "alt": each.alt,
    }


def _next_item(ready: stock.Ready, number: int, shape: str) -> NextItem:
    return NextItem(
        id=ready.token,
        url=media_url(ready.token, shape),
        films=films(ready.token, ready.kind, shape),
        blurred=ready.pick.blurred,
        alt=ready.alt or ("A video" if ready.kind == "video" else "A picture"),
        number=number,
        kind="video" if ready.kind == "video" else "image",
        why=ready.pick.why,
        slot=cast(Slot, ready.pick.slot),
        ai=ready.source != "imported",
    )


def _rate(store: Store, user: int, new: Rating, key: str) -> Rated:
    with store.writing() as db:
        item = _item(db, new.item)
        try:
            rating = store.rate(user, item, new.rating, key=key)
        except StoreError as error:
            raise HTTPException(409, str(error)) from error
        return Rated(id=rating, number=stock.number(db, user, item))


def _expose(store: Store, user: int, seen: Exposure) -> None:
    """Note it once: a repeat finds its pick gone and the same exposure there."""
    with store.writing() as db:
        item = _item(db, seen.item)
        pick = stock.pick_of(db, user, item)
        if pick is None:
            same = (exposures.c.user == user, exposures.c.item == item, exposures.c.position == seen.position)
            if db.scalar(select(exposures.c.id).where(*same).limit(1)) is not None:
                return
            pick = Pick(item, seen.slot, "", 0.0, "unknown")  # painted again after an undo, or long after
        store.expose(user, pick, position=seen.position)


def _filtering(here: Server, me: int) -> Filtering | None:
    if here.store.guard is None:
        return None
    return Filtering(least=here.store.guard.policy, own=checks.own_policy(here.store, me) or "off")


def _cancel(store: Store, user: int) -> None:
    with store.writing() as db:
        jobs.cancel(db, SLOWLY, user)


def _item(db: Connection, token: str) -> int:
    item = stock.item_id(db, token)
    if item is None:
        raise HTTPException(404, NO_PICTURE)
    return item


def iso(seconds: int) -> str:
    """A time as the API tells it: ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


api.include_router(changes)
