"""How far each person's ratings may steer the tastes of others: doubt about votes that say nothing of taste.

Knows ratings and the sizes of their parts; nothing of how tastes are solved. A weight in [0, 1] is for what a
person contributes to others, 1 for somebody without ratings; no item may be rated twice by one person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64
from scipy import sparse
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.special import betaln

from zahir.interactions import Interactions
from zahir.taste.evidence import ENOUGH, Scales, sample

DISHONEST = 0.1  # of people, before anything is known of them
COPIES = 0.02  # of pairs of people, likewise
_GROUP = 1000  # ratings that are judged together, in whole people: the cost is cubic
_ALIKE = (50.0, 1.0)  # Beta prior of how often somebody who does not look gives their one answer
_KAPPA = 0.7  # agreement beyond chance of people of one taste: 0.85 for likes and dislikes in equal numbers
_IN_COMMON = 5  # items, at least, that people must have in common to be taken for copies
_LEAST = 1e-3  # of their weight that a person's ratings keep
_BELIEVED = 0.5  # trust from which on ratings tell how large the parts are

Sized = Callable[[Interactions], tuple[np.ndarray, Scales]]
"""Called as sized(table): the item factors that suit a table's ratings, and how large their parts are."""


def trusted(table: Interactions, sized: Sized, *, seed: int) -> Float32[np.ndarray, "users"]:
    """How far each person's ratings may speak for others; below 30 ratings everybody's in full.

    Copies are weighed down before votes without a taste are looked for: they look like a majority.
    """
    if len(table) < ENOUGH:
        return np.ones(table.num_users, np.float32)
    apart = varies(table.users, table.ratings, num_users=table.num_users)
    apart *= unique(table.users, table.items, table.ratings, num_users=table.num_users)
    told = weighed(table, apart)
    factors, scales = sized(believed(table, apart))
    looking = looks(
        told.users,
        told.items,
        told.ratings,
        told.weights,
        factors=factors,
        scales=scales,
        num_users=table.num_users,
        rng=np.random.default_rng(seed),
    )
    return (apart * looking).astype(np.float32)


def weighed(table: Interactions, trust: Float[np.ndarray, "users"]) -> Interactions:
    """The table as others may learn from it."""
    if np.all(trust == 1):
        return table
    return replace(table, weights=table.weights * kept(trust)[table.users])


def kept(trust: Float[np.ndarray, "users"]) -> Float32[np.ndarray, "users"]:
    """What of its weight a rating of each person keeps."""
    return np.maximum(trust, _LEAST).astype(np.float32)


def believed(table: Interactions, trust: Float[np.ndarray, "users"]) -> Interactions:
    """Ratings of people who are trusted by half or more: a small weight would tell evidence of a small noise."""
    return table.take(trust[table.users] >= _BELIEVED) if np.any(trust < _BELIEVED) else table


def looks(
    users: Int64[np.ndarray, "n"],
    items: Int64[np.ndarray, "n"],
    ratings: Float32[np.ndarray, "n"],
    weights: Float32[np.ndarray, "n"],
    *,
    factors: Float32[np.ndarray, "items dim"],
    scales: Scales,
    num_users: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "users"]:
    """Probability that a person's ratings depend on the pictures, given everybody else's.

    Compares two densities of all their ratings at once: with a taste, that is given the others' ratings
    by the Gaussian process of `scales` (whose predictive with a block left out comes from the inverse of
    the whole covariance, Rasmussen & Williams 2006, eq. 5.12), and with the same variances but
    every part that depends on the picture turned into noise. A taste that nobody shares is a taste: it
    explains a person's ratings by one another. People are judged in groups drawn at random.
    """
    log_odds = np.zeros(num_users)
    for which in _groups(users, rng):
        log_odds[np.unique(users[which])] += _log_ratios(
            users[which], items[which], ratings[which], weights[which], factors, scales
        )
    return _doubted(log_odds)


def varies(
    users: Int64[np.ndarray, "n"], ratings: Float32[np.ndarray, "n"], *, num_users: int
) -> Float64[np.ndarray, "users"]:
    """Probability that a person does not give one answer whatever is shown.

    An honest person's share of an answer is spread widely about how common the answer is.
    """
    _, grades = np.unique(ratings, return_inverse=True)
    counts = _counts(users, grades, num_users)
    total, most = counts.sum(1), counts.max(1, initial=0)
    common = (counts.sum(0) / max(1.0, counts.sum()))[counts.argmax(1)] if counts.size else np.zeros(num_users)
    common = np.clip(common, 0.01, 0.99)
    honest = _beta_binomial(most, total, 4 * common, 4 * (1 - common))
    return _doubted(honest - _beta_binomial(most, total, *_ALIKE))


