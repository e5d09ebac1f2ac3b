"""How pictures made for people are judged in REBECA: a permutation test, and whose stored pictures they lie near.

Knows nothing of how the pictures were made or of who judges them: scores and embeddings are arguments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from zahir.space import normalize

SHUFFLES = 1000
LEAST_LIKES = 3  # of the people whose retrieval is measured


class Permutation(NamedTuple):
    """The median over people of the mean score of their pictures, and how often a shuffle reaches it."""

    median: float
    shuffled: Float64[np.ndarray, "shuffles"]

    @property
    def published_p(self) -> float:
        """The share of shuffles at least as high, which can be 0: REBECA's figure."""
        return float(np.mean(self.shuffled >= self.median))

    @property
    def p(self) -> float:
        """The same with the true labels among the shuffles (Phipson & Smyth 2010), never 0."""
        return float((np.sum(self.shuffled >= self.median) + 1) / (len(self.shuffled) + 1))


def permutation_test(
    scores: Float[np.ndarray, "people pictures"], owners: Int64[np.ndarray, "pictures"], *, seed: int = 42
) -> Permutation:
    """Shuffle whose picture is whose 1,000 times; `scores` are everybody's of every picture.

    What pleases everyone alike is the same in every shuffle, so that a low p speaks of persons.
    """
    rng = np.random.default_rng(seed)
    real = _median(scores, owners)
    return Permutation(real, np.array([_median(scores, rng.permutation(owners)) for _ in range(SHUFFLES)]))


def own_means(
    scores: Float[np.ndarray, "people pictures"], owners: Int64[np.ndarray, "pictures"]
) -> Float64[np.ndarray, "people"]:
    """Each person's mean score of what was made for them."""
    picked = scores[owners, np.arange(len(owners))]
    return np.bincount(owners, picked, len(scores)) / np.bincount(owners, minlength=len(scores))


def wins(means: Float64[np.ndarray, "models people"]) -> Float64[np.ndarray, "models"]:
    """For how many people each model's pictures score highest on average; a tie is shared."""
    best = means == means.max(axis=0)
    return (best / best.sum(axis=0)).sum(axis=1)


def wilcoxon(one: Float64[np.ndarray, "people"], other: Float64[np.ndarray, "people"]) -> float:
    """Two-sided p of the signed-rank test (Wilcoxon 1945) over people; NaN where no difference is left."""
    from scipy.stats import wilcoxon as signed_ranks

    return float(signed_ranks(one, other).pvalue) if np.any(one != other) else float("nan")


def own_over_others(
    scores: Float[np.ndarray, "people pictures"], owners: Int64[np.ndarray, "pictures"]
) -> Float64[np.ndarray, "people"]:
    """Each person's mean score of what was made for them, less that of what was made for the others."""
    mine = owners == np.arange(len(scores))[:, None]
    return own_means(scores, owners) - (scores * ~mine).sum(1) / (~mine).sum(1)


class Retrieval(NamedTuple):
    """Precision, recall, F1 and the share of likes in the pool, one per person; NaN for those left out."""

    precision: Float64[np.ndarray, "people"]
    recall: Float64[np.ndarray, "people"]
    f1: Float64[np.ndarray, "people"]
    base: Float64[np.ndarray, "people"]


def retrieval(
    made: Float[np.ndarray, "pictures dim"],
    owners: Int64[np.ndarray, "pictures"],
    stored: Float[np.ndarray, "items dim"],
    users: Int64[np.ndarray, "n"],
    items: Int64[np.ndarray, "n"],
    liked: Bool[np.ndarray, "n"],
    *,
    num_users: int,
    k: int,
) -> Retrieval:
    """The union of the k stored pictures nearest to each made one, out of those that its person rated.

    Precision is the liked share of that union, recall the share of the liked that it holds. People with
    fewer than 3 likes are left out, and really so: means are over the rest.
    """
    figures = np.full((4, num_users), np.nan)
    for person in range(num_users):
        rows = np.flatnonzero(users == person)
        mine = made[owners == person]
        likes = liked[rows]
        if likes.sum() < LEAST_LIKES or not len(mine):
            continue
        near = normalize(mine) @ normalize(stored[items[rows]]).T
        union = np.unique(np.argsort(-near, axis=1, kind="stable")[:, :k])
        right = int(likes[union].sum())
        precision, recall = right / len(union), right / int(likes.sum())
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        figures[:, person] = precision, recall, f1, likes.mean()
    return Retrieval(*figures)


def _median(scores: np.ndarray, owners: np.ndarray) -> float:
    return float(np.median(own_means(scores, owners)))
