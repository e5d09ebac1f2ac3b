"""Evidence against the textbook density, its slope against differences, and scales against what was planted."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from zahir.space import normalize
from zahir.taste.evidence import Scales, _Parts, fixed_scales, sample, scales_by_evidence
from zahir.taste.metric import metrics

SCALES = np.array([0.3, 0.15, 0.05, 0.2, 0.03, 0.17])


def ratings_of(seed, people=8, pictures=30, each=10, dim=6):
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(people), each)
    items = np.concatenate([rng.permutation(pictures)[:each] for _ in range(people)])
    vectors = normalize(rng.standard_normal((pictures, dim)))
    return users, items, vectors, rng.uniform(-1, 1, people * each).astype(np.float32), np.ones(80, np.float32)


def test_evidence_is_the_gaussian_density():
    users, items, vectors, ratings, weights = ratings_of(0)
    weights = np.linspace(0.5, 2, 80).astype(np.float32)
    parts = _Parts(users, items, vectors[items], ratings, weights)
    value, slope, information = parts.log_evidence(SCALES)
    alike = vectors[items].astype(np.float64) @ vectors[items].T
    same = users[:, None] == users
    covariance = (0.3 + 0.15 * same) * alike + 0.05 * (items[:, None] == items) + 0.2 + 0.03 * same
    covariance += np.diag(0.17 / weights)
    expected = multivariate_normal(np.zeros(80), covariance).logpdf(ratings.astype(np.float64))
    assert value - 40 * np.log(2 * np.pi) == pytest.approx(expected, abs=1e-4)
    steps = 1e-5 * np.eye(6)
    around = [[parts.log_evidence(SCALES * np.exp(s * step))[0] for step in steps] for s in (1, -1)]
    np.testing.assert_allclose(slope, (np.array(around[0]) - around[1]) / 2e-5, rtol=1e-3, atol=1e-3)
    assert np.all(np.linalg.eigvalsh(information) > -1e-9)


def test_evidence_of_likeness_is_the_gaussian_density():
    users, items, vectors, ratings, weights = ratings_of(4)
    positions = normalize(np.random.default_rng(4).standard_normal((8, 3))).astype(np.float64)
    parts = _Parts(users, items, vectors[items], ratings, weights, positions[users])
    scales = np.append(SCALES, [0.2, 0.1])
    value, slope, information = parts.log_evidence(scales)
    alike = vectors[items].astype(np.float64) @ vectors[items].T
    same = users[:, None] == users
    likeness = np.where(same, 1, positions[users] @ positions[users].T)
    covariance = (0.3 + 0.15 * same + 0.2 * likeness) * alike + 0.2 + 0.03 * same
    covariance += (0.05 + 0.1 * likeness) * (items[:, None] == items) + 0.17 * np.eye(80)
    expected = multivariate_normal(np.zeros(80), covariance).logpdf(ratings.astype(np.float64))
    assert value - 40 * np.log(2 * np.pi) == pytest.approx(expected, abs=1e-4)
    steps = 1e-5 * np.eye(8)
    around = [[parts.log_evidence(scales * np.exp(s * step))[0] for step in steps] for s in (1, -1)]
    np.testing.assert_allclose(slope, (np.array(around[0]) - around[1]) / 2e-5, rtol=1e-3, atol=1e-3)
    assert np.all(np.linalg.eigvalsh(information) > -1e-9)


def test_scales_are_a_maximum():
    users, items, vectors, ratings, weights = ratings_of(1)
    _, found = scales_by_evidence(
        users, items, ratings, weights, factors=[vectors], strengths={}, rng=np.random.default_rng(0)
    )
    parts = _Parts(users, items, vectors[items], ratings, weights)
    centre = np.log(fixed_scales(ratings)[:6])

    def posterior(log_scales):
        return parts.log_evidence(np.exp(log_scales))[0] - 0.5 * np.sum(((log_scales - centre) / 1.5) ** 2)

    best = posterior(np.log(found[:6]))
    for direction in np.eye(6):
        for step in (-0.3, 0.3):
            assert posterior(np.log(found[:6]) + step * direction) < best + 1e-3


def test_strengths_given_by_hand_stay():
    users, items, vectors, ratings, weights = ratings_of(2)
    _, found = scales_by_evidence(
        users,
        items,
        ratings,
        weights,
        factors=[vectors],
        strengths={"own": 4.0, "population": np.inf},
        rng=np.random.default_rng(0),
    )
    assert found.population == 0
    assert found.noise / found.own == pytest.approx(4.0)


def test_fixed_scales_follow_the_grain_of_the_ratings():
    coarse, fine = fixed_scales(np.full(4, 0.5, np.float32)), fixed_scales(np.ones(4, np.float32))
    np.testing.assert_allclose(np.array(fine), 4 * np.array(coarse), rtol=1e-6)
    assert fixed_scales(np.zeros(0, np.float32)) == Scales(0.3, 0.15, 0.05, 0.2, 0.03, 0.17)


def test_a_sample_takes_people_whole_unless_they_are_long():
    users = np.concatenate([np.zeros(5000, np.int64), np.repeat(np.arange(1, 101), 40)])
    which = sample(users, 2000, np.random.default_rng(0))
    counts = np.bincount(users[which], minlength=101)
    assert len(which) == len(set(which.tolist())) == 2000
    assert counts[0] in (0, 100)
    assert np.sum((counts[1:] > 0) & (counts[1:] < 40)) <= 1
    assert np.all(np.diff(np.flatnonzero(np.diff(users[which], prepend=-1))) > 0)
    np.testing.assert_array_equal(np.sort(sample(users[:50], 2000, np.random.default_rng(0))), np.arange(50))


def test_a_metric_has_an_inverse_and_keeps_the_mean_length():
    rng = np.random.default_rng(3)
    images = normalize(rng.standard_normal((50, 12)) * np.arange(12, 0, -1))
    same, half, full = metrics(images, (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(same.factors(images), images)
    for metric in (half, full):
        np.testing.assert_allclose(metric.back(metric.factors(images)), images, atol=1e-5)
        assert np.mean(np.sum(metric.factors(images) ** 2, axis=1)) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
        full.root @ np.ones(12),
        half.root @ (half.root @ np.ones(12)) * (full.root[0, 0] / (half.root @ half.root)[0, 0]),
        rtol=1e-3,
    )
