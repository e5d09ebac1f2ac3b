"""Pictures moved towards a taste: near enough to stay the same, and films from one taste to another."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from zahir.media import Media, Origin
from zahir.protocols import Edits, Films
from zahir.space import normalize
from zahir.steer import strip
from zahir.studio import StudioGenerator, recipe
from zahir.studio.genome import random
from zahir.studio.inverse import aim
from zahir.studio.picture import family, render

AMOUNTS = (0.25, 0.6, 1.0)


@pytest.fixture(scope="module")
def hand():
    return StudioGenerator()


def painted(number, side=128):
    genome = random(np.random.default_rng(number), 1)[0]
    origin = Origin(recipe.NAME, details=recipe.write(genome, number))
    return Media.image(render(genome, number, side), origin)


def tastes(n, seed=9):
    return normalize(np.random.default_rng(seed).standard_normal((n, 256)))


@pytest.fixture(scope="module")
def edits(hand):
    """Three pictures, and each of them moved by three amounts."""
    before = [painted(number) for number in range(3)]
    return before, [hand.edit(before, tastes(3), seeds=range(3), amount=amount, steps=3) for amount in AMOUNTS]


def test_the_further_an_edit_may_go_the_better_it_suits_and_the_less_it_is_what_it_was(hand, edits):
    before, after = edits
    seen, target = hand.encoder.encode(before), aim(tastes(3))
    looks = [hand.encoder.encode(media) for media in after]
    kept = np.array([np.sum(look * seen, axis=1) for look in looks])
    suits = np.array([np.sum(seen * target, axis=1), *(np.sum(look * target, axis=1) for look in looks)])
    assert (np.diff(kept.mean(axis=1)) < -0.02).all()
    assert (np.diff(suits.mean(axis=1)) > 0.02).all()
    assert (suits[1] > suits[0]).all()
    strangers = hand.encoder.encode([painted(number) for number in range(20, 40)])
    chance = (strangers @ strangers.T)[np.triu_indices(20, 1)]
    assert kept[0].min() > np.quantile(chance, 0.95)
    assert kept[-1].mean() > chance.mean() + 2 * chance.std()
    told = [each.origin.details["kept"] for each in after[1]]
    np.testing.assert_allclose(told, kept[1], atol=0.01)


def test_an_edit_keeps_the_seed_the_family_and_the_size(edits):
    before, after = edits
    for one, other in zip(before * len(after), [each for media in after for each in media]):
        (genome, seed), (moved, same) = recipe.read(one.origin), recipe.read(other.origin)
        assert (seed, family(genome, seed)) == (same, family(moved, same))
        assert one.size == other.size


def test_amount_nothing_gives_the_picture_back(hand):
    picture = painted(3)
    for how in ({"amount": 0.0}, {"amount": 0.7, "strength": 0.0}):
        assert hand.edit([picture], tastes(1), seeds=[1], **how)[0] is picture


def test_an_edit_depends_on_its_picture_taste_and_seed_alone(hand):
    pictures, wanted = [painted(5), painted(6)], tastes(2)
    together = hand.edit(pictures, wanted, seeds=[1, 2], amount=0.4, steps=1)
    alone = hand.edit(pictures[1:], wanted[1:], seeds=[2], amount=0.4, steps=1)
    assert np.array_equal(together[1].pixels, alone[0].pixels)
    cut = hand.edit(pictures, wanted, seeds=[1, 2], amount=0.4, steps=1, progress=lambda done, of: False)
    assert len(cut) == 1
    assert np.array_equal(cut[0].pixels, together[0].pixels)


def test_a_photograph_is_painted_anew_and_says_so(hand):
    photograph = Media.image(load_sample_images().images[0][::2, ::2].copy())
    edited = hand.edit([photograph], tastes(1), seeds=[1], amount=0.2, steps=1)[0]
    assert edited.size == photograph.size
    assert edited.generated
    assert recipe.read(edited.origin)
    seen = hand.encoder.encode([photograph, edited])
    assert edited.origin.details["inverted"] > 0.3
    assert seen[0] @ seen[1] > 0.2


def test_wrong_arguments_of_an_edit_are_named(hand):
    assert isinstance(hand, Edits)
    for wrong in ({"amount": 1.5}, {"prompts": ["a cat"]}, {"seeds": [1, 2]}, {"steps": -1}):
        with pytest.raises(ValueError, match=r"amount|prompts|seeds|steps"):
            hand.edit([painted(0)], tastes(1), **({"seeds": [1]} | wrong))
    with pytest.raises(ValueError, match="one taste for each"):
        hand.edit([painted(0)], tastes(2), seeds=[1, 2])


def test_a_film_goes_from_taste_to_taste_without_a_cut(hand):
    assert isinstance(hand, Films)
    ends = strip(*tastes(2, seed=4), 4)
    film = hand.film(ends, seed=2, size=(64, 64), frames=24)
    assert (film.kind, film.frames.shape) == ("video", (24, 64, 64, 3))
    steps = np.abs(np.diff(film.frames.astype(float), axis=0)).mean(axis=(1, 2, 3))
    whole = np.abs(film.frames[0].astype(float) - film.frames[-1]).mean()
    assert steps.max() < 0.5 * whole
    assert steps.max() < 4 * np.median(steps)
    seen = hand.encoder.encode([Media.image(film.frames[k]) for k in (0, -1)])
    nearness = seen @ aim(ends[[0, -1]]).T
    assert nearness[0, 0] > nearness[1, 0]
    assert nearness[1, 1] > nearness[0, 1]
    with pytest.raises(ValueError, match="at least 2 tastes"):
        hand.film(ends[:1], seed=2)
