"""`solve_rows`: the one weighted ridge solve that tastes, items and newcomers all rest on.

Knows nothing of people, pictures or why a row has a prior.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.linalg import solve_triangular
from threadpoolctl import ThreadpoolController

from zahir.interactions import Rows

_BLOCK = 1 << 19  # floats gathered at once: 2 MB, so that a block stays in cache from gather to result
_WELL_CONDITIONED = 1000.0  # float32 loses three digits of its seven up to here
_ITERATIVE = 640  # rows with more entries than this, in wider spaces than this, try conjugate gradients first


def solve_rows(
    rows: Rows,
    factors: Float32[np.ndarray, "cols dim"],
    *,
    prior: Float32[np.ndarray, "rows dim"] | Float32[np.ndarray, "dim"] | None = None,
    gram: Float64[np.ndarray, "dim dim"] | None = None,
    strength: float | Float[np.ndarray, "rows"],
    threads: int | None = None,
) -> Float32[np.ndarray, "rows dim"]:
    """Solve one weighted ridge regression per row.

    Minimises, for each row i with entries j,

        sum_j w_ij (r_ij - x_i . f_j)^2 + strength_i |x_i - prior_i|^2 + x_i' gram x_i.

    `prior` is one for all rows or one per row (zero without); so is `strength`, which is > 0. `gram` is
    symmetric and not negative: with w0 F'F for it, and weights w - w0 and ratings w r / (w - w0) for
    the entries, this is the WALS objective in which every cell without a rating asks for 0 with weight
    w0 (Hu, Koren & Volinsky 2008, eq. 4; our weights are their confidences c_ui). A row without
    entries returns its prior, drawn to zero by `gram` if there is one.

    A row of k entries costs O(k^2 dim) by its k x k dual system when k <= dim, O(k dim^2) by the normal
    equations otherwise; long rows in wide spaces go by conjugate gradients, unless these would take
    longer. Well conditioned rows are solved in float32, the others in float64: for unit factors,
    weights in [0.01, 100] and strength >= 0.01 the error is under 1e-4. `threads` is by default the
    number of cores.

    >>> rows = Rows(np.array([0, 2]), np.array([0, 1]), np.float32([1, -1]), np.float32([1, 1]))
    >>> solve_rows(rows, np.eye(2, dtype=np.float32), strength=1.0)
    array([[ 0.5, -0.5]], dtype=float32)
    """
    count, (_, dim) = rows.num_rows, factors.shape
    strengths = np.asarray(strength, np.float64)
    _check(rows, factors, prior, gram, strengths)
    if gram is not None:
        return _with_gram(rows, factors, prior, gram, strengths, threads)
    start = np.zeros(dim, np.float32) if prior is None else prior
    out = np.array(np.broadcast_to(start, (count, dim)), np.float32)
    each = np.broadcast_to(strengths, (count,))
    blocks = list(_blocks(np.diff(rows.indptr), dim))
    longest = float(np.max(np.einsum("cd,cd->c", factors, factors), initial=0))

    def solve(block: np.ndarray) -> None:
        out[block] += _solve_block(rows, block, factors, out[block], each[block], longest)

    if len(blocks) < 2:
        for block in blocks:
            solve(block)
        return out
    with _blas().limit(limits=1), ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(solve, blocks))
    return out


def solve_rows_slowly(
    rows: Rows,
    factors: np.ndarray,
    *,
    prior: np.ndarray | None = None,
    gram: np.ndarray | None = None,
    strength: float | np.ndarray,
) -> np.ndarray:
    """The specification of `solve_rows`: float64 least squares on each row's stacked system."""
    count, dim = rows.num_rows, factors.shape[1]
    priors = np.broadcast_to(np.zeros(dim) if prior is None else prior, (count, dim))
    values, axes = np.linalg.eigh(np.zeros((dim, dim)) if gram is None else gram)
    root = np.sqrt(np.clip(values, 0, None))[:, None] * axes.T
    out = np.empty((count, dim))
    for i, s in enumerate(np.broadcast_to(strength, (count,))):
        indices, ratings, weights = rows.row(i)
        scale = np.sqrt(weights.astype(np.float64))
        system = np.concatenate([scale[:, None] * factors[indices], np.sqrt(s) * np.eye(dim), root])
        target = np.concatenate([scale * ratings, np.sqrt(s) * priors[i], np.zeros(dim)])
        out[i] = np.linalg.lstsq(system, target, rcond=None)[0]
    return out


