"""What ratings say about everybody at once: the population's taste and all levels, solved jointly.

One person's own taste is integrated out, not fitted, so that the answer is the generalised least
squares one and not the slow limit of averaging. Knows nothing of where strengths come from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy import linalg, sparse

_DENSE = 4000  # ratings up to which the n x n system is written out
_CHUNK = 1 << 14


class Shared(NamedTuple):
    """The parts of every rating that are not one person's own taste, and the dual they came from."""

    population: Float32[np.ndarray, "dim"]
    level: float
    item_bias: Float32[np.ndarray, "items"]
    user_bias: Float32[np.ndarray, "users"]
    dual: Float[np.ndarray, "n"]


class Strengths(NamedTuple):
    """Ridge strength of each part: noise variance over the part's variance; infinity leaves it out."""

    population: float
    own: float
    item: float
    level: float
    bias: float


def solve_shared(
    users: Int64[np.ndarray, "n"],
    items: Int64[np.ndarray, "n"],
    ratings: Float[np.ndarray, "n"],
    weights: Float[np.ndarray, "n"],
    *,
    own_factors: Float32[np.ndarray, "items dim"],
    population_factors: Float32[np.ndarray, "items dim"],
    strengths: Strengths,
    num_users: int,
    start: Float[np.ndarray, "n"] | None = None,
) -> Shared:
    """Minimise over all parts of r = level + bias_u + item_i + p . g_i + o_u . h_i, own tastes o_u included,

        sum_n w_n (residual)^2 + |p|^2 + sum_u |o_u|^2 + item sum_i item_i^2 + level level^2 + bias sum_u bias_u^2,

    where g are `population_factors` and h `own_factors`, into which their strengths have gone already.
    Solves the n x n dual (K + W^-1) a = r: written out up to 4,000 ratings, by conjugate gradients
    beyond, where a product costs O(n dim) and `start` (the dual of a similar problem) saves steps.
    """
    n = len(users)
    inverse = Strengths(*(1.0 / s for s in strengths))
    by_user = sparse.csr_array((np.ones(n), (users, np.arange(n))), shape=(num_users, n))
    by_item = sparse.csr_array((np.ones(n), (items, np.arange(n))), shape=(len(own_factors), n))
    if n <= _DENSE:
        dual = _solve_dense(users, items, ratings, weights, own_factors, population_factors, inverse)
    else:
        dual = _solve_iteratively(
            users, items, ratings, weights, own_factors, population_factors, inverse, by_user, by_item, start
        )
    item_sums = by_item @ dual
    return Shared(
        (population_factors.T @ item_sums).astype(np.float32),
        float(inverse.level * dual.sum()),
        (inverse.item * item_sums).astype(np.float32),
        (inverse.bias * (by_user @ dual)).astype(np.float32),
        dual,
    )


def _solve_dense(
    users: np.ndarray,
    items: np.ndarray,
    ratings: np.ndarray,
    weights: np.ndarray,
    own_factors: np.ndarray,
    population_factors: np.ndarray,
    inverse: Strengths,
) -> np.ndarray:
    own, population = own_factors[items].astype(np.float64), population_factors[items].astype(np.float64)
    same_user, same_item = users[:, None] == users, items[:, None] == items
    covariance = population @ population.T + same_user * (own @ own.T + inverse.bias)
    covariance += inverse.item * same_item + inverse.level
    covariance[np.diag_indices(len(users))] += 1.0 / weights
    return linalg.solve(covariance, np.asarray(ratings, np.float64), assume_a="pos", overwrite_a=True)


def _solve_iteratively(
    users: np.ndarray,
    items: np.ndarray,
    ratings: np.ndarray,
    weights: np.ndarray,
    own_factors: np.ndarray,
    population_factors: np.ndarray,
    inverse: Strengths,
    by_user: sparse.csr_array,
    by_item: sparse.csr_array,
    start: np.ndarray | None,
) -> np.ndarray:
    n, noise = len(users), 1.0 / np.asarray(weights, np.float64)
    cells = (users, items)
    shape = (by_user.shape[0], len(own_factors))

    def times(v: np.ndarray) -> np.ndarray:
        item_sums = by_item @ v
        tastes = sparse.csr_array((v.astype(np.float32), cells), shape=shape) @ own_factors
        shared = population_factors @ (population_factors.T @ item_sums.astype(np.float32))
        out = noise * v + inverse.level * v.sum() + inverse.bias * (by_user @ v)[users]
        out += (shared + inverse.item * item_sums)[items]
        for first in range(0, n, _CHUNK):
            span = slice(first, first + _CHUNK)
            out[span] += np.einsum("nd,nd->n", tastes[users[span]], own_factors[items[span]])
        return out

    # plain conjugate gradients, scaled by the diagonal
    own_size = np.einsum("id,id->i", own_factors, own_factors) + np.einsum(
        "id,id->i", population_factors, population_factors
    )
    diagonal = noise + inverse.level + inverse.bias + inverse.item + own_size[items]
    target = np.asarray(ratings, np.float64)
    dual = np.zeros(n) if start is None else start.copy()
    left = target - times(dual) if start is not None else target.copy()
    scaled = left / diagonal
    step, size = scaled.copy(), left @ scaled
    goal = 1e-9 * (target @ (target / diagonal))
    for _ in range(1000):
        if size <= goal:
            break
        image = times(step)
        length = size / (step @ image)
        dual += length * step
        left -= length * image
        scaled = left / diagonal
        size, before = left @ scaled, size
        step = scaled + (size / before) * step
    return dual
