"""How sure a row of `solve_rows` is of its solution: variances along directions, and draws.

Knows one person's factors and weights; nothing of what they stand for. No dim x dim matrix is made.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from scipy.linalg import cho_factor, cho_solve


def row_variance(
    factors: Float32[np.ndarray, "k dim"],
    weights: Float32[np.ndarray, "k"],
    *,
    strength: float,
    noise: float,
    along: Float32[np.ndarray, "m dim"],
) -> Float[np.ndarray, "m"]:
    """Variance of x . a for each row a of `along`.

    x ~ N(prior, noise / strength) in every coordinate and ratings have variance noise / weight: the posterior
    whose mean `solve_rows` returns. Rasmussen & Williams 2006, eq. 2.12: a' a - a' F' (F F' + s W^-1)^-1 F a,
    times noise / strength.
    """
    prior = np.einsum("md,md->m", along, along).astype(np.float64)
    if len(factors):
        cross = (factors @ along.T).astype(np.float64)
        prior -= np.einsum("km,km->m", cross, cho_solve(_dual(factors, weights, strength), cross))
    return np.maximum(noise / strength * prior, 0.0)


def row_samples(
    factors: Float32[np.ndarray, "k dim"],
    weights: Float32[np.ndarray, "k"],
    n: int,
    *,
    strength: float,
    noise: float,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n dim"]:
    """n draws from the same posterior, less its mean.

    Pathwise conditioning (Wilson et al. 2020, eq. 4; Matheron's rule): a draw from the prior, corrected by what
    it and a draw of the noise would have made of the ratings.
    """
    drawn = np.sqrt(noise / strength) * rng.standard_normal((n, factors.shape[1]))
    if len(factors):
        told = drawn @ factors.T.astype(np.float64) + rng.standard_normal((n, len(factors))) * np.sqrt(noise / weights)
        drawn -= cho_solve(_dual(factors, weights, strength), told.T).T @ factors
    return drawn.astype(np.float32)


def _dual(factors: np.ndarray, weights: np.ndarray, strength: float) -> tuple[np.ndarray, bool]:
    wide = factors.astype(np.float64)
    return cho_factor(wide @ wide.T + np.diag(strength / weights.astype(np.float64)), lower=True)
