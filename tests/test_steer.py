"""Verbs on tastes, against angles worked by hand and properties that hold for any of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from zahir.space import normalize
from zahir.steer import explore, like_this, mix, spread, strip, towards, unexplored

seeds = st.integers(0, 2**31)
widths = st.integers(2, 24)
angles = st.floats(0, np.pi / 2)


def unit(seed, n, dim):
    return normalize(np.random.default_rng(seed).standard_normal((n, dim)))


def between(a, b):
    return np.arccos(np.clip(np.sum(a.astype(np.float64) * b, axis=-1), -1, 1))


def lengths_are_one(rows):
    assert rows.dtype == np.float32
    assert_allclose(np.linalg.norm(rows, axis=-1), 1, atol=1e-5)


@given(seeds, widths, st.floats(0.1, 10), st.floats(0.1, 10))
def test_a_mixture_lies_between_and_nearer_to_what_weighs_more(seed, dim, mine, theirs):
    a, b = unit(seed, 2, dim)
    if between(a, b) > 3.1:
        return
    mixed = mix([a, b], [mine, theirs])
    lengths_are_one(mixed)
    assert_allclose(between(a, mixed) + between(mixed, b), between(a, b), atol=2e-3)
    assert (between(a, mixed) <= between(mixed, b) + 1e-3) == (mine >= theirs) or abs(mine - theirs) < 0.1
    assert_allclose(mix([3 * a, b], [mine, theirs]), mixed, atol=1e-5)  # lengths do not count, weights do
    assert_allclose(mix([b, a], [2 * theirs, 2 * mine]), mixed, atol=1e-5)


def test_a_friend_is_mixed_into_every_row_and_what_cancels_is_told():
    batch, friend = unit(0, 3, 8), unit(1, 1, 8)[0]
    together = mix([batch, friend], [1.0, 0.5])
    assert_allclose(together, [mix([row, friend], [1.0, 0.5]) for row in batch], atol=1e-6)
    with pytest.raises(ValueError, match="cancel out"):
        mix([friend, -friend], [1.0, 1.0])
    with pytest.raises(ValueError, match="one finite weight"):
        mix([friend, friend], [1.0, np.nan])
    with pytest.raises(ValueError, match="one finite weight"):
        mix([friend], [1.0, 2.0])


@given(seeds, widths, st.lists(st.floats(-1, 1), min_size=2, max_size=6))
def test_more_of_a_direction_never_leads_away_from_it(seed, dim, amounts):
    taste, goal = unit(seed, 2, dim)
    turned = [towards(taste[None], goal[None], [amount])[0] for amount in sorted(amounts)]
    for row in turned:
        lengths_are_one(row)
    assert (np.diff([row @ goal for row in turned]) >= -1e-4).all()
    assert_allclose(towards(taste[None], goal[None], [0.0])[0], taste, atol=1e-5)
    assert_allclose(towards(taste[None], goal[None], [1.0])[0], goal, atol=1e-4)
    assert_allclose(towards(taste[None], goal[None], [-1.0])[0], -goal, atol=1e-4)


def test_an_amount_is_a_share_of_the_way_and_amounts_add_up_in_any_order():
    taste, warm, calm = np.eye(3, dtype=np.float32)
    assert_allclose(towards(taste[None], warm[None], [0.5]), [[0.5**0.5, 0.5**0.5, 0]], atol=1e-6)
    one = towards(taste[None], np.stack([warm, calm]), [0.3, -0.4])
    assert_allclose(one, towards(taste[None], np.stack([calm, warm]), [-0.4, 0.3]), atol=1e-6)
    assert_allclose(one, [[0.5**0.5, 0.6 * 0.5**0.5, -0.8 * 0.5**0.5]], atol=1e-6)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        towards(taste[None], warm[None], [1.5])


def test_explore_moves_away_by_surprise_and_stays_among_pictures():
    rng = np.random.default_rng(2)
    tastes = np.zeros((6, 8), np.float32)
    tastes[:, 0] = 1
    plane = np.zeros((20, 8), np.float32)
    plane[:, :3] = rng.standard_normal((20, 3))
    out = explore(tastes, 0.5, rng=rng, among=plane)
    assert_allclose(out[:, 0], np.cos(0.5), atol=1e-5)
    assert_allclose(out[:, 3:], 0, atol=1e-5)
    with pytest.raises(ValueError, match=r"got 2\.0"):
        explore(tastes, 2.0, rng=rng)


@given(seeds, st.integers(4, 24), st.data(), angles)
def test_what_is_unexplored_leaves_the_order_of_everything_rated_as_it_was(seed, dim, data, angle):
    known = data.draw(st.integers(1, dim - 3))
    tastes, rated, among = unit(seed, 2, dim), unit(seed + 1, known, dim), unit(seed + 2, 3 * dim, dim)
    rng = np.random.default_rng(seed)
    turned = unexplored(tastes, rated, angle, rng=rng, among=among)
    lengths_are_one(turned)
    assert_allclose(between(tastes, turned), angle, atol=2e-3)
    about = rated - among.mean(axis=0)
    assert_allclose(turned @ about.T, np.cos(angle) * tastes @ about.T, atol=0.03)
    loud = explore(tastes, angle, rng=rng, among=among)
    if angle > 0.5:
        assert np.abs(loud @ about.T - np.cos(angle) * tastes @ about.T).max() > 0.03 or known == 1


def test_beyond_as_many_ratings_as_dimensions_the_least_known_is_tried():
    rng = np.random.default_rng(0)
    rated = rng.standard_normal((200, 6)) * [3, 3, 3, 3, 3, 0.1]
    taste = np.float32([[1, 0, 0, 0, 0, 0]])
    turned = unexplored(np.repeat(taste, 50, axis=0), rated, 0.6, rng=rng)
    moved = turned - np.cos(0.6) * taste
    assert np.median(np.abs(moved[:, 5])) > 0.9 * np.sin(0.6)
    assert_allclose(unexplored(taste, np.zeros((0, 6)), 0.6, rng=rng) @ taste.T, np.cos(0.6), atol=1e-5)


@given(seeds, st.integers(1, 12), widths, st.floats(0, 1), st.integers(0, 14))
def test_a_spread_holds_no_row_twice_and_starts_with_the_best(seed, m, dim, diversity, n):
    rows, worth = unit(seed, m, dim), np.random.default_rng(seed).standard_normal(m)
    chosen = spread(rows, n, relevance=worth, diversity=diversity)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, m)
    assert (np.array_equal(chosen, spread(rows, n, relevance=5 * worth + 3, diversity=diversity))) or diversity > 0.99
    if len(chosen) and diversity < 0.99:
        assert chosen[0] == np.argmax(worth)
    if diversity == 0:
        assert_allclose(worth[chosen], np.sort(worth)[::-1][: len(chosen)])
    # each step by the definition, recomputed from nothing
    scaled = (worth - worth.min()) / (np.ptp(worth) or 1.0)
    for k in range(1, len(chosen)):
        near = (rows @ rows[chosen[:k]].T).max(axis=1)
        gain = (1 - diversity) * scaled - diversity * near
        rest = np.setdiff1d(np.arange(m), chosen[:k])
        assert gain[chosen[k]] >= gain[rest].max() - 1e-5


def test_more_diversity_gives_batches_that_are_less_alike():
    rows = unit(3, 80, 6)
    worth = rows[:, 0]

    def alike(diversity):
        some = rows[spread(rows, 8, relevance=worth, diversity=diversity)]
        return (some @ some.T)[np.triu_indices(8, 1)].mean()

    assert alike(0.0) > alike(0.3) + 0.1 > alike(0.8) + 0.2
    with pytest.raises(ValueError, match="diversity"):
        spread(rows, 8, relevance=worth, diversity=1.5)


def test_a_relevance_is_wanted_for_each_candidate(unchecked):
    with pytest.raises(ValueError, match="one relevance"):
        spread(unit(0, 8, 3), 8, relevance=np.zeros(3), diversity=0.5)


@given(seeds, widths, st.integers(2, 9))
def test_a_strip_has_both_ends_and_equal_steps(seed, dim, n):
    a, b = unit(seed, 2, dim)
    rows = strip(a, b, n)
    lengths_are_one(rows)
    assert_allclose(rows[[0, -1]], [a, b], atol=2e-3)
    assert_allclose(between(rows[:-1], rows[1:]), between(a, b) / (n - 1), atol=2e-3)
    with pytest.raises(ValueError, match="at least 2"):
        strip(a, b, 1)


@given(seeds, widths, angles)
def test_more_like_a_picture_keeps_its_distance(seed, dim, distance):
    rng = np.random.default_rng(seed)
    among = unit(seed + 1, 2 * dim + 2, dim)
    rows = like_this(among[0], 3, distance, rng=rng, among=among)
    lengths_are_one(rows)
    asked = like_this(among[0], 1, 0.0, rng=rng, among=among)
    assert_allclose(between(rows, np.repeat(asked, 3, axis=0)), distance, atol=2e-3)


def test_a_generator_that_stretches_tastes_as_pictures_vary_lands_on_the_picture():
    rng = np.random.default_rng(2)
    among = normalize(rng.standard_normal((400, 12)) * np.geomspace(3, 0.3, 12))
    centre = among.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(np.cov(among.T))
    root = axes * np.sqrt(values) @ axes.T
    for picture in among[:10]:
        asked = like_this(picture, 1, 0.0, rng=rng, among=among)[0]
        bare = normalize(picture - centre)
        landed, missed = (normalize((way @ root)[None])[0] @ bare for way in (asked, bare))
        assert landed > missed
        assert landed > 0.9
    lone = like_this(among[0], 2, 0.0, rng=rng, among=among[:1])
    assert_allclose(lone, among[[0, 0]], atol=1e-5)
