"""The feed's policy: nothing rated comes back, slots keep their shares, propensities are the truth."""

import collections

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir import Media, Origin
from zahir.feed import CALIBRATION, TURNED, near, next_items
from zahir.interactions import History
from zahir.space import normalize
from zahir.store import Store

SPACE = "test/8"


class Axis:
    """A taste model that likes the first axis: all that the feed needs of one."""

    def score(self, history, embeddings):
        return embeddings[:, 0]


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def fill(store, n, *, made_for=None, source="generated", seed=0, surprise=0.3):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 4, 4, 3), np.uint8)
    media = [Media.image(each, Origin("test", details={"surprise": surprise})) for each in pixels]
    vectors = normalize(rng.standard_normal((n, 8)))
    return store.add_items(media, vectors, space=SPACE, made_for=made_for, source=source)


def ask(store, user, n, rng, **given):
    wanted = {"strength": 1.0, "surprise": 0.2, **given}
    return next_items(store, Axis(), user, n, space=SPACE, rng=rng, **wanted)


def past_calibration(store, user):
    for k, item in enumerate(fill(store, CALIBRATION, source="calibration", seed=9)):
        store.rate(user, item, 0.5 if k % 2 else -0.5, key=f"c{k}")


def test_a_newcomer_sees_calibration_first_and_nothing_twice(store):
    user, rng = store.add_user(), np.random.default_rng(0)
    calibration = fill(store, 20, source="calibration")
    fill(store, 20, made_for=user, seed=1)
    seen = []
    for k in range(CALIBRATION):
        (pick,) = ask(store, user, 1, rng)
        assert (pick.slot, pick.item in calibration) == ("calibration", True)
        store.rate(user, pick.item, 0.5, key=f"{k}")
        seen.append(pick.item)
    assert len(set(seen)) == CALIBRATION
    assert ask(store, user, 1, rng)[0].slot != "calibration"


def test_what_waits_on_the_screen_counts_as_calibrating(store):
    user, rng = store.add_user(), np.random.default_rng(0)
    calibration = fill(store, 20, source="calibration")
    fill(store, 20, made_for=user, seed=1)
    picks = ask(store, user, 4, rng, exclude=calibration[: CALIBRATION - 2])
    assert [pick.slot == "calibration" for pick in picks] == [True, True, False, False]
    assert not {pick.item for pick in picks} & set(calibration[: CALIBRATION - 2])


def test_everything_is_shown_once_and_then_what_was_not_rated(store):
    user, rng = store.add_user(), np.random.default_rng(1)
    past_calibration(store, user)
    items = set(fill(store, 6, made_for=user, seed=1))
    first = ask(store, user, 20, rng)
    assert {pick.item for pick in first} == items
    for pick in first:
        store.expose(user, pick)
    again = ask(store, user, 3, rng)
    assert [pick.slot for pick in again] == ["shelf"] * 3
    for k, item in enumerate(items):
        store.rate(user, item, 0.0, key=f"r{k}")
    assert ask(store, user, 3, rng) == []


def test_slots_keep_their_shares_and_propensities_are_the_frequencies(store):
    user, other, rng = store.add_user(), store.add_user(), np.random.default_rng(2)
    past_calibration(store, user)
    fill(store, 5, made_for=user, seed=1)
    fill(store, 3, made_for=user, seed=2, surprise=TURNED + 0.2)
    for k, item in enumerate(fill(store, 6, made_for=other, seed=3)):
        store.rate(other, item, 0.5 if k % 2 else -0.5, key=f"o{k}")
    draws, told = collections.Counter(), {}
    slots = collections.Counter()
    for _ in range(800):
        (pick,) = ask(store, user, 1, rng, surprise=0.25)
        draws[pick.slot, pick.item] += 1
        slots[pick.slot] += 1
        told[pick.slot, pick.item] = pick.propensity
    assert slots["surprise"] / 800 == pytest.approx(0.25, abs=0.05)
    assert slots["mine"] / 800 == pytest.approx(0.6, abs=0.05)
    for key, count in draws.items():
        assert_allclose(count / 800, told[key], atol=0.06)


def test_people_are_only_named_where_somebody_liked_it(store):
    user, other, rng = store.add_user(), store.add_user(), np.random.default_rng(3)
    past_calibration(store, user)
    hers = fill(store, 10, made_for=other, seed=3)
    store.rate(other, hers[0], -1.0, key="a")
    assert "people" not in {ask(store, user, 1, rng)[0].slot for _ in range(40)}


def test_strength_leans_towards_the_taste(store):
    user, rng = store.add_user(), np.random.default_rng(4)
    past_calibration(store, user)
    items = fill(store, 30, made_for=user, seed=5)
    first_axis = dict(zip(items, store.vectors(SPACE)[-30:, 0]))

    def mean(strength):
        return np.mean(
            [first_axis[ask(store, user, 1, rng, strength=strength, surprise=0.0)[0].item] for _ in range(80)]
        )

    assert mean(0.0) < mean(1.0) < mean(2.0)


def test_near_counts_liked_pictures_that_are_close_indeed():
    rng = np.random.default_rng(5)
    among = normalize(rng.standard_normal((400, 32)))
    likes = np.concatenate([among[:1] + 0.02, among[1:3]])
    history = History.of(normalize(likes), [0.5, 0.5, -0.5])
    assert near(among[0], history, among).tolist() == [0]
    assert len(near(among[10], History.empty(32), among)) == 0
