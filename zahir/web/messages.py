"""What the API says and hears, once: FastAPI checks it and /docs describes it. Knows no database."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Slot = Literal["calibration", "mine", "people", "surprise", "shelf"]
Shape = Literal["square", "wide", "tall"]
Policy = Literal["off", "blur", "block"]
Token = Annotated[str, Field(description="opaque name of a picture", min_length=1, max_length=64)]
Percent = Annotated[int, Field(ge=0, le=100)]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""JSON knows one kind of number: 3.0 is whole, true and "3" are none."""


class _Heard(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Error(BaseModel):
    error: str = Field(description="what is wrong, why, and what to do")
    id: str = Field(description="number of the request, also in the server's log")


class Picture(BaseModel):
    id: Token
    url: str = Field(description="the picture; of a video its first frame")
    films: list[str] = Field([], description="the video, in the forms that browsers play; empty for a picture")
    blurred: bool = Field(False, description="whether the filter doubts it, so that it is to be shown blurred")
    alt: str = Field(description="the picture in words")
    number: int | None = Field(description="how many pictures this person had rated with it, if they rated it")


class NextItem(Picture):
    kind: Literal["image", "video"]
    why: str = Field(description="why it is shown, in one sentence")
    slot: Slot
    ai: bool = Field(description="whether it was generated")


class Next(BaseModel):
    items: list[NextItem]


class Rating(_Heard):
    item: Token
    rating: float = Field(ge=-1, le=1, description="hate -1, dislike -0.5, neither 0, like 0.5, love 1")


class Rated(BaseModel):
    id: int = Field(description="of the rating: DELETE /api/ratings/{id} takes it back")
    number: int = Field(description="how many pictures this person had rated with it")


class Exposure(_Heard):
    item: Token
    slot: Slot
    position: Whole = Field(ge=0, le=1_000_000, description="how many pictures this page had painted before")


class Dials(_Heard):
    strength: Whole = Field(ge=0, le=100, description="how far pictures lean towards the taste; 60 is the taste itself")
    surprise: Whole = Field(ge=0, le=5, description="never, 1 in 12, 1 in 7, 1 in 4, 1 in 2, always")


class Calibration(BaseModel):
    done: int
    of: int


class Taste(BaseModel):
    ratings: int = Field(description="pictures that this person has rated")
    likes: int
    calibration: Calibration
    dials: Dials
    shared: float | None = Field(description="how much of tastes is common to all people here; null until it is known")
    filter: Filtering | None = Field(description="null where the server has no filter")


class Filtering(BaseModel):
    least: Policy = Field(description="what the server asks of everybody")
    own: Policy = Field(description="what this person asks beyond it; the stricter of both holds")


class FilterChoice(_Heard):
    own: Policy


class KeptTaste(BaseModel):
    name: str
    usable: bool = Field(description="whether it speaks of the space that this server's pictures are in")
    kept: str = Field(description="ISO 8601, UTC")


class Mix(_Heard):
    taste: str | None = Field(description="name of a kept taste; null for none", max_length=80)
    share: Whole = Field(ge=0, le=100, description="of it, in percent; the rest is one's own")


class Tastes(BaseModel):
    kept: list[KeptTaste] = Field(description="tastes that came in files, the oldest first")
    mix: Mix


class Shares(BaseModel):
    own: Percent
    people: Percent
    everyone: Percent


class Made(BaseModel):
    generator: str | None = Field(description="null for a picture that came from elsewhere")
    seed: int | None
    strength: int | None = Field(description="on the dial, 0 to 100")
    date: str = Field(description="ISO 8601, UTC")


class Why(BaseModel):
    why: str
    near: list[Picture] = Field(description="at most three liked pictures, the nearest first")
    shares: Shares = Field(description="what the reason rests on, in percent, together 100")
    made: Made


class Kept(Picture):
    rated: str = Field(description="ISO 8601, UTC")
    rating: float
    rating_id: int


class Gallery(BaseModel):
    items: list[Kept] = Field(description="the newest first")
    since: str | None = Field(description="when the oldest was rated; null when there is none")


class Library(BaseModel):
    done: int = Field(description="pictures that the server's encoder has looked at")
    of: int = Field(description="pictures there are")


class Making(BaseModel):
    slow: bool = Field(description="whether a generator here takes long; if not, there is no need to ask again")
    state: Literal["none", "waiting", "working"]
    done: int | None = Field(None, description="steps that were done")
    of: int | None = Field(None, description="steps it takes; null until it is known")
    generator: str | None = Field(None, description="what works, or would")
    trouble: str | None = Field(None, description="why the latest one could not be made")
    library: Library | None = Field(None, description="how far a new look at all pictures is; null when it is done")


class Health(BaseModel):
    database: bool
    worker: bool
    library: Library | None = None
