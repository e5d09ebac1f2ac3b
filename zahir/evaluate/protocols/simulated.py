"""Simulated people who rate random pictures, and what they really think of any other picture.

Knows nothing of taste models; encoder and generator are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from zahir.evaluate.raters import PIXEL_TASTES, Rater, direction_rater, pixel_rater
from zahir.evaluate.simulate import random_library
from zahir.interactions import Dataset, Interactions
from zahir.media import Media
from zahir.protocols import Encoder, Generator, Progress

LIKE, DISLIKE = 0.5, -0.5


class Crowd(NamedTuple):
    """Ratings as a data set, and the people behind them."""

    dataset: Dataset
    raters: list[Rater]

    def truth(
        self, embeddings: Float32[np.ndarray, "pictures dim"], media: Sequence[Media]
    ) -> Float[np.ndarray, "people pictures"]:
        """How much every person likes every picture, in standard deviations of random pictures."""
        return np.stack([rater.liking(media, embeddings) for rater in self.raters])


def crowd(
    people: int,
    ratings: int,
    *,
    encoder: Encoder,
    generator: Generator,
    library: int,
    pixels: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Crowd:
    """Let each person rate `ratings` random pictures of a library; tastes are directions, or statistics of pixels.

    Raises ValueError when there are fewer pictures than ratings.
    """
    if not 0 < ratings <= library:
        raise ValueError(f"ratings must be from 1 to the {library} pictures of the library; got {ratings}.")
    rng = np.random.default_rng(seed)
    shelf = random_library(generator, encoder, library, seed=seed, progress=progress)
    kinds = list(PIXEL_TASTES)
    raters = [
        pixel_rater(kinds[k % len(kinds)], shelf.media) if pixels else direction_rater(shelf.embeddings, rng)
        for k in range(people)
    ]
    items = np.stack([rng.choice(library, ratings, replace=False) for _ in raters])
    said = [
        rater.likes(rater.liking([shelf.media[k] for k in mine], shelf.embeddings[mine]), rng)
        for rater, mine in zip(raters, items)
    ]
    table = Interactions.of(
        np.repeat(np.arange(people), ratings),
        items.ravel(),
        np.where(np.concatenate(said), LIKE, DISLIKE),
        num_users=people,
        num_items=library,
    )
    names = [str(k) for k in range(library)]
    return Crowd(Dataset(table, shelf.embeddings, encoder.space, [str(k) for k in range(people)], names), raters)
