"""People whom a fit has not met: a few ratings of theirs are folded in, and the rest of theirs is ranked.

Knows nothing of who they are or how many ratings they show: these are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from zahir.evaluate.metrics import Interval
from zahir.evaluate.protocols.result import over_people, spread
from zahir.interactions import Dataset, History, Interactions

LEAST_LEFT = 5  # ratings to rank, of somebody who shows the others

Metric = Callable[..., Float64[np.ndarray, "users"]]  # of `zahir.evaluate.metrics`
Score = Callable[[History, np.ndarray], np.ndarray]  # what is expected of a stranger


def folded_in(
    score: Score,
    data: Dataset,
    table: Interactions,
    people: Int64[np.ndarray, "people"],
    *,
    shots: int,
    draws: int,
    seed: int,
    measures: Sequence[Metric],
) -> Float64[np.ndarray, "measures draws people"]:
    """Draw `shots` ratings of each person, let `score` see them, and measure it on the person's other ratings.

    The draws are the same for every model. NaN for people who would have fewer than 5 ratings left.
    """
    out = np.full((len(measures), draws, len(people)), np.nan)
    for column, person in enumerate(people.tolist()):
        mine = np.flatnonzero(table.users == person)
        if len(mine) < shots + LEAST_LEFT:
            continue
        for draw in range(draws if shots else 1):
            shown, rest = np.split(np.random.default_rng([seed, person, draw]).permutation(mine), [shots])
            told = score(_history(data, table.take(np.sort(shown))), data.embeddings[table.items[rest]])
            scores = told.astype(np.float64)
            nobody = np.zeros(len(rest), np.int64)
            for k, measure in enumerate(measures):
                out[k, draw, column] = measure(nobody, table.ratings[rest], scores, num_users=1)[0]
        if not shots:
            out[:, 1:, column] = out[:, :1, column]
    return out


def own_mean(history: History, embeddings: np.ndarray) -> np.ndarray:
    """The mean of what was shown, whatever the picture."""
    level = float(history.ratings.mean()) if len(history) else 0.0
    return np.full(len(embeddings), level, np.float32)


def over_draws(values: Float64[np.ndarray, "draws people"], name: str) -> dict[str, Interval]:
    """Mean over draws and then people with its interval, and both spreads: over people, over draws."""
    known = ~np.isnan(values).all(axis=0)
    of_people = np.full(values.shape[1], np.nan)
    of_people[known] = np.nanmean(values[:, known], axis=0)
    of_draws = np.nanmean(values[:, known], axis=1) if known.any() else np.full(len(values), np.nan)
    return {name: over_people(of_people), "sd of people": spread(of_people), "sd of draws": spread(of_draws)}


def _history(data: Dataset, shown: Interactions) -> History:
    return History.of(data.embeddings[shown.items], shown.ratings, items=shown.items, weights=shown.weights)
