"""`solve_rows`: the one weighted ridge solve that tastes, items and newcomers all rest on.

Knows nothing of people, pictures or why a row has a prior.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.linalg import solve_triangular

from zahir.interactions import Rows
from zahir.taste.kernels import solve_short
from zahir.taste.passes import improve_some
from zahir.taste.threads import product, share

_BLOCK = 1 << 19  # floats gathered at once: 2 MB, so that a block stays in cache from gather to result
_FEW = 64  # rows that are not worth loading, or compiling, a kernel for
_WORK = 1 << 28  # operations of one call of a kernel: a few milliseconds
_SHORT = 320  # systems of up to this many unknowns are solved by a kernel, larger ones by LAPACK
_WELL_CONDITIONED = 1000.0  # float32 loses three digits of its seven up to here
_ITERATIVE = 640  # rows with more entries than this, in wider spaces than this, try conjugate gradients first
_PART = 1 << 16  # rows solved before they are written


def solve_rows(
    rows: Rows,
    factors: Float[np.ndarray, "cols dim"],
    *,
    prior: Float[np.ndarray, "rows dim"] | Float[np.ndarray, "dim"] | None = None,
    gram: Float64[np.ndarray, "dim dim"] | None = None,
    strength: float | Float[np.ndarray, "rows"],
    out: Float[np.ndarray, "rows dim"] | None = None,
    threads: int | None = None,
) -> Float[np.ndarray, "rows dim"]:
    """Solve one weighted ridge regression per row.

    Minimises, for each row i with entries j,

        sum_j w_ij (r_ij - x_i . f_j)^2 + strength_i |x_i - prior_i|^2 + x_i' gram x_i.

    `factors` and `prior` are float32 or float16, and may be memory-mapped; so may `out`, which is written
    65,536 rows at a time (without it the answer is a new float32 table). `prior` is one for all rows or
    one per row (zero without); so is `strength`, which is > 0. `gram` is symmetric and not negative: with w0 F'F
    for it, and weights w - w0 and ratings w r / (w - w0) for the entries, this is the WALS objective in
    which every cell without a rating asks for 0 with weight w0 (Hu, Koren & Volinsky 2008, eq. 4; our
    weights are their confidences c_ui). A row without entries returns its prior, drawn to zero by
    `gram` if there is one.

    A row of k entries costs O(k^2 dim) by its k x k dual system when k <= dim, O(k dim^2) by the normal
    equations otherwise; long rows in wide spaces go by conjugate gradients, unless these would take
    longer. Well conditioned rows are solved in float32, the others in float64: for unit factors,
    weights in [0.01, 100] and strength >= 0.01 the error is under 1e-4. `threads` is by default the
    number of cores.

    >>> rows = Rows(np.array([0, 2]), np.array([0, 1]), np.float32([1, -1]), np.float32([1, 1]))
    >>> solve_rows(rows, np.eye(2, dtype=np.float32), strength=1.0)
    array([[ 0.5, -0.5]], dtype=float32)
    """
    longest = _check(rows, factors, prior, gram, np.asarray(strength))
    each = np.broadcast_to(np.asarray(strength, np.float64), (rows.num_rows,))
    if out is None:
        out = np.empty((rows.num_rows, factors.shape[1]), np.float32)
    elif out.shape != (rows.num_rows, factors.shape[1]):
        raise ValueError(f"out has shape {out.shape}; expected {(rows.num_rows, factors.shape[1])}.")
    if gram is None:
        for part in _parts(np.arange(rows.num_rows)):
            out[part] = _solve(_take(rows, part), factors, _of(prior, part), each[part], longest, threads)
        return out
    for s in np.unique(each):
        turned = _Turned(gram, float(s), threads)
        there = turned.factors(factors)
        longest = _longest(there)
        for part in _parts(np.flatnonzero(each == s)):
            own = _of(prior, part)
            start = None if own is None else turned.prior(own)
            ones = np.ones(len(part))
            out[part] = turned.back(_solve(_take(rows, part), there, start, ones, longest, threads))
    return out


def improve_rows(
    rows: Rows,
    factors: Float[np.ndarray, "cols dim"],
    start: Float32[np.ndarray, "rows dim"] | None = None,
    *,
    prior: Float32[np.ndarray, "rows dim"] | Float32[np.ndarray, "dim"] | None = None,
    gram: Float64[np.ndarray, "dim dim"] | None = None,
    strength: float,
    steps: int = 3,
    near: float = 1e-5,
    threads: int | None = None,
) -> Float32[np.ndarray, "rows dim"]:
    """Move each row from `start` (zero without) towards what `solve_rows` finds, by conjugate gradients.

    At most `steps` of them, and none once a row's slope has come down to `near` times what it was at
    `start`. For sweeps that alternate: the other side moves next, so that exact rows are wasted (Takacs,
    Pilaszy & Tikk 2011). O(k dim) a step for k entries, whatever `gram` is: it serves as preconditioner,
    so that short rows have little left to do. Never worse than `start`.
    """
    _check(rows, factors, prior, gram, np.asarray(strength))
    if start is not None and start.shape != (rows.num_rows, factors.shape[1]):
        raise ValueError(f"start has shape {start.shape}; expected {(rows.num_rows, factors.shape[1])}.")
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}.")
    turned = None if gram is None else _Turned(gram, float(strength), threads)
    if turned is None:
        out, table = start.copy() if start is not None else None, factors.astype(np.float32, copy=False)
        priors, each = prior, np.full(rows.num_rows, strength, np.float32)
    else:
        out, table = None if start is None else turned.there(start), turned.factors(factors)
        priors, each = None if prior is None else turned.prior(prior), np.ones(rows.num_rows, np.float32)
    cold = out is None
    out = np.zeros((rows.num_rows, factors.shape[1]), np.float32) if out is None else out
    own = np.zeros((1, factors.shape[1]), np.float32) if priors is None else np.atleast_2d(priors)
    lengths = np.diff(rows.indptr)

    def by_steps(chunk: np.ndarray) -> None:
        improve_some(chunk, *rows, table, own, each, steps, np.float32(near), cold, out)

    share(by_steps, chunks((2 * steps + 1) * lengths * factors.shape[1]), threads)
    out[lengths == 0] = np.broadcast_to(own, out.shape)[lengths == 0]
    return out if turned is None else turned.back(out)


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


def _solve(
    rows: Rows,
    factors: np.ndarray,
    prior: np.ndarray | None,
    strength: np.ndarray,
    longest: float,
    threads: int | None,
) -> np.ndarray:
    """Each row by whatever suits it: short well conditioned ones by a kernel, the others by LAPACK, in blocks."""
    dim, lengths = factors.shape[1], np.diff(rows.indptr)
    start = np.zeros(dim, np.float32) if prior is None else prior
    out = np.empty((rows.num_rows, dim), np.float32)
    out[:] = start
    sums = np.concatenate([[0], np.cumsum(rows.weights, dtype=np.float64)])
    condition = (sums[rows.indptr[1:]] - sums[rows.indptr[:-1]]) * longest / strength
    short = (np.minimum(lengths, dim) <= _SHORT) & (condition < _WELL_CONDITIONED) & (rows.num_rows >= _FEW)
    table, half = _seen(factors)
    priors, each = np.atleast_2d(start), strength.astype(np.float32)

    def by_kernel(chunk: np.ndarray) -> None:
        solve_short(chunk, *rows, table, half, priors, each, out)

    def by_lapack(block: np.ndarray) -> None:
        out[block] += _solve_block(rows, block, factors, out[block], strength[block], longest)

    work = lengths * np.minimum(lengths, dim) * dim
    share(by_lapack, _blocks(np.where(short, 0, lengths), dim), threads)
    share(by_kernel, chunks(np.where(short, work, 0)), threads)
    return out


def chunks(work: np.ndarray) -> Iterator[np.ndarray]:
    """Rows with any work, those with most first, cut so that each part takes a few milliseconds."""
    order = np.argsort(-work, kind="stable")
    order = order[work[order] > 0]
    parts = np.cumsum(work[order]) // _WORK
    yield from (part for part in np.split(order, np.flatnonzero(np.diff(parts)) + 1) if len(part))


def _seen(factors: np.ndarray) -> tuple[np.ndarray, bool]:
    """The table as kernels take it, and whether its numbers are halves."""
    plain = np.ascontiguousarray(np.asarray(factors))
    return (plain.view(np.uint16), True) if plain.dtype == np.float16 else (plain.astype(np.float32, copy=False), False)


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


class _Turned:
    """`gram` as a plain ridge: with L L' = gram + s I, y = L' x has prior L^-1 s p and strength 1."""

    def __init__(self, gram: np.ndarray, strength: float, threads: int | None) -> None:
        low = np.linalg.cholesky(gram + strength * np.eye(len(gram)))
        self.low = low.astype(np.float32)
        self.inverse = solve_triangular(low, np.eye(len(gram)), lower=True)
        self.strength, self.threads = strength, threads

    def factors(self, factors: np.ndarray) -> np.ndarray:
        return product(factors, self.inverse.T, self.threads)

    def prior(self, prior: np.ndarray) -> np.ndarray:
        found = product(np.atleast_2d(prior), self.strength * self.inverse.T, self.threads)
        return found.reshape(prior.shape)

    def there(self, x: np.ndarray) -> np.ndarray:
        return product(x, self.low, self.threads)

    def back(self, y: np.ndarray) -> np.ndarray:
        return product(y, self.inverse, self.threads)


def _parts(which: np.ndarray) -> Iterator[np.ndarray]:
    yield from (which[first : first + _PART] for first in range(0, len(which), _PART))


def _of(prior: np.ndarray | None, which: np.ndarray) -> np.ndarray | None:
    """The priors of these rows."""
    if prior is None:
        return None
    return np.asarray(prior if prior.ndim == 1 else prior[which], np.float32)


def _take(rows: Rows, which: np.ndarray) -> Rows:
    if len(which) == rows.num_rows and np.array_equal(which, np.arange(len(which))):
        return rows
    lengths = np.diff(rows.indptr)[which]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.repeat(rows.indptr[which] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Rows(indptr, rows.indices[entries], rows.ratings[entries], rows.weights[entries])


def _longest(factors: np.ndarray) -> float:
    """The largest squared length of a row; raises ValueError when something is not finite."""
    longest = 0.0
    for first in range(0, len(factors), 16384):
        block = factors[first : first + 16384].astype(np.float32, copy=False)
        largest = float(np.max(np.einsum("cd,cd->c", block, block)))
        if not np.isfinite(largest):
            raise ValueError("factors must be finite; got nan or infinity. Look at what was encoded.")
        longest = max(longest, largest)
    return longest


def _check(
    rows: Rows, factors: np.ndarray, prior: np.ndarray | None, gram: np.ndarray | None, strengths: np.ndarray
) -> float:
    """Raise ValueError for what has no answer; return the largest squared length of a factor."""
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
    if not np.all(np.isfinite(rows.ratings)):
        raise ValueError("ratings must be finite; got nan or infinity. Leave out what is not known.")
    return _longest(factors)
