"""Every taste model on the same held-out ratings, with the rows that keep the figures honest.

Knows nothing of files or plugins: a data set and model factories are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from threadpoolctl import threadpool_limits

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.metrics import Interval
from zahir.evaluate.split import cold, warm
from zahir.interactions import Dataset, History, Interactions
from zahir.protocols import Progress, TasteModel

SPLITS = {"warm": warm, "cold": cold}
_MOST_TASTES = 300  # people whose tastes are compared with each other


class Row(NamedTuple):
    """One model under one split; `swapped` scores each person's items with another person's taste."""

    split: str
    model: str
    swapped: bool
    auc: Interval  # within a person, mean over people
    auc_weighted: Interval  # the same, people weighted by their held-out ratings
    pooled: Interval
    spearman: Interval | None  # None where ratings have two grades only
    gain: Interval | None  # of auc_weighted over the baseline's, paired
    cosine: float  # median, between two people's tastes
    seconds: float  # of one fit
    why: str  # what the model chose in the first of its fits, in its own words; empty where it says nothing


class Run(NamedTuple):
    """One fit: scores of the ratings at `test`, by the person's own taste and by somebody else's."""

    split: str
    model: str
    test: Int64[np.ndarray, "n"]
    own: Float[np.ndarray, "n"]
    other: Float[np.ndarray, "n"]
    cosine: float
    seconds: float
    why: str


def compare(
    data: Dataset,
    models: Mapping[str, Callable[[], TasteModel]],
    *,
    seeds: int = 5,
    folds: int = 3,
    baseline: str | Mapping[str, str] = "",
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Row]:
    """Fit each model on each training part of `seeds` times `folds` warm and cold splits.

    `baseline` names the model that `gain` is measured against, if it is among them, or one for each
    model. Intervals are over people, 1,000 bootstrap samples. `jobs` fits run at once, each on one core.
    Raises BadData when nobody has both liked and not liked something.
    """
    table = data.interactions.latest()
    liked = table.ratings > 0
    if not (liked.any() and not liked.all()):
        raise BadData(
            f"{len(table)} ratings, {int(liked.sum())} of them likes. Expected likes and others to tell apart."
        )
    runs: dict[tuple[str, str], list[Run]] = {(split, model): [] for split in SPLITS for model in models}
    tasks = [(split, seed, name) for split in SPLITS for name in models for seed in range(seeds)]
    with threadpool_limits(1), ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(_runs, data, table, *task, folds=folds, make=models[task[-1]]) for task in tasks]
        try:
            for done, future in enumerate(waiting, 1):
                for run in future.result():
                    runs[run.split, run.model].append(run)
                if progress is not None and not progress(done, len(tasks)):
                    raise BadData("the evaluation was cancelled.")
        finally:
            pool.shutdown(cancel_futures=True)
    times = metrics.resample(table.num_users)
    rows = []
    for split in SPLITS:
        for name in models:
            against = baseline if isinstance(baseline, str) else baseline.get(name, "")
            base = None if against not in models else _auc(table, runs[split, against], swapped=False)
            own, other = (_auc(table, runs[split, name], swapped=swapped) for swapped in (False, True))
            personal = not np.array_equal(own, other, equal_nan=True)
            for swapped in (False, True) if personal else (False,):
                of = None if base is None or (name == against and not swapped) else base
                rows.append(_row(table, runs[split, name], times, swapped=swapped, base=of))
    return rows


def histories(table: Interactions, embeddings: np.ndarray) -> Iterator[History]:
    """Of every person with a rating, as a fit to this very table knows them."""
    order = np.lexsort((table.times, table.users))
    for places in np.split(order, np.flatnonzero(np.diff(table.users[order])) + 1) if len(order) else []:
        items = table.items[places]
        yield History(
            int(table.users[places[0]]),
            items,
            embeddings[items],
            table.ratings[places],
            table.weights[places],
            table.times[places],
        )


def somebody_else(num_users: int, *, seed: int) -> Int64[np.ndarray, "users"]:
    """For each person another one, each of them once; for a single person themself."""
    circle = np.random.default_rng(seed).permutation(num_users)
    other = np.empty(num_users, np.int64)
    other[circle] = np.roll(circle, 1)
    return other


def _runs(
    data: Dataset,
    table: Interactions,
    split: str,
    seed: int,
    name: str,
    *,
    folds: int,
    make: Callable[[], TasteModel],
) -> list[Run]:
    """All folds of one seed, for one model."""
    other = somebody_else(table.num_users, seed=seed)
    done = []
    for fold, (train, test) in enumerate(SPLITS[split](table, folds=folds, seed=seed)):
        known = table.take(train)
        start = perf_counter()
        model = make().fit(known, data.embeddings)
        seconds = perf_counter() - start
        users, items = table.users[test], table.items[test]
        alike = _alike(model, known, data.embeddings, seed) if fold == 0 else np.nan
        own, swapped = model.predict(users, items), model.predict(other[users], items)
        done.append(Run(split, name, test, own, swapped, alike, seconds, getattr(model, "why_", "")))
    return done


def _alike(model: TasteModel, known: Interactions, embeddings: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    people = list(histories(known, embeddings))
    some = rng.permutation(len(people))[:_MOST_TASTES]
    tastes = [model.embed_user(people[k], rng=rng) for k in some]
    return metrics.person_to_person(np.stack(tastes)) if tastes else np.nan


def _scores(run: Run, swapped: bool) -> np.ndarray:
    return run.other if swapped else run.own


def _auc(table: Interactions, runs: Sequence[Run], *, swapped: bool) -> Float64[np.ndarray, "users"]:
    concordant = pairs = np.zeros(table.num_users)
    for run in runs:
        users, liked = table.users[run.test], table.ratings[run.test] > 0
        more = metrics.concordant_pairs(users, liked, _scores(run, swapped), num_users=table.num_users)
        concordant, pairs = concordant + more[0], pairs + more[1]
    return metrics.quotient(concordant, pairs)


def _spearman(table: Interactions, runs: Sequence[Run], *, swapped: bool) -> Float64[np.ndarray, "users"]:
    """Mean over the folds in which a person gave different ratings, by the number of them."""
    total = count = np.zeros(table.num_users)
    for run in runs:
        users, ratings = table.users[run.test], table.ratings[run.test]
        value = metrics.spearman(users, ratings, _scores(run, swapped), num_users=table.num_users)
        weight = np.where(np.isfinite(value), np.bincount(users, minlength=table.num_users), 0.0)
        total, count = total + np.nan_to_num(value) * weight, count + weight
    return metrics.quotient(total, count)


def _pooled(table: Interactions, runs: Sequence[Run], times: np.ndarray, *, swapped: bool) -> Interval:
    """Mean over the folds that hold likes and others; the first of `times` is everybody once."""
    everybody = np.concatenate([np.ones((1, table.num_users)), times])
    samples = np.stack(
        [
            metrics.pooled_auc(
                table.users[run.test], table.ratings[run.test] > 0, _scores(run, swapped), times=everybody
            )
            for run in runs
        ]
    )
    known = np.isfinite(samples)
    mean = metrics.quotient(np.where(known, samples, 0.0).sum(0), known.sum(0).astype(np.float64))
    return metrics.interval(float(mean[0]), mean[1:])


def _row(table: Interactions, runs: Sequence[Run], times: np.ndarray, *, swapped: bool, base: np.ndarray | None) -> Row:
    ratings = np.bincount(table.users, minlength=table.num_users).astype(np.float64)
    auc = _auc(table, runs, swapped=swapped)
    graded = len(np.unique(table.ratings)) > 2
    return Row(
        runs[0].split,
        runs[0].model,
        swapped,
        metrics.over_people(auc, times),
        metrics.over_people(auc, times, weights=ratings),
        _pooled(table, runs, times, swapped=swapped),
        metrics.over_people(_spearman(table, runs, swapped=swapped), times) if graded else None,
        None if base is None else metrics.over_people(auc - base, times, weights=ratings),
        float(np.mean([run.cosine for run in runs if np.isfinite(run.cosine)] or np.nan)),
        float(np.mean([run.seconds for run in runs])),
        runs[0].why,
    )
