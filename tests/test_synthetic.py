"""Planted populations are what they claim to be."""

import numpy as np
import pytest

from zahir.datasets.synthetic import planted
from zahir.space import cosine


@pytest.mark.parametrize("shared", [0.0, 0.2, 0.5, 0.8])
def test_people_are_as_alike_as_planted(shared):
    tastes = planted(shared=shared, seed=1).tastes
    between = cosine(tastes, tastes)[np.triu_indices(len(tastes), 1)]
    assert abs(between.mean() - shared) < 0.08


def test_likes_follow_the_true_liking():
    dataset, _, liking = planted(people=400, ratings=80, shared=0.5, seed=2)
    table = dataset.interactions
    true = liking[table.users, table.items]
    for low, high in ((-1.5, -1.0), (-0.1, 0.1), (1.0, 1.5)):
        here = (true > low) & (true < high)
        expected = 1 / (1 + np.exp(-2.5 * true[here]))
        assert abs((table.ratings[here] > 0).mean() - expected.mean()) < 0.04


def test_pictures_look_like_clip():
    pictures = planted(seed=3).dataset.embeddings
    between = cosine(pictures, pictures)[np.triu_indices(len(pictures), 1)]
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-5)
    assert abs(between.mean() - 0.42) < 0.03


def test_clusters_are_more_alike_inside():
    tastes = planted(people=40, shared=0.0, clusters=4, seed=4).tastes
    between = cosine(tastes, tastes)
    inside = np.arange(40)[:, None] % 4 == np.arange(40) % 4
    assert between[inside & ~np.eye(40, dtype=bool)].mean() > 0.7
    assert abs(between[~inside].mean()) < 0.3


def test_the_seed_decides_and_pictures_can_be_given():
    first, again, other = planted(seed=5), planted(seed=5), planted(seed=6)
    np.testing.assert_array_equal(first.dataset.interactions.ratings, again.dataset.interactions.ratings)
    assert not np.array_equal(first.tastes, other.tastes)
    given = planted(people=3, ratings=8, embeddings=first.dataset.embeddings[:20])
    assert given.dataset.interactions.num_items == 20
    assert len(set(zip(given.dataset.interactions.users, given.dataset.interactions.items))) == 24


def test_impossible_populations_are_refused():
    with pytest.raises(ValueError, match=r"shared must be in \[0, 1\]; got 1.5"):
        planted(shared=1.5)
    with pytest.raises(ValueError, match=r"ratings must be in \[0, 400\]; got 401"):
        planted(ratings=401)
