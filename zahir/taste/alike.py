"""How alike people are: shrunken correlations over the items that two have both rated.

Knows ratings only; nothing of pictures. Likeness is kept as one position per person, at most one long, so
that the likeness S_uv of two people is the product of their positions, and 1 with oneself.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy import sparse

_SHRINK = 5.0  # ratings of 0 that a mean starts with; co-rated items without agreement that a correlation starts with
_PLACING = 0.1  # ridge of a newcomer's position: directions in which few people differ say little
_LEAST = 1e-6  # eigenvalues below this are none


def likeness(
    users: Int64[np.ndarray, "n"],
    items: Int64[np.ndarray, "n"],
    ratings: Float32[np.ndarray, "n"],
    *,
    num_users: int,
    num_items: int,
) -> Float[np.ndarray, "users rank"]:
    """A position for each person, from everybody's ratings; zero for somebody who rated nothing.

        x_ui = r_ui - sum_i r_ui / (n_u + 5)
        S_uv = sum_both x_ui x_vi / (sqrt(sum_both x_ui^2 sum_both x_vi^2) + 5 mean(x^2)),  S_uu = 1

    then without negative eigenvalues, and scaled back to S_uu = 1. Each (user, item) at most once.
    Two people without an item in common are not alike. O(users^3).
    """
    table = _residuals(users, items, ratings, (num_users, num_items))
    correlations = _correlations(table, table)
    np.fill_diagonal(correlations, np.diff(table.indptr) > 0)
    values, axes = np.linalg.eigh(correlations)
    some = values > _LEAST
    positions = axes[:, some] * np.sqrt(values[some])
    lengths = np.linalg.norm(positions, axis=1, keepdims=True)
    return positions / np.where(lengths > _LEAST, lengths, 1.0)


def place(
    items: Int64[np.ndarray, "k"],
    ratings: Float32[np.ndarray, "k"],
    *,
    among: tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"], Float32[np.ndarray, "n"]],
    positions: Float[np.ndarray, "users rank"],
    num_items: int,
) -> Float[np.ndarray, "rank"]:
    """The position of somebody new, who rated these items (each once), `among` the users, items and ratings of the fit.

    The least squares one, at most one long: then the likeness of all together is still a covariance.
    """
    shape = len(positions), num_items
    mine = _residuals(np.zeros(len(items), np.int64), items, ratings, (1, num_items))
    found = _correlations(mine, _residuals(*among, shape))[0]
    normal = positions.T @ positions + _PLACING * np.eye(positions.shape[1])
    position = np.linalg.solve(normal, positions.T @ found)
    return position / max(1.0, float(np.linalg.norm(position)))


def similarity(
    users: Int64[np.ndarray, "n"],
    positions: Float[np.ndarray, "n rank"],
    others: Int64[np.ndarray, "m"],
    their_positions: Float[np.ndarray, "m rank"],
) -> Float[np.ndarray, "n m"]:
    """S_uv of every two: 1 with oneself, the product of positions otherwise."""
    return np.where(users[:, None] == others, 1.0, positions @ their_positions.T)


def _residuals(users: np.ndarray, items: np.ndarray, ratings: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """What each rating is above the person's shrunken mean; exact zeros are kept as ratings."""
    wide = ratings.astype(np.float64)
    counts = np.bincount(users, minlength=shape[0])
    means = np.bincount(users, wide, minlength=shape[0]) / (counts + _SHRINK)
    return sparse.csr_array((wide - means[users], (users, items)), shape=shape)


def _correlations(a: sparse.csr_array, b: sparse.csr_array) -> np.ndarray:
    """Shrunken correlation of every row of a with every row of b, over the columns that both have."""
    ones = [sparse.csr_array((np.ones(len(m.data)), m.indices, m.indptr), shape=m.shape) for m in (a, b)]
    squares = [sparse.csr_array((m.data**2, m.indices, m.indptr), shape=m.shape) for m in (a, b)]
    products = (a @ b.T).toarray()
    sizes = np.sqrt((squares[0] @ ones[1].T).toarray() * (ones[0] @ squares[1].T).toarray())
    typical = float(np.mean(b.data**2)) if len(b.data) else 1.0
    return products / (sizes + _SHRINK * max(typical, _LEAST))
