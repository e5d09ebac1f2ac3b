"""Two tables from ratings alone, every cell counted: alternating steps, and a leap to where they lead.

Knows two tables and the cells between them; nothing of people, pictures or tethers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Float64
from scipy.linalg import solve_triangular

from zahir.interactions import Rows
from zahir.taste.passes import sum_some, tell_some
from zahir.taste.solve import chunks, improve_rows
from zahir.taste.threads import gram, product, share

LEAP_AFTER = 2  # sweeps
_DEGREE = 8  # of the leap's polynomial
_ROOM = 1.05  # what two sweeps find of the least singular value is too little
_GROWTH = 2e4, 1e8  # of the largest before all are made orthogonal, while others hold a part of it and later
_BLUR = 1e-4  # of a gram in float32 that may be singular
_OVERSHOOT = np.float32(0.5)
_STEPS, _NEAR = 30, 0.02  # most steps of a row; its slope after the first sweep, halved with every other


def factorise(
    people: Rows,
    items: Rows,
    start: Float32[np.ndarray, "items dim"],
    *,
    strength: float,
    unobserved: float = 1.0,
    threads: int | None = None,
) -> Iterator[tuple[Float32[np.ndarray, "people dim"], Float32[np.ndarray, "items dim"]]]:
    """Start with the items at `start`; yield both tables after every sweep, as long as one asks.

    Minimises the objective of Hu, Koren & Volinsky (2008),

        sum_rated w_ui (r_ui - x_u . y_i)^2 + unobserved sum_unrated (x_u . y_i)^2 + strength (|X|^2 + |Y|^2),

    where every weight is > `unobserved` > 0. `people` has one row per person with items for columns,
    `items` one per item: the same ratings. Rows are improved, not solved, and items overshoot by half of
    what they moved; after two sweeps they leap, see `leap`, unless a side has fewer rows than dimensions.
    """
    if not 0 < unobserved < np.min(people.weights, initial=np.inf):
        raise ValueError(f"unobserved must be > 0 and less than every weight; got {unobserved}.")
    rated, rating = lifted(people, unobserved), lifted(items, unobserved)

    def improved(rows: Rows, factors: np.ndarray) -> np.ndarray:
        unrated, near = unobserved * gram(factors, threads), max(1e-5, _NEAR / 2**sweep)
        return improve_rows(rows, factors, gram=unrated, strength=strength, steps=_STEPS, near=near, threads=threads)

    y, before, sweep = start, None, 0
    while True:
        x = improved(rated, y)
        found = improved(rating, x)
        yield x, found
        sweep += 1
        if sweep == LEAP_AFTER and start.shape[1] < min(people.num_rows, items.num_rows):
            y = leap(rated, rating, x, found, threshold=strength / unobserved, unit=unobserved, threads=threads)
            before = None
        else:
            y = found if before is None else found + _OVERSHOOT * (found - before)
            before = found


def leap(
    people: Rows,
    items: Rows,
    x: Float32[np.ndarray, "people dim"],
    y: Float32[np.ndarray, "items dim"],
    *,
    threshold: float,
    unit: float = 1.0,
    degree: int = _DEGREE,
    threads: int | None = None,
) -> Float32[np.ndarray, "items dim"]:
    """Items where many sweeps from (x, y) would take them, for the price of one or two.

    At a minimum XY' is S with its singular values lowered by `threshold`, where S is sparse: at a rated
    cell it holds w (r - x . y) / unit of the lifted rating (Mazumder, Hastie & Tibshirani 2010, for
    weights that differ). With S taken at (x, y), its leading right singular vectors are those of a
    Chebyshev polynomial of S'S that is small below the least singular value in use (Zhou, Saad, Tiago &
    Chelikowsky 2006): two sums over the ratings per degree and no system at all. `people` and `items`
    are lifted: weights less the one of unrated cells, ratings raised in turn.
    """

    def residual(rows: Rows, own: np.ndarray, others: np.ndarray) -> np.ndarray:
        told = np.empty(len(rows.indices), np.float32)
        share(lambda some: tell_some(some, rows.indptr, rows.indices, own, others, told), parts(rows), threads)
        return rows.weights * (rows.ratings - told) / np.float32(unit)

    def sums(
        rows: Rows,
        values: np.ndarray,
        table: np.ndarray,
        numbers: tuple[float, ...],
        other: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """out <- scale values table - weight other - keep out."""
        scale, weight, keep = (np.float32(number) for number in numbers)
        share(
            lambda some: sum_some(some, rows.indptr, rows.indices, values, table, scale, other, weight, keep, out),
            parts(rows),
            threads,
        )

    def parts(rows: Rows) -> Iterator[np.ndarray]:
        return chunks(2 * np.diff(rows.indptr) * y.shape[1])

    by_person, by_item = residual(people, x, y), residual(items, y, x)
    now, least, most = _singular(x, y, threads)
    now[np.diff(items.indptr) == 0] = 0
    before, across = np.zeros_like(now), np.zeros_like(x)
    scale = 2 / (_ROOM * (least + threshold)) ** 2
    first, later = np.maximum(1, np.log(_GROWTH) / np.log(2 + 2 * scale * (most + threshold) ** 2)).astype(int)
    for done in range(degree):
        sums(people, by_person, now, (1.0, 0.0, 0.0), across, across)
        sums(items, by_item, across, (2 * scale, 2.0, 1.0) if done else (scale, 1.0, 0.0), now, before)
        now, before = before, now
        if done + 1 == degree or (done + 1 >= first and (done + 1 - first) % later == 0):
            root = _inverse_root(gram(now, threads))
            now = product(now, root, threads)
            before = product(before, root, threads) if done < degree - 1 else before
    sums(people, by_person, now, (1.0, 0.0, 0.0), across, across)
    values, axes = np.linalg.eigh(gram(across, threads))
    length = np.sqrt(np.maximum(np.sqrt(np.maximum(values, 0)) - threshold, 0.02 * threshold))
    return product(now, axes * length, threads)


def _singular(x: np.ndarray, y: np.ndarray, threads: int | None) -> tuple[np.ndarray, float, float]:
    """The right singular vectors of XY', largest first, its least singular value and its largest."""
    root = _inverse_root(gram(y, threads))
    low = np.linalg.inv(root).T
    values, axes = np.linalg.eigh(low.T @ gram(x, threads) @ low)
    return product(y, root @ axes[:, ::-1], threads), float(np.sqrt(max(values[0], 0.0))), float(np.sqrt(values[-1]))


def _inverse_root(matrix: Float64[np.ndarray, "dim dim"]) -> Float64[np.ndarray, "dim dim"]:
    """R with R' matrix R = I, upper triangular; columns that hardly differ from others stay short."""
    size = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    low = np.linalg.cholesky(matrix / np.outer(size, size) + _BLUR * np.eye(len(size)))
    return solve_triangular(low, np.diag(1 / size), lower=True).T


def lifted(rows: Rows, unobserved: float) -> Rows:
    """Weights less that of unrated cells, ratings raised in turn: a gram over all cells then asks 0 of those only."""
    weights = rows.weights - np.float32(unobserved)
    return rows._replace(ratings=rows.weights * rows.ratings / weights, weights=weights)
