"""How alike pictures are to a taste: along lines, which can steer a generator, or along curves, which rank better.

Knows embeddings; nothing of ratings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from zahir.space import normalize
from zahir.taste.metric import Metric

_WIDTH = 2.0  # 1 to 2.3 are as good on real ratings, 3.5 is worse on pictures nobody has seen


class Line(NamedTuple):
    """k(i, j) = S c_i . S c_j, where c_i is the centred unit embedding: tastes are vectors."""

    mean: Float32[np.ndarray, "dim"]
    metric: Metric

    def features(self, units: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        """What of a unit embedding the kernel reads."""
        return self.metric.factors(normalize(units - self.mean))

    def between(
        self, features: Float32[np.ndarray, "n dim"], others: Float32[np.ndarray, "m dim"]
    ) -> Float32[np.ndarray, "n m"]:
        """k of every two."""
        return features @ others.T

    def size(self, features: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n"]:
        """k of each with itself."""
        return np.einsum("nd,nd->n", features, features)


class Curve(NamedTuple):
    """k(i, j) = exp(-width (1 - e_i . e_j)): tastes are landscapes, which may have several peaks."""

    width: float

    def features(self, units: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        """The unit embeddings themselves."""
        return units

    def between(
        self, features: Float32[np.ndarray, "n dim"], others: Float32[np.ndarray, "m dim"]
    ) -> Float32[np.ndarray, "n m"]:
        """k of every two."""
        return np.exp(np.float32(self.width) * (features @ others.T - np.float32(1)))

    def size(self, features: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n"]:
        """k of each with itself."""
        return np.ones(len(features), np.float32)


Kernel = Line | Curve


def curve(units: Float32[np.ndarray, "items dim"]) -> Curve:
    """The curved kernel whose width suits these pictures: 2 / (1 - mean cosine between two of them)."""
    n = len(units)
    if n < 2:
        return Curve(_WIDTH)
    mean_cosine = (float(np.sum(units.sum(0, dtype=np.float64) ** 2)) - n) / (n * (n - 1))
    return Curve(_WIDTH / max(1.0 - mean_cosine, 1e-3))
