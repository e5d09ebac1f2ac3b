"""`zahir generate` through a diffusion model of the true class: the same verbs, and a prompt."""

import shutil

import numpy as np
import pytest
import tiny
from typer.testing import CliRunner

from zahir.cli import app
from zahir.media import Media, read_image, read_video
from zahir.plugins import make
from zahir.store import Store


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Twelve coloured pictures in a tiny CLIP's space, half of them liked by person 1."""
    folder, rng = tmp_path_factory.mktemp("home"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZAHIR_MODELS", str(tiny.weights("kandinsky", "kandinsky-prior", "clip-bigg")))
        patch.setenv("ZAHIR_DEVICE", "cpu")
        patch.setenv("ZAHIR_HOME", str(folder))
        eyes = make("encoders", "clip-bigg")
        media = [Media.image(np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((16, 16, 1))).astype(np.uint8))
                 for _ in range(12)]  # fmt: skip
        store = Store(folder)
        ids = store.add_items(media, eyes.encode(media), space=eyes.space, made_for=None)
        user = store.add_user("anna")
        for k, item in enumerate(ids):
            store.rate(user, item, 0.5 if k % 2 else -0.5, key=str(item))
        store.close()
        media[0].to_png(folder / "picture.png", tell_origin=False)
        yield folder


@pytest.fixture
def generate(home, tmp_path, monkeypatch):
    """Run the command on a home of its own; returns the pictures, and their folder."""
    counted = iter(range(12))

    def run(*words):
        out = tmp_path / str(next(counted))
        shutil.copytree(home, out / "home")
        monkeypatch.setenv("ZAHIR_HOME", str(out / "home"))
        common = ["--encoder", "clip-bigg", "--generator", "kandinsky", "--model", "mean-difference", "--user", "anna",
                  "--n", "2", "--side", "64", "--steps", "2", "--surprise", "0", "--out", str(out)]  # fmt: skip
        done = CliRunner().invoke(app, ["generate", *common, *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return [read_image(path) for path in sorted(out.glob("user*.png"))], out

    return run


def differ(some, others):
    return np.mean([np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(some, others)])


@pytest.mark.slow
def test_every_verb_reaches_the_pictures(generate, home):
    plain, _ = generate("--like", "1", "--distance", "0")
    assert [each.size for each in plain] == [(64, 64)] * 2
    assert differ(plain, generate("--like", "1", "--distance", "0")[0]) == 0
    for verb in (
        ("--prompt", "a red house"),
        ("--more", "red:0.5"),
        ("--negative", "anna"),
        ("--strength", "0.2"),
        ("--guidance", "9"),
        ("--mix", "anna:2"),
        ("--seed", "1"),
    ):
        made, _ = generate("--like", "1", "--distance", "0", *verb)
        assert differ(plain, made) > 0.5, verb
    before = read_image(home / "picture.png")
    gently, freely = (
        generate("--edit", str(home / "picture.png"), "--amount", amount, "--prompt", "dark")[0]
        for amount in ("0.2", "1")
    )
    assert differ(gently, [before] * 2) < differ(freely, [before] * 2)


@pytest.mark.slow
def test_a_strip_is_filmed_picture_by_picture(generate, monkeypatch):
    monkeypatch.setattr("zahir.cli.make.FRAMES", 6)
    _, out = generate("--strip", "anna", "--like", "3", "--distance", "0", "--video")
    film = read_video(out / "film.webm")
    assert film.frames.shape == (7, 64, 64, 3)
    ends = np.abs(film.frames[0].astype(int) - film.frames[-1]).mean()
    assert 0 < np.abs(np.diff(film.frames.astype(int), axis=0)).mean(axis=(1, 2, 3)).max() < ends
