"""`zahir generate`: every verb on the studio's pictures, and one plain error for each misuse."""

import re
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from zahir.cli import app
from zahir.errors import SpaceMismatch, ZahirError
from zahir.interactions import History
from zahir.media import Media, Origin, read_image, read_video
from zahir.safety import Guard
from zahir.store import Store, checks
from zahir.studio import StudioEncoder, recipe
from zahir.studio.genome import random
from zahir.studio.picture import render
from zahir.taste.directions import MeanDifference
from zahir.taste_file import TasteFile, write


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Thirty pictures; person 1 likes warm ones, person 2 cool ones, person 3 calm ones, each of their own."""
    folder, eyes = tmp_path_factory.mktemp("home"), StudioEncoder()
    store = Store(folder)
    genomes = random(np.random.default_rng(1), 30)
    media = [
        Media.image(render(genome, k, 128), Origin(recipe.NAME, details=recipe.write(genome, k)))
        for k, genome in enumerate(genomes)
    ]
    seen = eyes.encode(media)
    ids = store.add_items(media, seen, space=eyes.space, made_for=None)
    for number, way in enumerate(eyes.directions(["warm", "cool", "calm"])):
        user = store.add_user(f"person{number + 1}")
        liking = (seen - seen.mean(axis=0)) @ way
        for item, liked in zip(ids[: 24 + number], liking):
            store.rate(user, item, 0.5 if liked > 0 else -0.5, key=f"{user}-{item}")
    write(folder / "friend.safetensors", TasteFile.of("friend", eyes.space, eyes.directions(["sea"])[0]))
    write(folder / "stranger.safetensors", TasteFile.of("stranger", "other/4", np.float32([1, 0, 0, 0])))
    media[3].to_png(folder / "picture.png")
    store.close()
    return folder


@pytest.fixture
def generate(home, tmp_path, monkeypatch):
    """Run the command on a home of its own; returns the pictures, and the folder with them and the home."""
    runs = iter(range(9))

    def run(*words, n=2):
        out = tmp_path / str(next(runs))
        shutil.copytree(home, out / "home")
        monkeypatch.setenv("ZAHIR_HOME", str(out / "home"))
        words = [str(home / word) if (home / word.split(":")[0]).is_file() else word for word in words]
        common = ["--n", str(n), "--side", "64", "--steps", "0", "--model", "mean-difference", "--out", str(out)]
        done = CliRunner().invoke(app, ["generate", *common, *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        names = sorted(out.glob("*-*.png"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])
        return [read_image(name) for name in names], out

    return run


def warmth(pictures):
    return np.mean([each.pixels[..., 0].mean() - each.pixels[..., 2].mean() for each in pictures])


def looks(pictures):
    return StudioEncoder().encode(pictures)


def along(pictures, word):
    return float((looks(pictures) @ StudioEncoder().directions([word])[0]).mean())


def test_words_lead_there_and_back_and_one_seed_makes_the_same_pictures(generate):
    warm, _ = generate("--user", "person3", "--more", "warm:0.8")
    cool, _ = generate("--user", "person3", "--less", "warm:0.8")
    assert warmth(warm) > warmth(cool) + 40
    again, _ = generate("--user", "person3", "--more", "warm:0.8")
    other, _ = generate("--user", "person3", "--more", "warm:0.8", "--seed", "1")
    for one, same, differs in zip(warm, again, other):
        assert np.array_equal(one.pixels, same.pixels)
        assert not np.array_equal(one.pixels, differs.pixels)


@pytest.mark.slow
def test_other_people_s_tastes_are_mixed_in_and_led_away_from(generate):
    alone, _ = generate("--user", "person1", n=3)
    mixed, _ = generate("--user", "person1", "--mix", "person2:4", n=3)
    assert warmth(mixed) < warmth(alone) - 20
    away, _ = generate("--user", "person3", "--negative", "person1", n=3)
    assert warmth(away) < warmth(alone) - 20


def test_a_taste_from_a_file_needs_nobody(generate):
    pictures, out = generate("--taste", "friend.safetensors", "--surprise", "0")
    assert along(pictures, "sea") > 0.1
    assert all(path.name.startswith(("taste-", "sheet")) for path in out.glob("*.png"))


@pytest.mark.slow
def test_more_like_a_picture_is_more_like_it_the_smaller_the_distance(generate, home):
    picture = looks([read_image(home / "picture.png")])[0]
    near, _ = generate("--like", "picture.png", "--distance", "0.1", n=4)
    far, _ = generate("--like", "4", "--distance", "1.4", n=4)
    assert (looks(near) @ picture).mean() > (looks(far) @ picture).mean() + 0.1


def test_what_is_unexplored_leaves_the_scores_of_what_was_rated(generate, home):
    pictures, _ = generate("--user", "person1", "--unexplored", "--surprise", "0.8")
    store, eyes = Store(home), StudioEncoder()
    history = store.history(store.user_named("person1"), space=eyes.space)
    store.close()
    own = MeanDifference().embed_user(History.of(history.embeddings, history.ratings), rng=np.random.default_rng(0))
    used = np.array([each.origin.taste for each in pictures])
    assert ((used @ own) < 0.85).all()  # it did turn
    about = history.embeddings - history.embeddings.mean(axis=0)
    assert all(np.corrcoef(about @ taste, about @ own)[0, 1] > 0.9 for taste in used)


def test_a_strip_leads_from_one_taste_to_another_and_can_be_filmed(generate):
    pictures, out = generate("--user", "person1", "--strip", "person2", "--video", n=4)
    assert warmth(pictures[:1]) > warmth(pictures[-1:]) + 20
    film = read_video(out / "film.webm")
    assert film.frames.shape == (72, 64, 64, 3)


@pytest.mark.slow
def test_a_spread_shows_few_of_many(generate):
    pictures, out = generate("--user", "person1", "--spread", "6")
    assert len(pictures) == 2
    store = Store(out / "home")
    assert len(store.shelf(StudioEncoder().space).ids) == 36
    store.close()


@pytest.mark.slow
def test_what_the_filter_doubts_is_kept_but_not_written(generate, monkeypatch):
    class Warm:
        """Takes whatever is more red than blue for unsafe."""

        name, version = "nsfw", "1"

        def score(self, media):
            return np.float32([warmth([each]) > 0 for each in media])

    monkeypatch.setattr("zahir.filters.nsfw.OpenNsfw", Warm)
    words = ["--user", "person1", "--strip", "person2", "--strength", "2", "--filter", "nsfw"]
    safe, out = generate(*words, n=4)
    assert all(warmth([each]) <= 0 for each in safe)
    store = Store(out / "home", guard=Guard("nsfw", "block"))
    made = [item for item in store.unembedded("no such space", 99) if item > 30]
    assert len(made) == 4
    assert 0 < len(checks.veil(store, None, made).blocked) == 4 - len(safe) < 4
    store.close()
    kept, _ = generate("--user", "person2", "--more", "cool", "--filter", "nsfw")
    assert len(kept) == 2


def test_an_edit_stays_near_the_picture_and_goes_towards_the_taste(generate, home):
    before = read_image(home / "picture.png")
    gently, out = generate("--user", "person1", "--edit", "picture.png", "--amount", "0.3", "--more", "warm")
    freely, _ = generate("--user", "person1", "--edit", "picture.png", "--amount", "1", "--more", "warm")
    seen = looks([before])[0]
    assert (looks(gently) @ seen).min() > (looks(freely) @ seen).mean()
    assert warmth(freely) > warmth([before])
    assert gently[0].size == before.size
    assert read_image(out / "sheet.png").size[0] == 3 * 264 + 8  # before, and two after


def test_retrieval_finds_what_is_there(generate):
    pictures, _ = generate("--user", "person1", "--generator", "nearest", n=4)
    assert warmth(pictures) > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "whose pictures"),
        (["--most-similar", "--user", "person1"], "--most-similar without"),
        (["--taste", "friend.safetensors", "--like", "3"], "one of the two"),
        (["--user", "person1", "--strip", "person2", "--edit", "picture.png"], "one of the two"),
        (["--user", "person1", "--distance", "0.2"], "--like for --distance"),
        (["--user", "person1", "--amount", "0.2"], "--edit for --amount"),
        (["--user", "person1", "--video"], "--strip for --video"),
        (["--user", "person1", "--spread", "2"], "--spread above --n"),
        (["--taste", "friend.safetensors", "--unexplored"], "--user for --unexplored"),
        (["--user", "person1", "--prompt", "a cat"], "understands no prompts"),
        (["--user", "person1", "--more", "furry"], "does not know the word 'furry'"),
        (["--user", "person1", "--more", "warm:2"], "above 0 and at most 1"),
        (["--user", "nobody"], "no user 'nobody'"),
        (["--user", "person1", "--mix", "nobody"], "'nobody' is no file"),
        (["--taste", "friend.safetensors", "--mix", "friend.safetensors:-1"], "cancel out"),
        (["--user", "person1", "--edit", "nothing.png"], "neither a picture file"),
        (["--user", "person1", "--generator", "nearest", "--edit", "picture.png"], "cannot edit"),
    ],
)
def test_every_misuse_has_its_own_error(generate, words, message):
    with pytest.raises(ZahirError, match=re.escape(message)):
        generate(*words)


def test_a_taste_of_another_space_is_refused(generate):
    with pytest.raises(SpaceMismatch, match="other/4"):
        generate("--taste", "stranger.safetensors")
