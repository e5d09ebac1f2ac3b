"""CLIP encoders look at pictures as transformers does, keep spaces apart, and know where words point."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny
import torch
from transformers import (
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)
from typer.testing import CliRunner

from zahir import models
from zahir.cli import app
from zahir.encode.clip import ClipEncoder, clip_bigg, clip_h, clip_l, prepared
from zahir.errors import BadData, MissingExtra, SpaceMismatch, ZahirError
from zahir.media import Media
from zahir.plugins import make
from zahir.protocols import Encoder, EncodesRaw, KnowsWords
from zahir.space import normalize
from zahir.testing import check_encoder

SHAPES = [(64, 64), (48, 97), (96, 47), (17, 31)]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights("clip-bigg", "clip-bigg-words", "clip-h", "clip-h-words")))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")


def pictures(n=4, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Media.image(np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((h // 4 + 1, w // 4 + 1, 1)))[:h, :w].astype("u1"))
        for h, w in (SHAPES * n)[:n]
    ]


@pytest.mark.parametrize("name", ["clip-bigg", "clip-h"])
def test_the_contract_holds(name):
    encoder = make("encoders", name)
    check_encoder(encoder)
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, EncodesRaw)
    assert isinstance(encoder, KnowsWords)
    assert (encoder.dim, encoder.space) == {"clip-bigg": (64, "clip:tiny-bigg"), "clip-h": (48, "clip:tiny-h")}[name]


@pytest.mark.parametrize(("height", "width"), [*SHAPES, (300, 201), (224, 224)])
def test_pixels_are_prepared_as_transformers_does(height, width):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    theirs = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)(pixels, return_tensors="np").pixel_values
    np.testing.assert_allclose(prepared(pixels[None], 32), theirs, atol=1e-5)


def test_rows_are_the_towers_own():
    folder = models.folder("clip-bigg")
    tower = CLIPVisionModelWithProjection.from_pretrained(folder).eval()
    media = pictures()
    pixels = torch.from_numpy(np.concatenate([prepared(each.frames, 32) for each in media]))
    with torch.no_grad():
        theirs = tower(pixel_values=pixels).image_embeds.numpy()
    encoder = clip_bigg(batch=3)
    np.testing.assert_allclose(encoder.raw(media), theirs, atol=1e-4)
    np.testing.assert_allclose(encoder.encode(media), normalize(theirs), atol=1e-4)


def test_a_video_goes_by_its_middle_frame_or_by_all():
    frames = np.concatenate([each.frames for each in [*pictures(1), *pictures(1, 2), *pictures(1, 3)]])
    video = Media(frames, 8.0)
    middle, each = clip_bigg().raw([video])[0], clip_bigg().raw([Media.image(frame) for frame in frames])
    np.testing.assert_allclose(middle, each[1], atol=1e-5)
    np.testing.assert_allclose(clip_bigg(frames="all").raw([video])[0], each.mean(axis=0), atol=1e-5)


def test_a_folder_of_both_towers_serves_pictures_and_words(tmp_path):
    """As OpenAI's is: and the width that the towers share need not be told in each tower's own part."""
    whole = models.folder("clip-h-words")
    config = json.loads((whole / "config.json").read_text())
    shutil.copytree(whole, tmp_path / "l")
    for part in ("vision_config", "text_config"):
        config[part].pop("projection_dim", None)
    (tmp_path / "l" / "config.json").write_text(json.dumps(config))
    encoder = clip_l(place=tmp_path / "l")
    check_encoder(encoder)
    assert encoder.dim == 48
    media = pictures()
    model = CLIPModel.from_pretrained(whole).eval()
    pixels = torch.from_numpy(np.concatenate([prepared(each.frames, 32) for each in media]))
    with torch.no_grad():
        theirs = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output).numpy()
    np.testing.assert_allclose(encoder.raw(media), theirs, atol=1e-4)
    assert encoder.directions(["warm"]).shape == (1, 48)


def test_directions_are_what_a_word_changes_in_sentences():
    encoder = clip_bigg()
    rows = encoder.directions(["warm", "made of stripes"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert abs(rows[0] @ rows[1]) < 0.999
    np.testing.assert_allclose(encoder.directions(["made of stripes"])[0], rows[1], atol=1e-4)
    folder = models.root() / "clip-bigg-words"
    tower = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2", variant="fp16").eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer_2")

    def read(sentence):
        with torch.no_grad():
            row = tower(**tokenizer(sentence, padding="max_length", max_length=77, return_tensors="pt")).text_embeds
        return (row / row.norm()).numpy()[0]

    pairs = [
        ("a picture of warm", "a picture of something"), ("a warm picture", "a picture"),
        ("an image that looks warm", "an image"),
    ]  # fmt: skip
    expected = sum(read(told) - read(plain) for told, plain in pairs)
    np.testing.assert_allclose(rows[0], expected / np.linalg.norm(expected), atol=1e-4)
    with pytest.raises(ValueError, match="needs a word"):
        encoder.directions(["warm", " "])
    assert encoder.directions([]).shape == (0, 64)


def test_a_tokenizer_of_the_old_files_is_read_whole(tmp_path):
    """vocab.json and merges.txt, as SDXL's folder has them: read wrongly they would make two tokens of any text."""
    shutil.copytree(models.root() / "clip-bigg-words", tmp_path / "clip-bigg-words")
    shutil.copytree(models.root() / "clip-bigg", tmp_path / "clip-bigg")
    new, old = CLIPTokenizer.from_pretrained(models.root() / "clip-bigg-words" / "tokenizer_2"), tmp_path
    old = tmp_path / "clip-bigg-words" / "tokenizer_2"
    (old / "vocab.json").write_text(json.dumps(new.get_vocab()))
    (old / "merges.txt").write_text("#version: 0.2\n")
    (old / "tokenizer.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        expected = clip_bigg().directions(["warm"])
        patch.setenv("ZAHIR_MODELS", str(tmp_path))
        np.testing.assert_allclose(clip_bigg().directions(["warm"]), expected, atol=1e-5)
        (old / "vocab.json").write_text(json.dumps({"a": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}))
        with pytest.raises(BadData, match="tokens, and the text tower knows"):
            clip_bigg().directions(["warm"])


def test_words_without_a_text_tower_say_how_to_get_it(tmp_path, monkeypatch):
    shutil.copytree(models.root() / "clip-bigg", tmp_path / "clip-bigg")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    with pytest.raises(ZahirError, match="zahir models get clip-bigg-words"):
        clip_bigg().directions(["warm"])
    with pytest.raises(ZahirError, match="holds no text tower"):
        ClipEncoder("clip-l", tmp_path / "clip-bigg" / "sdxl_models" / "image_encoder").directions(["warm"])
    with pytest.raises(ZahirError, match="zahir models get clip-h"):
        clip_h()


def test_towers_of_another_space_never_mix(tmp_path, monkeypatch):
    shutil.copytree(models.root() / "clip-bigg", tmp_path / "clip-bigg")
    shutil.copytree(models.root() / "clip-bigg-words", tmp_path / "clip-bigg-words")
    tiny.note(tmp_path / "clip-bigg" / "sdxl_models" / "image_encoder", "clip:tuned")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    encoder = clip_bigg()
    assert encoder.space == "clip:tuned"
    with pytest.raises(SpaceMismatch, match="clip:tiny-bigg"):
        encoder.directions(["warm"])


def test_what_is_no_tower_is_told(tmp_path):
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadData, match="no CLIP tower"):
        _ = clip_l(place=tmp_path).dim
    shutil.copy(models.folder("clip-h") / "config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(BadData, match="safetensors"):
        clip_l(place=tmp_path).encode(pictures(1))


def test_options_are_checked():
    with pytest.raises(ValueError, match="middle"):
        clip_bigg(frames="first")
    with pytest.raises(ValueError, match="float16, bfloat16, float32"):
        clip_bigg(dtype="half")
    with pytest.raises(ZahirError, match=r"device 'tpu' is not here. Here: .*cpu"):
        clip_bigg(device="tpu")
    with pytest.raises(ValueError, match="batch"):
        clip_bigg(batch=0)


def test_half_precision_is_near_full_and_rows_stay_float32():
    half = clip_bigg(dtype="bfloat16").encode(pictures())
    assert half.dtype == np.float32
    assert np.sum(half * clip_bigg().encode(pictures()), axis=1).min() > 0.999


def test_embeddings_that_are_no_numbers_never_leave():
    encoder = clip_bigg()
    encoder._tower.visual_projection.weight.data[3] = np.inf
    with pytest.raises(ZahirError, match="dtype='float32'"):
        encoder.encode(pictures(1))


@pytest.mark.slow
def test_without_torch_an_extra_is_named():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a)\n"
        "from zahir.plugins import make\n"
        "make('encoders', 'clip-bigg')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert MissingExtra.__name__ in told.stderr
    assert "pip install 'zahir[diffusion]'" in told.stderr


