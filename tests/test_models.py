"""Weights are found in one place, and come from a hub only when asked for."""

import fnmatch
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from hub import hub
from typer.testing import CliRunner

from zahir import models
from zahir.cli import app
from zahir.errors import BadData, ZahirError

needs_hub = pytest.mark.skipif(
    not os.environ.get("ZAHIR_REQUIRE_ALL") and find_spec("huggingface_hub") is None,
    reason="huggingface_hub is not installed",
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def lay(where, name, without=()):
    """Empty files by the names of a set of weights."""
    for pattern in models.find(name).files:
        if pattern not in without:
            path = where / name / pattern.replace("*", "x")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")


def test_the_root_is_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path / "a"))
    assert models.root() == tmp_path / "a"
    monkeypatch.delenv("ZAHIR_MODELS")
    monkeypatch.setenv("ZAHIR_HOME", str(tmp_path / "b"))
    assert models.root() == tmp_path / "b" / "models"


@pytest.mark.parametrize("name", models.CATALOGUE)
def test_the_catalogue_is_sound(name):
    which = models.CATALOGUE[name]
    assert set(which.needs + which.helps) <= set(models.CATALOGUE)
    assert all(models.find(need).space == which.space for need in which.needs + which.helps), "spaces never mix"
    assert any(pattern.endswith(".safetensors") for pattern in which.files) or name.endswith("-own")
    assert {pattern.rsplit(".", 1)[-1] for pattern in which.files if "." in pattern} <= {"safetensors", "json", "txt"}
    assert which.inside == "" or all(pattern.startswith(which.inside + "/") for pattern in which.files)
    assert models.with_needs(name)[-1] == name
    if which.kind == "generator":
        assert any(models.find(need).kind == "encoder" for need in which.needs), "the loop needs an encoder too"


def test_a_folder_is_whole_or_an_error_that_says_what_to_do(here):
    with pytest.raises(ZahirError, match="zahir models get kandinsky"):
        models.folder("kandinsky")
    lay(here, "kandinsky", without=["movq/config.json"])
    with pytest.raises(ZahirError, match=r"movq/config\.json is missing"):
        models.folder("kandinsky")
    lay(here, "kandinsky")
    assert models.folder("kandinsky") == here / "kandinsky"
    lay(here, "clip-bigg")
    assert models.folder("clip-bigg") == here / "clip-bigg" / "sdxl_models" / "image_encoder"


def test_a_place_of_ones_own_stands_for_the_catalogue(here, tmp_path):
    file = tmp_path / "mine.safetensors"
    with pytest.raises(ZahirError, match="no such file or folder"):
        models.folder("sdxl", file)
    file.write_bytes(b"")
    assert models.folder("sdxl", file) == file


def test_a_space_is_the_catalogues_unless_a_note_says_otherwise(here, tmp_path):
    lay(here, "clip-h")
    assert models.space_of("clip-h") == models.VIT_H
    (models.folder("clip-h") / "zahir.json").write_text('{"space": "clip:mine"}')
    assert models.space_of("clip-h") == "clip:mine"
    assert models.space_of("clip-h", tmp_path) == models.VIT_H
    (tmp_path / "zahir.json").write_text('{"room": 1}')
    with pytest.raises(BadData, match="space"):
        models.space_of("clip-h", tmp_path)


def test_a_checkpoint_of_ones_own_needs_no_weights_of_its_base(here):
    with pytest.raises(ZahirError, match="zahir models get sdxl-own"):
        models.layout("sdxl")
    lay(here, "sdxl-own")
    assert models.layout("sdxl") == here / "sdxl-own"
    assert models.with_needs("sdxl-own") == ["clip-bigg", "ip-adapter-sdxl", "sdxl-own"]
    lay(here, "sdxl")
    assert models.layout("sdxl") == here / "sdxl"


def test_unknown_weights_are_told_the_nearest(here):
    with pytest.raises(ZahirError, match="Did you mean 'kandinsky'"):
        models.folder("kandinski")


