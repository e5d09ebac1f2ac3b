"""Proposals for a photograph, what choices teach, and the command: planted preferences are found, others help."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.optimize import minimize
from typer.testing import CliRunner

from zahir.cli import app
from zahir.enhance import choices, photo
from zahir.enhance.learn import (
    ANYBODY,
    SPREAD,
    TOLERANCE,
    Choice,
    Preference,
    offset,
    population,
    preference,
    settings_at,
)
from zahir.enhance.propose import in_words, propose, start
from zahir.enhance.sheet import sheet
from zahir.enhance.tone import LIMITS, NEUTRAL, Settings, apply
from zahir.errors import BadData
from zahir.media import Media
from zahir.oklab import oklab
from zahir.store import Store
from zahir.studio import StudioEncoder

DIM = len(SPREAD)
SURE = 0.7  # the tolerance of people, which what learns from them does not know
WAYS = np.zeros((3, DIM))
WAYS[0, [1, 2, 4, 11, 12]] = 1.2, -1, 1.5, 0.6, 0.8  # warm and contrasty
WAYS[1, [1, 2, 4, 6, 9]] = -1.2, 1.2, -1.3, -0.8, -0.6  # soft and cool
WAYS[2, [0, 6, 7, 8, 10]] = -1, 1.3, 1, 1.2, -1  # dark and vivid


def scene(seed=0, size=(64, 48)):
    """A landscape of soft forms, as a small photograph."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / size[1]
    sky = np.stack([0.55 + 0.3 * y, 0.6 + 0.2 * y, 0.8 - 0.1 * y], -1)
    hills = 0.6 + 0.1 * np.sin(5 * x + rng.uniform(0, 6))
    ground = np.stack([0.3 + 0 * x, 0.35 + 0.1 * x, 0.2 + 0 * x], -1) * (0.7 + 0.3 * rng.random(x.shape))[..., None]
    return np.rint(255 * np.where((y > hills)[..., None], ground, sky)).astype(np.uint8)


def somebody(number, rng):
    return WAYS[number % 3] + 0.35 * rng.standard_normal(DIM)


def chooses(favourite, known, n, rng):
    """n choices, each among four offsets likely under what is known and the photograph as it is; and, before each, how
    far what is known is from the favourite."""
    made, far = [], []
    for _ in range(n):
        now = preference(made, known)
        far.append(np.linalg.norm(now.mean - favourite))
        root = 0.6 * np.linalg.cholesky(now.covariance)
        offered = np.stack([now.mean, *(now.mean + root @ rng.standard_normal(DIM) for _ in range(3)), np.zeros(DIM)])
        utility = -((offered - favourite) ** 2).sum(1) / (2 * SURE**2)
        made.append(Choice(offered, int(np.argmax(utility + rng.gumbel(size=len(offered))))))
    return made, [*far, np.linalg.norm(preference(made, known).mean - favourite)]


# what choices teach


def test_without_choices_a_person_is_the_population():
    known = Preference(np.arange(DIM) / DIM, 0.5 * np.eye(DIM))
    assert preference([], known) is known
    assert population([]) is ANYBODY
    assert population([[], []]) is ANYBODY


def test_the_mode_is_what_a_general_optimiser_finds():
    rng = np.random.default_rng(0)
    made, _ = chooses(somebody(0, rng), ANYBODY, 6, rng)
    root = rng.standard_normal((DIM, DIM))
    known = Preference(0.3 * rng.standard_normal(DIM), np.eye(DIM) * 0.5 + root @ root.T / DIM)
    precision = np.linalg.inv(known.covariance)

    def loss(x):
        total = 0.5 * (x - known.mean) @ precision @ (x - known.mean)
        for offsets, kept in made:
            utility = -((offsets - x) ** 2).sum(1) / (2 * TOLERANCE**2)
            total -= utility[kept] - np.logaddexp.reduce(utility)
        return total

    found = minimize(loss, np.zeros(DIM), method="BFGS", options={"gtol": 1e-8})
    own = preference(made, known)
    assert np.abs(own.mean - found.x).max() < 1e-3
    step = 1e-3 * np.eye(DIM)
    curvature = np.array(
        [
            [
                (loss(found.x + a + b) - loss(found.x + a - b) - loss(found.x - a + b) + loss(found.x - a - b)) / 4e-6
                for b in step
            ]
            for a in step
        ]
    )
    assert np.abs(own.covariance @ curvature - np.eye(DIM)).max() < 1e-2


