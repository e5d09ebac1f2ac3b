"""Retrieval as a generator: it keeps the contract, finds what is close, and leaves a photograph a photograph."""

import numpy as np
import pytest

from zahir.errors import ZahirError
from zahir.generate.nearest import Nearest
from zahir.loop import step, with_library
from zahir.media import Media, Origin
from zahir.plugins import make
from zahir.space import normalize
from zahir.store import Store
from zahir.taste.directions import MeanDifference
from zahir.testing import check_generator

SPACE = "test/8"
ROWS = normalize(np.random.default_rng(5).standard_normal((1000, 8)))


def picture(row, origin=None):
    return Media.image(np.full((20, 30, 3), [row % 256, row // 256, 7], np.uint8), origin)


@pytest.fixture
def nearest():
    return Nearest(SPACE, ROWS, picture)


def found(media):
    return [each.origin.details["found"] for each in media]


def test_the_contract_of_generators_is_kept(nearest):
    check_generator(nearest, dim=8)


def test_strength_leads_from_any_item_to_the_closest(nearest):
    taste = ROWS[:1] + 0.05
    order = np.argsort(-(ROWS - ROWS.mean(axis=0)) @ normalize(taste[0]))
    rank = {}
    for strength in (0.0, 0.3, 1.0, 2.0):
        rows = found(nearest.generate(np.repeat(taste, 200, axis=0), seeds=range(200), strength=strength))
        rank[strength] = np.mean([int(np.flatnonzero(order == row)[0]) for row in rows])
    assert 400 < rank[0.0] < 600  # chance is 499.5
    assert rank[0.3] > rank[1.0] > rank[2.0]
    assert rank[1.0] < 15


def test_a_negative_is_led_away_from(nearest):
    taste, avoid = ROWS[:1], ROWS[1:2]
    with_it, without = (
        ROWS[found(nearest.generate(np.repeat(taste, 50, axis=0), seeds=range(50), negatives=negative))] @ avoid[0]
        for negative in (np.repeat(avoid, 50, axis=0), None)
    )
    assert with_it.mean() < without.mean() - 0.2


def test_what_was_found_keeps_what_it_is():
    photograph = Nearest(SPACE, ROWS, picture).generate(ROWS[:1], seeds=[1])[0]
    assert not photograph.generated
    film = Media(np.zeros((5, 20, 30, 3), np.uint8), 12.0, Origin("studio", details={"genome": "x"}))
    made = Nearest(SPACE, ROWS[:3], lambda row: film).generate(ROWS[:1], seeds=[1], size=(16, 16))[0]
    assert made.generated
    assert made.frames.shape == (5, 16, 16, 3)
    assert made.fps == 12.0
    assert made.origin.details["genome"] == "x"


def test_wrong_arguments_are_named(nearest):
    with pytest.raises(ZahirError, match="zahir import"):
        make("generators", "nearest").generate(ROWS[:1], seeds=[1])
    for wrong in ({"strength": 3.0}, {"prompts": ["a cat"]}, {"negatives": ROWS[:2]}):
        with pytest.raises(ValueError, match=r"strength|prompts|negatives"):
            nearest.generate(ROWS[:1], seeds=[1], **wrong)


def test_the_loop_finds_in_the_store_what_was_made_for_nobody(tmp_path):
    class Eyes:
        space, dim = SPACE, 8

        def encode(self, media):
            return ROWS[[each.pixels[0, 0, 0] for each in media]]

    store = Store(tmp_path)
    ids = store.add_items([picture(k) for k in range(40)], ROWS[:40], space=SPACE, made_for=None, source="imported")
    user = store.add_user()
    for item, row in zip(ids, ROWS[:12]):
        store.rate(user, item, 0.5 if row[0] > 0 else -0.5, key=str(item))
    made = []
    for _ in range(2):
        hand = with_library(make("generators", "nearest"), store, SPACE)
        made += step(store, user, encoder=Eyes(), model=MeanDifference(), generator=hand, n=6, surprise=0.0, seed=3)
        assert len(hand.embeddings) == 40  # what was found once is no second item to find
    closest = ROWS[[store.media(item).pixels[0, 0, 0] for item in made[:6]], 0]
    assert closest.mean() > ROWS[:40, 0].mean() + ROWS[:40, 0].std() / 2
    store.close()
