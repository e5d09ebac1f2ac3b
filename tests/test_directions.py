"""Models of one person and the baselines, against values worked by hand."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.baselines import MeanOfLiked, OneTaste, Popularity, UserItemMeans
from zahir.taste.directions import LinearSVM, MeanDifference, PrincipalComponents, Ridge
from zahir.taste.lean import lean

RNG = np.random.default_rng(0)
VECTORS = normalize(RNG.standard_normal((30, 5)))
RATINGS = np.where(VECTORS[:, 1] + 0.1 * RNG.standard_normal(30) > 0, 0.5, -0.5).astype(np.float32)


def test_mean_difference_by_hand():
    axes = np.eye(3, dtype=np.float32)
    taste, offset = MeanDifference().direction(axes, np.float32([1, 0.5, -0.5]), np.float32([1, 2, 1]))
    np.testing.assert_allclose(taste, [0.5, 0.5, -1])
    assert offset == pytest.approx((1 + 1 - 0.5) / 4 - (0.5 / 4 + 1.0 / 4 - 1 / 4))
    only_likes, _ = MeanDifference().direction(axes[:2], np.float32([1, 1]), np.float32([1, 1]))
    np.testing.assert_allclose(only_likes, [0.5, 0.5, 0])


def test_the_svm_is_scikit_learns_and_ignores_neither():
    ratings = RATINGS.copy()
    ratings[:3] = 0
    taste, offset = LinearSVM(C=2.0).direction(VECTORS, ratings, np.ones(30, np.float32))
    machine = LinearSVC(C=2.0, max_iter=20_000, random_state=0).fit(VECTORS[3:], ratings[3:] > 0)
    np.testing.assert_allclose(taste, machine.coef_[0] / 2, atol=1e-4)
    assert offset == pytest.approx(machine.intercept_[0] / 2, abs=1e-4)


def test_ridge_solves_the_normal_equations():
    taste, offset = Ridge(strength=2.0).direction(VECTORS, RATINGS, np.ones(30, np.float32))
    wide = np.concatenate([VECTORS, np.ones((30, 1))], axis=1)
    expected = np.linalg.solve(wide.T @ wide + 2 * np.eye(6), wide.T @ RATINGS)
    np.testing.assert_allclose([*taste, offset], expected, atol=1e-5)


def test_principal_components_find_the_axis_that_decides():
    rng = np.random.default_rng(1)
    pictures = rng.standard_normal((200, 8)) * np.array([4, 3, 2, 1, 1, 1, 1, 1])
    pictures = normalize(pictures)
    table = Interactions.of(np.zeros(60), np.arange(60), np.where(pictures[:60, 1] > 0, 0.5, -0.5), num_items=200)
    model = PrincipalComponents(components=4, best=1).fit(table, pictures)
    assert abs(normalize(model.user_embeddings_[0])[1]) > 0.8
    told = model.predict(np.zeros(140, np.int64), np.arange(60, 200))
    assert np.mean((told > 0) == (pictures[60:, 1] > 0)) > 0.75


@pytest.mark.parametrize("make", [MeanDifference, LinearSVM, Ridge, PrincipalComponents, MeanOfLiked])
def test_other_people_change_nothing(make):
    table = Interactions.of(np.repeat([0, 1], 15), np.arange(30), RATINGS)
    alone = Interactions.of(np.zeros(15), np.arange(15), RATINGS[:15], num_users=2, num_items=30)
    users, items = np.zeros(30, np.int64), np.arange(30)
    together = make().fit(table, VECTORS).predict(users, items)
    np.testing.assert_allclose(make().fit(alone, VECTORS).predict(users, items), together, atol=1e-6)


def test_mean_of_liked_is_the_mean_of_the_liked():
    taste, _ = MeanOfLiked().direction(VECTORS, RATINGS, np.ones(30, np.float32))
    np.testing.assert_allclose(taste, VECTORS[RATINGS > 0].mean(0), atol=1e-6)


def test_popularity_and_means_by_hand():
    table = Interactions.of([0, 0, 1, 1], [0, 1, 0, 2], [1, 0.5, 1, -1], num_items=4)
    users, items = np.array([0, 1, 0, 0]), np.array([0, 0, 2, 3])
    popular = Popularity().fit(table, VECTORS[:4]).predict(users, items)
    np.testing.assert_allclose(popular, [2 / 7, 2 / 7, -1 / 6, 0], atol=1e-6)
    means = UserItemMeans().fit(table, VECTORS[:4]).predict(users, items)
    assert means[0] > means[1], "person 0 rates higher"
    assert means[0] > means[3] > means[2], "so does what people say of the picture"


def test_one_taste_is_the_same_for_all():
    table = Interactions.of(np.repeat([0, 1, 2], 10), np.arange(30), RATINGS, num_users=4)
    model = OneTaste().fit(table, VECTORS)
    np.testing.assert_allclose(model.user_embeddings_, np.tile(model.population_, (4, 1)), atol=1e-4)
    rng = np.random.default_rng(0)
    contrary = History.of(VECTORS[:10], -RATINGS[:10], user=0)
    np.testing.assert_allclose(model.embed_user(contrary, rng=rng), normalize(model.population_), atol=1e-3)


def test_leaning_uses_every_liked_item_before_any_twice():
    liked = np.eye(6, dtype=np.float32)[1:]
    taste = np.eye(6, dtype=np.float32)[0]
    rows = lean(taste, liked, 10, rng=np.random.default_rng(0))
    used = np.argmax(rows[:, 1:], axis=1)
    assert sorted(used[:5]) == sorted(used[5:]) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(rows @ taste, 1 / np.hypot(1, 0.25), atol=1e-5)
    near = normalize(np.array([[1.0, 0.3, 0, 0, 0, 0], [-1.0, 0, 0, 0, 0, 0.3]]))
    first = [int(lean(taste, near, 1, rng=np.random.default_rng(s))[0, 5] > 0.05) for s in range(200)]
    assert np.mean(first) < 0.05
