"""Real ratings of twenty people: the default predicts what held-out pictures are liked, seen or not."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from zahir.interactions import Interactions
from zahir.taste.baselines import OneTaste
from zahir.taste.directions import LinearSVM
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.wals import TetheredWALS

FOLDER = Path(os.environ.get("ZAHIR_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data") / "blue_tigers"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real ratings in {FOLDER} (set ZAHIR_TEST_DATA)"),
]


@pytest.fixture(scope="module")
def ratings():
    rows = list(csv.DictReader((FOLDER / "ratings.csv").read_text().splitlines()))
    with np.load(FOLDER / "item_embeddings.npz") as file:
        embeddings = file["embeddings"].astype(np.float32)
    _, users = np.unique([row["user"] for row in rows], return_inverse=True)
    items, grades = [int(row["item"]) for row in rows], [float(row["rating"]) for row in rows]
    return Interactions.of(users, items, grades, num_items=len(embeddings)).latest(), embeddings


def area(make, table, embeddings, *, cold, seeds=2):
    """Area under the ROC curve within a person, weighted by held-out ratings, over seeds x 3 folds."""
    right, pairs, held = np.zeros((3, table.num_users))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        fold = rng.integers(0, 3, table.num_items)[table.items] if cold else rng.integers(0, 3, len(table))
        for k in range(3):
            test = table.take(fold == k)
            scores = make().fit(table.take(fold != k), embeddings).predict(test.users, test.items)
            for user in np.unique(test.users):
                mine = test.users == user
                above = scores[mine & (test.ratings > 0)][:, None] - scores[mine & (test.ratings <= 0)]
                right[user] += np.sum(above > 0) + 0.5 * np.sum(above == 0)
                pairs[user] += above.size
                held[user] += mine.sum()
    known = pairs > 0
    return np.average(right[known] / pairs[known], weights=held[known])


def test_held_out_ratings_of_seen_pictures(ratings):
    mine, wals = (area(make, *ratings, cold=False) for make in (GaussianTaste, TetheredWALS))
    assert mine > wals + 0.005
    assert wals > 0.81
    assert mine > area(OneTaste, *ratings, cold=False) - 0.02
    assert mine > area(LinearSVM, *ratings, cold=False) + 0.1


def test_pictures_nobody_has_seen(ratings):
    mine, wals = (area(make, *ratings, cold=True) for make in (GaussianTaste, TetheredWALS))
    assert mine > wals + 0.005
    assert wals > 0.68
    assert mine > area(OneTaste, *ratings, cold=True) - 0.02
    assert mine > area(LinearSVM, *ratings, cold=True) + 0.02
