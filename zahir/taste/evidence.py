"""How large each part of a rating is - shared, personal, the item's, level, noise - read off the ratings.

Knows ratings and centred unit embeddings of what was rated; nothing of how tastes are then solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy.linalg.lapack import dpotrf, dpotri

from zahir.taste.alike import similarity

ENOUGH = 30  # ratings; with fewer the evidence mostly repeats its prior, at a price in time
SAMPLES = (500, 1500)  # ratings looked at, to choose factors and to find scales: the cost is cubic
_CLOSE = 1e-3  # stop when a step promises less than half of this in log evidence
_SPREAD = 1.5  # standard deviation of the prior over each log scale
_SPREAD_ALIKE = 0.3  # of those that say how much likeness matters: it is made of the same ratings, which flatters it


class Scales(NamedTuple):
    """Variances of the parts of a rating r in [-1, 1] of an item with centred unit embedding c.

        r = level + bias_u + item_i + (population + own_u) . c_i + noise / sqrt(weight)

    `population` and `own` are the variances of each coordinate of a taste, which is also what they
    contribute to the variance of a rating, since c is of unit length. `like` and `tie` are the variances of
    what people have in common as far as they are alike (`zahir.taste.alike`): of tastes, and of what is
    particular to an item. Most models leave these two out.
    """

    population: float
    own: float
    item: float
    level: float
    bias: float
    noise: float
    like: float = 0.0
    tie: float = 0.0


_TABLE = Scales(population=0.3, own=0.15, item=0.05, level=0.2, bias=0.03, noise=0.17)
_TABLE_ALIKE = _TABLE._replace(own=0.05, like=0.2, tie=0.1)
_TABLE_MEAN_SQUARE = 0.62  # of the graded ratings that the table was made from


def fixed_scales(ratings: Float32[np.ndarray, "n"], *, alike: bool = False) -> Scales:
    """Rounded scales that do on ratings of any grain: the table, in proportion to the mean square rating.

    With `alike`, those of a model in which people are alike in pairs.
    """
    size = float(np.mean(ratings**2)) if np.any(ratings) else _TABLE_MEAN_SQUARE
    return Scales(*(scale * size / _TABLE_MEAN_SQUARE for scale in (_TABLE_ALIKE if alike else _TABLE)))


def scales_by_evidence(
    users: Int64[np.ndarray, "n"],
    items: Int64[np.ndarray, "n"],
    ratings: Float32[np.ndarray, "n"],
    weights: Float32[np.ndarray, "n"],
    *,
    factors: Sequence[Float32[np.ndarray, "items dim"]],
    strengths: Mapping[str, float],
    rng: np.random.Generator,
    positions: Float[np.ndarray, "users rank"] | None = None,
    start: Scales | None = None,
) -> tuple[int, Scales]:
    """Which item factors to use, and the scales with the largest marginal likelihood times their prior.

    Maximises -1/2 r' (K + D)^-1 r - 1/2 log det(K + D) over the log scales (Rasmussen & Williams
    2006, eq. 5.8 and 5.9), where K is the covariance of the parts and D that of the noise; the prior is
    log-normal around `fixed_scales`. `factors` are candidates for the vectors c. `strengths` fixes
    noise / scale of the parts it names; infinity leaves a part out. O(n^3) per step: candidates are
    compared on at most 500 ratings, scales found on at most 1,500, a sample of people. `positions` say how
    alike people are (`zahir.taste.alike`); without them `like` and `tie` are 0. `start` are scales of a similar
    model, which save most steps where there is one candidate.
    """
    names = Scales._fields if positions is not None else Scales._fields[:6]
    centre = np.log(fixed_scales(ratings, alike=positions is not None)[: len(names)])
    free = [name for name in names if name not in strengths]
    spread = np.zeros((len(names), len(free)))
    offset = np.zeros(len(names))
    for row, name in enumerate(names):
        spread[row, free.index("noise" if name in strengths else name)] = 1.0
        offset[row] = -np.log(strengths.get(name, 1.0))
    middle = centre[[names.index(name) for name in free]]
    doubt = np.array([_SPREAD_ALIKE if name in ("like", "tie") else _SPREAD for name in free])

    def climb(candidate: np.ndarray, which: np.ndarray, log_free: np.ndarray) -> tuple[float, np.ndarray]:
        vectors = candidate[items[which]]
        places = None if positions is None else positions[users[which]]
        parts = _Parts(users[which], items[which], vectors, ratings[which], weights[which], places)
        return _climb(parts, log_free, middle, doubt, spread, offset)

    few, many = (sample(users, size, rng) for size in SAMPLES)
    if start is not None and len(factors) == 1:
        begun = np.array([getattr(start, name) for name in free])
        begun = np.where(begun > 0, np.log(np.where(begun > 0, begun, 1.0)), middle)
        best, (_, found) = 0, climb(factors[0], many, begun)
    else:
        tried = [climb(candidate, few, middle) for candidate in factors]
        best = int(np.argmax([value for value, _ in tried]))
        found = tried[best][1]
        if len(many) > len(few):
            _, found = climb(factors[best], many, found)
    return best, Scales(*(float(scale) for scale in np.exp(spread @ found + offset)))


def _climb(
    parts: _Parts,
    found: np.ndarray,
    centre: np.ndarray,
    doubt: np.ndarray,
    spread: np.ndarray,
    offset: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Newton steps with average information (Gilmour, Thompson & Cullis 1995), halved until they help."""
    best, step, size = -np.inf, np.zeros_like(found), 1.0
    slope, curvature = step, np.eye(len(found))
    for _ in range(50):
        trial = found + size * step
        value, part_slope, information = parts.log_evidence(np.exp(spread @ trial + offset))
        away = (trial - centre) / doubt
        value -= 0.5 * float(away @ away)
        if value < best:
            size /= 2
            continue
        found, best, size = trial, value, 1.0
        slope = spread.T @ part_slope - away / doubt
        curvature = spread.T @ information @ spread + np.diag(doubt**-2.0)
        step = np.clip(np.linalg.solve(curvature, slope), -2.0, 2.0)
        if slope @ step < _CLOSE:
            break
    return best, found


