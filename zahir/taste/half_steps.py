"""The half-steps of `TetheredWALS`: people given items, items given people, each of them exact.

Knows the objective; nothing of where strengths come from or of people who come later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from scipy.linalg import solve_triangular

from zahir.interactions import Interactions, Rows
from zahir.taste.factorise import LEAP_AFTER, leap, lifted
from zahir.taste.shared import Strengths, solve_shared
from zahir.taste.solve import solve_rows
from zahir.taste.threads import gram

TetherForm = Literal["pull", "pseudo"]


class Fit(NamedTuple):
    """r_ui = level + user_bias_u + item_bias_i + users_u . items_i, with users_u near the population."""

    population: Float32[np.ndarray, "dim"]
    users: Float32[np.ndarray, "users dim"]
    items: Float32[np.ndarray, "items dim"]
    level: float
    user_bias: Float32[np.ndarray, "users"]
    item_bias: Float32[np.ndarray, "items"]


def half_steps(
    table: Interactions,
    images: Float32[np.ndarray, "items dim"],
    *,
    strengths: Strengths,
    tether: float,
    tether_form: TetherForm = "pull",
    unobserved: float = 0.0,
    iterations: int = 10,
) -> Iterator[Fit]:
    """Start with the items at their images; yield the fit after each half-step, people's last.

    Minimises `objective`. Unless cells without ratings count, population, biases and people are solved
    together, with the items at their images once and for all: then the first yield is the minimum. The
    items of a `table` without repeated ratings move only if somebody rated them. Where nothing is held
    anywhere but near zero and cells without ratings count enough, items leap once to where sweeps would lead.
    """
    moving = bool(np.isfinite(tether))
    fit = Fit(
        np.zeros(images.shape[1], np.float32),
        np.zeros((table.num_users, images.shape[1]), np.float32),
        images.copy(),
        0.0,
        np.zeros(table.num_users, np.float32),
        np.zeros(table.num_items, np.float32),
    )
    dual = None
    sweeps = iterations if moving or unobserved else 1
    for sweep in range(sweeps):
        if sweep == LEAP_AFTER and _leaps(table, images, strengths, tether, unobserved):
            fit = _leap(table, fit, strengths, unobserved)
        elif unobserved:
            fit = _biases(table, fit, strengths)
            yield fit
        fit, dual = _people(table, fit, strengths, unobserved, dual)
        yield fit
        if moving and sweep < sweeps - 1:
            fit = _items(table, fit, images, strengths, tether, tether_form, unobserved)
            yield fit


def objective(
    table: Interactions,
    images: Float32[np.ndarray, "items dim"],
    fit: Fit,
    *,
    strengths: Strengths,
    tether: float,
    tether_form: TetherForm = "pull",
    unobserved: float = 0.0,
) -> float:
    """What the half-steps minimise, in float64; people and items without ratings count only as columns."""
    rated_users, rated_items = _rated(table)
    users, items, images = fit.users.astype(np.float64), fit.items.astype(np.float64), images.astype(np.float64)
    told = np.einsum("nd,nd->n", users[table.users], items[table.items])
    left = table.ratings - fit.level - fit.user_bias[table.users] - fit.item_bias[table.items] - told

    def cost(strength: float, parts: np.ndarray | float) -> float:
        return strength * float(np.sum(np.square(parts, dtype=np.float64))) if np.isfinite(strength) else 0.0

    total = float(table.weights @ left**2)
    total += unobserved * float(np.sum((users[rated_users] @ items.T) ** 2) - np.sum(told**2))
    total += cost(strengths.own, users[rated_users] - fit.population) + cost(strengths.population, fit.population)
    total += cost(strengths.level, fit.level) + cost(strengths.bias, fit.user_bias)
    total += cost(strengths.item, fit.item_bias)
    if tether == 0:
        return total + cost(strengths.own, items)
    if tether_form == "pull":
        return total + cost(tether, items - images)
    own = np.einsum("id,id->i", items[rated_items], images[rated_items])
    return total + cost(tether, 1.0 - own) + cost(strengths.own, items[rated_items])


def _biases(table: Interactions, fit: Fit, strengths: Strengths) -> Fit:
    told = paired(fit.users, table.users, fit.items, table.items)
    nothing = np.zeros((table.num_items, 1), np.float32)
    shared = solve_shared(
        table.users,
        table.items,
        table.ratings - told,
        table.weights,
        own_factors=nothing,
        population_factors=nothing,
        strengths=strengths,
        num_users=table.num_users,
    )
    return fit._replace(level=shared.level, user_bias=shared.user_bias, item_bias=shared.item_bias)


def _people(
    table: Interactions, fit: Fit, strengths: Strengths, unobserved: float, dual: np.ndarray | None
) -> tuple[Fit, np.ndarray]:
    """Population and people, and unless cells without ratings count, all biases with them."""
    ratings, weights, unrated = table.ratings, table.weights, None
    if unobserved:
        left = ratings - fit.level - fit.user_bias[table.users] - fit.item_bias[table.items]
        weights = weights - np.float32(unobserved)
        ratings = table.weights * left / weights
        unrated = unobserved * gram(fit.items)
    own_factors, population_factors, turn = _factors(fit.items, strengths, unrated, int(_rated(table)[0].sum()))
    shared = solve_shared(
        table.users,
        table.items,
        ratings,
        weights,
        own_factors=own_factors,
        population_factors=population_factors,
        strengths=strengths._replace(item=np.inf, level=np.inf, bias=np.inf) if unobserved else strengths,
        num_users=table.num_users,
        start=dual,
    )
    population = (turn @ shared.population).astype(np.float32)
    if not unobserved:
        fit = fit._replace(level=shared.level, user_bias=shared.user_bias, item_bias=shared.item_bias)
    rows = _unexplained(table.by_user(), fit.level, fit.user_bias, fit.item_bias, unobserved)
    users = solve_rows(rows, fit.items, prior=population, gram=unrated, strength=strengths.own)
    return fit._replace(population=population, users=users), shared.dual


def by_their_own(table: Interactions, fit: Fit, strengths: Strengths) -> Fit:
    """Each person's taste and bias from all of their ratings, everything that is shared as it is."""
    scale = np.float32(np.sqrt(strengths.own / strengths.bias))  # one strength serves taste and bias
    wide = np.concatenate([fit.items, np.full((len(fit.items), 1), scale, np.float32)], axis=1)
    rows = _unexplained(table.by_user(), fit.level, np.zeros_like(fit.user_bias), fit.item_bias, 0.0)
    found = solve_rows(rows, wide, prior=np.append(fit.population, np.float32(0)), strength=strengths.own)
    return fit._replace(users=np.ascontiguousarray(found[:, :-1]), user_bias=scale * found[:, -1])


