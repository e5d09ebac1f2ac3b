"""Geometry of an embedding space: lengths, angles and steps on the unit sphere.

Knows nothing of people, pictures or models: arrays in, arrays out. All angles are radians.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

_TINY = 1e-12


def normalize(vectors: Float[np.ndarray, "*n dim"]) -> Float32[np.ndarray, "*n dim"]:
    """Scale each vector to unit length; a zero vector stays zero.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=-1, keepdims=True)
    return (wide / np.where(lengths > _TINY, lengths, 1.0)).astype(np.float32)


def cosine(a: Float[np.ndarray, "n dim"], b: Float[np.ndarray, "m dim"]) -> Float32[np.ndarray, "n m"]:
    """Cosine of every row of `a` with every row of `b`, in [-1, 1]; 0 where a row is zero."""
    return np.clip(normalize(a) @ normalize(b).T, -1.0, 1.0)


def slerp(
    a: Float[np.ndarray, "dim"], b: Float[np.ndarray, "dim"], t: Float[np.ndarray, "n"]
) -> Float32[np.ndarray, "n dim"]:
    """Points on the great circle from `a` (t = 0) to `b` (t = 1), unit length (Shoemake 1985).

    Opposite vectors have no single shortest way; the plane is then completed with the axis in which
    `a` is smallest, so that the answer is defined and the same each time.
    """
    start, end = normalize(a).astype(np.float64), normalize(b).astype(np.float64)
    angle = np.arccos(np.clip(start @ end, -1.0, 1.0))
    if angle < 1e-6:
        return np.repeat(normalize(a)[None], len(t), axis=0)
    side = end - (end @ start) * start
    if np.linalg.norm(side) < 1e-6:
        side = np.eye(len(start))[np.argmin(np.abs(start))]
        side = side - (side @ start) * start
    side /= np.linalg.norm(side)
    turn = np.asarray(t, np.float64)[:, None] * angle
    return (np.cos(turn) * start + np.sin(turn) * side).astype(np.float32)


def rotate(
    tastes: Float[np.ndarray, "n dim"], towards: Float[np.ndarray, "n dim"], angle: float
) -> Float32[np.ndarray, "n dim"]:
    """Turn each unit taste by `angle` radians towards its own row of `towards`; the result is unit.

    Where `towards` is parallel to the taste there is no plane to turn in, and the taste is returned.
    """
    start = normalize(tastes).astype(np.float64)
    side = np.asarray(towards, np.float64)
    side = side - np.sum(side * start, axis=1, keepdims=True) * start
    lengths = np.linalg.norm(side, axis=1, keepdims=True)
    side = side / np.where(lengths > _TINY, lengths, 1.0)
    turned = np.where(lengths > _TINY, np.cos(angle) * start + np.sin(angle) * side, start)
    return normalize(turned)