@pytest.mark.slow
def test_a_shell_of_ones_own_is_fitted_by_a_command(tmp_path, monkeypatch):
    from zahir.generate.loading import shell_of

    for k, each in enumerate(pictures(40)):
        each.to_png(tmp_path / f"{k}.png")
    shutil.copytree(models.root() / "clip-h", tmp_path / "models" / "clip-h")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path / "models"))
    with pytest.raises(ZahirError, match="zahir models shell"):
        shell_of("clip:tiny-h")
    done = CliRunner().invoke(app, ["models", "shell", "clip-h", "--pictures", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows, shell = clip_h().raw(pictures(40)), shell_of("clip:tiny-h")
    assert shell.norm == pytest.approx(np.linalg.norm(rows, axis=1).mean(), rel=1e-3)
    np.testing.assert_allclose(shell.mean, rows.mean(axis=0), atol=1e-2)
    few = CliRunner().invoke(app, ["models", "shell", "clip-h", "--pictures", str(tmp_path / "models")])
    assert isinstance(few.exception, ZahirError)
    assert "16" in str(few.exception)
    studio = CliRunner().invoke(app, ["models", "shell", "studio", "--pictures", str(tmp_path)])
    assert "raw embeddings" in str(studio.exception)


def test_the_catalogue_names_the_real_widths():
    for name, kind in (("clip-bigg", clip_bigg), ("clip-h", clip_h)):
        assert models.find(name).dim in (1280, 1024)
        assert kind().space != models.find(name).space, "the tiny ones are another space"
