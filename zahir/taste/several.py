"""Several tastes in one person: their likes split into kinds, a direction for each, where one says too little.

Knows one person's ratings; nothing of other people or of how the one taste was learned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from zahir.space import normalize
from zahir.taste.lean import lean

_WIDTH = 2.0  # of the curved kernel exp(2 (cosine - 1)): about the width that ranks best on real ratings
_SHARES = (0.2, 0.4, 0.6, 0.8)  # of the variance of ratings that a taste may explain, all as likely before
_BIAS = 0.3  # variance of a person's level, in units of that of their ratings
_FEW = 3  # likes: a kind has so many at least
_MOST = 400  # latest ratings that are looked at: the cost is cubic


class Kind(NamedTuple):
    """A kind of pictures that somebody likes: positions of the likes, and its share of what is made for them."""

    likes: Int64[np.ndarray, "likes"]
    share: float


class _Explained(NamedTuple):
    evidence: float  # log marginal likelihood, the share of variance integrated out
    dual: Float[np.ndarray, "n"]  # at the best share


def draw(
    taste: Float32[np.ndarray, "dim"],
    vectors: Float32[np.ndarray, "n dim"],
    ratings: Float32[np.ndarray, "n"],
    count: int,
    *,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "count dim"]:
    """Unit directions to make pictures from: of every kind that somebody likes, leaned on what they liked.

    `vectors` are what was rated, centred and of unit length or zero, oldest first. With one kind the direction is
    `taste`. With more, each kind has the direction that tells its likes from everything that was not liked, and its
    share of the batch.
    """
    vectors, ratings = vectors[-_MOST:], ratings[-_MOST:]
    of = kinds(vectors, ratings)
    if len(of) < 2:
        return lean(taste, vectors[ratings > 0], count, rng=rng)
    parts = np.array([kind.share for kind in of])
    # evenly spaced marks from a random start: each part is met within one, whatever the draw
    marks = (np.arange(count) + rng.random()) / max(1, count)
    whose = np.searchsorted(np.cumsum(parts), marks, side="right").clip(max=len(of) - 1)
    rest = np.flatnonzero(ratings <= 0)
    rows = [
        lean(_direction(vectors, ratings, kind.likes, rest), vectors[kind.likes], int((whose == k).sum()), rng=rng)
        for k, kind in enumerate(of)
    ]
    return rng.permutation(np.concatenate(rows))


def kinds(vectors: Float32[np.ndarray, "n dim"], ratings: Float32[np.ndarray, "n"]) -> list[Kind]:
    """The kinds of pictures that somebody likes; one where one direction explains the ratings as well.

    A Gaussian process with a curved kernel, one of two as likely, is compared with one that is linear in the
    vectors, by the evidence of the ratings. If it is the better, the likes are halved (2-means on the sphere);
    halves that lie in opposite directions are kinds, and each is asked the same question against everything
    that was not liked. Halves share by the roots of their sizes.
    """
    return _split(vectors, ratings, Kind(np.flatnonzero(ratings > 0), 1.0), np.flatnonzero(ratings <= 0))


def _split(vectors: np.ndarray, ratings: np.ndarray, kind: Kind, rest: np.ndarray) -> list[Kind]:
    likes = kind.likes
    if len(likes) < 2 * _FEW or len(rest) < _FEW:
        return [kind]
    which = np.concatenate([likes, rest])
    alike = vectors[which].astype(np.float64) @ vectors[which].T
    line, near, square = (_explain(kernel, ratings[which]).evidence for kernel in (alike, *_curved(alike)))
    if np.logaddexp(near, square) - np.log(2) <= line:
        return [kind]
    first = _half(vectors[likes])
    sizes = np.array([first.sum(), (~first).sum()])
    if sizes.min() < _FEW or vectors[likes[first]].sum(0) @ vectors[likes[~first]].sum(0) > 0:
        return [kind]
    shares = kind.share * np.sqrt(sizes) / np.sqrt(sizes).sum()
    halves = [Kind(likes[half], float(share)) for half, share in zip((first, ~first), shares)]
    return [part for half in halves for part in _split(vectors, ratings, half, rest)]


def _curved(alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernels that can rise towards several kinds at once: falling with distance, and linear plus quadratic."""
    return np.exp(_WIDTH * (alike - 1)), (alike + alike**2) / 2


def _half(vectors: np.ndarray) -> np.ndarray:
    """Which vectors belong to the smaller of two kinds; starts from the direction in which they differ most."""
    away = vectors - vectors.mean(0)
    first = away @ np.linalg.svd(away, full_matrices=False)[2][0] > 0
    for _ in range(20):
        middles = normalize(np.stack([vectors[first].sum(0), vectors[~first].sum(0)]))
        nearer = vectors @ (middles[0] - middles[1]) > 0
        if np.array_equal(nearer, first):
            break
        first = nearer
    return first if first.sum() <= len(first) / 2 else ~first


def _direction(vectors: np.ndarray, ratings: np.ndarray, likes: np.ndarray, rest: np.ndarray) -> np.ndarray:
    which = np.concatenate([likes, rest])
    wide = vectors[which].astype(np.float64)
    return normalize(_explain(wide @ wide.T, ratings[which]).dual @ wide)


def _explain(kernel: Float[np.ndarray, "n n"], ratings: Float[np.ndarray, "n"]) -> _Explained:
    """Ratings as level + f + noise, f with this kernel: r ~ N(0, v (share K + (1 - share) I + bias 11'))."""
    size = float(np.var(ratings)) + 1e-6
    found = []
    for share in _SHARES:
        covariance = size * (share * kernel + (1 - share) * np.eye(len(ratings)) + _BIAS)
        low = np.linalg.cholesky(covariance)
        half = np.linalg.solve(low, ratings.astype(np.float64))
        dual = np.linalg.solve(low.T, half)
        found.append(_Explained(-0.5 * float(half @ half) - float(np.log(np.diag(low)).sum()), size * share * dual))
    values = np.array([each.evidence for each in found])
    return _Explained(float(np.logaddexp.reduce(values)), found[int(np.argmax(values))].dual)