def test_choices_between_few_and_many_alternatives_count_together():
    rng = np.random.default_rng(1)
    few, many = rng.standard_normal((2, DIM)), rng.standard_normal((7, DIM))
    own = preference([Choice(few, 1), Choice(many, 3)])
    far = np.concatenate([few, np.full((5, DIM), 40.0)])  # alternatives that nobody would take change nothing
    padded = preference([Choice(far, 1), Choice(many, 3)])
    assert np.allclose(own.mean, padded.mean, atol=1e-5)
    assert np.all(np.linalg.eigvalsh(own.covariance) > 0)
    assert np.all(np.linalg.eigvalsh(ANYBODY.covariance - own.covariance) > -1e-9)  # choices never make less sure


def test_others_choices_help_more_than_ones_own_alone_and_more_than_the_average():
    rng = np.random.default_rng(0)
    known, log = ANYBODY, []
    for number in range(30):
        log.append(chooses(somebody(number, rng), known, 8, rng)[0])
        if number % 10 == 9:
            known = population(log)
    favourites = [somebody(number, rng) for number in range(12)]
    alone = np.mean([chooses(each, ANYBODY, 6, rng)[1] for each in favourites], 0)
    both = np.mean([chooses(each, known, 6, rng)[1] for each in favourites], 0)
    average = np.mean([np.linalg.norm(known.mean - each) for each in favourites])
    assert both[6] < both[3] < both[0]  # it is learned,
    assert both[6] < 0.9 * alone[6]  # sooner than alone,
    assert both[6] < 0.8 * average  # and it is one's own


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_any_choices_give_a_proper_gaussian(seed, count, many):
    rng = np.random.default_rng(seed)
    made = [Choice(4 * rng.standard_normal((many, DIM)), int(rng.integers(many))) for _ in range(count)]
    own = preference(made)
    assert np.all(np.isfinite(own.mean))
    assert np.linalg.eigvalsh(own.covariance).min() > 0


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (Choice(np.zeros((2, 3)), 0), r"offsets must be \(n, 13\)"),
        (Choice(np.full((2, DIM), np.nan), 0), "finite"),
        (Choice(np.zeros((2, DIM)), 2), "kept must be one of the 2"),
        (Choice(np.zeros((2, DIM)), -1), "kept must be one of the 2"),
    ],
)
def test_impossible_choices_are_refused(choice, why):
    with pytest.raises(ValueError, match=why):
        preference([choice])


def test_offsets_and_settings_are_one_another_s_inverse_within_the_limits():
    begin, told = Settings(exposure=0.3), Settings(exposure=0.7, contrast=-0.2, lights_red=0.4)
    assert np.allclose(settings_at(offset(told, begin), begin), told)
    assert settings_at(np.full(DIM, 99.0), begin) == LIMITS


# proposals


def test_proposals_are_different_to_the_eye_and_the_same_for_a_seed():
    pixels = scene()
    found = propose(pixels, n=4, rng=np.random.default_rng(0))
    assert found == propose(pixels, n=4, rng=np.random.default_rng(0))
    assert found[0].value == max(each.value for each in found)
    looks = [oklab(apply(pixels, each.settings)) for each in found]
    apart = [np.sqrt(((a - b) ** 2).mean()) for k, a in enumerate(looks) for b in looks[:k]]
    assert min(apart) > 0.01


