"""PAMELA's protocol (arXiv 2604.07427): new pictures for people who are known ("seen"), and for new ones ("unseen").

Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int64

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.metrics import Interval
from zahir.evaluate.protocols import newcomers
from zahir.evaluate.protocols.result import USER_MEAN, Line, Models, Parts, Result, each_model, over_people
from zahir.interactions import Dataset, Interactions
from zahir.protocols import Progress, TasteModel

SEED = 42
SHOTS, DRAWS = (0, 10), 10
_UNSEEN_PEOPLE, _TEST_PICTURES, _VALIDATION = 0.05, 0.15, 0.1  # shares, where the published files are missing

_NOTES = [
    "pairs in order: share of a person's pairs of different ratings that the scores order alike, half for a tie; "
    "published about .90 seen and .80 unseen at second hand, doubtful: it may count easy pairs only.",
    "0 ratings shown is the published way for unseen people (without their traits); 10 is the fairer figure for "
    "a product that asks before it shows.",
    f"'{USER_MEAN}' orders nothing: half of the pairs by definition.",
]


def pamela(data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None) -> Result:
    """Pairs in order and Spearman's rho within people, seen and unseen; unseen people show 0 and 10 ratings.

    `parts` holds places of ratings: train, test_seen, test_unseen, as published; without them people and
    pictures are drawn with seed 42. The validation parts are in no fit.
    """
    table = data.interactions
    if len(table.latest()) != len(table):
        table, parts = table.latest(), {}
    places, notes = _places(table, parts)
    train, seen, unseen = (table.take(places[name]) for name in ("train", "test_seen", "test_unseen"))
    people = np.unique(unseen.users)

    def strangers(name: str, score: newcomers.Score) -> list[Line]:
        lines = []
        for shots in SHOTS:
            measures = [metrics.pair_accuracy, metrics.spearman]
            values = newcomers.folded_in(
                score, data, unseen, people, shots=shots, draws=DRAWS, seed=SEED, measures=measures
            )
            figures = newcomers.over_draws(values[0], "pairs in order")
            figures["Spearman's rho"] = newcomers.over_draws(values[1], "rho")["rho"]
            lines.append(Line(f"unseen people, {shots} ratings shown", name, figures))
        return lines

    def work(name: str, make: Callable[[], TasteModel]) -> list[Line]:
        model = make().fit(train, data.embeddings)
        first = Line("seen people, new pictures", name, _figures(seen, model.predict(seen.users, seen.items)))
        return [first, *strangers(name, model.score)]

    found = each_model(models, work, jobs=jobs, progress=progress)
    level = Line("seen people, new pictures", USER_MEAN, _figures(seen, np.zeros(len(seen), np.float32)))
    found.append([level, *strangers(USER_MEAN, newcomers.own_mean)])
    order = list(dict.fromkeys(line.setting for each in found for line in each))
    lines = sorted((line for each in found for line in each), key=lambda line: order.index(line.setting))
    notes.append(f"trained on {len(train):,} ratings; tested on {len(seen):,} seen and {len(unseen):,} unseen ones.")
    return Result("pamela", lines, notes + _NOTES)


def _places(table: Interactions, parts: Parts) -> tuple[dict[str, Int64[np.ndarray, "_"]], list[str]]:
    names = ("train", "test_seen", "test_unseen")
    if all(name in parts for name in names):
        return {name: parts[name] for name in names}, ["people and pictures as published."]
    rng = np.random.default_rng(SEED)
    people, pictures = (rng.permutation(np.unique(values)) for values in (table.users, table.items))
    if len(people) < 2 or len(pictures) < 2:
        raise BadData(f"{len(people)} people and {len(pictures)} pictures. Two of each are needed at least.")
    new = np.isin(table.users, people[: max(1, round(_UNSEEN_PEOPLE * len(people)))])
    tested = max(1, round(_TEST_PICTURES * len(pictures)))
    held = np.isin(table.items, pictures[:tested])
    validation = np.isin(table.items, pictures[tested : tested + round(_VALIDATION * len(pictures))])
    places = {"train": ~new & ~held & ~validation, "test_seen": ~new & held, "test_unseen": new}
    note = f"people and pictures drawn with seed {SEED}, for want of the published files."
    return {name: np.flatnonzero(mask) for name, mask in places.items()}, [note]


def _figures(test: Interactions, scores: np.ndarray) -> dict[str, Interval]:
    told = scores.astype(np.float64)
    return {
        "pairs in order": over_people(metrics.pair_accuracy(test.users, test.ratings, told, num_users=test.num_users)),
        "Spearman's rho": over_people(metrics.spearman(test.users, test.ratings, told, num_users=test.num_users)),
    }
