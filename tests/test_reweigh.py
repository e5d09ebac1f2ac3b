"""Half-life and exposure: weights are as the formulas say, the fit uses them, and they help where they should."""

import numpy as np
import pytest

from zahir.datasets.synthetic import planted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.reweigh import by_age, by_exposure
from zahir.taste.wals import TetheredWALS

BY_HAND = {"tether": np.inf, "regularization": 0.8, "population": 0.7}


def history_of(table, embeddings, user):
    mine = table.users == user
    items = table.items[mine]
    return History.of(embeddings[items], table.ratings[mine], user=user, items=items, times=table.times[mine])


@pytest.fixture(scope="module")
def people():
    return planted(10, 30, 0.5, seed=2)


def test_a_rating_halves_with_each_half_life_before_the_persons_latest():
    users, times = np.array([0, 0, 0, 2]), np.array([100, 80, 60, 7])
    np.testing.assert_allclose(by_age(users, times, 20.0), [1, 0.5, 0.25, 1])
    assert by_age(users, np.array([10**9, 0, 0, 0]), 1.0)[1] == np.float32(1e-3)
    assert len(by_age(users[:0], times[:0], 1.0)) == 0


def test_exposure_makes_rated_items_count_alike():
    items = np.array([0, 0, 0, 0, 1, 3, 3])
    weight = by_exposure(items, 5, 1.0)
    totals = np.bincount(items, weight[items], 5)
    np.testing.assert_allclose(totals[[0, 1, 3]], totals[0])
    assert weight[items].mean() == pytest.approx(1)
    np.testing.assert_allclose(weight[[2, 4]], 1)
    np.testing.assert_array_equal(by_exposure(items, 5, 0.0), 1)


def test_the_fit_is_that_of_weights_given_by_hand(people):
    table, embeddings = people.dataset.interactions, people.dataset.embeddings
    model = TetheredWALS(half_life=10.0, exposure=0.5, **BY_HAND).fit(table, embeddings)
    weights = by_age(table.users, table.times, 10.0) * by_exposure(table.items, table.num_items, 0.5)[table.items]
    given = Interactions.of(
        table.users, table.items, table.ratings, weights=weights, num_users=10, num_items=table.num_items
    )
    other = TetheredWALS(**BY_HAND).fit(given, embeddings)
    np.testing.assert_allclose(model.user_embeddings_, other.user_embeddings_, atol=1e-6)
    for user in (0, 7):
        taste, bias = model._fold_in(history_of(table, embeddings, user))
        np.testing.assert_allclose(taste, model.user_embeddings_[user], atol=1e-4)
        assert bias == pytest.approx(model.user_bias_[user], abs=1e-4)


def test_the_process_is_that_of_weights_given_by_hand():
    truth = planted(4, 7, 0.5, seed=2).dataset  # fewer than 30 ratings, so that scales are the same
    table, embeddings = truth.interactions, truth.embeddings
    model = GaussianTaste(half_life=3.0, exposure=0.5, alike=True, curved=True).fit(table, embeddings)
    weights = by_age(table.users, table.times, 3.0) * by_exposure(table.items, table.num_items, 0.5)[table.items]
    given = Interactions.of(
        table.users, table.items, table.ratings, weights=weights, num_users=4, num_items=table.num_items
    )
    other = GaussianTaste(alike=True, curved=True).fit(given, embeddings)
    np.testing.assert_allclose(model.predict(table.users, table.items), other.predict(table.users, table.items))
    history = history_of(table, embeddings, 2)
    assert len(model._person(history, model.line_).features) == 0, "a history of the fit tells it nothing new"
    told = history_of(given, embeddings, 2)
    told = History.of(
        told.embeddings, told.ratings, user=2, items=told.items, times=told.times, weights=weights[table.users == 2]
    )
    np.testing.assert_allclose(model.score(history, embeddings), other.score(told, embeddings), atol=1e-6)


def test_a_taste_that_changed_is_found_sooner_with_a_half_life(people):
    """Two histories of opposite tastes, one after the other; what counts is the second."""
    before, after = people, planted(10, 30, 0.5, seed=9, embeddings=people.dataset.embeddings)
    first, second = before.dataset.interactions, after.dataset.interactions
    table = Interactions.of(
        np.concatenate([first.users, second.users]),
        np.concatenate([first.items, second.items]),
        np.concatenate([first.ratings, second.ratings]),
        times=np.concatenate([np.tile(np.arange(30), 10), np.tile(np.arange(30, 60), 10)]),
        num_items=first.num_items,
    )
    units = normalize(people.dataset.embeddings)
    pictures = normalize(units - units.mean(0))
    found = []
    for half_life in (None, 10.0):
        model = TetheredWALS(half_life=half_life, **BY_HAND).fit(table, people.dataset.embeddings)
        told = model.user_embeddings_ @ pictures.T
        found.append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, after.liking)]))
    assert found[1] > found[0] + 0.1


@pytest.mark.parametrize("wrong", [{"half_life": 0.0}, {"half_life": -1.0}, {"exposure": -0.5}, {"exposure": np.inf}])
def test_bad_settings_are_refused(wrong):
    for make in (TetheredWALS, GaussianTaste):
        with pytest.raises(ValueError, match="half_life must be None or > 0 and exposure finite"):
            make(**wrong)
