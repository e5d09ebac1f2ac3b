"""How fast a newcomer's taste is learned: AUC by ratings of one's own, and by how many others are known.

Knows nothing of files or plugins: a data set and model factories are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from threadpoolctl import threadpool_limits

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.metrics import Interval
from zahir.interactions import Dataset, Interactions
from zahir.protocols import Progress, TasteModel

OWN = (0, 3, 5, 10, 20)  # ratings of one's own, everybody else known
OTHERS = (0, 1, 2, 4)  # other people known, beside AT ratings of one's own; new pictures only
AT = 10
TESTED = 12  # ratings at least that a newcomer is tested on, besides the OWN
ALL = -1  # every other person


class Point(NamedTuple):
    """One model, one split, so many ratings of one's own, so many others known (-1: all)."""

    split: str
    model: str
    own: int
    others: int
    auc: Interval  # within a newcomer, mean over newcomers
    auc_weighted: Interval  # newcomers weighted by their held-out ratings
    gain: Interval | None  # of auc_weighted over the same model with nothing of one's own (or nobody else) known


class _Newcomer(NamedTuple):
    """What of a table is held out, what may be learned of the newcomer in which order, and all the rest."""

    user: int
    test: Int64[np.ndarray, "held"]
    own: Int64[np.ndarray, "mine"]
    others: Int64[np.ndarray, "theirs"]


_Cell = tuple[str, str, int, int]


def few_shot(
    data: Dataset,
    models: Mapping[str, Callable[[], TasteModel]],
    *,
    seeds: int = 3,
    people: int = 10,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Point]:
    """Fit each model with one person at a time reduced to their first few ratings, everybody else whole.

    At most `people` of those with 32 ratings or more become the newcomers, `seeds` times each. A third of
    their ratings (12 at least) is the test, the same for every number of own ratings; those pictures are
    rated by nobody in the cold split. Intervals are over newcomers, 1,000 bootstrap samples. Raises
    BadData when fewer than two people have ratings enough.
    """
    table = data.interactions.latest()
    able = _able(table)
    if len(able) < 2:
        least = OWN[-1] + TESTED
        raise BadData(f"{len(able)} people have {least} ratings or more, likes among them and others. Two are needed.")
    newcomers = np.sort(np.random.default_rng(0).permutation(able)[:people])
    tasks = [(name, seed, user) for name in models for seed in range(seeds) for user in newcomers.tolist()]
    sums: dict[_Cell, Float64[np.ndarray, "three users"]] = {}
    with threadpool_limits(1), ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(_measure, data, table, models[name], *rest) for name, *rest in tasks]
        try:
            for done, (future, (name, _, user)) in enumerate(zip(waiting, tasks), 1):
                for (split, own, others), figures in future.result():
                    cell = sums.setdefault((split, name, own, others), np.zeros((3, table.num_users)))
                    cell[:, user] += figures
                if progress is not None and not progress(done, len(tasks)):
                    raise BadData("the evaluation was cancelled.")
        finally:
            pool.shutdown(cancel_futures=True)
    return _points(sums, newcomers)


def _able(table: Interactions) -> Int64[np.ndarray, "people"]:
    count = np.bincount(table.users, minlength=table.num_users)
    likes = np.bincount(table.users, table.ratings > 0, table.num_users)
    return np.flatnonzero((count >= OWN[-1] + TESTED) & (likes > 0) & (likes < count))


def _measure(
    data: Dataset, table: Interactions, make: Callable[[], TasteModel], seed: int, user: int
) -> list[tuple[tuple[str, int, int], Float64[np.ndarray, "three"]]]:
    """Concordant pairs, pairs and held-out ratings of one newcomer, at every point of every curve."""
    found = []
    for split in ("warm", "cold"):
        rng = np.random.default_rng([seed, user])
        newcomer = _newcomer(table, user, cold=split == "cold", rng=rng)
        users, items = table.users[newcomer.test], table.items[newcomer.test]
        liked = table.ratings[newcomer.test] > 0
        for own, others, known in _stages(table, newcomer, both=split == "cold", rng=rng):
            scores = make().fit(table.take(known), data.embeddings).predict(users, items)
            pairs = metrics.concordant_pairs(users, liked, scores, num_users=table.num_users)
            figures = np.array([pairs[0][user], pairs[1][user], len(users)], np.float64)
            found.append(((split, own, others), figures))
    return found


def _newcomer(table: Interactions, user: int, *, cold: bool, rng: np.random.Generator) -> _Newcomer:
    mine = rng.permutation(np.flatnonzero(table.users == user))
    held = min(max(TESTED, len(mine) // 3), len(mine) - OWN[-1])
    test, own = mine[:held], mine[held:]
    left = table.users != user
    if cold:
        left &= ~np.isin(table.items, table.items[test])
    return _Newcomer(user, test, own, np.flatnonzero(left))


def _stages(
    table: Interactions, newcomer: _Newcomer, *, both: bool, rng: np.random.Generator
) -> Iterator[tuple[int, int, Int64[np.ndarray, "known"]]]:
    """Own ratings, others and the ratings then known, along both curves."""
    for own in OWN:
        yield own, ALL, np.concatenate([newcomer.own[:own], newcomer.others])
    if both:
        whose = table.users[newcomer.others]
        turn = rng.permutation(np.unique(whose))
        for others in OTHERS:
            theirs = newcomer.others[np.isin(whose, turn[:others])]
            yield AT, others, np.concatenate([newcomer.own[:AT], theirs])


def _points(sums: Mapping[_Cell, np.ndarray], newcomers: np.ndarray) -> list[Point]:
    times = metrics.resample(len(newcomers))
    aucs = {cell: metrics.quotient(*figures[:2, newcomers]) for cell, figures in sums.items()}
    points = []
    for cell in sorted(sums, key=lambda cell: cell[0] == "cold"):
        split, name, _, others = cell
        weights = sums[cell][2, newcomers]
        first = (split, name, 0, ALL) if others == ALL else (split, name, AT, 0)
        gain = None if cell == first else metrics.over_people(aucs[cell] - aucs[first], times, weights=weights)
        auc = metrics.over_people(aucs[cell], times)
        points.append(Point(*cell, auc, metrics.over_people(aucs[cell], times, weights=weights), gain))
    return points