def _items(
    table: Interactions,
    fit: Fit,
    images: np.ndarray,
    strengths: Strengths,
    tether: float,
    tether_form: TetherForm,
    unobserved: float,
) -> Fit:
    rated_users, rated_items = _rated(table)
    rows = _unexplained(table.by_item(), fit.level, fit.item_bias, fit.user_bias, unobserved)
    unrated = unobserved * gram(fit.users[rated_users]) if unobserved else None
    if tether == 0:
        return fit._replace(items=solve_rows(rows, fit.users, gram=unrated, strength=strengths.own))
    if tether_form == "pull":
        found = solve_rows(rows, fit.users, prior=images, gram=unrated, strength=tether)
    else:
        rows = _with_pseudo_rating(rows, table.num_users, tether)
        factors = np.concatenate([fit.users, images])
        found = solve_rows(rows, factors, gram=unrated, strength=strengths.own)
    return fit._replace(items=np.where(rated_items[:, None], found, fit.items))


def _leaps(table: Interactions, images: np.ndarray, strengths: Strengths, tether: float, unobserved: float) -> bool:
    """Whether a minimum is a matrix with its singular values lowered, and cells weigh alike enough to see which."""
    held = tether > 0 or np.isfinite(strengths.population)
    alike = len(table.weights) > 0 and unobserved >= 0.3 * float(table.weights.mean())
    return alike and not held and images.shape[1] < min(table.num_users, table.num_items)


