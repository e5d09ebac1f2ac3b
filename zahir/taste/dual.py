"""The dual of a Gaussian process over ratings: solved once, then amended by ratings that come, change or go.

Knows which parts a rating has and how they covary; nothing of how scales were found or what a taste is for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy.linalg import cho_solve, cholesky, solve_triangular

from zahir.taste.alike import similarity
from zahir.taste.evidence import Scales


class Cells(NamedTuple):
    """Whose rating of what: the person, their position among the others, and the item; -1 is an item nobody knows."""

    users: Int64[np.ndarray, "n"]
    positions: Float[np.ndarray, "n rank"]
    items: Int64[np.ndarray, "n"]


def covariance(a: Cells, b: Cells, alike: Float[np.ndarray, "n m"], scales: Scales) -> Float[np.ndarray, "n m"]:
    """Covariance of ratings at a and b without their noise.

        K((u,i),(v,j)) = (population + own [u=v] + like S_uv) k(i,j) + (item + tie S_uv) [i=j] + level + bias [u=v]

    `alike` is the kernel of pictures, k(i,j).
    """
    same = a.users[:, None] == b.users
    out = scales.population + scales.own * same
    known = (a.items[:, None] == b.items) & (a.items >= 0)[:, None]
    if scales.like or scales.tie:
        likeness = similarity(*a[:2], *b[:2])
        out = (out + scales.like * likeness) * alike + known * (scales.item + scales.tie * likeness)
    else:
        out = out * alike + scales.item * known
    return out + scales.level + scales.bias * same


class Dual(NamedTuple):
    """The Cholesky factor of K + D for n ratings, and (K + D)^-1 times the ratings."""

    low: Float32[np.ndarray, "n n"]
    alpha: Float[np.ndarray, "n"]

    @staticmethod
    def of(
        covariance: Float[np.ndarray, "n n"], noise: Float[np.ndarray, "n"], ratings: Float[np.ndarray, "n"]
    ) -> Dual:
        """Solve in float64; of the factor half of that is kept, enough for what is amended later."""
        if len(ratings) == 0:
            return Dual(np.zeros((0, 0), np.float32), np.zeros(0))
        low = cholesky(covariance + np.diag(noise), lower=True, overwrite_a=True)
        return Dual(low.astype(np.float32), cho_solve((low, True), np.asarray(ratings, np.float64)))


class Amended(NamedTuple):
    """A dual in which `gone` ratings no longer count and q others do.

    Block elimination of the system bordered by the new rows, and by one row e_g that holds alpha_g = 0
    for each rating that is gone. O(n^2 q); what was solved before is not solved again.
    """

    dual: Dual
    alpha: Float[np.ndarray, "n_q"]
    border: Float[np.ndarray, "n q_gone"]  # the inverse factor times the border
    schur: Float[np.ndarray, "q_gone q_gone"]  # inverse of its complement
    extra: int

    def solve(self, right: Float[np.ndarray, "n_q m"]) -> Float[np.ndarray, "n_q m"]:
        """The amended (K + D)^-1 times `right`, whose last q rows belong to the new ratings."""
        n, size = self.border.shape
        first = _forward(self.dual.low, right[:n])
        goal = np.concatenate([right[n:], np.zeros((size - self.extra, right.shape[1]))])
        last = self.schur @ (goal - self.border.T @ first)
        return np.concatenate([_backward(self.dual.low, first - self.border @ last), last[: self.extra]])


def amend(
    dual: Dual,
    *,
    gone: Int64[np.ndarray, "gone"],
    cross: Float[np.ndarray, "q n"],
    corner: Float[np.ndarray, "q q"],
    ratings: Float[np.ndarray, "q"],
) -> Amended:
    """Take ratings away and add q others, whose covariance with the n old ones is `cross`.

    `corner` is their covariance with each other, noise included.
    """
    n, q, size = len(dual.alpha), len(ratings), len(ratings) + len(gone)
    if size == 0:
        return Amended(dual, dual.alpha, np.zeros((n, 0)), np.zeros((0, 0)), 0)
    edge = np.zeros((n, size), np.float32)
    edge[:, :q] = cross.T
    edge[gone, np.arange(q, size)] = 1.0
    border = _forward(dual.low, edge)
    complement = -border.T @ border
    complement[:q, :q] += corner
    schur = np.linalg.inv(complement)
    last = schur @ (np.append(ratings, np.zeros(len(gone))) - dual.alpha @ edge)
    alpha = dual.alpha - _backward(dual.low, (border @ last)[:, None])[:, 0]
    return Amended(dual, np.append(alpha, last[:q]), border, schur, q)


def _forward(low: np.ndarray, right: np.ndarray) -> np.ndarray:
    return _triangular(low, right, 0)


def _backward(low: np.ndarray, right: np.ndarray) -> np.ndarray:
    return _triangular(low, right, 1)


def _triangular(low: np.ndarray, right: np.ndarray, trans: int) -> np.ndarray:
    if right.size == 0:
        return right.astype(np.float64)
    solved = solve_triangular(low, right.astype(np.float32), lower=True, trans=trans, check_finite=False)
    return solved.astype(np.float64)
