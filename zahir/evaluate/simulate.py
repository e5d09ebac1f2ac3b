"""Closes the loop with simulated people, and measures how much what is made for them pleases them.

Encoder, generator and taste models arrive as arguments. The gain of a picture is how much it pleases its
person, in standard deviations of random pictures: random pictures have gain 0.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64

from zahir.evaluate.raters import Rater
from zahir.loop import record, step
from zahir.media import Media
from zahir.protocols import Encoder, Generator, Progress, TasteModel
from zahir.questions import worth
from zahir.space import normalize
from zahir.store import NewRating, Store

SIZE = (128, 128)  # pixels: what the raters and the encoder look at

Source = Literal["loop", "stopped", "random", "library"]
"""Where a round's pictures come from: made with every rating so far, made with the calibration's ratings
alone, the best by score of as many new random pictures as the library holds, the best unrated of the library."""


@dataclass(frozen=True, eq=False)
class Library:
    """Random pictures with their embeddings."""

    media: Sequence[Media]
    embeddings: Float32[np.ndarray, "n dim"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one source showed: people in order, rounds in order."""

    gain: Float64[np.ndarray, "people rounds"]  # mean over the pictures of a round
    within: Float64[np.ndarray, "people rounds"]  # mean cosine between the pictures of a round
    between: float  # mean cosine between two people's pictures of the last round
    shown: list[list[Media]]  # of the last round, by person


def random_library(
    generator: Generator, encoder: Encoder, n: int, *, seed: int, progress: Progress | None = None
) -> Library:
    """n pictures made at strength 0: the average of the space, whatever its generator calls random."""
    rng = np.random.default_rng(seed)
    anything = normalize(rng.standard_normal((n, encoder.dim)))
    seeds = rng.integers(2**31, size=n).tolist()
    media = generator.generate(anything, seeds=seeds, strength=0.0, size=SIZE, progress=progress)
    return Library(media, encoder.encode(media))


def simulate(
    raters: Sequence[Rater],
    *,
    encoder: Encoder,
    generator: Generator,
    model: Callable[[], TasteModel],
    library: Library,
    source: Source = "loop",
    calibration: int = 40,
    rounds: int = 5,
    per_round: int = 12,
    surprise: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Outcome:
    """Ask everybody about `calibration` pictures, each in the light of the answers so far; then `rounds` times more.

    A round is of `per_round` pictures.

    All people live in one store, so that each one's ratings help the others; the model is fitted anew
    before every round, as the product does.
    """
    rng = np.random.default_rng(seed)
    gain, within = (np.zeros((len(raters), rounds)) for _ in range(2))
    shown: list[list[Media]] = []
    vectors: list[np.ndarray] = []
    with tempfile.TemporaryDirectory(prefix="zahir-simulate-") as folder:
        store = Store(folder)
        space = encoder.space
        shelf = store.add_items(library.media, library.embeddings, space=space, made_for=None)
        users = [store.add_user() for _ in raters]
        for user, rater in zip(users, raters):
            asked, likes = _calibrate(library, rater, calibration, rng)
            _rate(store, user, [shelf[k] for k in asked], likes)
        fitted = model()
        for k in range(rounds):
            _fit(store, fitted, space)
            shown, vectors = [], []
            pool = library
            if source == "random":
                pool = random_library(generator, encoder, len(library.media), seed=seed + 1000 + k)
            for which, (user, rater) in enumerate(zip(users, raters)):
                if source in ("loop", "stopped"):
                    made = step(
                        store, user, encoder=encoder, model=fitted, generator=generator, n=per_round,
                        surprise=surprise, seed=int(rng.integers(2**31)), size=SIZE,
                    )  # fmt: skip
                    media = [store.media(item) for item in made]
                    embeddings = store.vectors(space)[-len(made) :]
                else:
                    score = np.array(fitted.score(store.history(user, space=space), pool.embeddings))
                    if source == "library":
                        score[np.isin(shelf, [item for _, item, _, _ in store.rated(user)])] = -np.inf
                    best = np.argsort(-score)[:per_round]
                    media, embeddings = [pool.media[b] for b in best], pool.embeddings[best]
                    made = [shelf[b] for b in best]
                    if source == "random":
                        made = store.add_items(media, embeddings, space=space, made_for=user)
                liking = rater.liking(media, embeddings)
                gain[which, k] = liking.mean()
                within[which, k] = _mean_pair(embeddings)
                shown.append(media)
                vectors.append(embeddings)
                if source != "stopped":
                    _rate(store, user, made, rater.likes(liking, rng))
                if progress is not None:
                    progress(k * len(raters) + which + 1, rounds * len(raters))
        store.close()
    across = [float((a @ b.T).mean()) for i, a in enumerate(vectors) for b in vectors[:i]]
    return Outcome(gain, within, float(np.mean(across)) if across else float("nan"), shown)


def _calibrate(
    library: Library, rater: Rater, count: int, rng: np.random.Generator
) -> tuple[list[int], Bool[np.ndarray, "count"]]:
    """What somebody is asked about, and whether they liked it."""
    asked: list[int] = []
    likes = np.zeros(0, bool)
    for _ in range(count):
        told = worth(library.embeddings, asked=library.embeddings[asked], answers=likes - 0.5)
        told[asked] = -np.inf
        asked.append(int(np.argmax(told)))
        liking = rater.liking([library.media[asked[-1]]], library.embeddings[asked[-1:]])
        likes = np.append(likes, rater.likes(liking, rng))
    return asked, likes


def _rate(store: Store, user: int, items: Sequence[int], likes: np.ndarray) -> None:
    store.rate_many(
        [NewRating(user, item, 0.5 if like else -0.5, uuid.uuid4().hex) for item, like in zip(items, likes)]
    )


def _fit(store: Store, model: TasteModel, space: str) -> None:
    data = store.dataset(space=space)
    model.fit(data.interactions, data.embeddings)
    record(store, uuid.uuid4().hex, data)


def _mean_pair(vectors: np.ndarray) -> float:
    n = len(vectors)
    if n < 2:
        return float("nan")
    return float(((vectors @ vectors.T).sum() - (vectors * vectors).sum()) / (n * (n - 1)))