def test_without_a_taste_the_first_proposal_is_the_preference():
    pixels = scene()
    known = Preference(WAYS[0], 0.1 * np.eye(DIM))
    first = propose(pixels, n=1, preference=known, rng=np.random.default_rng(0))[0]
    assert np.allclose(first.settings, settings_at(WAYS[0], start(pixels)))


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (0, -1), (2, 1), (2, -1)])
def test_a_taste_leads_the_proposals_its_way(axis, sign):
    pixels = scene()

    def taste(media):
        return np.array([sign * oklab(each.pixels)[..., axis].mean() for each in media])

    rng = np.random.default_rng(0)
    plain = propose(pixels, n=1, rng=rng)[0].settings
    led = propose(pixels, n=1, taste=taste, rng=rng)[0].settings
    drawn = [settings_at(0.6 * rng.standard_normal(DIM), start(pixels)) for _ in range(40)]
    means = [oklab(apply(pixels, each))[..., axis].mean() for each in drawn]
    gain = (oklab(apply(pixels, led)) - oklab(apply(pixels, plain)))[..., axis].mean() * sign
    assert gain > np.std(means)


def test_a_photograph_asks_for_what_it_lacks():
    fair = scene()
    assert start(apply(fair, Settings(exposure=-1.5))).exposure > start(fair).exposure + 0.2
    assert start(apply(fair, Settings(contrast=-1))).contrast > start(fair).contrast + 0.05
    assert start(apply(fair, Settings(temperature=0.9))).temperature < start(fair).temperature - 0.05
    for flat in (0, 255):
        asked = start(np.full((8, 8, 3), flat, np.uint8))
        assert np.all(np.abs(asked) <= np.array(LIMITS))


def test_the_number_of_proposals_is_checked():
    with pytest.raises(ValueError, match="n must be between 1 and 16; got 0"):
        propose(scene(), n=0, rng=np.random.default_rng(0))


def test_settings_in_words():
    assert in_words(NEUTRAL) == "as it is"
    told = in_words(Settings(exposure=-0.5, temperature=0.9, shadows_yellow=-0.4, contrast=0.01))
    assert told == "warmer 0.90, darker 0.50 stops, blue shadows 0.40"


def test_a_sheet_holds_every_picture_and_says_what_it_is():
    pictures = [np.full((40, 60, 3), shade, np.uint8) for shade in (10, 90, 170, 250)]
    made = sheet(pictures, ["before", "a", "b", "c " * 80], width=120)
    assert {10, 90, 170, 250} <= set(np.unique(made))
    with pytest.raises(ValueError, match="4 pictures and 1 captions"):
        sheet(pictures, ["before"])


# the log


def test_the_log_gives_back_what_was_chosen_and_a_second_choice_replaces_the_first(tmp_path):
    path, begin = tmp_path / "home" / choices.FILE, Settings(exposure=0.2)
    some = [NEUTRAL, Settings(contrast=0.3), Settings(temperature=-0.4)]
    assert choices.read(path) == {}
    choices.record(path, "1", start=begin, alternatives=some, kept=1, key="x")
    choices.record(path, "1", start=begin, alternatives=some, kept=2, key="x")
    choices.record(path, "2", start=begin, alternatives=some, kept=0)
    found = choices.read(path)
    assert {person: [each.kept for each in made] for person, made in found.items()} == {"1": [2], "2": [0]}
    assert np.allclose(found["1"][0].offsets, [offset(each, begin) for each in some])
    with pytest.raises(ValueError, match="kept must be one of the 3"):
        choices.record(path, "1", start=begin, alternatives=some, kept=3)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", '{"person": 1, "key": 1, "start": {"exposure": 9}, "alternatives": [], "kept": 0}']
)
def test_a_bad_line_of_the_log_is_named(tmp_path, line):
    path = tmp_path / "log"
    path.write_text(f"{line}\n")
    with pytest.raises(BadData, match="line 1: not a choice"):
        choices.read(path)