def test_list_says_what_is_here(here):
    lay(here, "clip-l")
    lay(here, "clip-h", without=["models/image_encoder/model.safetensors"])
    lines = CliRunner().invoke(app, ["models", "list"]).output.splitlines()
    said = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    assert set(said) == set(models.CATALOGUE)
    assert said["clip-l"].endswith(") here")
    assert said["clip-h"].endswith("part of it here")
    assert said["sdxl"].endswith("GB)")


def get(name, address, here, *options):
    """The real command in a process of its own: the hub's address is read when its library is imported."""
    environment = os.environ | {
        "HF_ENDPOINT": address, "ZAHIR_MODELS": str(here), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(here / "hf"), "HF_HUB_OFFLINE": "0",
    }  # fmt: skip
    code = "from zahir.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "models", "get", name, *options],
        env=environment, capture_output=True, text=True, input="n\n",
    )  # fmt: skip


SERVED = {
    "h94/IP-Adapter": {
        "models/image_encoder/config.json": b"{}",
        "models/image_encoder/model.safetensors": bytes(range(256)) * 120_000,
        "models/image_encoder/pytorch_model.bin": b"never",
        "models/ip-adapter_sd15.safetensors": b"adapter" * 1000,
        "models/ip-adapter-plus_sd15.safetensors": b"not asked for",
    },
    "stable-diffusion-v1-5/stable-diffusion-v1-5": {
        **{f.replace("*", "a"): b"{}" for f in models.find("sd15").files if not f.startswith("tokenizer")},
        "tokenizer/vocab.json": b"{}", "tokenizer/evil.py": b"never", "unet/diffusion_pytorch_model.bin": b"never",
        "v1-5-pruned.ckpt": b"never",
    },
}  # fmt: skip


@needs_hub
@pytest.mark.slow
def test_get_brings_what_is_loaded_and_what_it_needs_and_nothing_else(here):
    with hub(SERVED) as (address, asked):
        refused = get("sd15", address, here)
        assert refused.returncode == 1
        assert "licence: CreativeML" in refused.stdout
        assert "Download 4.8 GB?" in refused.stdout
        assert asked == []
        done = get("sd15", address, here, "--yes")
        assert done.returncode == 0, done.stderr
        wanted = {path for name in ("sd15", "clip-h", "ip-adapter-sd15") for path in models.find(name).files}
        fetched = {path for method, path, _ in asked if method == "GET"}
        assert all(any(fnmatch.fnmatch(path, pattern) for pattern in wanted) for path in fetched)
        assert not any(path.endswith((".bin", ".py", ".ckpt")) for path in fetched)
        before = len(asked)
        assert get("sd15", address, here, "--yes").returncode == 0
        assert len(asked) == before, "what is here is not asked for again"
    tower = models.folder("clip-h") / "model.safetensors"
    assert tower.read_bytes() == SERVED["h94/IP-Adapter"]["models/image_encoder/model.safetensors"]
    assert models.folder("ip-adapter-sd15").name == "models"
    assert not list(here.rglob("*.bin"))


@needs_hub
@pytest.mark.slow
def test_get_goes_on_where_it_broke_off(here):
    path = "models/image_encoder/model.safetensors"
    with hub(SERVED, cut={path: 25_000_000}) as (address, asked):
        for _ in range(3):  # its library may try again by itself
            done = get("clip-h", address, here, "--yes")
            if done.returncode == 0:
                break
            assert "give the same command again" in done.stderr
        assert done.returncode == 0, done.stderr
        ranges = [asked_for for method, which, asked_for in asked if method == "GET" and which == path]
    assert ranges[0] in (None, "bytes=0-")
    assert any(each and not each.startswith("bytes=0-") for each in ranges[1:]), ranges
    assert (models.folder("clip-h") / "model.safetensors").read_bytes() == SERVED["h94/IP-Adapter"][path]


@needs_hub
@pytest.mark.slow
def test_without_a_network_one_line_says_what_to_do(here):
    done = get("clip-l", "http://127.0.0.1:9", here, "--yes")
    assert done.returncode == 2
    assert "Is there a network?" in done.stderr
    assert "Traceback" not in done.stderr
    with hub({}) as (address, _):
        done = get("clip-l", address, here, "--yes")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
