"""Ren et al. (ICCV 2017): 37 people of FLICKR-AES whom nobody has met show 10 or 100 ratings; the rest is ranked.

Knows nothing of files. Nothing is chosen by the test: models have no epochs to pick, and all draws are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int64

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.protocols import newcomers
from zahir.evaluate.protocols.result import USER_MEAN, Line, Models, Parts, Result, each_model
from zahir.interactions import Dataset, Interactions
from zahir.protocols import Progress, TasteModel

SHOTS = (0, 10, 100)  # 0, everybody's taste alone, is the fairer figure beside the published two
DRAWS = 10
TEST_SHARE = 37 / 210
SEED = 42

_NOTES = [
    "published rho at 10 and 100: Ren 2017 .520/.553, PA-IAA .543/.639, BLG-PIAA .561/.669, task vectors .668/.748; "
    "two public codes keep the best epoch by TEST rho, so that their level is optimistic. Nothing here is.",
    "0 ratings: everybody's taste, the same for all; what 10 and 100 add to it is what is personal.",
    f"'{USER_MEAN}' ranks nothing: rho 0 by definition.",
]


def ren2017(data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None) -> Result:
    """Spearman's rho of each test person, mean over 10 draws and then over people, with both spreads.

    Test people are `parts["test_users"]`; without them a share of 37 / 210 is drawn with seed 42 from those
    with 105 ratings or more. Training sees neither them nor any picture they rated.
    """
    table = data.interactions.latest()
    people, chosen = _test_people(table, parts)
    theirs = np.isin(table.users, people)
    train = table.take(~theirs & ~np.isin(table.items, table.items[theirs]))
    if not len(train):
        raise BadData("no rating is left to train on: the test people rated every picture. Expected 173 others' own.")

    def lines_of(name: str, score: newcomers.Score) -> list[Line]:
        lines = []
        for shots in SHOTS:
            rho = newcomers.folded_in(
                score, data, table, people, shots=shots, draws=DRAWS, seed=SEED, measures=[metrics.spearman]
            )[0]
            lines.append(Line(f"{shots} ratings shown", name, newcomers.over_draws(rho, "Spearman's rho")))
        return lines

    def work(name: str, make: Callable[[], TasteModel]) -> list[Line]:
        return lines_of(name, make().fit(train, data.embeddings).score)

    found = [*each_model(models, work, jobs=jobs, progress=progress), lines_of(USER_MEAN, newcomers.own_mean)]
    lines = sorted((line for each in found for line in each), key=_shots)
    counts = np.bincount(table.users, minlength=table.num_users)[people]
    notes = [
        f"{len(people)} test people ({chosen}) with {counts.min()} to {counts.max()} ratings; {DRAWS} draws, "
        f"seed {SEED}; trained on {len(train):,} ratings of other people and other pictures."
    ]
    for shots in SHOTS:
        enough = int((counts >= shots + newcomers.LEAST_LEFT).sum())
        if enough < len(people):
            notes.append(f"only {enough} of them have {shots} ratings to show and {newcomers.LEAST_LEFT} to rank.")
    return Result("ren2017", lines, notes + _NOTES)


def _test_people(table: Interactions, parts: Parts) -> tuple[Int64[np.ndarray, "people"], str]:
    if "test_users" in parts:
        return parts["test_users"], "as published"
    counts = np.bincount(table.users, minlength=table.num_users)
    most = max(SHOTS) + newcomers.LEAST_LEFT
    able = np.flatnonzero(counts >= most)
    least = most if len(able) >= 2 else min(SHOTS[1:]) + newcomers.LEAST_LEFT
    able = np.flatnonzero(counts >= least)
    if len(able) < 2:
        raise BadData(f"{len(able)} people have {least} ratings or more. At least two are needed as test people.")
    wanted = min(len(able), max(2, round(TEST_SHARE * np.count_nonzero(counts))))
    drawn = np.random.default_rng(SEED).choice(able, wanted, replace=False)
    return np.sort(drawn), f"drawn from those with {least} ratings or more, for want of test_workers.txt"


def _shots(line: Line) -> int:
    return int(line.setting.split()[0])
