"""The product: a person's history becomes a taste, the taste becomes media, the media wait for their rating.

`step` is the whole loop in one function; the command line, the web's worker and the simulation all call
it. Encoder, taste model and generator arrive as arguments: this file knows none of them.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from zahir.errors import SpaceMismatch
from zahir.interactions import Dataset, History
from zahir.media import Media
from zahir.protocols import (
    Encoder,
    Filter,
    Generator,
    KnowsDoubt,
    KnowsPeople,
    Progress,
    Retrieves,
    SavedTasteModel,
    TasteModel,
)
from zahir.questions import next_questions
from zahir.steer import Steer, apart, explore
from zahir.store import QUESTIONS_FILE, Store

FITS_KEPT = 3
DOUBTS = 64  # draws from a posterior that say where it is open
WITHIN = 1.0  # radians: turned less than this, a picture explores what ratings leave open; further, anything
QUESTIONS, PEOPLE = 48, 20  # what newcomers may be asked, once so many people have tastes to be told apart
AMONG = 2048  # newest items of the space that surprises are mixed from
LATELY = 12  # pictures made for somebody that the next one is led away from,
FAR = (0.15, 0.8)  # this much at least and at most,
SURE = 20  # in inverse proportion to the number of ratings: in full up to here


def step(
    store: Store,
    user: int | None,
    *,
    encoder: Encoder,
    model: TasteModel,
    generator: Generator,
    n: int = 4,
    strength: float = 1.0,
    surprise: float = 0.3,
    seed: int,
    steer: Steer | None = None,
    prompt: str | None = None,
    negative: Float32[np.ndarray, "dim"] | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    size: tuple[int, int] | None = None,
    check: Filter | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """Make n items for one person, or (None) for nobody in particular, one after another, and return their ids.

    Each is led away from what the last dozen made for them have in common (`steer.apart`): far while ratings are
    few, so that they tell much, less as the taste becomes sure; not at all where `steer`, which is given all n tastes
    and returns as many, says where to go. `negative` is a taste to lead away from; `prompt`, `steps` and `guidance`
    are the generator's. `strength` in [0, 2]: 1 is the taste as the model gives it, 0 the average of the space.
    `surprise` in radians [0, pi/2]: how far each taste is then turned away; below 1 towards draws from its posterior
    (Thompson 1933), where the model has one, so that what ratings leave open is tried; else towards a random mixture
    of what is there. What the filter `check` says of them is kept with them (`zahir.store.checks`). `progress` counts
    in the generator's units, over all n; when it cancels, whatever is whole is kept. Raises SpaceMismatch when encoder
    and generator speak of different spaces.
    """
    if encoder.space != generator.space:
        raise SpaceMismatch(encoder.space, generator.space)
    rng = np.random.default_rng(seed)
    seeds = rng.integers(2**31, size=n).tolist()
    history = History.empty(encoder.dim) if user is None else store.history(user, space=encoder.space)
    tastes = model.tastes(history, n, rng=rng)
    tastes = steer(tastes) if steer else tastes
    among = store.vectors(encoder.space)[-AMONG:]
    centre = among.mean(axis=0) if len(among) else np.zeros(encoder.dim, np.float32)
    shelf = store.shelf(encoder.space)
    lately = list(store.vectors(encoder.space)[shelf.rows[shelf.made_for == user][-LATELY:]])
    towards = among
    if 0 < surprise < WITHIN and isinstance(model, KnowsDoubt):
        towards = model.sample_tastes(history, DOUBTS, rng=rng)
    much = float(np.clip(SURE / max(1, len(history)), *FAR))
    media: list[Media] = []
    going = True

    def tell(done: int, of: int) -> bool:
        nonlocal going
        going = progress is None or progress(len(media) * of + done, n * of)
        return going

    for k in range(n):
        taste = tastes[k : k + 1]
        if lately and steer is None:
            taste = apart(taste, np.array(lately[-LATELY:]), centre, much)
        taste = explore(taste, surprise, rng=rng, among=towards)
        made = generator.generate(
            taste, seeds=seeds[k : k + 1], strength=strength, prompts=None if prompt is None else [prompt],
            negatives=None if negative is None else negative[None], size=size, steps=steps, guidance=guidance,
            progress=tell,
        )  # fmt: skip
        media += [_turned(each, surprise) for each in made]
        lately += list(encoder.encode(made))
        if not going:
            break
    vectors = np.array(lately[len(lately) - len(media) :], np.float32).reshape(-1, encoder.dim)
    return store.add_items(media, vectors, space=encoder.space, made_for=user, check=check)


def refit(store: Store, model: SavedTasteModel, *, space: str) -> str:
    """Fit on everybody's ratings, save the fit aside, then make it the current one; the newest three stay.

    From twenty people on the fit comes with what to ask newcomers: the items that tell those people apart best.
    """
    data = store.dataset(space=space)
    model.fit(data.interactions, data.embeddings)
    name = uuid.uuid4().hex
    fits = store.home / "fits"
    fits.mkdir(exist_ok=True)
    model.save(fits / name)
    if isinstance(model, KnowsPeople):
        offsets = model.user_embeddings_ - model.population_
        offsets = offsets[np.any(offsets != 0, axis=1)]
        if len(offsets) >= PEOPLE:
            shelf = store.shelf(space)
            asked = next_questions(store.vectors(space)[shelf.rows], QUESTIONS, tastes=offsets)
            np.save(fits / name / QUESTIONS_FILE, shelf.ids[asked], allow_pickle=False)
    record(store, name, data)
    newest = sorted((each for each in fits.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    for old in newest[:-FITS_KEPT]:
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)
    return name


def record(store: Store, name: str, data: Dataset) -> None:
    """From now on histories speak to the fit of this name, which was made from these data."""
    store.record_fit(
        name,
        space=data.space,
        users_known=data.interactions.num_users,
        items_known=data.interactions.num_items,
        ratings_used=len(data.interactions),
    )


def with_library(generator: Generator, store: Store, space: str) -> Generator:
    """Tell a generator that retrieves what there is to find: all that was made for nobody. Others come back."""
    if not isinstance(generator, Retrieves):
        return generator
    shelf = store.shelf(space)
    free = shelf.made_for == 0
    ids = shelf.ids[free]
    return generator.over(space, store.vectors(space)[shelf.rows[free]], lambda row: store.media(int(ids[row])))


def _turned(media: Media, surprise: float) -> Media:
    details = {**media.origin.details, "surprise": surprise}
    return replace(media, origin=replace(media.origin, details=details))
