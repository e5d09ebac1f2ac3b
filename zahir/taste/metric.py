"""In which directions tastes vary: in all alike, or more where pictures vary more.

A metric is a symmetric matrix S: tastes are S y with y the same in all directions, so that everything
that solves for y sees item factors S c. Knows nothing of ratings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

_FLOOR = 0.1  # share of the variance that is spread over all directions: unseen pictures vary in others too


class Metric(NamedTuple):
    """S and its inverse; both empty for the identity, which costs nothing."""

    root: Float32[np.ndarray, "_ _"]
    inverse: Float32[np.ndarray, "_ _"]

    def factors(self, vectors: Float32[np.ndarray, "*n dim"]) -> Float32[np.ndarray, "*n dim"]:
        """Item vectors c as the solve sees them, S c; also tastes y as the space sees them, S y."""
        return vectors @ self.root if self.root.size else vectors

    def back(self, vectors: Float32[np.ndarray, "*n dim"]) -> Float32[np.ndarray, "*n dim"]:
        """The way back of `factors`."""
        return vectors @ self.inverse if self.inverse.size else vectors


IDENTITY = Metric(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


def metrics(images: Float32[np.ndarray, "items dim"], powers: tuple[float, ...]) -> list[Metric]:
    """For each power g the S^2 proportional to the g-th power of the images' covariance, floored.

    Scaled so that the mean square length of S c over the images is 1, as is that of c.
    """
    if len(images) < 2:
        return [IDENTITY for _ in powers]
    values, axes = np.linalg.eigh(images.T @ images / len(images))
    values = np.clip(values, 0.0, None)
    if not values.any():
        return [IDENTITY for _ in powers]
    floored = (1 - _FLOOR) * values + _FLOOR * values.mean()
    return [_metric(floored**power, values, axes) if power else IDENTITY for power in powers]


def _metric(
    squares: Float[np.ndarray, "dim"], values: Float[np.ndarray, "dim"], axes: Float[np.ndarray, "dim dim"]
) -> Metric:
    widths = np.sqrt(squares * (values.sum() / (squares @ values)))
    return Metric(((axes * widths) @ axes.T).astype(np.float32), ((axes / widths) @ axes.T).astype(np.float32))