def unique(
    users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"], ratings: Float32[np.ndarray, "n"], *, num_users: int
) -> Float64[np.ndarray, "users"]:
    """One over the expected number of people whose votes are the same person's, oneself included.

    Two people who give the same answer to every item in common, five at least, are copies with a probability
    that falls with the chance of the same among people of one taste. A group of copies so counts as about
    one person, the copied one included. Costs the sum over items of their squared number of ratings.
    """
    grades = np.unique(ratings, return_inverse=True)[1]
    shape = (num_users, int(items.max(initial=-1)) + 1)
    same, both = sparse.csr_array((num_users, num_users)), _table(users, items, shape)
    both = sparse.triu(both @ both.T, k=1).tocsr()
    for grade in range(int(grades.max(initial=-1)) + 1):
        given = _table(users[grades == grade], items[grades == grade], shape)
        same = same + sparse.triu(given @ given.T, k=1)
    first, second = both.nonzero()
    of, hits = both[first, second], same.tocsr()[first, second]
    enough = of >= _IN_COMMON
    first, second, of, hits = first[enough], second[enough], of[enough], hits[enough]
    usual = _counts(users, grades, num_users)
    usual = usual / np.maximum(usual.sum(1, keepdims=True), 1)
    chance = np.einsum("pg,pg->p", usual[first], usual[second])
    agree = chance + _KAPPA * (1 - chance)
    copied = np.where(hits == of, 1.0 / (1.0 + (1 / COPIES - 1) * agree**of), 0.0)
    return 1.0 / (1.0 + np.bincount(np.concatenate([first, second]), np.tile(copied, 2), num_users))


def _table(users: np.ndarray, items: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(users)), (users, items)), shape=shape)


def _groups(users: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of all ratings in groups of whole people, about a thousand ratings each, ordered by user."""
    counts = np.bincount(users)
    turn = rng.permutation(len(counts))
    group_of = np.zeros(len(counts), np.int64)
    group_of[turn] = np.minimum(counts[turn], _GROUP // 20).cumsum() // _GROUP
    order = np.lexsort((users, group_of[users]))
    edges = np.flatnonzero(np.diff(group_of[users[order]])) + 1
    return [part[sample(users[part], 2 * _GROUP, rng)] for part in np.split(order, edges)] if len(users) else []


def _log_ratios(
    users: np.ndarray, items: np.ndarray, ratings: np.ndarray, weights: np.ndarray, factors: np.ndarray, scales: Scales
) -> Float[np.ndarray, "people"]:
    """Log density of each person's ratings with a taste over that without, in the order of their numbers."""
    vectors = factors[items].astype(np.float64)
    own = users[:, None] == users
    product = vectors @ vectors.T
    level = scales.level + scales.bias * own
    whole = (scales.population + scales.own * own) * product + scales.item * (items[:, None] == items) + level
    noise = scales.noise / weights.astype(np.float64)
    blind = np.diag(whole) - np.diag(level) + noise
    whole[np.diag_indices_from(whole)] += noise
    inverse = _inverse(whole)
    left = inverse @ ratings
    mean = _posterior_level(ratings, blind, own, scales)
    ratios = []
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        block = inverse[np.ix_(mine, mine)]
        taste = 0.5 * np.linalg.slogdet(block)[1] - 0.5 * left[mine] @ np.linalg.solve(block, left[mine])
        around = np.full((len(mine),) * 2, scales.bias)
        around[np.diag_indices_from(around)] += blind[mine]
        away = ratings[mine] - mean
        none = -0.5 * np.linalg.slogdet(around)[1] - 0.5 * away @ np.linalg.solve(around, away)
        ratios.append(taste - none)
    return np.array(ratios)


def _posterior_level(ratings: np.ndarray, blind: np.ndarray, own: np.ndarray, scales: Scales) -> float:
    """The general level, were all ratings blind: their mean, people counting by how sure each is."""
    sizes = own.sum(1)
    weight = 1.0 / (blind + scales.bias * sizes)
    return float(weight @ ratings / (weight.sum() + 1.0 / max(scales.level, 1e-12)))


def _inverse(matrix: np.ndarray) -> np.ndarray:
    low, failed = dpotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError(f"covariance of ratings is not positive (row {failed}).")
    inverse, _ = dpotri(low, lower=1, overwrite_c=1)
    inverse += np.tril(inverse, -1).T
    return inverse


def _doubted(log_ratio: Float64[np.ndarray, "people"]) -> Float64[np.ndarray, "people"]:
    """How far evidence has lowered the odds of honesty: 1 as long as it has not."""
    prior = 1 - DISHONEST
    honest = 1.0 / (1.0 + (1 / prior - 1) * np.exp(-np.clip(log_ratio, -50.0, 50.0)))
    return np.minimum(1.0, honest / prior)


def _counts(users: np.ndarray, grades: np.ndarray, num_users: int) -> Float64[np.ndarray, "users grades"]:
    number = int(grades.max(initial=-1)) + 1
    return np.bincount(users * number + grades, minlength=num_users * number).reshape(num_users, number).astype(float)


def _beta_binomial(
    hits: np.ndarray, of: np.ndarray, a: np.ndarray | float, b: np.ndarray | float
) -> Float64[np.ndarray, "n"]:
    """Log probability of one particular order of `hits` among `of` draws whose chance is Beta(a, b)."""
    return betaln(a + hits, b + of - hits) - betaln(a, b)
