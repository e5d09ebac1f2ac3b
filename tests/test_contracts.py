"""Every registered plugin keeps the public contracts of `zahir.testing`, and the contracts can be broken."""

import numpy as np
import pytest

from zahir.plugins import installed, make
from zahir.taste.directions import MeanDifference
from zahir.testing import check_encoder, check_generator, check_taste_model

# those that need weights are checked on tiny ones, in test_clip, test_unclip, test_ip_adapter and test_video
BY_WEIGHTS = ("zahir.encode.", "zahir.generate.")
OURS = {
    group: [
        n for n, e in installed(group).items() if e.value.startswith("zahir.") and not e.value.startswith(BY_WEIGHTS)
    ]
    for group in ("taste_models", "encoders", "generators")
}


@pytest.mark.parametrize("name", OURS["taste_models"])
def test_taste_models(name):
    check_taste_model(lambda: make("taste_models", name))


@pytest.mark.parametrize("name", OURS["encoders"])
def test_encoders(name):
    check_encoder(make("encoders", name))


@pytest.mark.parametrize("name", OURS["generators"])
def test_generators(name):
    generator = make("generators", name)
    encoders = [make("encoders", encoder) for encoder in OURS["encoders"]]
    check_generator(generator, dim=next(e.dim for e in encoders if e.space == generator.space))


class Long(MeanDifference):
    def embed_user(self, history, *, rng):
        return 2 * super().embed_user(history, rng=rng)


class Leaky(MeanDifference):
    def score(self, history, embeddings):
        self.calls = getattr(self, "calls", 0) + 1
        return super().score(history, embeddings) + np.float32(self.calls)


class Deaf(MeanDifference):
    def direction(self, vectors, ratings, weights):
        return np.zeros(vectors.shape[1], np.float32), 0.0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Long, "must be of unit length"),
        (Leaky, "must not change what it reads"),
        (Deaf, "must rise with those ratings"),
    ],
)
def test_a_broken_model_is_told_what_it_broke(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_taste_model(broken)
