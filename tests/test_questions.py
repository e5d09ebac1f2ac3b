"""Questions to ask: against Bayesian linear regression written out, and against asking at random."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir import questions
from zahir.questions import next_questions, worth
from zahir.space import normalize


def pictures(n, dim=12, seed=0):
    rng = np.random.default_rng(seed)
    return normalize(rng.standard_normal((n, dim)) * np.geomspace(1, 0.1, dim) + 0.2)


def left(pool, chosen, tastes):
    """Mean variance of liking after these questions, by the dim x dim posterior of linear regression."""
    units = pool.astype(np.float64)
    offsets = units - units.mean(0)
    offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
    prior = tastes.T.astype(np.float64) @ tastes
    prior /= np.einsum("nd,de,ne->n", offsets, prior, offsets).mean()
    eye = np.eye(pool.shape[1])
    asked = offsets[chosen]
    posterior = np.linalg.solve(eye + prior @ asked.T @ asked / questions._NOISE, prior)
    return np.einsum("nd,de,ne->n", offsets, posterior, offsets).mean()


def test_worth_is_the_fall_of_the_mean_variance():
    pool, tastes = pictures(60), np.random.default_rng(1).standard_normal((7, 12)).astype(np.float32)
    before = [3, 17, 40]
    told = worth(pool, asked=pool[before], tastes=tastes)
    falls = [left(pool, before, tastes) - left(pool, [*before, k], tastes) for k in range(60)]
    assert_allclose(told, falls, rtol=1e-4, atol=1e-7)


def test_questions_are_the_greedy_choice_one_by_one():
    pool = pictures(50)
    chosen = next_questions(pool, 6)
    for k, item in enumerate(chosen):
        told = worth(pool, asked=pool[chosen[:k]])
        told[chosen[:k]] = -1
        assert int(np.argmax(told)) == item


def test_chosen_questions_find_a_taste_sooner_than_random_ones():
    """Over 60 planted people, tastes that vary as pictures do and answers with noise."""
    rng = np.random.default_rng(2)
    pool = pictures(600, dim=64, seed=3)
    offsets = normalize(pool - pool.mean(0))
    metric = offsets.T @ offsets / len(offsets)
    noise = np.einsum("nd,de,ne->n", offsets, metric, offsets).mean()

    def found(asked, liking, heard):
        answers = np.sign(heard[asked]) * liking.std()
        cross = offsets @ metric @ offsets[asked].T
        return np.corrcoef(cross @ np.linalg.solve(cross[asked] + noise * np.eye(len(asked)), answers), liking)[0, 1]

    chosen, figures = next_questions(pool, 20), []
    for _ in range(60):
        liking = offsets @ (rng.standard_normal(len(offsets)) @ offsets)
        heard = liking + 0.5 * liking.std() * rng.standard_normal(len(pool))
        figures.append([found(asked, liking, heard) for asked in (chosen, rng.choice(600, 20, replace=False))])
    ours, random = np.mean(figures, axis=0)
    assert ours > random + 0.03


def asked_one_by_one(pool, hear, count):
    asked, answers = [], np.zeros(0)
    for _ in range(count):
        told = worth(pool, asked=pool[asked], answers=answers)
        told[asked] = -1
        asked.append(int(np.argmax(told)))
        answers = np.append(answers, hear(asked[-1]))
    return asked, answers


def test_questions_in_the_light_of_answers_find_a_taste_sooner_still():
    """Forty answers of each of 25 planted people, likes or dislikes at a chance that rises with the true liking."""
    rng = np.random.default_rng(4)
    pool = pictures(300, dim=64, seed=5)
    offsets = normalize(pool - pool.mean(0)).astype(np.float64)
    metric = offsets.T @ offsets / len(offsets)
    alike = offsets @ metric @ offsets.T
    alike /= np.diag(alike).mean()
    chosen, figures = next_questions(pool, 40), []
    for _ in range(25):
        liking = offsets @ (rng.standard_normal(len(offsets)) @ offsets)
        liking /= liking.std()
        said = np.where(rng.random(300) < 1 / (1 + np.exp(-2.5 * (liking - 0.3))), 0.5, -0.5)
        found = []
        for asked in (asked_one_by_one(pool, said.__getitem__, 40)[0], chosen, rng.choice(300, 40, replace=False)):
            among = alike[np.ix_(asked, asked)] + 0.3 + np.eye(40)
            found.append(np.corrcoef(alike[:, asked] @ np.linalg.solve(among, said[asked]), liking)[0, 1])
        figures.append(found)
    one_by_one, at_once, random = np.mean(figures, axis=0)
    assert one_by_one > at_once + 0.005
    assert one_by_one > random + 0.02


def test_what_is_foretold_is_not_asked():
    pool = pictures(40)
    asked = [0, 1, 2]
    alike = np.concatenate([pool, pool[:1]])  # a picture once more, after an answer to it
    before = worth(alike, asked=pool[asked], answers=np.zeros(3))
    after = worth(alike, asked=pool[asked], answers=np.array([1.0, 0.0, 0.0]))
    assert after[-1] / before[-1] < np.median(after / before)
    assert_allclose(worth(alike, asked=pool[asked]), before)
    with pytest.raises(ValueError, match="2 answers to 3 questions"):
        worth(pool, asked=pool[asked], answers=np.zeros(2))


def test_what_splits_people_is_asked():
    pool = np.eye(6, dtype=np.float32) + 0.01
    people = np.zeros((20, 6), np.float32)
    people[:, 4] = np.random.default_rng(0).standard_normal(20)
    assert next_questions(pool, 1, tastes=people)[0] == 4


def test_small_pools_and_wrong_widths():
    pool = pictures(3)
    assert sorted(next_questions(pool, 9)) == [0, 1, 2]
    assert next_questions(pool[:0], 2).tolist() == []
    assert next_questions(np.ones((4, 3), np.float32), 2).shape == (2,)  # all alike: any two
    with pytest.raises(ValueError, match="width 5"):
        next_questions(pool, 1, asked=np.zeros((1, 5), np.float32))
    with pytest.raises(ValueError, match="count"):
        next_questions(pool, -1)
