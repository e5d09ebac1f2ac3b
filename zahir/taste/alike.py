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
    x = _residuals(users, ratings, num_users)
    table, ones, squares = (
        sparse.csr_array((values, (users, items)), shape=(num_users, num_items))
        for values in (x, np.ones(len(x)), x**2)
    )
    sizes = (squares @ ones.T).toarray()
    correlations = _shrunken((table @ table.T).toarray(), sizes * sizes.T, x)
    np.fill_diagonal(correlations, np.bincount(users, minlength=num_users) > 0)
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
    users, theirs, told = among
    x = _residuals(users, told, len(positions))
    mine, rated = np.zeros(num_items), np.zeros(num_items)
    mine[items], rated[items] = _residuals(np.zeros(len(items), np.int64), ratings, 1), 1.0
    both, same = rated[theirs], mine[theirs]
    products, ours, others = (np.bincount(users, v, len(positions)) for v in (same * x, same**2, both * x**2))
    found = _shrunken(products, ours * others, x)
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


def _residuals(users: np.ndarray, ratings: np.ndarray, num_users: int) -> np.ndarray:
    """What each rating is above the person's shrunken mean."""
    wide = ratings.astype(np.float64)
    means = np.bincount(users, wide, num_users) / (np.bincount(users, minlength=num_users) + _SHRINK)
    return wide - means[users]


def _shrunken(products: np.ndarray, squares: np.ndarray, x: np.ndarray) -> np.ndarray:
    typical = float(np.mean(x**2)) if len(x) else 1.0
    return products / (np.sqrt(squares) + _SHRINK * max(typical, _LEAST))
