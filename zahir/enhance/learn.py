"""What choices among proposals say of the settings a person prefers: a Gaussian each, tethered to everybody's.

Knows nothing of photographs. Settings are spoken of as offsets: differences from what a photograph asks for by itself,
in units of `SPREAD`. The idea is Caicedo, Kapoor & Kang's (2011) - people's choices help each other - in the form that
tastes have here: a vector per person, drawn to the population's mean by its covariance, so that a newcomer's first
choice says which of the known ways of liking photographs theirs resembles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from zahir.enhance.tone import LIMITS, Settings

SPREAD = np.array([0.45, 0.35, 0.35, 0.35, 0.3, 0.2, 0.3, 0.3, 0.3, 0.35, 0.35, 0.35, 0.35])
"""How far people's settings usually are from neutral, before anything is known of anybody."""

TOLERANCE = 1.0
"""How far from one's favourite a picture lies, in spreads, when it pleases noticeably less. People are surer than that
of what they see; but each photograph lacks something else, and that much of a choice is about it and not about them."""

_STEPS, _ROUNDS = 12, 20  # of Newton's method, and of expectation and maximisation
_PRIOR_PEOPLE = 4.0  # what is assumed of the population counts as much as so many people


class Choice(NamedTuple):
    """One act of choosing: offsets of everything there was to choose from, and which of them was kept."""

    offsets: Float[np.ndarray, "n settings"]
    kept: int


class Preference(NamedTuple):
    """Which offsets somebody prefers: the most likely one, and how sure that is."""

    mean: Float[np.ndarray, "settings"]
    covariance: Float[np.ndarray, "settings settings"]


ANYBODY = Preference(np.zeros(len(SPREAD)), np.eye(len(SPREAD)))
"""What is assumed before anybody chose anything."""


def offset(settings: Settings, start: Settings) -> Float[np.ndarray, "settings"]:
    """How far settings are from those that the photograph asked for, in spreads."""
    return (np.array(settings) - np.array(start)) / SPREAD


def settings_at(offsets: Float[np.ndarray, "settings"], start: Settings) -> Settings:
    """The settings at an offset, brought into their limits."""
    limits = np.array(LIMITS)
    return Settings(*np.clip(np.array(start) + offsets * SPREAD, -limits, limits).tolist())


def preference(choices: Sequence[Choice], population: Preference = ANYBODY) -> Preference:
    """One person's preference given their choices: the population's, where there are none.

    The favourite offset x has the population's Gaussian as its prior; an alternative a is kept with odds
    exp(-|a - x|^2 / 2 TOLERANCE^2) (a multinomial logit: Luce 1959, McFadden 1974), whose logarithm is concave in x.
    The mode by Newton's method and the curvature there (Laplace's approximation). O(k n d^2 + d^3) for k choices.
    """
    _check(choices)
    if not choices:
        return population
    most = max(len(offsets) for offsets, _ in choices)
    alternatives = np.zeros((len(choices), most, len(SPREAD)))
    there = np.zeros((len(choices), most), bool)
    for k, (offsets, _) in enumerate(choices):
        alternatives[k, : len(offsets)], there[k, : len(offsets)] = offsets, True
    kept = np.array([offsets[kept] for offsets, kept in choices])
    precision = np.linalg.inv(population.covariance)
    mean = population.mean.copy()
    for _ in range(_STEPS):
        utility = ((alternatives - mean) ** 2).sum(-1) / (-2 * TOLERANCE**2)
        odds = np.where(
            there, np.exp(utility - np.max(utility, axis=1, keepdims=True, where=there, initial=-np.inf)), 0
        )
        odds /= odds.sum(1, keepdims=True)
        expected = np.einsum("kn,knd->kd", odds, alternatives)
        centred = (alternatives - expected[:, None]) * np.sqrt(odds)[..., None]
        flat = centred.reshape(-1, len(SPREAD))
        slope = precision @ (population.mean - mean) + (kept - expected).sum(0) / TOLERANCE**2
        curvature = precision + flat.T @ flat / TOLERANCE**4
        step = np.linalg.solve(curvature, slope)
        size = float(np.linalg.norm(step))
        mean += step * min(1.0, 3.0 / max(size, 1e-12))
        if size < 1e-6:
            break
    return Preference(mean, np.linalg.inv(curvature))


def population(people: Sequence[Sequence[Choice]]) -> Preference:
    """The mean and covariance of everybody's preferences, from the choices of each person.

    Empirical Bayes by expectation and maximisation (Dempster, Laird & Rubin 1977) over `preference`; what is assumed
    before any choice, ANYBODY, counts as a few people do, so that two choosers are not yet the whole world.
    """
    known = ANYBODY
    chosen = [choices for choices in people if choices]
    for _ in range(_ROUNDS if chosen else 0):
        each = [preference(choices, known) for choices in chosen]
        means = np.array([own.mean for own in each])
        count = len(each) + _PRIOR_PEOPLE
        mean = means.sum(0) / count
        around = means - mean
        spread = sum((own.covariance for own in each), np.zeros_like(ANYBODY.covariance))
        covariance = (_PRIOR_PEOPLE * (ANYBODY.covariance + np.outer(mean, mean)) + spread + around.T @ around) / count
        known = Preference(mean, covariance)
    return known


def _check(choices: Sequence[Choice]) -> None:
    for offsets, kept in choices:
        if offsets.ndim != 2 or offsets.shape[1] != len(SPREAD) or not np.all(np.isfinite(offsets)):
            raise ValueError(f"offsets must be (n, {len(SPREAD)}) finite numbers; got shape {offsets.shape}.")
        if not 0 <= kept < len(offsets):
            raise ValueError(f"kept must be one of the {len(offsets)} that there were; got {kept}.")
