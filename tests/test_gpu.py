"""Every route on real weights: for a machine with a GPU and a folder of weights.

    ZAHIR_MODELS=~/.zahir/models python -m pytest -m gpu tests/test_gpu.py -s

Generators whose weights are not in that folder are skipped by name. Pictures are left in `gpu-pictures/` (or in
ZAHIR_GPU_PICTURES) to be looked at: tastes that differ must look different, prompts must show what they say. Expect
some ten seconds a generator on a GPU of 12 GB, and a minute more for each set of weights that is read from disk.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from zahir import models
from zahir.media import Media, contact_sheet
from zahir.plugins import make
from zahir.space import normalize

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif("ZAHIR_MODELS" not in os.environ, reason="ZAHIR_MODELS names no folder of weights"),
]
ENCODERS = [each.name for each in models.CATALOGUE.values() if each.kind == "encoder"]
GENERATORS = [each.name for each in models.CATALOGUE.values() if each.kind == "generator"]


def here(*names):
    """Skip where weights are missing."""
    for name in names:
        for need in models.with_needs(name):
            if models.missing(need):
                pytest.skip(f"the weights of {need} are not here: zahir models get {need}")


def eyes_for(hand):
    return make("encoders", next(each for each in ENCODERS if models.space_of(each) == hand.space))


def studio_pictures(n):
    hand = make("generators", "studio")
    anything = np.random.default_rng(0).standard_normal((n, make("encoders", "studio").dim)).astype(np.float32)
    return hand.generate(anything, seeds=range(n), strength=0.0, size=(256, 256))


def keep(media, name):
    folder = Path(os.environ.get("ZAHIR_GPU_PICTURES", "gpu-pictures"))
    folder.mkdir(exist_ok=True)
    Media.image(contact_sheet(media, columns=len(media))).to_png(folder / f"{name}.png")
    if media[0].kind == "video":
        media[0].to_video(folder / f"{name}.webm")


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_the_published_one(name):
    """Its width and space are the catalogue's; words lie nearer what they say than what they do not."""
    here(name)
    encoder = make("encoders", name)
    assert (encoder.space, encoder.dim) == (models.find(name).space, models.find(name).dim)
    red, blue = (Media.image(np.full((224, 224, 3), colour, np.uint8)) for colour in ((220, 30, 30), (30, 30, 220)))
    rows = encoder.encode([red, blue])
    if models.find(name).helps:
        here(*models.find(name).helps)
    towards = encoder.directions(["red", "blue"])
    between = normalize((rows[0] - rows[1])[None])[0]
    assert towards[0] @ between > towards[1] @ between


@pytest.mark.parametrize("name", ENCODERS)
def test_raw_embeddings_have_the_lengths_of_their_shell(name):
    from zahir.errors import ZahirError
    from zahir.generate.loading import shell_of

    here(name)
    encoder = make("encoders", name)
    try:
        shell = shell_of(encoder.space)
    except ZahirError as error:
        pytest.skip(str(error))
    lengths = np.linalg.norm(encoder.raw(studio_pictures(16)), axis=1)
    assert abs(lengths.mean() - shell.norm) < 0.2 * shell.norm


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_follows_tastes_prompts_and_seeds(name):
    """What is made for a taste, looked at by the encoder of its space, lies nearer that taste than the opposite one."""
    here(name)
    hand = make("generators", name)
    encoder = eyes_for(hand)
    tastes = np.repeat(normalize(np.random.default_rng(1).standard_normal((2, encoder.dim))), 2, axis=0)
    tastes[2:] = -tastes[:2]
    seen: list[tuple[int, int]] = []
    made = hand.generate(tastes, seeds=[1, 2, 1, 2], progress=lambda done, of: not seen.append((done, of)))
    keep(made, name)
    assert len(made) == 4
    assert seen[-1][0] == seen[-1][1]
    assert all(each.frames.std() > 5 for each in made), "a picture is not one colour"
    towards = np.sum(encoder.encode(made) * tastes, axis=1)
    opposite = np.sum(encoder.encode(made)[[2, 3, 0, 1]] * tastes, axis=1)
    assert np.mean(towards > opposite) >= 0.75
    again = hand.generate(tastes[:1], seeds=[1])
    assert np.abs(again[0].frames.astype(int) - made[0].frames.astype(int)).mean() < 3, "alone as in its batch"
    if hand.accepts_prompts:
        told = hand.generate(tastes[:2], seeds=[1, 2], prompts=["a lighthouse at night", "a bowl of oranges"])
        keep(told, f"{name}-prompts")
    if hasattr(hand, "edit") and hand.kind == "image":
        moved = hand.edit(made[:1], tastes[2:3], seeds=[5], amount=0.6)
        keep([made[0], *moved], f"{name}-edit")
        nearer = encoder.encode(moved)[0] @ tastes[2] - encoder.encode(made[:1])[0] @ tastes[2]
        assert nearer > 0


@pytest.mark.parametrize("name", GENERATORS)
def test_the_loop_closes_on_it(name, tmp_path):
    from zahir.loop import step
    from zahir.store import Store

    here(name)
    hand = make("generators", name)
    eyes = eyes_for(hand)
    store = Store(tmp_path)
    user = store.add_user("somebody")
    rated = studio_pictures(12)
    for k, item in enumerate(store.add_items(rated, eyes.encode(rated), space=eyes.space, made_for=None)):
        store.rate(user, item, 0.5 if k % 2 else -0.5, key=f"key{k}")
    ids = step(store, user, encoder=eyes, model=make("taste_models", "wals"), generator=hand, n=2, seed=3)
    assert len(ids) == 2
    assert store.media(ids[0]).origin.generator == name
