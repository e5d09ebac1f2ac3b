"""Which ratings to learn from and which to hold out.

Knows nothing of models or scores. Both splits deal every rating into exactly one test fold.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64

from zahir.interactions import Interactions

Fold = tuple[Int64[np.ndarray, "train"], Int64[np.ndarray, "test"]]


def warm(interactions: Interactions, *, folds: int, seed: int) -> Iterator[Fold]:
    """Hold out ratings: each person's are dealt at random, as evenly as they go, into the folds.

    Raises ValueError when there are repeated ratings, one of which would tell the other.
    """
    _check(interactions, folds)
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(interactions)), interactions.users))
    users = interactions.users[order]
    place = np.arange(len(users)) - np.searchsorted(users, users)
    start = rng.integers(folds, size=interactions.num_users)  # people with few ratings are not all in fold 0
    dealt = np.empty(len(users), np.int64)
    dealt[order] = (place + start[users]) % folds
    yield from _folds(dealt, folds)


def cold(interactions: Interactions, *, folds: int, seed: int) -> Iterator[Fold]:
    """Hold out items: those of a test fold carry no training rating at all, by anybody."""
    _check(interactions, folds)
    rng = np.random.default_rng(seed)
    rated = np.unique(interactions.items)
    of_item = np.zeros(interactions.num_items, np.int64)
    of_item[rated] = rng.permutation(len(rated)) % folds
    yield from _folds(of_item[interactions.items], folds)


def _folds(dealt: np.ndarray, folds: int) -> Iterator[Fold]:
    for fold in range(folds):
        yield np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)


def _check(interactions: Interactions, folds: int) -> None:
    if folds < 2:
        raise ValueError(f"folds must be at least 2; got {folds}.")
    if len(interactions.latest()) != len(interactions):
        raise ValueError("some items are rated twice by one person. Take interactions.latest() first.")
