"""`Personal`: everything a model of one person at a time needs but the one thing in which such models differ.

Knows nothing of other people: a taste is a function of one history alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, Float32, Int64

from zahir.errors import NotFitted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.half_steps import paired
from zahir.taste.lean import lean, random_direction


class Personal(ABC):
    """A TasteModel whose subclasses say how a direction and an offset come from one person's ratings.

    Embeddings are made unit and centred by the mean of the fit's items; without a fit by nothing.
    """

    mean_: Float32[np.ndarray, "dim"]
    user_embeddings_: Float32[np.ndarray, "users dim"]
    user_bias_: Float32[np.ndarray, "users"]
    item_embeddings_: Float32[np.ndarray, "items dim"]

    @abstractmethod
    def direction(
        self,
        vectors: Float32[np.ndarray, "n dim"],
        ratings: Float32[np.ndarray, "n"],
        weights: Float32[np.ndarray, "n"],
    ) -> tuple[Float[np.ndarray, "dim"], float]:
        """Direction x and offset of one person, so that x . c + offset tells a rating; n > 0."""

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> Personal:
        """Find each person's direction; the latest counts where an item was rated twice."""
        units = normalize(item_embeddings)
        self.mean_ = (units.sum(0, dtype=np.float64) / max(1, len(units))).astype(np.float32)
        self.item_embeddings_ = normalize(units - self.mean_)
        rows = interactions.latest().by_user()
        self.user_embeddings_ = np.zeros((rows.num_rows, units.shape[1]), np.float32)
        self.user_bias_ = np.zeros(rows.num_rows, np.float32)
        for user in np.flatnonzero(np.diff(rows.indptr)):
            items, ratings, weights = rows.row(int(user))
            found = self.direction(self.item_embeddings_[items], ratings, weights)
            self.user_embeddings_[user], self.user_bias_[user] = found
        return self

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        """Direction times image embedding, plus offset."""
        if not hasattr(self, "mean_"):
            raise NotFitted(self, "predictions")
        return paired(self.user_embeddings_, users, self.item_embeddings_, items) + self.user_bias_[users]

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """The same for any embedding, by this history's direction."""
        taste, offset = self._taste(history)
        return (self._centre(embeddings) @ taste + offset).astype(np.float32)

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """The unit direction; a random one for somebody whose ratings have none."""
        taste, _ = self._taste(history)
        return normalize(taste) if np.any(taste) else random_direction(len(taste), rng)

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """The unit direction leaned on n liked items."""
        liked = self._centre(history.embeddings)[history.ratings > 0]
        return lean(self.embed_user(history, rng=rng), liked, n, rng=rng)

    def _taste(self, history: History) -> tuple[np.ndarray, float]:
        if len(history) == 0:
            return np.zeros(history.embeddings.shape[1], np.float32), 0.0
        taste, offset = self.direction(self._centre(history.embeddings), history.ratings, history.weights)
        return taste.astype(np.float32), offset

    def _centre(self, embeddings: np.ndarray) -> np.ndarray:
        units = normalize(embeddings)
        return normalize(units - self.mean_) if hasattr(self, "mean_") else units
