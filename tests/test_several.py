"""Several tastes in one person: planted ones are all drawn from, one taste is left alone, little decides nothing."""

import numpy as np
import pytest

from zahir.datasets.synthetic import planted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.several import _explain, draw, kinds
from zahir.taste.wals import TetheredWALS

EMBEDDINGS = planted(1, 0, seed=3).dataset.embeddings
PICTURES = normalize(EMBEDDINGS - normalize(EMBEDDINGS).mean(0))


def rated(kinds, count, rng, *, only_near=True):
    """Ratings of so many pictures: liked is the tenth nearest to either kind and little else, or what lies along."""
    near = PICTURES @ kinds.T
    near = ((near - near.mean(0)) / near.std(0)).max(1)
    liking = 3 / (1 + np.exp((1.28 - near) / 0.25)) - 1.5 if only_near else near
    some = rng.choice(len(PICTURES), count, replace=False)
    likes = rng.random(count) < 1 / (1 + np.exp(-2.5 * (liking[some] - 0.3)))
    return some, np.where(likes, 0.5, -0.5).astype(np.float32)


def two_kinds(rng):
    while True:
        kinds = PICTURES[rng.choice(len(PICTURES), 2, replace=False)]
        if kinds[0] @ kinds[1] < -0.15:
            return kinds


def one_kind(rng):
    return normalize(rng.standard_normal(len(PICTURES)) @ PICTURES)[None]


def test_the_evidence_is_that_of_the_gaussian_integrated_over_the_share():
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    kernel = np.corrcoef(rng.standard_normal((6, 4)))
    ratings = rng.choice([-0.5, 0.5], 6)
    size = np.var(ratings) + 1e-6
    densities = [
        multivariate_normal(np.zeros(6), size * (share * kernel + (1 - share) * np.eye(6) + 0.3)).pdf(ratings)
        for share in (0.2, 0.4, 0.6, 0.8)
    ]
    expected = np.log(np.sum(densities)) + 3 * np.log(2 * np.pi)
    assert _explain(kernel, ratings).evidence == pytest.approx(expected)


def test_both_tastes_of_most_who_have_two_are_drawn_from_and_one_taste_is_left_alone():
    told, right, alone = [], [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        two = two_kinds(rng)
        some, ratings = rated(two, 120, rng)
        of = kinds(PICTURES[some], ratings)
        told.append(len(of) > 1)
        if len(of) > 1:
            taste = normalize(rng.standard_normal(256))
            between = draw(taste, PICTURES[some], ratings, 12, rng=rng) @ two.T
            shares = [(between.argmax(1) == kind).mean() for kind in (0, 1)]
            right.append(min(shares) >= 0.35 and np.all(between.max(1) > 0.15))
        some, ratings = rated(one_kind(rng), 120, rng, only_near=False)
        alone.append(len(kinds(PICTURES[some], ratings)) == 1)
    assert np.mean(told) > 0.8
    assert np.mean(right) > 0.8
    assert np.mean(alone) > 0.85


def test_kinds_share_a_batch_by_the_roots_of_their_likes():
    rng = np.random.default_rng(5)
    axis = np.eye(6, dtype=np.float32)[0]
    likes = [normalize(sign * 3 * axis + rng.standard_normal((size, 6))) for sign, size in ((1, 4), (-1, 16))]
    vectors = np.concatenate([*likes, normalize(rng.standard_normal((60, 6)) * [0.3, 1, 1, 1, 1, 1])])
    ratings = np.repeat(np.float32([0.5, -0.5]), [20, 60])
    few, many = kinds(vectors, ratings)
    assert (few.likes.tolist(), many.likes.tolist()) == ([*range(4)], [*range(4, 20)])
    assert few.share == pytest.approx(1 / 3)
    batch = draw(axis, vectors, ratings, 12, rng=rng) @ axis
    assert ((batch > 0.5).sum(), (batch < -0.5).sum()) == (4, 8)


@pytest.mark.parametrize("make", [TetheredWALS, GaussianTaste])
def test_models_draw_from_all_tastes_where_the_mean_would_be_between(make):
    rng = np.random.default_rng(1)
    two = two_kinds(rng)
    some, ratings = rated(two, 120, rng)
    others = [rated(one_kind(rng), 20, rng, only_near=False) for _ in range(4)]
    users = np.repeat(np.arange(5), [120, 20, 20, 20, 20])
    items = np.concatenate([some, *(each[0] for each in others)])
    table = Interactions.of(users, items, np.concatenate([ratings, *(each[1] for each in others)]), num_items=400)
    model = make().fit(table, EMBEDDINGS)
    history = History.of(EMBEDDINGS[some], ratings, user=0, items=some)
    between = model.tastes(history, 12, rng=rng) @ two.T
    assert min((between.argmax(1) == kind).mean() for kind in (0, 1)) >= 0.35
    taste = model.embed_user(history, rng=rng) @ two.T
    assert taste.min() > between.min(1).max()


def test_few_ratings_and_ratings_all_alike_decide_nothing():
    rng = np.random.default_rng(2)
    some, ratings = rated(two_kinds(rng), 60, rng)
    for vectors, given in (
        (PICTURES[some[:8]], ratings[:8]),
        (PICTURES[some], np.full(60, 0.5, np.float32)),
        (PICTURES[some], np.full(60, -0.5, np.float32)),
        (np.zeros_like(PICTURES[some]), ratings),
        (PICTURES[:0], ratings[:0]),
    ):
        assert len(kinds(vectors, given)) == 1
    assert draw(PICTURES[0], PICTURES[some], ratings, 0, rng=rng).shape == (0, 256)
