"""step() and refit() with the smallest possible parts: what they hand on, and what they refuse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir import Media, Origin
from zahir.errors import SpaceMismatch
from zahir.feed import next_items
from zahir.loop import FAR, FITS_KEPT, refit, step
from zahir.store import Store

SPACE = "test/2"


class Echo:
    """Encoder and generator of a space whose pictures show their taste: red and green are its two numbers."""

    space, dim, kind, accepts_prompts = SPACE, 2, "image", False

    def encode(self, media):
        return np.float32([each.pixels[0, 0, :2] / 127.5 - 1 for each in media]).reshape(-1, 2)

    def generate(self, tastes, *, seeds, strength=1.0, size=None, progress=None, **_):
        return [
            Media.image(
                np.broadcast_to(np.uint8([(t[0] + 1) * 127.5, (t[1] + 1) * 127.5, seed % 256]), (4, 4, 3)).copy(),
                Origin("echo", SPACE, t, seed=seed, strength=strength),
            )
            for t, seed in zip(tastes, seeds)
        ]


class Mean:
    """The mean of what was liked, as a taste."""

    fits = 0

    def tastes(self, history, n, *, rng):
        mean = history.ratings @ history.embeddings
        return np.repeat((mean / np.linalg.norm(mean))[None], n, axis=0).astype(np.float32)

    def fit(self, interactions, embeddings):
        self.fits += 1
        return self

    def save(self, folder):
        folder.mkdir()
        (folder / "meta.json").write_text(str(self.fits))


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def liked(store):
    user = store.add_user()
    echo = Echo()
    media = echo.generate(np.float32([[1, 0], [0, 1], [-1, 0]]), seeds=[1, 2, 3])
    ids = store.add_items(media, echo.encode(media), space=SPACE, made_for=None)
    store.rate(user, ids[1], 1.0, key="a")
    return user


def test_step_makes_what_the_taste_says_and_keeps_where_it_came_from(store):
    user = liked(store)
    echo = Echo()
    ids = step(store, user, encoder=echo, model=Mean(), generator=echo, n=1, surprise=0.0, strength=0.7, seed=5)
    assert_allclose(store.vectors(SPACE)[-1], [0, 1], atol=0.02)
    item = store.item(ids[0])
    assert (item.made_for, item.surprise, item.origin.strength) == (user, 0.0, 0.7)
    again = step(store, user, encoder=echo, model=Mean(), generator=echo, n=1, surprise=0.0, seed=5)
    assert store.item(again[0]).origin.seed == item.origin.seed


def test_surprise_turns_by_its_angle(store):
    user = liked(store)
    echo = Echo()
    step(store, user, encoder=echo, model=Mean(), generator=echo, n=1, surprise=1.2, seed=1)
    assert_allclose(store.vectors(SPACE)[-1, 1], np.cos(1.2), atol=0.02)


def test_what_is_made_leads_away_from_what_was_made_lately_the_less_the_surer_the_taste(store):
    user, echo = liked(store), Echo()
    shared = np.float32([1, 0.2])

    class Other(Mean):
        def tastes(self, history, n, *, rng):
            return np.repeat((shared / np.linalg.norm(shared))[None], n, axis=0)

    step(store, user, encoder=echo, model=Other(), generator=echo, n=3, surprise=0.0, seed=5)
    first, second, third = store.vectors(SPACE)[-3:].astype(np.float64)
    centre = store.vectors(SPACE)[:3].mean(axis=0)
    expected = first - FAR[1] * (first - centre)  # one rating: as far as it goes
    assert_allclose(second, expected / np.linalg.norm(expected), atol=0.03)
    expected = first - FAR[1] * ((first + second) / 2 - centre)
    assert_allclose(third, expected / np.linalg.norm(expected), atol=0.03)
    many = store.add_items(echo.generate(np.float32([[0, 1]] * 400), seeds=range(400)), np.float32([[0, 1]] * 400),
                           space=SPACE, made_for=None)  # fmt: skip
    for item in many:
        store.rate(user, item, 0.5, key=f"many-{item}")
    step(store, user, encoder=echo, model=Other(), generator=echo, n=1, surprise=0.0, seed=5)
    assert store.vectors(SPACE)[-1] @ first > second @ first


def test_spaces_never_mix(store):
    other = Echo()
    other.space = "else/2"
    with pytest.raises(SpaceMismatch, match="else/2"):
        step(store, liked(store), encoder=Echo(), model=Mean(), generator=other, seed=0)


def test_refit_keeps_the_newest_fits_and_makes_history_speak_to_them(store):
    user = liked(store)
    names = [refit(store, Mean(), space=SPACE) for _ in range(FITS_KEPT + 2)]
    assert store.current_fit(SPACE) == (names[-1], 1)
    kept = {path.name for path in (store.home / "fits").iterdir()}
    assert names[-1] in kept
    assert len(kept) == FITS_KEPT
    assert store.history(user, space=SPACE).items.tolist() == [1]


class People(Mean):
    """Twenty-five people who differ in one direction of two."""

    population_ = np.float32([0.0, 0.0])
    user_embeddings_ = np.stack([np.linspace(-1, 1, 25), np.full(25, 1e-3)], axis=1).astype(np.float32)


def test_with_a_population_newcomers_are_asked_what_splits_people(store):
    liked(store)
    echo = Echo()
    flat, wide = np.float32([[0.05, 1], [-0.05, 1], [0, 1]] * 20), np.float32([[1, 0.1], [-1, 0.1]] * 24)
    ids = store.add_items(echo.generate(np.concatenate([flat, wide]), seeds=range(108)), np.concatenate([flat, wide]),
                          space=SPACE, made_for=None)  # fmt: skip
    assert store.questions(SPACE) is None
    refit(store, People(), space=SPACE)
    asked = store.questions(SPACE)
    assert len(asked) == 48
    assert set(asked) <= set(ids[60:]) | set(store.shelf(SPACE).ids[:3])
    newcomer = store.add_user()
    picks = next_items(store, Axis(), newcomer, 4, space=SPACE, strength=1, surprise=0, rng=np.random.default_rng(0))
    assert {pick.item for pick in picks} <= set(asked)
    assert {pick.slot for pick in picks} == {"calibration"}
    refit(store, Mean(), space=SPACE)  # this one knows no people
    assert store.questions(SPACE) is None


class Axis:
    def score(self, history, embeddings):
        return embeddings[:, 0]


class Unsure(Mean):
    """Sure of the second number, not of the first."""

    def sample_tastes(self, history, n, *, rng):
        return np.stack([rng.standard_normal(n), np.ones(n)], axis=1)


def test_small_turns_explore_what_is_left_open_and_large_ones_anything(store):
    user, echo = liked(store), Echo()
    asked = []

    class Watched(Unsure):
        def sample_tastes(self, history, n, *, rng):
            asked.append(n)
            return super().sample_tastes(history, n, rng=rng)

    step(store, user, encoder=echo, model=Watched(), generator=echo, n=1, surprise=0.4, seed=1)
    assert_allclose(np.abs(store.vectors(SPACE)[-1]), [np.sin(0.4), np.cos(0.4)], atol=0.02)
    assert len(asked) == 1
    step(store, user, encoder=echo, model=Watched(), generator=echo, n=1, surprise=1.3, seed=1)
    assert len(asked) == 1


class Talks(Echo):
    """Remembers what it was asked."""

    accepts_prompts = True

    def generate(self, tastes, **asked):
        self.asked = asked
        return super().generate(tastes, **asked)


def test_a_steer_sees_all_tastes_and_has_the_last_word_on_where_to_go(store):
    user, echo, seen = liked(store), Echo(), []

    def turned(tastes):
        seen.append(len(tastes))
        return np.float32([[1, 0], [0, -1], [-1, 0]])

    ids = step(store, user, encoder=echo, model=Mean(), generator=echo, n=3, surprise=0.0, seed=5, steer=turned)
    assert seen == [3]
    assert_allclose(store.vectors(SPACE)[-3:], [[1, 0], [0, -1], [-1, 0]], atol=0.02)  # not led apart
    assert len(ids) == 3


def test_prompt_negative_steps_and_guidance_reach_the_generator(store):
    hand, avoid = Talks(), np.float32([0.6, 0.8])
    step(store, liked(store), encoder=hand, model=Mean(), generator=hand, n=2, seed=5, prompt="a cat", negative=avoid,
         steps=7, guidance=2.5)  # fmt: skip
    assert (hand.asked["prompts"], hand.asked["steps"], hand.asked["guidance"]) == (["a cat"], 7, 2.5)
    assert_allclose(hand.asked["negatives"], avoid[None])
    step(store, 1, encoder=hand, model=Mean(), generator=hand, n=1, seed=5)
    assert all(hand.asked[name] is None for name in ("prompts", "negatives", "steps", "guidance"))


def test_what_is_made_for_nobody_in_particular_is_everybody_s(store):
    liked(store)
    echo = Echo()

    class Everybody(Mean):
        def tastes(self, history, n, *, rng):
            assert len(history) == 0
            return np.repeat(np.float32([[0.6, 0.8]]), n, axis=0)

    ids = step(store, None, encoder=echo, model=Everybody(), generator=echo, n=2, surprise=0.0, seed=5)
    assert [store.item(item).made_for for item in ids] == [None, None]
    assert_allclose(store.vectors(SPACE)[-2], [0.6, 0.8], atol=0.02)


class Slow(Echo):
    """Works on each picture in three steps, and makes nothing of one that is cancelled midway."""

    def generate(self, tastes, *, seeds, progress=None, **given):
        if progress and not all(progress(done, 3) for done in (1, 2, 3)):
            return []
        return super().generate(tastes, seeds=seeds, **given)


def test_a_step_counts_in_the_generators_units_and_keeps_what_is_whole(store):
    user, slow, told = liked(store), Slow(), []

    def watch(done, of):
        told.append((done, of))
        return done != 5

    made = step(store, user, encoder=slow, model=Mean(), generator=slow, n=3, seed=5, progress=watch)
    assert told == [(done, 9) for done in (1, 2, 3, 4, 5)]
    assert len(made) == 1
