"""How well scores order what people said: arrays in, one figure per person out.

Knows nothing of models. A like is a rating > 0; so *neither* is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from zahir.space import normalize

_BLOCK = 4_000_000  # numbers at a time in `pooled_auc`


class Interval(NamedTuple):
    """A figure and its 95 % interval; NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


def concordant_pairs(
    users: Int64[np.ndarray, "n"], liked: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"], *, num_users: int
) -> tuple[Float64[np.ndarray, "users"], Float64[np.ndarray, "users"]]:
    """Per person: pairs of a like and another in which the like scores higher (a tie is half), and all pairs.

    Their quotient is the area under the ROC curve (Mann & Whitney 1947). Both add up over folds, in
    which scores of different fits must not be compared with each other.
    """
    likes = np.bincount(users, liked, num_users)
    ranks = np.bincount(users, _ranks(users, scores) * liked, num_users)
    return ranks - likes * (likes + 1) / 2, likes * (np.bincount(users, minlength=num_users) - likes)


def within_auc(
    users: Int64[np.ndarray, "n"], liked: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"], *, num_users: int
) -> Float64[np.ndarray, "users"]:
    """Area under the ROC curve of each person, NaN where nothing or everything is liked."""
    pairs = concordant_pairs(users, liked, scores, num_users=num_users)
    return quotient(*pairs)


def spearman(
    users: Int64[np.ndarray, "n"],
    ratings: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    num_users: int,
) -> Float64[np.ndarray, "users"]:
    """Rank correlation of ratings and scores of each person (ties get mean ranks).

    NaN where all ratings are equal; 0 where all scores are: they order nothing.
    """
    return pearson(users, _ranks(users, ratings), _ranks(users, scores), num_users=num_users)


def pearson(
    users: Int64[np.ndarray, "n"],
    ratings: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    num_users: int,
) -> Float64[np.ndarray, "users"]:
    """Linear correlation of ratings and scores of each person.

    NaN where all ratings are equal; 0 where all scores are.
    """
    count = np.bincount(users, minlength=num_users)
    a, b = (
        values - quotient(np.bincount(users, values, num_users), count.astype(np.float64))[users]
        for values in (ratings.astype(np.float64), scores.astype(np.float64))
    )
    ab, aa, bb = (np.bincount(users, product, num_users) for product in (a * b, a * a, b * b))
    varied = bb > 1e-12 * count
    return np.where(
        aa > 1e-12 * count, np.where(varied, quotient(ab, np.sqrt(aa * np.where(varied, bb, 1))), 0.0), np.nan
    )


def squared_error(
    users: Int64[np.ndarray, "n"],
    ratings: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    num_users: int,
) -> Float64[np.ndarray, "users"]:
    """Mean squared difference of ratings and scores of each person, NaN without any."""
    error = (ratings.astype(np.float64) - scores) ** 2
    return quotient(np.bincount(users, error, num_users), np.bincount(users, minlength=num_users).astype(np.float64))


def pair_accuracy(
    users: Int64[np.ndarray, "n"],
    ratings: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    num_users: int,
) -> Float64[np.ndarray, "users"]:
    """Share of each person's pairs of different ratings whose scores are in the same order; a tie is half.

    NaN where all ratings are equal. Takes the square of a person's ratings.
    """
    out = np.full(num_users, np.nan)
    order = np.argsort(users, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(users[order])) + 1) if len(order) else []:
        said = np.sign(ratings[places][:, None] - ratings[places])
        told = np.sign(scores[places][:, None] - scores[places])
        if said.any():
            out[users[places[0]]] = np.mean((1 + said * told)[said != 0]) / 2
    return out


def pooled_auc(
    users: Int64[np.ndarray, "n"],
    liked: Bool[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    times: Float64[np.ndarray, "samples users"],
) -> Float64[np.ndarray, "samples"]:
    """Area under one ROC curve over everybody's ratings, in which person u counts times[:, u] times.

    It mixes taste with how much each person likes anything at all; a row of ones is the plain figure.
    """
    if not len(users):
        return np.full(len(times), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    who, good = users[order], liked[order]
    out = []
    for block in np.array_split(times, max(1, times.size * len(users) // max(1, times.shape[1]) // _BLOCK)):
        counts = block[:, who]
        likes = np.add.reduceat(counts * good, starts, axis=1)
        others = np.add.reduceat(counts * ~good, starts, axis=1)
        below = np.cumsum(others, axis=1) - others / 2
        out.append(quotient((likes * below).sum(1), likes.sum(1) * others.sum(1)))
    return np.concatenate(out)


def person_to_person(tastes: Float[np.ndarray, "people dim"]) -> float:
    """Median cosine between two people's tastes; NaN for fewer than two people.

    Near 1, everybody is shown the same, however good the ordering is.
    """
    units = normalize(tastes)
    pairs = (units @ units.T)[np.triu_indices(len(units), 1)]
    return float(np.median(pairs)) if len(pairs) else np.nan


def resample(num_users: int, *, samples: int = 1000, seed: int = 0) -> Float64[np.ndarray, "samples users"]:
    """How often each person is drawn in each bootstrap sample of as many people (Efron 1979)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(num_users, np.full(num_users, 1 / num_users), samples).astype(np.float64)


def over_people(
    values: Float64[np.ndarray, "users"],
    times: Float64[np.ndarray, "samples users"],
    *,
    weights: Float64[np.ndarray, "users"] | None = None,
) -> Interval:
    """Mean over the people whose value is not NaN, with its bootstrap interval over people."""
    weight = np.where(np.isfinite(values), 1.0 if weights is None else weights, 0.0)
    filled = np.where(np.isfinite(values), values, 0.0)
    mean = quotient(np.array([filled @ weight]), np.array([weight.sum()]))[0]
    return interval(float(mean), quotient(times @ (filled * weight), times @ weight))


def interval(value: float, samples: Float64[np.ndarray, "samples"]) -> Interval:
    """A figure with the 2.5 and 97.5 percentiles of its bootstrap samples."""
    known = samples[np.isfinite(samples)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def quotient(a: Float64[np.ndarray, "*n"], b: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
    """a / b, NaN where b is 0."""
    return np.where(b != 0, a / np.where(b != 0, b, 1), np.nan)


def _ranks(groups: Int64[np.ndarray, "n"], values: Float[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """Rank from 1 within its group, the mean rank for ties."""
    order = np.lexsort((values, groups))
    sorted_groups, sorted_values = groups[order], values[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(sorted_groups) != 0) | (np.diff(sorted_values) != 0)
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(order))
    tie = np.cumsum(new) - 1
    place = ((starts + ends - 1) / 2)[tie] - np.searchsorted(sorted_groups, sorted_groups) + 1
    ranks = np.empty(len(order))
    ranks[order] = place
    return ranks