# the command


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ZAHIR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("zahir.cli.enhance.TRIED", 64)  # seven times fewer pixels

    def command(*words):
        result = CliRunner().invoke(app, ["enhance", *map(str, words)], standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.output

    return command


def picture(path, dtype=np.uint16):
    told = Image.Exif()
    told[0x010F] = "Maker"
    data = told.tobytes().removeprefix(b"Exif\0\0")
    photo.write(photo.Photo(scene(size=(320, 240)).astype(dtype) * (257 if dtype == np.uint16 else 1), exif=data), path)
    return path


def test_propose_keep_and_learn(run, tmp_path):
    path = picture(tmp_path / "hill.tif")
    before = path.read_bytes()
    said = run(path, "--n", 3)
    folder = tmp_path / "hill-zahir"
    assert {each.name for each in folder.iterdir()} == {"1.jpg", "2.jpg", "3.jpg", "sheet.jpg", "proposals.json"}
    assert re.findall(r"^(\d): \S", said, re.MULTILINE) == ["1", "2", "3"]
    run(path, "--keep", 2)
    made, told = photo.read(tmp_path / "hill-zahir.tif"), json.loads((folder / "proposals.json").read_text())
    assert (made.bits, made.size) == (16, (320, 240))
    assert b"Maker" in made.exif
    assert np.array_equal(made.pixels, apply(photo.read(path).pixels, Settings(**told["proposals"][1])))
    assert path.read_bytes() == before
    (kept,) = choices.read(tmp_path / "home" / choices.FILE)[""]
    assert kept.kept == 2
    assert len(kept.offsets) == 4
    with pytest.raises(Exception, match="never written over"):
        run(path, "--keep", 2)
    with pytest.raises(Exception, match="holds proposals already"):
        run(path)
    with pytest.raises(Exception, match=r"no proposal 4\. Choose 1 to 3"):
        run(path, "--keep", 4)
    run(path, "--keep", 0)  # a change of mind
    assert [each.kept for each in choices.read(tmp_path / "home" / choices.FILE)[""]] == [0]
    other = tmp_path / "again"
    run(path, "--n", 1, "--out", other)
    first = json.loads((other / "proposals.json").read_text())["proposals"][0]
    assert first != told["proposals"][0]  # the choice counts


@pytest.mark.slow
def test_a_person_s_ratings_lead_the_proposals(run, tmp_path):
    rng = np.random.default_rng(0)
    eyes, store, path = StudioEncoder(), Store(tmp_path / "home"), picture(tmp_path / "hill.png", np.uint8)
    small = photo.small(photo.read(path), 128).pixels
    drawn = [apply(small, settings_at(0.8 * rng.standard_normal(DIM), start(small))) for _ in range(60)]

    media = [Media.image(each) for each in drawn]
    light = np.array([oklab(each)[..., 0].mean() for each in drawn])
    ids = store.add_items(media, eyes.encode(media), space=eyes.space, made_for=None, source="imported")
    users = [store.add_user(name) for name in ("likes light", "likes dark")]
    for user, sign in zip(users, (1, -1)):
        for item, value in zip(ids, light - np.median(light)):
            store.rate(user, item, float(sign * np.sign(value)) / 2, key=f"{item}")
    store.close()
    shades = []
    for name in ("likes light", "likes dark"):
        out = tmp_path / name
        run(path, "--user", name, "--n", 1, "--out", out)
        shades.append(oklab(np.asarray(Image.open(out / "1.jpg")))[..., 0].mean())
    assert shades[0] > shades[1] + 0.02


def test_wrong_orders_say_what_to_do(run, tmp_path):
    path = picture(tmp_path / "hill.png", np.uint8)
    for words, why in (
        ((tmp_path / "none.jpg",), "there is no such file"),
        ((path, "--keep", 1), "there are no proposals in .*Make some first: zahir enhance"),
        ((path, "--user", "nobody"), "no user 'nobody'"),
    ):
        with pytest.raises(Exception, match=why):
            run(*words)
    assert [each.name for each in tmp_path.iterdir() if each.name != "home"] == ["hill.png"]
    run(path, "--n", 1)
    other = tmp_path / "other.png"
    photo.write(photo.Photo(scene(1)), other)
    with pytest.raises(Exception, match="are of another photograph"):
        run(other, "--keep", 1, "--out", tmp_path / "hill-zahir")
    (tmp_path / "hill-zahir" / "proposals.json").write_text("{}")
    with pytest.raises(BadData, match="no proposals"):
        run(path, "--keep", 1)
