"""Splits: nothing is lost, nothing leaks."""

import numpy as np
import pytest

from zahir import Interactions
from zahir.evaluate.split import cold, warm


def table(seed=0, n=300):
    rng = np.random.default_rng(seed)
    return Interactions.of(rng.integers(0, 9, n), rng.integers(0, 40, n), rng.uniform(-1, 1, n), num_users=11).latest()


@pytest.mark.parametrize("split", [warm, cold])
def test_every_rating_is_held_out_once(split):
    ratings = table()
    folds = list(split(ratings, folds=3, seed=1))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(ratings)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(ratings)))


@pytest.mark.parametrize("split", [warm, cold])
def test_the_seed_decides(split):
    first, again, other = ([test.tolist() for _, test in split(table(), folds=3, seed=s)] for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_warm_deals_each_persons_ratings_evenly():
    ratings = table()
    for _, test in warm(ratings, folds=3, seed=0):
        held = np.bincount(ratings.users[test], minlength=11)
        assert (np.abs(held - np.bincount(ratings.users, minlength=11) / 3) < 1).all()


def test_cold_items_carry_no_training_rating_by_anybody():
    ratings = table()
    for train, test in cold(ratings, folds=3, seed=0):
        assert not set(ratings.items[train]) & set(ratings.items[test])
        assert len(test) > 0


def test_repeated_ratings_would_leak():
    with pytest.raises(ValueError, match="rated twice"):
        next(warm(Interactions.of([0, 0], [1, 1], [0.5, 0.5]), folds=2, seed=0))
    with pytest.raises(ValueError, match="got 1"):
        next(cold(table(), folds=1, seed=0))
