"""The closed loop with simulated people, on a space of grey blocks whose embedding can be read off the pixels."""

import numpy as np
import pytest

from zahir import Media, Origin
from zahir.evaluate.raters import PIXEL_TASTES, Rater, direction_rater, pixel_rater
from zahir.evaluate.simulate import random_library, simulate
from zahir.space import normalize

SIDE, DIM = 4, 16


class Blocks:
    """A picture is 16 grey blocks, its embedding their centred brightness: made and read almost without loss."""

    space, dim, kind, accepts_prompts = "blocks/16", DIM, "image", False

    def encode(self, media):
        grey = np.stack([each.pixels[16::32, 16::32, 0].ravel() for each in media])
        return normalize(grey / 127.5 - 1.0)

    def generate(self, tastes, *, seeds, strength=1.0, size=None, progress=None, **_):
        made = []
        for taste, seed in zip(tastes, seeds):
            noise = normalize(np.random.default_rng(seed).standard_normal(DIM))
            grey = np.clip((strength * taste + 0.6 * noise) * 127 + 127.5, 0, 255)
            pixels = np.kron(grey.reshape(SIDE, SIDE), np.ones((32, 32)))[..., None].repeat(3, axis=2)
            made.append(Media.image(pixels.astype(np.uint8), Origin("blocks", self.space, taste, seed=seed)))
        return made


class LikedMinusRest:
    """The mean of what was liked less the mean of the rest."""

    def fit(self, interactions, item_embeddings):
        return self

    def predict(self, users, items):
        raise NotImplementedError  # the loop asks for scores and tastes only

    def embed_user(self, history, *, rng):
        liked = history.ratings > 0
        if liked.all() or not liked.any():
            return normalize(rng.standard_normal(DIM))
        return normalize(history.embeddings[liked].mean(axis=0) - history.embeddings[~liked].mean(axis=0))

    def tastes(self, history, n, *, rng):
        return np.repeat(self.embed_user(history, rng=rng)[None], n, axis=0)

    def score(self, history, embeddings):
        return embeddings @ self.embed_user(history, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def library():
    return random_library(Blocks(), Blocks(), 120, seed=0)


def run(library, raters, **given):
    wanted = {"calibration": 30, "rounds": 2, "per_round": 6, "seed": 1}
    return simulate(
        raters, encoder=Blocks(), generator=Blocks(), model=LikedMinusRest, library=library, **{**wanted, **given}
    )


def test_random_pictures_have_gain_zero_and_the_loop_rises_above_retrieval(library):
    rng = np.random.default_rng(3)
    raters = [direction_rater(library.embeddings, rng) for _ in range(3)]
    for rater in raters:
        everything = rater.liking(library.media, library.embeddings)
        np.testing.assert_allclose([everything.mean(), everything.std()], [0, 1], atol=1e-4)
    loop = run(library, raters)
    assert loop.gain.shape == (3, 2)
    assert loop.gain.mean() > run(library, raters, source="library").gain.mean() > 0.5
    assert loop.between < 0.5 < loop.within.mean()


def test_stopped_learns_nothing_after_calibration(library):
    rng = np.random.default_rng(4)
    raters = [direction_rater(library.embeddings, rng) for _ in range(2)]
    short = {"rounds": 4, "calibration": 10}
    loop, stopped = (run(library, raters, source=source, **short).gain for source in ("loop", "stopped"))
    assert loop[:, -1].mean() > stopped[:, -1].mean() + 0.2


def test_random_source_keeps_the_best_of_new_pictures(library):
    raters = [direction_rater(library.embeddings, np.random.default_rng(5))]
    assert run(library, raters, source="random").gain.mean() > 0.5


def test_likes_follow_the_stated_odds():
    rater = Rater("any", lambda media, vectors: np.zeros(0))
    likes = rater.likes(np.full(20_000, 0.7), np.random.default_rng(0))
    assert likes.mean() == pytest.approx(1 / (1 + np.exp(-2.5 * 0.4)), abs=0.01)


def flat(red, green, blue):
    return Media.image(np.full((64, 64, 3), (red, green, blue), np.uint8))


def test_pixel_tastes_mean_what_they_say():
    rng = np.random.default_rng(6)
    noisy = [Media.image(rng.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(6)]
    library = [flat(*rng.integers(0, 256, 3)) for _ in range(24)] + noisy
    nothing = np.zeros((2, 1), np.float32)

    def prefers(taste, a, b):
        first, second = pixel_rater(taste, library).liking([a, b], nothing)
        return first > second

    assert prefers("warm, geometric, calm", flat(230, 150, 60), flat(60, 120, 230))
    assert prefers("warm, geometric, calm", flat(200, 150, 90), noisy[0])
    assert prefers("busy, bluish", noisy[0], flat(200, 40, 40))
    assert prefers("busy, bluish", flat(40, 40, 200), flat(200, 40, 40))
    night = np.full((64, 64, 3), 10, np.uint8)
    night[:6, :6] = 250
    assert prefers("dark with bright lights", Media.image(night), flat(250, 250, 250))
    mirrored = noisy[0].pixels.copy()
    mirrored[:, 32:] = mirrored[:, :32][:, ::-1]
    grey = mirrored.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    assert prefers("mirrored, muted", Media.image(grey), noisy[1])
    assert set(PIXEL_TASTES) == {
        "warm, geometric, calm", "busy, bluish", "dark with bright lights", "mirrored, muted",
    }  # fmt: skip
