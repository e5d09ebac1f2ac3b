"""Which pictures to ask somebody about, so that their answers tell most about their taste.

Knows embeddings of what was asked and of what could be, and the answers where there are some; no models.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.linalg import cholesky, solve_triangular

from zahir.space import normalize

_NOISE = 1.0  # variance of an answer, in units of the variance of liking: what a like or a dislike leaves open
_JUDGED = 512  # items of the pool on which what is left open is measured
_DRAWN = 256  # offsets that stand for all tastes where nobody's are known
_SURE = 2.0  # how fast a question loses its worth as its answer becomes foreseeable
_LEVEL = 3.0  # answers of 0 that the mean answer starts with


def next_questions(
    pool: Float[np.ndarray, "n dim"],
    count: int,
    *,
    asked: Float[np.ndarray, "k _"] | None = None,
    tastes: Float[np.ndarray, "m _"] | None = None,
) -> Int64[np.ndarray, "some"]:
    """Rows of the pool to ask about, the most telling first, each chosen in the light of those before.

    Greedy on `worth`; `asked` are questions that were answered already. Fewer than `count` come back from a
    smaller pool.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0; got {count}. 0 asks nothing.")
    doubt = _Doubt(pool, asked, tastes)
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        gain = doubt.worth()
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
        doubt.settle(chosen[-1])
    return np.array(chosen, np.int64)


def worth(
    pool: Float[np.ndarray, "n dim"],
    *,
    asked: Float[np.ndarray, "k _"] | None = None,
    answers: Float[np.ndarray, "k"] | None = None,
    tastes: Float[np.ndarray, "m _"] | None = None,
) -> Float64[np.ndarray, "n"]:
    """How much asking about each row would lower the mean variance of the liking of the whole pool.

    Integrated variance (Cohn, Ghahramani & Jordan 1996): what is shrunk is doubt about the taste, as far as
    it matters for pictures, not doubt about one item. In units of the mean variance of liking before any
    question. `tastes` are tastes that people may have, one a row about their mean: those of others, where
    there are some, so that what splits people is asked; with None they are the pool's own offsets, so that
    tastes vary as pictures do. `answers`, ratings in [-1, 1] of what was asked, lower the worth of questions whose
    answer they foretell, by exp(-2 mean^2 / (variance + noise)): a like or a dislike says most where either may
    come. Raises ValueError when the widths or lengths differ.
    """
    doubt = _Doubt(pool, asked, tastes)
    return doubt.worth() if answers is None else doubt.worth() * doubt.open(answers)


class _Doubt:
    """Covariance of the liking of pool items given answers, as the prior's less one product per answer."""

    def __init__(self, pool: np.ndarray, asked: np.ndarray | None, tastes: np.ndarray | None) -> None:
        asked = np.zeros((0, pool.shape[1]), np.float32) if asked is None else asked
        for name, given in (("asked", asked), ("tastes", tastes)):
            if given is not None and given.shape[1] != pool.shape[1]:
                raise ValueError(f"{name} has width {given.shape[1]}, the pool {pool.shape[1]}. One space at a time.")
        units = normalize(pool)
        mean = units.mean(axis=0) if len(units) else np.zeros(pool.shape[1], np.float32)
        offsets, known = normalize(units - mean), normalize(normalize(asked) - mean)
        basis = offsets[:: max(1, len(offsets) // _DRAWN)] if tastes is None else tastes
        # covariance of liking is c T' T c' for tastes T: features T c, so that no dim x dim matrix is made
        features = (offsets @ basis.T).astype(np.float64)
        size = float(np.sqrt(np.mean(np.einsum("nm,nm->n", features, features)))) if len(features) else 1.0
        self.features = features / (size or 1.0)
        before = (known @ basis.T).astype(np.float64) / (size or 1.0)
        self.judged = np.arange(0, len(pool), max(1, len(pool) // _JUDGED))
        half = cholesky(before @ before.T + _NOISE * np.eye(len(before)), lower=True)
        self.half = half
        self.told = solve_triangular(half, before @ self.features.T, lower=True)
        self.between = self.features[self.judged] @ self.features.T - self.told[:, self.judged].T @ self.told
        self.own = np.einsum("nm,nm->n", self.features, self.features) - np.einsum("kn,kn->n", self.told, self.told)

    def worth(self) -> Float64[np.ndarray, "n"]:
        if len(self.judged) == 0:
            return np.zeros(0)
        return np.asarray((self.between**2).mean(axis=0) / (self.own + _NOISE), np.float64)

    def open(self, answers: np.ndarray) -> Float64[np.ndarray, "n"]:
        """In (0, 1]: 1 where a like is as likely as a dislike, after answers to all that was asked."""
        if len(answers) != len(self.half):
            raise ValueError(f"{len(answers)} answers to {len(self.half)} questions. Give one answer to each.")
        heard = answers.astype(np.float64) / (np.sqrt(np.mean(answers**2)) if np.any(answers) else 1.0)
        level = heard.sum() / (len(heard) + _LEVEL)
        mean = level + solve_triangular(self.half, heard - level, lower=True) @ self.told
        return np.exp(-_SURE * mean**2 / (self.own + _NOISE))

    def settle(self, item: int) -> None:
        """Count the answer about this item as given."""
        row = self.features @ self.features[item] - self.told.T @ self.told[:, item]
        row /= np.sqrt(row[item] + _NOISE)
        self.told = np.vstack([self.told, row])
        self.between -= np.outer(row[self.judged], row)
        self.own -= row**2
