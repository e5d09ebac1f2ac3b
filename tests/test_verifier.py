"""REBECA's judge and its two tests of made pictures: slopes by differences, planted likes, figures by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir.evaluate import metrics
from zahir.evaluate.protocols import generated, verifier
from zahir.evaluate.protocols.verifier import Judged


def taste_for_two_directions(people=12, items=150, dim=24, seed=0):
    """Half of the people like one direction, half its opposite; every pair of person and item is rated."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((items, dim)).astype(np.float32)
    users, rows = np.repeat(np.arange(people), items), np.tile(np.arange(items), people)
    liked = (embeddings[rows, 0] > 0) == (users % 2 == 0)
    return users, rows, liked, embeddings


def test_slopes_are_those_of_the_loss():
    users, items, liked, embeddings = taste_for_two_directions(people=3, items=6, dim=5)
    rng = np.random.default_rng(1)
    weights = {name: value.astype(np.float64) for name, value in verifier._start(3, 5, 4, rng).items()}
    balance = rng.uniform(0.5, 2, len(users))
    masks = [(rng.random((len(users), layer)) > 0.2) / 0.8 for layer in verifier.LAYERS]
    known, vectors = Judged(users, items, liked), embeddings.astype(np.float64)
    _, slopes = verifier.gradient(weights, known, vectors, balance, masks)
    assert slopes.keys() == weights.keys()
    for name, value in weights.items():
        for place in rng.choice(value.size, min(value.size, 6), replace=False):
            moved = []
            for step in (1e-6, -1e-6):
                other = value.copy()
                other.flat[place] += step
                moved.append(verifier.gradient({**weights, name: other}, known, vectors, balance, masks)[0])
            assert_allclose(slopes[name].flat[place], (moved[0] - moved[1]) / 2e-6, atol=1e-7, rtol=1e-4)


def test_likes_of_two_kinds_of_people_are_learned_and_stop_early():
    users, items, liked, embeddings = taste_for_two_directions()
    held = np.random.default_rng(0).random(len(users)) < 0.3
    parts = [Judged(users[part], items[part], liked[part]) for part in (~held, held)]
    judge = verifier.fit(parts[0], embeddings, num_users=12, validation=parts[1], width=16)
    assert 0 < judge.epochs < 400
    scores = judge.score(parts[1].users, parts[1].items, embeddings)
    assert np.all((scores >= 0) & (scores <= 1))
    within = metrics.within_auc(parts[1].users, parts[1].liked, scores, num_users=12)
    assert within.mean() > 0.9
    fixed = verifier.fit(parts[0], embeddings, num_users=12, epochs=7, width=16)
    assert fixed.epochs == 7
    again = verifier.fit(parts[0], embeddings, num_users=12, epochs=7, width=16)
    assert_allclose(again.score(users, items, embeddings), fixed.score(users, items, embeddings))


def test_the_length_of_an_embedding_says_nothing():
    users, items, liked, embeddings = taste_for_two_directions(people=4, items=20)
    judge = verifier.fit(Judged(users, items, liked), embeddings, num_users=4, epochs=5, width=8)
    longer = embeddings * np.linspace(0.5, 9, len(embeddings), dtype=np.float32)[:, None]
    assert_allclose(judge.score(users, items, embeddings), judge.score(users, items, longer), atol=1e-5)


def test_every_person_weighs_the_same():
    users = np.array([0] * 90 + [2] * 10)
    balance = verifier._balance(users, 3)
    assert_allclose([balance[users == person].sum() for person in (0, 2)], [50, 50])


def test_nothing_to_learn_from():
    nobody = Judged(*np.zeros((2, 0), np.int64), np.zeros(0, bool))
    with pytest.raises(ValueError, match="no ratings to learn from"):
        verifier.fit(nobody, np.ones((1, 3), np.float32), num_users=1)


# made pictures


def test_shuffles_reach_what_is_for_everybody_but_not_what_is_personal():
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(10), 25)
    beauty = rng.standard_normal(250) * 3
    mine = (owners == np.arange(10)[:, None]) * 1.0
    personal = generated.permutation_test(beauty + 2 * mine, owners)
    alike = generated.permutation_test(np.tile(beauty, (10, 1)), owners)
    assert personal.published_p == 0
    assert personal.p == 1 / 1001
    assert alike.p > 0.05
    assert len(alike.shuffled) == 1000
    assert_allclose(personal.median, np.median([(beauty + 2)[owners == k].mean() for k in range(10)]))
    assert_allclose(generated.own_over_others(mine * 2.0, owners), 2)


def test_people_won_and_signed_ranks():
    means = np.array([[1.0, 2, 3, 4, 5], [0, 2, 4, 5, 6], [0, 1, 1, 1, 1]])
    assert_allclose(generated.wins(means), [1.5, 3.5, 0])
    assert np.isnan(generated.wilcoxon(means[0], means[0]))
    assert_allclose(generated.wilcoxon(np.arange(1.0, 9), np.zeros(8)), 2 / 2**8)


@pytest.mark.slow
def test_p_is_as_often_small_as_it_should_be():
    rng = np.random.default_rng(1)
    owners = np.repeat(np.arange(6), 5)
    found = [generated.permutation_test(rng.random((6, 30)), owners, seed=seed).p for seed in range(40)]
    assert 0.3 < np.mean(np.array(found) < 0.5) < 0.7
    assert np.mean(np.array(found) < 0.1) < 0.25


def test_retrieval_by_hand():
    stored = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [-1, 0]], np.float32)
    users = np.array([0, 0, 0, 0, 0, 1, 1])
    items = np.array([0, 1, 2, 3, 4, 0, 1])
    liked = np.array([True, True, True, False, False, True, True])
    made = np.array([[2, 0.2], [0, 5], [1, 0]], np.float32)
    owners = np.array([0, 0, 1])
    one = generated.retrieval(made, owners, stored, users, items, liked, num_users=3, k=1)
    # the first is nearest to picture 1, the second to picture 2: both liked, of three likes
    assert_allclose(one.precision, [1, np.nan, np.nan])
    assert_allclose(one.recall, [2 / 3, np.nan, np.nan])
    assert_allclose(one.f1, [0.8, np.nan, np.nan])
    assert_allclose(one.base, [0.6, np.nan, np.nan])
    two = generated.retrieval(made, owners, stored, users, items, liked, num_users=3, k=2)
    assert_allclose([two.precision[0], two.recall[0]], [3 / 4, 1])
