"""Measures against scikit-learn's, SciPy's, and figures worked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from zahir.evaluate import metrics


def people(seed=0, n=400, num_users=7, grades=4):
    """Scores with ties, ratings that follow them a little; person 5 likes everything, 6 rated nothing."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, num_users - 1, n)
    scores = rng.integers(0, 12, n).astype(np.float64)
    ratings = np.clip(np.round((scores / 6 - 1 + rng.standard_normal(n)) * grades) / grades, -1, 1)
    ratings[users == 5] = 1.0
    return users, ratings, scores


def test_auc_within_a_person_is_scikit_learns():
    users, ratings, scores = people()
    liked = ratings > 0
    ours = metrics.within_auc(users, liked, scores, num_users=7)
    for user in range(5):
        mine = users == user
        assert_allclose(ours[user], roc_auc_score(liked[mine], scores[mine]), atol=1e-12)
    assert np.isnan(ours[5:]).all()


def test_pairs_add_up_over_folds():
    concordant, pairs = metrics.concordant_pairs(
        np.array([0, 0, 0, 0, 1]), np.array([1, 0, 1, 0, 1], bool), np.array([3.0, 1, 2, 2, 9]), num_users=2
    )
    assert concordant.tolist() == [3.5, 0]
    assert pairs.tolist() == [4, 0]


def test_pooled_auc_counts_people_as_often_as_they_are_drawn():
    users, ratings, scores = people()
    liked = ratings > 0
    times = np.array([[1, 1, 1, 1, 1, 1, 1], [0, 2, 1, 0, 3, 1, 0]], np.float64)
    ours = metrics.pooled_auc(users, liked, scores, times=times)
    expected = [roc_auc_score(liked, scores, sample_weight=row[users]) for row in times]
    assert_allclose(ours, expected, atol=1e-12)


def test_pooled_auc_is_the_same_in_blocks(monkeypatch):
    users, ratings, scores = people()
    times = metrics.resample(7, samples=50, seed=1)
    whole = metrics.pooled_auc(users, ratings > 0, scores, times=times)
    monkeypatch.setattr(metrics, "_BLOCK", 1000)
    assert_allclose(metrics.pooled_auc(users, ratings > 0, scores, times=times), whole, atol=1e-12)


def test_spearman_is_scipys():
    users, ratings, scores = people(1)
    ours = metrics.spearman(users, ratings, scores, num_users=7)
    for user in range(5):
        mine = users == user
        assert_allclose(ours[user], spearmanr(ratings[mine], scores[mine]).statistic, atol=1e-12)
    assert np.isnan(ours[5:]).all()
    assert metrics.spearman(users, ratings, np.zeros(len(users)), num_users=7)[0] == 0


def test_person_to_person_is_the_median_of_all_pairs():
    tastes = np.array([[1.0, 0], [2, 0], [0, 3]])
    assert metrics.person_to_person(tastes) == pytest.approx(0.0, abs=1e-7)  # cosines 1, 0, 0
    assert np.isnan(metrics.person_to_person(tastes[:1]))


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(0).normal(0.7, 0.1, 400)
    got = metrics.over_people(values, metrics.resample(400, samples=4000))
    error = values.std() / 20
    assert_allclose(got, [values.mean(), values.mean() - 1.96 * error, values.mean() + 1.96 * error], atol=0.001)


def test_means_leave_out_people_without_a_figure_and_weigh_the_others():
    times = metrics.resample(3, samples=500)
    values, weights = np.array([0.5, np.nan, 1.0]), np.array([3.0, 50.0, 1.0])
    assert metrics.over_people(values, times).value == pytest.approx(0.75)
    got = metrics.over_people(values, times, weights=weights)
    assert got.value == pytest.approx(0.625)
    assert (got.low, got.high) == (0.5, 1.0)
    assert np.isnan(metrics.over_people(np.full(3, np.nan), times)).all()