def _blocks(lengths: np.ndarray, dim: int) -> Iterator[np.ndarray]:
    """Rows that are not empty, cut into blocks of similar length that fit the cache; long rows first."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    first = 0
    while first < len(order):
        size = max(1, _BLOCK // (int(lengths[order[first]]) * dim))
        yield order[first : first + size]
        first += size


def _solve_block(
    rows: Rows, block: np.ndarray, factors: np.ndarray, prior: np.ndarray, strength: np.ndarray, longest: float
) -> np.ndarray:
    """What to add to the prior of each row: a ridge towards zero on what the prior leaves unexplained."""
    starts = rows.indptr[block]
    lengths = rows.indptr[block + 1] - starts
    # shorter rows are padded with entries of weight 0, which change nothing
    slots = np.arange(lengths[0])
    real = slots < lengths[:, None]
    entries = np.where(real, starts[:, None] + slots, starts[:, None])
    weights = np.where(real, rows.weights[entries], 0)
    condition = np.max(weights.sum(1) * longest / strength)
    number = np.float32 if condition < _WELL_CONDITIONED else np.float64
    scale = np.sqrt(weights).astype(number)
    gathered = factors[rows.indices[entries]].astype(number, copy=False)
    left = scale * (rows.ratings[entries] - np.einsum("bkd,bd->bk", gathered, prior))
    gathered *= scale[:, :, None]
    k, dim = gathered.shape[1:]
    if min(k, dim) > _ITERATIVE:  # such a block is one row
        found = _conjugate_gradients(gathered[0], left[0], float(strength[0]))
        if found is not None:
            return found[None]
    flipped = gathered.swapaxes(1, 2)
    diagonal = np.arange(min(k, dim))
    if k <= dim:
        dual = gathered @ flipped
        dual[:, diagonal, diagonal] += strength[:, None]
        return (flipped @ np.linalg.solve(dual, left[:, :, None]))[:, :, 0]
    normal = flipped @ gathered
    normal[:, diagonal, diagonal] += strength[:, None]
    return np.linalg.solve(normal, flipped @ left[:, :, None])[:, :, 0]


def _conjugate_gradients(a: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray | None:
    """Minimise |y - a x|^2 + strength |x|^2 by CGLS (Hestenes & Stiefel 1952; Bjorck 1996, 7.4).

    None when it has not converged by the time a direct solve would be done.
    """
    x = np.zeros(a.shape[1])
    left = y.astype(np.float64)
    slope = (left.astype(a.dtype) @ a).astype(np.float64)
    step, size = slope.copy(), slope @ slope
    goal = 1e-11 * size
    for _ in range(min(a.shape) // 8):
        if size <= goal:
            return x
        image = (a @ step.astype(a.dtype)).astype(np.float64)
        length = size / (image @ image + strength * (step @ step))
        x += length * step
        left -= length * image
        slope = (left.astype(a.dtype) @ a) - strength * x
        size, before = slope @ slope, size
        step = slope + (size / before) * step
    return None


def _with_gram(
    rows: Rows,
    factors: np.ndarray,
    prior: np.ndarray | None,
    gram: np.ndarray,
    strengths: np.ndarray,
    threads: int | None,
) -> np.ndarray:
    """Turn `gram` into a plain ridge: with L L' = gram + s I, y = L' x has prior L^-1 s p and strength 1."""
    dim = factors.shape[1]
    out = np.empty((rows.num_rows, dim), np.float32)
    each = np.broadcast_to(strengths, (rows.num_rows,))
    for s in np.unique(each):
        which = np.flatnonzero(each == s)
        low = np.linalg.cholesky(gram + s * np.eye(dim))
        turned = solve_triangular(low, factors.T, lower=True).T.astype(np.float32)
        start = None
        if prior is not None:
            own = prior if prior.ndim == 1 else prior[which]
            start = solve_triangular(low, s * own.T, lower=True).T.astype(np.float32)
        some = rows if len(which) == rows.num_rows else _take(rows, which)
        y = solve_rows(some, np.ascontiguousarray(turned), prior=start, strength=1.0, threads=threads)
        out[which] = solve_triangular(low.T, y.T, lower=False).T
    return out


def _take(rows: Rows, which: np.ndarray) -> Rows:
    lengths = np.diff(rows.indptr)[which]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.repeat(rows.indptr[which] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Rows(indptr, rows.indices[entries], rows.ratings[entries], rows.weights[entries])


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _check(
    rows: Rows, factors: np.ndarray, prior: np.ndarray | None, gram: np.ndarray | None, strengths: np.ndarray
) -> None:
    count, (cols, dim) = rows.num_rows, factors.shape
    if strengths.shape not in ((), (count,)):
        raise ValueError(f"strength has shape {strengths.shape}; give one number, or one for each of {count} rows.")
    if not np.all((strengths > 0) & np.isfinite(strengths)):
        raise ValueError(f"strength must be finite and > 0; got {strengths.min()}. Use a small number for nearly none.")
    if prior is not None and prior.shape not in ((dim,), (count, dim)):
        raise ValueError(f"prior has shape {prior.shape}; expected ({dim},) or ({count}, {dim}).")
    if gram is not None and gram.shape != (dim, dim):
        raise ValueError(f"gram has shape {gram.shape}; expected ({dim}, {dim}): w0 * factors' factors.")
    if len(rows.indices) and not 0 <= rows.indices.min() <= rows.indices.max() < cols:
        raise ValueError(
            f"indices must be in [0, {cols}), the rows of factors; got {rows.indices.min()} to {rows.indices.max()}."
        )
    if len(rows.weights) and not rows.weights.min() >= 0:
        raise ValueError(f"weights must be >= 0; got {rows.weights.min()}. With `gram`, pass w - w0 for w > w0.")
    if not (np.all(np.isfinite(factors)) and np.all(np.isfinite(rows.ratings))):
        raise ValueError("factors and ratings must be finite; got nan or infinity. Look at what was encoded.")
