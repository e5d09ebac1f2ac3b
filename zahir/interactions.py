"""Who rated what, how much, when: the tables that data sets return and taste models read.

Knows nothing of pixels, of models, or of where the ratings came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy.typing import ArrayLike


class Rows(NamedTuple):
    """A sparse table with two values per entry: row i holds entries indptr[i] to indptr[i + 1]."""

    indptr: Int64[np.ndarray, "rows_1"]
    indices: Int64[np.ndarray, "n"]
    ratings: Float32[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n"]

    def row(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices, ratings and weights of row i."""
        span = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[span], self.ratings[span], self.weights[span]

    @property
    def num_rows(self) -> int:
        """Number of rows, empty ones included."""
        return len(self.indptr) - 1


@dataclass(frozen=True, eq=False)
class Interactions:
    """A table of ratings. Ratings lie in [-1, 1]: 0 means *neither*, absence means *not rated*.

    `weights` are confidences > 0; `times` are seconds since 1970, UTC. Raises ValueError when lengths
    differ or a value is out of range, naming the first bad row.
    """

    users: Int64[np.ndarray, "n"]
    items: Int64[np.ndarray, "n"]
    ratings: Float32[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n"]
    times: Int64[np.ndarray, "n"]
    num_users: int
    num_items: int

    def __post_init__(self) -> None:
        n = len(self.users)
        for name in ("items", "ratings", "weights", "times"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"users has {n} entries, {name} has {len(getattr(self, name))}: give one per rating.")
        _check_ratings(self.ratings, self.weights)
        for name, count in (("users", self.num_users), ("items", self.num_items)):
            rows = getattr(self, name)
            _check(
                rows,
                (rows >= 0) & (rows < count),
                f"{name} must be in [0, {count})",
                f"Number them from 0 and give num_{name} = the number of all {name}.",
            )

    @staticmethod
    def of(
        users: ArrayLike,
        items: ArrayLike,
        ratings: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        times: ArrayLike | None = None,
        num_users: int | None = None,
        num_items: int | None = None,
    ) -> Interactions:
        """Build a table from any integer and float arrays; weights default to 1, times to row order."""
        users, items = np.asarray(users, np.int64), np.asarray(items, np.int64)
        n = len(users)
        return Interactions(
            users,
            items,
            np.asarray(ratings, np.float32),
            np.ones(n, np.float32) if weights is None else np.asarray(weights, np.float32),
            np.arange(n, dtype=np.int64) if times is None else np.asarray(times, np.int64),
            int(users.max(initial=-1)) + 1 if num_users is None else num_users,
            int(items.max(initial=-1)) + 1 if num_items is None else num_items,
        )

    def __len__(self) -> int:
        return len(self.users)

    def take(self, which: np.ndarray) -> Interactions:
        """The ratings at these positions (indices or a mask), with the same numbering of users and items."""
        return Interactions(
            self.users[which],
            self.items[which],
            self.ratings[which],
            self.weights[which],
            self.times[which],
            self.num_users,
            self.num_items,
        )

    def latest(self) -> Interactions:
        """Keep one rating per (user, item): the latest in time, the last in order among equals.

        Matrices are built from this: a sparse matrix made from triplets would add repeated ratings up.
        """
        order = np.lexsort((np.arange(len(self)), self.times))
        cells = self.users[order] * self.num_items + self.items[order]
        _, last = np.unique(cells[::-1], return_index=True)
        return self.take(np.sort(order[len(order) - 1 - last]))

    def by_user(self) -> Rows:
        """One row per user, whose indices are items."""
        return _rows(self.users, self.items, self.ratings, self.weights, self.num_users)

    def by_item(self) -> Rows:
        """One row per item, whose indices are users."""
        return _rows(self.items, self.users, self.ratings, self.weights, self.num_items)


@dataclass(frozen=True, eq=False)
class History:
    """What a taste model sees of one person: their rated items, oldest first."""

    user: int | None  # their row in the fit; None if the fit has not met them
    items: Int64[np.ndarray, "n"]  # rows in the fit, -1 where the fit does not know the item
    embeddings: Float32[np.ndarray, "n dim"]  # of the media, as encoded
    ratings: Float32[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n"]
    times: Int64[np.ndarray, "n"]

    def __post_init__(self) -> None:
        n = len(self.items)
        for name in ("embeddings", "ratings", "weights", "times"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"items has {n} entries, {name} has {len(getattr(self, name))}: give one per rating.")
        _check_ratings(self.ratings, self.weights)

    @staticmethod
    def of(
        embeddings: ArrayLike,
        ratings: ArrayLike,
        *,
        user: int | None = None,
        items: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        times: ArrayLike | None = None,
    ) -> History:
        """Build a history; items default to unknown (-1), weights to 1, times to row order."""
        ratings = np.asarray(ratings, np.float32)
        n = len(ratings)
        return History(
            user,
            np.full(n, -1, np.int64) if items is None else np.asarray(items, np.int64),
            np.asarray(embeddings, np.float32),
            ratings,
            np.ones(n, np.float32) if weights is None else np.asarray(weights, np.float32),
            np.arange(n, dtype=np.int64) if times is None else np.asarray(times, np.int64),
        )

    @staticmethod
    def empty(dim: int, *, user: int | None = None) -> History:
        """Of somebody who has rated nothing yet."""
        return History.of(np.zeros((0, dim), np.float32), np.zeros(0), user=user)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Ratings with what they are ratings of: one embedding and one name per item, one name per user.

    Row i of `embeddings` belongs to item i of `interactions`. They are as their encoder wrote them, of
    any length. `media` names each item's file, None where only its embedding is known.
    """

    interactions: Interactions
    embeddings: Float32[np.ndarray, "items dim"]
    space: str
    user_ids: Sequence[str]
    item_ids: Sequence[str]
    media: Sequence[Path | None] = ()

    def __post_init__(self) -> None:
        table, counts = self.interactions, (len(self.embeddings), len(self.item_ids), len(self.user_ids))
        if counts != (table.num_items, table.num_items, table.num_users):
            raise ValueError(
                f"{table.num_items} items and {table.num_users} users rated, but there are {counts[0]} embeddings, "
                f"{counts[1]} item names and {counts[2]} user names. Give one of each."
            )
        if self.media and len(self.media) != table.num_items:
            raise ValueError(f"{table.num_items} items, but {len(self.media)} media. Give one per item, or none.")


def _rows(rows: np.ndarray, cols: np.ndarray, ratings: np.ndarray, weights: np.ndarray, count: int) -> Rows:
    order = np.argsort(rows, kind="stable")
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=indptr[1:])
    return Rows(indptr, cols[order], ratings[order], weights[order])


def _check_ratings(ratings: np.ndarray, weights: np.ndarray) -> None:
    _check(ratings, np.abs(ratings) <= 1, "ratings must be in [-1, 1]", "Five stars: use (stars - 3) / 2.")
    good = (weights > 0) & np.isfinite(weights)
    _check(weights, good, "weights must be finite and > 0", "Leave a rating out instead of giving it weight 0.")


def _check(values: Float[np.ndarray, "n"] | Int64[np.ndarray, "n"], good: np.ndarray, rule: str, advice: str) -> None:
    if not np.all(good):
        row = int(np.argmin(good))
        raise ValueError(f"{rule}; got {values[row]} at row {row}. {advice}")
