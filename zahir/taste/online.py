"""One person's solve kept open: the next rating is a rank-one update, not a solve anew.

Knows the ridge of `solve_rows`; nothing of levels, of metrics or of who rated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.linalg.blas import dgemv, dsyrk, dtrsv
from scipy.linalg.lapack import dpotrf


class Open(NamedTuple):
    """What n ratings of one person leave to be solved: rows scaled by the roots of their weights."""

    rows: Float64[np.ndarray, "n dim"]
    low: Float64[np.ndarray, "n n"]  # Cholesky factor of rows rows' + strength
    left: Float64[np.ndarray, "n"]  # low^-1 of what the prior leaves unexplained
    prior: Float64[np.ndarray, "dim"]
    strength: float


def begin(
    factors: Float[np.ndarray, "n dim"],
    ratings: Float32[np.ndarray, "n"],
    weights: Float32[np.ndarray, "n"],
    *,
    prior: Float[np.ndarray, "dim"],
    strength: float,
) -> Open:
    """Factor the n x n dual of sum w (r - x . f)^2 + strength |x - prior|^2; O(n^2 dim), n = 0 is allowed.

    Ratings are whatever x . f is to tell: less level and biases. Raises ValueError unless strength > 0.
    """
    if not strength > 0:
        raise ValueError(f"strength must be > 0; got {strength}. Use a small number for nearly none.")
    scale, prior = np.sqrt(weights.astype(np.float64)), prior.astype(np.float64)
    rows = scale[:, None] * factors
    if not len(rows):
        return Open(rows, np.zeros((0, 0)), np.zeros(0), prior, strength)
    dual = dsyrk(1.0, rows.T, trans=1, lower=1)
    dual[np.diag_indices(len(dual))] += strength
    low, _ = dpotrf(dual, lower=1, clean=1, overwrite_a=1)
    return Open(rows, low, dtrsv(low, scale * ratings - rows @ prior, lower=1), prior, strength)


def add(open_: Open, factor: Float[np.ndarray, "dim"], rating: float, weight: float = 1.0) -> Open:
    """One more rating: a row more of the Cholesky factor; O(n (n + dim)).

    The factor grows by l = L^-1 R f and sqrt(f . f + strength - l . l), for rows R and the new row f
    (Golub & Van Loan 2013, 6.5.4).
    """
    n, scale = len(open_.rows), np.sqrt(weight)
    row = scale * factor.astype(np.float64)
    aside = dtrsv(open_.low, dgemv(1.0, open_.rows.T, row, trans=1), lower=1) if n else np.zeros(0)
    corner = np.sqrt(row @ row + open_.strength - aside @ aside)
    low = np.zeros((n + 1, n + 1), order="F")
    low[:n, :n], low[n, :n], low[n, n] = open_.low, aside, corner
    left = (scale * rating - row @ open_.prior - aside @ open_.left) / corner
    return open_._replace(rows=np.concatenate([open_.rows, row[None]]), low=low, left=np.append(open_.left, left))


def solution(open_: Open) -> Float32[np.ndarray, "dim"]:
    """The minimum given all ratings so far: prior + R' L'^-1 left."""
    if not len(open_.rows):
        return open_.prior.astype(np.float32)
    dual = dtrsv(open_.low, open_.left, lower=1, trans=1)
    return dgemv(1.0, open_.rows.T, dual, beta=1.0, y=open_.prior).astype(np.float32)
