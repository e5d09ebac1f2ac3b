"""Every example runs, on small knobs and where real weights are missing on tiny models of the true classes."""

import csv
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zahir.errors import SpaceMismatch, ZahirError

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = {"people": 4, "library": 24, "rounds": 1, "n": 2, "side": 64}


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures, and ratings of them by three people who like red, like red, and like blue."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user", "item", "rating"])
        for k in range(12):
            colour = rng.integers(0, 256, 3)
            pixels = np.clip(colour + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{k}.png")
            red = int(colour[0] > colour[2])
            for person, rating in (("ann", red), ("ben", red), ("cid", 1 - red)):
                out.writerow([person, f"{k}.png", 5 if rating else 1])
    return tmp_path


def test_the_table_of_examples_names_every_file():
    told = set(re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text()))
    assert told == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.slow
def test_the_article_on_invented_people(tmp_path, capsys):
    pleased = example("article").main(out=tmp_path, **SMALL)
    assert len(pleased) == 2
    assert pleased[-1] > 0  # better than pictures at random
    assert {path.name for path in tmp_path.iterdir()} == {"round0.png", "round1.png", "article.png"}
    assert "most similar: people" in capsys.readouterr().out


@pytest.mark.slow
def test_the_article_on_anybody_s_ratings(pictures, capsys):
    out = pictures / "out"
    example("article").main(pictures / "ratings.csv", pictures / "pictures", out=out, rounds=1, n=2, side=64)
    said = capsys.readouterr().out
    assert "36 ratings of 12 pictures by 3 people" in said
    assert "most similar: people 0 and 1" in said  # ann and ben
    with Image.open(out / "article.png") as sheet:
        assert sheet.size == (2 * 264 + 8, 6 * 264 + 8)


def test_the_article_s_parts_must_fit(pictures, tmp_path):
    article = example("article")
    np.savez(tmp_path / "rows.npz", ids=[f"{k}.png" for k in range(12)], embeddings=1 + np.eye(12, 5, dtype=np.float32))
    with pytest.raises(ZahirError, match="are 5 wide, the encoder's"):
        article.main(pictures / "ratings.csv", embeddings=tmp_path / "rows.npz", out=tmp_path / "out")


@pytest.mark.slow
def test_the_article_on_kandinsky(tmp_path, monkeypatch):
    import tiny

    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights("kandinsky", "kandinsky-prior", "clip-bigg")))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")
    pleased = example("article").main(out=tmp_path, generator="kandinsky", encoder="clip-bigg", **SMALL)
    assert np.all(np.isfinite(pleased))
    assert (tmp_path / "article.png").exists()
    with pytest.raises(SpaceMismatch):
        example("article").main(out=tmp_path, generator="kandinsky", encoder="studio", **SMALL)


@pytest.mark.slow
def test_an_own_checkpoint(pictures, monkeypatch):
    import tiny

    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights("sdxl", "ip-adapter-sdxl", "clip-bigg")))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")
    disliked, out = pictures / "disliked", pictures / "mine.png"
    disliked.mkdir()
    for k in range(4):
        (pictures / "pictures" / f"{k}.png").rename(disliked / f"{k}.png")
    checkpoint = tiny.weights("sdxl") / "sdxl"
    example("own_sdxl").main(
        checkpoint, pictures / "pictures", disliked, prompt="a room", n=2, side=64, steps=2, out=out
    )
    with Image.open(out) as sheet:
        assert sheet.width == 2 * (64 + 8) + 8
