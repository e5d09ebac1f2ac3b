"""Models to be better than: mean of liked, popularity, user and item means, one taste for all.

Knows nothing that a serious model would have to know; each is the least that could be said.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from zahir.errors import NotFitted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.evidence import fixed_scales
from zahir.taste.lean import lean, random_direction
from zahir.taste.personal import Personal
from zahir.taste.shared import Strengths, solve_shared
from zahir.taste.wals import TetheredWALS

_SHRINK = 5.0  # ratings of 0 that every item starts with


class MeanOfLiked(Personal):
    """The mean embedding of what one person liked (GeneRec, Wang et al. 2023, averages so)."""

    def direction(self, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Likes weigh by their size; dislikes say nothing."""
        likes = weights * np.clip(ratings, 0, None)
        return likes @ vectors / max(likes.sum(), 1e-12), 0.0


class OneTaste(TetheredWALS):
    """One taste for all, with levels and item biases: what is left of `TetheredWALS` without persons."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(tether=np.inf, regularization=1e6, seed=seed)


class UserItemMeans:
    """Level plus what is usual for the person plus what is usual for the item; blind to pictures.

    Its taste is that of everybody: items by how far they are above the mean.
    """

    mean_: Float32[np.ndarray, "dim"]
    population_: Float32[np.ndarray, "dim"]
    user_bias_: Float32[np.ndarray, "users"]
    item_bias_: Float32[np.ndarray, "items"]
    level_: float

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> UserItemMeans:
        """Learn the means; the latest counts where an item was rated twice."""
        units = normalize(item_embeddings)
        self.mean_ = (units.sum(0, dtype=np.float64) / max(1, len(units))).astype(np.float32)
        self._learn(interactions.latest())
        self.population_ = normalize(self.item_bias_ @ normalize(units - self.mean_))
        return self

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        """Level and biases of rows of the fit; an item nobody rated has none."""
        if not hasattr(self, "mean_"):
            raise NotFitted(self, "predictions")
        return (self.level_ + self.user_bias_[users] + self.item_bias_[items]).astype(np.float32)

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """This person's level, whatever the picture: a mean can say nothing of a picture nobody rated."""
        level = self.level_ if hasattr(self, "mean_") else 0.0
        known = history.items >= 0 if hasattr(self, "mean_") else np.zeros(len(history), bool)
        left = history.ratings - level
        left[known] -= self.item_bias_[history.items[known]] if np.any(known) else 0
        bias = history.weights @ left / (history.weights.sum() + _strengths().bias)
        return np.full(len(embeddings), level + bias, np.float32)

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """Everybody's taste; a random one as long as there is none."""
        if hasattr(self, "mean_") and np.any(self.population_):
            return self.population_
        return random_direction(history.embeddings.shape[1], rng)

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """Everybody's taste leaned on n items this person liked."""
        units = normalize(history.embeddings)
        liked = (normalize(units - self.mean_) if hasattr(self, "mean_") else units)[history.ratings > 0]
        return lean(self.embed_user(history, rng=rng), liked, n, rng=rng)

    def _learn(self, table: Interactions) -> None:
        nothing = np.zeros((table.num_items, 1), np.float32)
        parts = solve_shared(
            table.users,
            table.items,
            table.ratings,
            table.weights,
            own_factors=nothing,
            population_factors=nothing,
            strengths=_strengths(),
            num_users=table.num_users,
        )
        self.level_, self.user_bias_, self.item_bias_ = parts.level, parts.user_bias, parts.item_bias


class Popularity(UserItemMeans):
    """What is usual for the item, the same for everybody: its mean rating, few ratings counting as doubt."""

    def _learn(self, table: Interactions) -> None:
        sums = np.bincount(table.items, table.weights * table.ratings, table.num_items)
        counts = np.bincount(table.items, table.weights, table.num_items)
        self.level_, self.user_bias_ = 0.0, np.zeros(table.num_users, np.float32)
        self.item_bias_ = (sums / (counts + _SHRINK)).astype(np.float32)


def _strengths() -> Strengths:
    scales = fixed_scales(np.zeros(0, np.float32))
    return Strengths(
        np.inf, np.inf, scales.noise / scales.item, scales.noise / scales.level, scales.noise / scales.bias
    )
