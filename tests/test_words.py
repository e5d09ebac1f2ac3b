"""The studio's words: directions along which pictures have more of what the word says, measured without the encoder."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from zahir.errors import SpaceMismatch
from zahir.protocols import KnowsWords
from zahir.space import normalize
from zahir.steer import towards
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.studio.words import directions, vocabulary

RUNS = Path(__file__).parents[1] / "runs"


@pytest.fixture(scope="module")
def eyes():
    return StudioEncoder()


def test_some_forty_words_have_a_unit_direction_each(eyes):
    words = vocabulary()
    assert 40 <= len(words) <= 64
    assert len(set(words)) == len(words)
    assert isinstance(eyes, KnowsWords)
    rows = eyes.directions(words)
    assert rows.shape == (len(words), eyes.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(eyes.directions([" Warm", "sea"]), rows[[words.index("warm"), words.index("sea")]])
    assert eyes.directions([]).shape == (0, eyes.dim)


def test_opposites_point_away_from_each_other(eyes):
    for word, opposite in (("warm", "cool"), ("light", "dark"), ("busy", "calm"), ("saturated", "muted")):
        one, other = eyes.directions([word, opposite])
        assert one @ other < -0.99


def test_a_word_that_is_not_known_is_told_with_all_that_are(eyes):
    with pytest.raises(ValueError, match=r"does not know the word 'wram'\. Did you mean 'warm'") as told:
        eyes.directions(["warm", "wram"])
    assert all(word in str(told.value) for word in vocabulary())


def test_words_of_another_space_are_refused(tmp_path):
    file = tmp_path / "words.safetensors"
    about = {"space": "studio-0/other", "words": ["warm"]}
    save_file({"directions": np.ones((1, 4), np.float16)}, file, {"zahir": json.dumps(about)})
    assert directions(["warm"], space="studio-0/other", weights=file).shape == (1, 4)
    with pytest.raises(SpaceMismatch, match="studio-0/other"):
        directions(["warm"], space="studio-1/this", weights=file)


def shift(eyes, words, monkeypatch, seeds):
    """Mean difference, in standard deviations, of what each word means between pictures along it and against it."""
    monkeypatch.syspath_prepend(RUNS)
    from studio_words import MEANS, meant, seen_of

    hand = StudioGenerator(eyes, pool=4, search=0)
    tastes = normalize(np.random.default_rng(6).standard_normal((seeds, eyes.dim)))
    for word in words:
        along, against = (
            hand.generate(towards(tastes, eyes.directions([word]), [turn]), seeds=range(70, 70 + seeds), size=(96, 96))
            for turn in (0.4, -0.4)
        )
        value = list(MEANS).index(word)
        more, less = (np.array([meant(seen_of(each))[value] for each in media]) for media in (along, against))
        yield word, (more.mean() - less.mean()) / (np.sqrt((more.var() + less.var()) / 2) + 1e-6)


def test_pictures_along_a_word_have_more_of_it(eyes, monkeypatch):
    for word, effect in shift(eyes, ("warm", "dark", "calm", "sea"), monkeypatch, 4):
        assert effect > 1.0, word


@pytest.mark.slow
def test_pictures_along_every_word_have_more_of_it(eyes, monkeypatch):
    effects = dict(shift(eyes, vocabulary(), monkeypatch, 5))
    assert min(effects.values()) > 0.3, effects
    assert np.median(list(effects.values())) > 1.5
