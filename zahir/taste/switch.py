"""Whether one model ranks pictures that nobody has seen better than another, on the ratings at hand.

Knows ratings, their covariance and nothing of what the parts of a model mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from zahir.interactions import Interactions

_REPEATS, _FOLDS = 2, 3

Predict = Callable[[Interactions, Interactions], np.ndarray]
"""Called as predict(known, held): expected ratings of `held` from those of `known`."""


class Gain(NamedTuple):
    """Difference in area under the ROC curve within a person, and its standard error.

    The error is over pictures: the people stay the same, what they are shown does not.
    """

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ± {self.error:.3f} of AUC on new pictures"


def gain(better: Float[np.ndarray, "n"], than: Float[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Gain:
    """Of two results of `cold_ranking` for the same ratings; pictures are what varies."""
    difference = better - than
    mean = float(difference.mean())
    left = np.bincount(items, difference - mean)
    return Gain(mean, float(np.sqrt(np.sum(left**2)) / len(items)))


def cold_ranking(table: Interactions, predict: Predict, *, seed: int) -> Float[np.ndarray, "n"]:
    """How well each rating is told apart from the same person's others, its picture held out from everybody.

    For a like, the share of the person's other ratings that it is ranked above; for another, the share of
    likes above it: such that the mean over a person's ratings is their area under the ROC curve. Ratings of
    somebody without both count 0. Mean over two splits into thirds of the pictures.
    """
    rng = np.random.default_rng(seed)
    found = np.zeros(len(table))
    for _ in range(_REPEATS):
        fold = rng.integers(0, _FOLDS, table.num_items)[table.items]
        scores = np.zeros(len(table))
        for k in range(_FOLDS):
            if (fold == k).any() and (fold != k).any():
                scores[fold == k] = predict(table.take(fold != k), table.take(fold == k))
        found += _shares(table, scores) / _REPEATS
    return found


def _shares(table: Interactions, scores: np.ndarray) -> np.ndarray:
    shares = np.zeros(len(table))
    order = np.argsort(table.users, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(table.users[order])) + 1):
        likes, others = mine[table.ratings[mine] > 0], mine[table.ratings[mine] <= 0]
        if len(likes) and len(others):
            above = np.sign(scores[likes][:, None] - scores[others]) / 2 + 0.5
            shares[likes] = above.mean(1) * len(mine) / (2 * len(likes))
            shares[others] = above.mean(0) * len(mine) / (2 * len(others))
    return shares
