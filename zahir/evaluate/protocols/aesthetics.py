"""PARA (CVPR 2022) and LAPIS (CVPRW 2025): new pictures, new people, and new people who show some ratings.

Knows nothing of files. Errors are in the set's own points: 1 to 5, or 0 to 100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.metrics import Interval
from zahir.evaluate.protocols import newcomers
from zahir.evaluate.protocols.result import USER_MEAN, Line, Models, Parts, Result, each_model, exact, over_people
from zahir.interactions import Dataset, History, Interactions
from zahir.protocols import Progress, TasteModel

SEED = 42
FOLDS = (1, 2, 3, 4)
SHOTS, DRAWS, TEST_PEOPLE, MANY = 100, 10, 40, 500  # PARA's people who show ratings have rated 500 pictures or more

_NOTES = [
    "rank (SROCC) and linear correlation (PLCC) are within a person, mean over people [95 % interval]; published "
    "figures often pool everybody's ratings, which rewards knowing who is generous.",
    f"'{USER_MEAN}' knows a person's level alone: correlations 0 by definition, and the error to be below.",
    "pictures' means: the mean prediction of each picture against its mean score (the generic task).",
    "new people: no traits are used, so everybody gets what all share.",
]


class _Set(NamedTuple):
    """What the two protocols differ in: shares of pictures, and half the width of the scale in points."""

    test: float
    validation: float
    points: float
    few_shot: bool


_PARA = _Set(3000 / 31220, 2822 / 31220, 2.0, True)
_LAPIS = _Set(2345 / 11723, 1173 / 11723, 50.0, False)


def para(data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None) -> Result:
    """PARA: 3,000 test pictures; 4 folds of people; 40 people who show 100 ratings, 10 times.

    `parts` may hold test_items, validation_items and users_1 to users_4; what is missing is drawn with seed 42
    in the published proportions.
    """
    notes = [f"published per-person SROCC on new pictures: PIAA-ICI .633, PIAA-MIR .626 (401 people). {_POOLED}"]
    return _run("para", _PARA, data, models, parts, jobs, progress, notes)


def lapis(data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None) -> Result:
    """LAPIS: 2,345 test pictures of 11,723; 4 folds of people. `parts` as in `para`."""
    notes = ["published: transfer to unseen people is weak; compare the two settings."]
    return _run("lapis", _LAPIS, data, models, parts, jobs, progress, notes)


_POOLED = "Validation pictures are in no fit: nothing here is tuned on them."


def _run(
    name: str,
    kind: _Set,
    data: Dataset,
    models: Models,
    parts: Parts,
    jobs: int,
    progress: Progress | None,
    notes: list[str],
) -> Result:
    table = data.interactions.latest()
    drawn: list[str] = []
    test, validation = _pictures(table, kind, parts, drawn)
    tested = np.isin(table.items, test)
    train = ~tested & ~np.isin(table.items, validation)
    folds = list(_folds(table, parts, drawn))
    showing = _showing(table, drawn) if kind.few_shot else None

    def work(model: str, make: Callable[[], TasteModel] | None) -> list[Line]:
        """One model; without `make`, the user means."""
        users, items = table.users[tested], table.items[tested]
        known = table.take(train)
        scores = _means(known)[users] if make is None else make().fit(known, data.embeddings).predict(users, items)
        lines = [Line("new pictures", model, _figures(table.take(tested), scores, kind.points))]

        own, rows, told = [], [], []
        for people in folds:
            theirs = np.isin(table.users, people)
            held = np.flatnonzero(theirs & tested)
            level = float(table.ratings[train & ~theirs].mean()) if (train & ~theirs).any() else 0.0
            if make is None:
                told.append(np.full(len(held), level, np.float32))
            else:
                fitted = make().fit(table.take(train & ~theirs), data.embeddings)
                nobody = History.empty(data.embeddings.shape[1])
                told.append(fitted.score(nobody, data.embeddings[table.items[held]]))
            rows.append(held)
            own.append(people)
        line = _figures(table.take(np.concatenate(rows)), np.concatenate(told), kind.points)
        lines.append(Line("new people, new pictures", model, line))

        if showing is not None:
            people, shots = showing
            score = newcomers.own_mean
            if make is not None:
                score = make().fit(table.take(~np.isin(table.users, people)), data.embeddings).score
            measures = [metrics.spearman, metrics.pearson, metrics.squared_error]
            values = newcomers.folded_in(
                score, data, table, people, shots=shots, draws=DRAWS, seed=SEED, measures=measures
            )
            figures = newcomers.over_draws(values[0], "SROCC")
            figures["PLCC"] = newcomers.over_draws(values[1], "PLCC")["PLCC"]
            figures["MSE"] = newcomers.over_draws(kind.points**2 * values[2], "MSE")["MSE"]
            lines.append(Line(f"new people who show {shots} ratings", model, figures))
        return lines

    found = [*each_model(models, work, jobs=jobs, progress=progress), work(USER_MEAN, None)]
    order = list(dict.fromkeys(line.setting for each in found for line in each))
    lines = sorted((line for each in found for line in each), key=lambda line: order.index(line.setting))
    return Result(name, lines, drawn + notes + _NOTES)


def _pictures(
    table: Interactions, kind: _Set, parts: Parts, drawn: list[str]
) -> tuple[Int64[np.ndarray, "_"], Int64[np.ndarray, "_"]]:
    rated = np.unique(table.items)
    turn = np.random.default_rng(SEED).permutation(rated)
    if len(parts.get("test_items", ())):
        test = parts["test_items"]
        turn = turn[~np.isin(turn, test)]
    else:
        count = max(1, round(kind.test * len(rated)))
        test, turn = turn[:count], turn[count:]
        drawn.append(f"{count:,} test pictures drawn with seed {SEED}, for want of the published list.")
    if "validation_items" in parts:
        return test, parts["validation_items"]
    count = round(kind.validation * len(rated))
    drawn.append(f"{count:,} validation pictures drawn with seed {SEED}, for want of the published list.")
    return test, turn[:count]


def _folds(table: Interactions, parts: Parts, drawn: list[str]) -> Iterator[Int64[np.ndarray, "_"]]:
    names = [f"users_{fold}" for fold in FOLDS]
    if all(name in parts for name in names):
        yield from (parts[name] for name in names)
        return
    people = np.random.default_rng(SEED).permutation(np.unique(table.users))
    drawn.append(f"people dealt into {len(FOLDS)} folds with seed {SEED}, for want of the published lists.")
    yield from np.array_split(people, len(FOLDS))


def _showing(table: Interactions, drawn: list[str]) -> tuple[Int64[np.ndarray, "people"], int]:
    """Who shows ratings, and how many: 40 people of 500 ratings show 100, a smaller set's busiest a fifth of theirs."""
    counts = np.bincount(table.users, minlength=table.num_users)
    able = np.flatnonzero(counts >= MANY)
    if len(able) >= TEST_PEOPLE:
        return np.sort(np.random.default_rng(SEED).choice(able, TEST_PEOPLE, replace=False)), SHOTS
    able = np.argsort(-counts, kind="stable")[: max(2, min(TEST_PEOPLE, np.count_nonzero(counts) // 4))]
    shots = min(SHOTS, int(counts[able].min()) // 5)
    if not shots:
        raise BadData(f"the {len(able)} people with most ratings have {int(counts[able].min())}. Five are needed.")
    drawn.append(
        f"fewer than {TEST_PEOPLE} people have {MANY} ratings: the {len(able)} with most show {shots} each instead."
    )
    return np.sort(able), shots


def _figures(test: Interactions, scores: np.ndarray, points: float) -> dict[str, Interval]:
    """Within people, and of the pictures' means."""
    scores = scores.astype(np.float64)
    columns = {"SROCC": metrics.spearman, "PLCC": metrics.pearson, "MSE": metrics.squared_error}
    figures = {}
    for name, metric in columns.items():
        values = metric(test.users, test.ratings, scores, num_users=test.num_users)
        figures[name] = over_people(values * (points**2 if name == "MSE" else 1))
    _, items, count = np.unique(test.items, return_inverse=True, return_counts=True)
    said, told = (np.bincount(items, values) / count for values in (test.ratings, scores))
    one = np.zeros(len(count), np.int64)
    for name, metric in columns.items():
        value = float(metric(one, said, told, num_users=1)[0]) if len(count) else np.nan
        figures[f"pictures' {name}"] = exact(value * (points**2 if name == "MSE" else 1))
    return figures


def _means(train: Interactions) -> Float64[np.ndarray, "users"]:
    total = np.bincount(train.users, train.ratings, train.num_users)
    count = np.bincount(train.users, minlength=train.num_users)
    level = float(train.ratings.mean()) if len(train) else 0.0
    return np.where(count > 0, total / np.maximum(count, 1), level)