def _leap(table: Interactions, fit: Fit, strengths: Strengths, unobserved: float) -> Fit:
    """Items where they lead; people must follow at once, who are not of these items any more."""
    people = _unexplained(table.by_user(), fit.level, fit.user_bias, fit.item_bias, unobserved)
    items = _unexplained(table.by_item(), fit.level, fit.item_bias, fit.user_bias, unobserved)
    threshold = strengths.own / unobserved
    return fit._replace(items=leap(people, items, fit.users, fit.items, threshold=threshold, unit=unobserved))


def _factors(
    items: np.ndarray, strengths: Strengths, unrated: np.ndarray | None, people: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Item factors that own tastes and the population see at strength 1, and the way back to a population.

    With M = unrated + own I = L L', one's taste given the population p is normal about own M^-1 p with
    precision M; with each person's own part gone, p keeps precision population I + people own M^-1 unrated.
    """
    dim = items.shape[1]
    if unrated is None:
        inverse = 1.0 / np.sqrt(strengths.population)
        return items / np.float32(np.sqrt(strengths.own)), items * np.float32(inverse), inverse * np.eye(dim)
    matrix = unrated + strengths.own * np.eye(dim)
    own = solve_triangular(np.linalg.cholesky(matrix), items.T, lower=True).T.astype(np.float32)
    if not np.isfinite(strengths.population):
        return own, np.zeros_like(items), np.zeros((dim, dim))
    drawn = strengths.own * np.linalg.inv(matrix)  # from the population to a person who rated nothing
    precision = strengths.population * np.eye(dim) + people * (unrated @ drawn)
    turn = np.linalg.inv(np.linalg.cholesky((precision + precision.T) / 2)).T
    return own, (items @ (drawn @ turn)).astype(np.float32), turn


def _unexplained(rows: Rows, level: float, row_bias: np.ndarray, column_bias: np.ndarray, unobserved: float) -> Rows:
    """Ratings less level and biases, lifted."""
    row = np.repeat(np.arange(rows.num_rows), np.diff(rows.indptr))
    left = rows.ratings - np.float32(level) - row_bias[row] - column_bias[rows.indices]
    return lifted(rows._replace(ratings=left), unobserved)


def _with_pseudo_rating(rows: Rows, first: int, weight: float) -> Rows:
    """Each row with one rating of 1 more, in column first + its own number."""
    ends, count = rows.indptr[1:], rows.num_rows
    return Rows(
        rows.indptr + np.arange(count + 1),
        np.insert(rows.indices, ends, first + np.arange(count)),
        np.insert(rows.ratings, ends, np.float32(1)),
        np.insert(rows.weights, ends, np.float32(weight)),
    )


def _rated(table: Interactions) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.bincount(table.users, minlength=table.num_users) > 0,
        np.bincount(table.items, minlength=table.num_items) > 0,
    )


def paired(
    people: Float32[np.ndarray, "users dim"],
    users: Int64[np.ndarray, "n"],
    factors: Float32[np.ndarray, "items dim"],
    items: Int64[np.ndarray, "n"],
) -> Float32[np.ndarray, "n"]:
    """people[users] . factors[items], pair by pair, without gathering all pairs at once."""
    out = np.empty(len(users), np.float32)
    for first in range(0, len(users), 8192):
        span = slice(first, first + 8192)
        out[span] = np.einsum("nd,nd->n", people[users[span]], factors[items[span]])
    return out