def sample(users: Int64[np.ndarray, "n"], size: int, rng: np.random.Generator) -> Int64[np.ndarray, "some"]:
    """Positions of at most `size` ratings, ordered by user: people at random, each whole if not too long."""
    shuffled = rng.permutation(len(users))
    by_user = shuffled[np.argsort(users[shuffled], kind="stable")]
    if len(users) <= size:
        return by_user
    counts = np.bincount(users)
    first = np.cumsum(counts) - counts
    place = np.arange(len(users)) - first[users[by_user]]
    # at least 20 people must fit, or what is shared cannot be told from what is personal
    kept = by_user[place < max(size // 20, size // np.count_nonzero(counts))]
    turn = rng.permutation(len(counts))[users[kept]]
    return kept[np.argsort(turn, kind="stable")][:size]


class _Parts:
    """The covariance of each part between every two ratings; ratings are ordered by user."""

    def __init__(
        self,
        users: np.ndarray,
        items: np.ndarray,
        vectors: np.ndarray,
        ratings: np.ndarray,
        weights: np.ndarray,
        positions: np.ndarray | None = None,
    ) -> None:
        wide = vectors.astype(np.float64)
        self.alike = wide @ wide.T
        self.ratings = ratings.astype(np.float64)
        self.noise = 1.0 / weights.astype(np.float64)
        starts = np.flatnonzero(np.diff(users, prepend=-1))
        self.people = [slice(a, b) for a, b in zip(starts, [*starts[1:], len(users)])]
        order = np.argsort(items, kind="stable")
        edges = np.flatnonzero(np.diff(items[order], prepend=-1))
        groups = np.split(order, edges[1:])
        self.same_item = (
            np.concatenate([np.repeat(group, len(group)) for group in groups]),
            np.concatenate([np.tile(group, len(group)) for group in groups]),
        )
        self.like = self.tie = None
        if positions is not None:
            likeness = similarity(users, positions, users, positions)
            self.like, self.tie = likeness * self.alike, likeness[self.same_item]

    def log_evidence(
        self, scales: Float[np.ndarray, "parts"]
    ) -> tuple[float, Float[np.ndarray, "parts"], Float[np.ndarray, "parts parts"]]:
        """Log marginal likelihood up to a constant, its slope and average information by the log scales."""
        population, own, item, level, bias, noise = scales[:6]
        covariance = population * self.alike + level
        for person in self.people:
            covariance[person, person] += own * self.alike[person, person] + bias
        covariance[self.same_item] += item
        if self.like is not None:
            covariance += scales[6] * self.like
            covariance[self.same_item] += scales[7] * self.tie
        covariance[np.diag_indices_from(covariance)] += noise * self.noise
        low, failed = dpotrf(covariance, lower=1, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError(f"covariance of ratings is not positive (row {failed}) at scales {scales}.")
        half_log_det = np.log(np.diag(low)).sum()
        inverse, _ = dpotri(low, lower=1, overwrite_c=1)
        inverse += np.tril(inverse, -1).T
        alpha = inverse @ self.ratings
        # alpha' K alpha - tr(inverse K) is the sum over cells of (alpha alpha' - inverse) * K
        pull = np.outer(alpha, alpha) - inverse
        slope = [
            np.vdot(pull, self.alike),
            sum(np.vdot(pull[p, p], self.alike[p, p]) for p in self.people),
            pull[self.same_item].sum(),
            pull.sum(),
            sum(pull[p, p].sum() for p in self.people),
            np.diag(pull) @ self.noise,
        ]
        moves = [
            self.alike @ alpha,
            np.concatenate([self.alike[p, p] @ alpha[p] for p in self.people]),
            np.bincount(self.same_item[0], alpha[self.same_item[1]]),
            np.full(len(alpha), alpha.sum()),
            np.concatenate([np.full(p.stop - p.start, alpha[p].sum()) for p in self.people]),
            self.noise * alpha,
        ]
        if self.like is not None:
            slope += [np.vdot(pull, self.like), pull[self.same_item] @ self.tie]
            moves += [self.like @ alpha, np.bincount(self.same_item[0], self.tie * alpha[self.same_item[1]])]
        moved = scales[:, None] * np.stack(moves)
        value = -0.5 * self.ratings @ alpha - half_log_det
        return float(value), 0.5 * scales * np.array(slope), 0.5 * moved @ inverse @ moved.T
