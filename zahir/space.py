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


def explore(
    tastes: Float[np.ndarray, "n dim"],
    surprise: float,
    *,
    rng: np.random.Generator,
    among: Float[np.ndarray, "m dim"] | None = None,
) -> Float32[np.ndarray, "n dim"]:
    """Turn each taste by `surprise` radians, in [0, pi/2], towards a random direction.

    `among` holds embeddings of real items of the space: the random direction is then a random mixture
    of them about their mean, so that surprises vary in the ways pictures vary. Without it the
    direction is uniform on the sphere, which in a wide space mostly means towards nothing at all.
    """
    if not 0.0 <= surprise <= np.pi / 2 + 1e-9:
        raise ValueError(f"surprise must be in [0, pi/2] radians; got {surprise}.")
    n, dim = tastes.shape
    if among is not None and len(among) > 1:
        offsets = np.asarray(among, np.float64) - np.mean(among, axis=0, dtype=np.float64)
        towards = rng.standard_normal((n, len(offsets))) @ offsets
    else:
        towards = rng.standard_normal((n, dim))
    return rotate(tastes, towards, surprise)


def apart(
    tastes: Float[np.ndarray, "n dim"], made: Float[np.ndarray, "m dim"], centre: Float[np.ndarray, "dim"], much: float
) -> Float32[np.ndarray, "n dim"]:
    """Lead each unit taste away from what these pictures have in common: taste - much * (their mean - centre).

    `made` are embeddings of pictures made lately, `centre` the mean of the space. What is made next then differs from
    them where the taste leaves it open. Without pictures the tastes come back, normalised.
    """
    if len(made) == 0:
        return normalize(tastes)
    return normalize(normalize(tastes) - much * (np.mean(made, axis=0, dtype=np.float64) - centre))
