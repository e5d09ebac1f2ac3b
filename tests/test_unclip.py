"""Kandinsky 2.2 on a tiny decoder of the true class: tastes, prompts, negatives, edits, batches and cancelling."""

import base64
import shutil
from threading import Thread

import diffusers
import numpy as np
import pytest
import tiny
import torch

from zahir import models
from zahir.errors import BadData, SpaceMismatch, ZahirError
from zahir.generate.unclip import Kandinsky
from zahir.media import Media
from zahir.plugins import make
from zahir.protocols import Edits
from zahir.space import normalize
from zahir.testing import check_generator

SIZE = (64, 64)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights("kandinsky", "kandinsky-prior", "clip-bigg")))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")


@pytest.fixture(scope="module")
def hand():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZAHIR_MODELS", str(tiny.weights("kandinsky", "kandinsky-prior", "clip-bigg")))
        patch.setenv("ZAHIR_DEVICE", "cpu")
        yield make("generators", "kandinsky", steps=2)


def tastes(n=3, seed=0):
    return normalize(np.random.default_rng(seed).standard_normal((n, tiny.WIDE)))


def pixels(media):
    return np.stack([each.pixels for each in media]).astype(int)


def raw(hand, points, away, seeds, **options):
    """What plain diffusers makes of points of the space."""
    pipeline = diffusers.KandinskyV22Pipeline.from_pretrained(hand.place, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    call = {"height": 64, "width": 64, "num_inference_steps": 2, "guidance_scale": 4.0, "output_type": "np"} | options
    made = pipeline(torch.from_numpy(points), torch.from_numpy(away), generator=noise, **call).images
    return np.round(made * 255).astype(int)


def test_the_contract_holds(hand):
    check_generator(hand, dim=tiny.WIDE)
    assert isinstance(hand, Edits)
    assert (hand.space, hand.kind, hand.accepts_prompts) == (tiny.BIGG, "image", True)


def test_a_taste_is_its_point_on_the_shell_decoded(hand):
    mine, strength = tastes(2), 0.8
    made = hand.generate(mine, seeds=[3, 4], size=SIZE, strength=strength)
    points, away = hand.shell.points(mine, strength), np.repeat(hand.nothing[None], 2, axis=0)
    theirs = [raw(hand, points[i : i + 1], away[:1], [3 + i])[0] for i in range(2)]
    assert np.array_equal(pixels(made), np.stack(theirs))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), hand.shell.norm, rtol=1e-5)


def test_nothing_is_what_the_prior_defines_it_as(hand):
    parts = {"image_encoder": hand._image_tower()}
    prior = diffusers.KandinskyV22PriorPipeline.from_pretrained(models.folder("kandinsky-prior"), **parts)
    np.testing.assert_allclose(hand.nothing, prior.get_zero_embed()[0].detach().numpy(), atol=1e-6)


@pytest.mark.slow
def test_a_batch_of_different_people_is_exact(hand):
    together = Kandinsky(batch=3, steps=2)
    mine, negatives, words = tastes(3), tastes(3, 1) * [[1], [0], [1]], ["a red fox", "", "rain"]
    whole = together.generate(
        mine, seeds=[1, 2, 3], prompts=words, negatives=negatives.astype(np.float32), size=SIZE, strength=0.5
    )
    for i in range(3):
        row = slice(i, i + 1)
        alone = hand.generate(
            mine[row], seeds=[1 + i], prompts=words[row], negatives=negatives[row].astype(np.float32), size=SIZE,
            strength=0.5,
        )  # fmt: skip
        assert np.abs(pixels(alone)[0] - pixels(whole)[i]).max() <= 1
    # and before rounding to bytes, to 1e-4
    points, away = hand.shell.points(mine), np.repeat(hand.nothing[None], 3, axis=0)
    rows = {}
    for kind, some in {"whole": [slice(0, 3)], "alone": [slice(i, i + 1) for i in range(3)]}.items():
        rows[kind] = np.concatenate(
            [
                together._maker(
                    torch.from_numpy(points[r]), torch.from_numpy(away[r]), height=64, width=64, num_inference_steps=2,
                    generator=[torch.Generator("cpu").manual_seed(s) for s in (1, 2, 3)[r]], output_type="np",
                ).images
                for r in some
            ]
        )  # fmt: skip
    np.testing.assert_allclose(rows["whole"], rows["alone"], atol=1e-4)


@pytest.mark.slow
def test_one_seed_is_one_picture_bit_for_bit_also_loaded_anew(hand, tmp_path):
    first = hand.generate(tastes(1), seeds=[5], size=SIZE)
    assert np.array_equal(pixels(first), pixels(hand.generate(tastes(1), seeds=[5], size=SIZE)))
    hand._maker.save_pretrained(tmp_path / "mine")
    tiny.note(tmp_path / "mine", tiny.BIGG)
    again = make("generators", f"kandinsky={tmp_path / 'mine'}", steps=2)
    assert np.array_equal(pixels(first), pixels(again.generate(tastes(1), seeds=[5], size=SIZE)))


@pytest.mark.slow
def test_an_origin_is_enough_to_make_it_again(hand):
    negatives = tastes(1, 9)
    made = hand.generate(tastes(1), seeds=[5], size=(60, 70), strength=0.7, negatives=negatives, prompts=["a hill"])[0]
    origin = made.origin
    assert made.size == (60, 70)
    assert origin.generator == "kandinsky"
    again = make("generators", origin.generator).generate(
        origin.taste[None], seeds=[origin.seed], size=made.size, strength=origin.strength, prompts=[origin.prompt],
        negatives=np.frombuffer(base64.b64decode(origin.details["negative"]), "<f4")[None].astype(np.float32),
        steps=origin.details["steps"], guidance=origin.details["guidance"],
    )[0]  # fmt: skip
    assert np.array_equal(again.frames, made.frames)
    assert again.origin.to_json() == origin.to_json()


def test_negatives_lead_away_and_zeros_are_none(hand):
    mine, plain = tastes(1), hand.generate(tastes(1), seeds=[1], size=SIZE)
    none = hand.generate(mine, seeds=[1], size=SIZE, negatives=np.zeros((1, tiny.WIDE), np.float32))
    away = hand.generate(mine, seeds=[1], size=SIZE, negatives=tastes(1, 4))
    assert np.array_equal(pixels(none), pixels(plain))
    expected = raw(hand, hand.shell.points(mine), hand.shell.points(tastes(1, 4)), [1])
    assert np.array_equal(pixels(away), expected)
    assert not np.array_equal(pixels(away), pixels(plain))
    unheard = [hand.generate(mine, seeds=[1], size=SIZE, guidance=1.0, negatives=n) for n in (None, tastes(1, 4))]
    assert np.array_equal(*map(pixels, unheard)), "without guidance there is nothing to lead away from"


@pytest.mark.slow
def test_a_prompt_is_moved_along_the_taste(hand):
    parts = {"image_encoder": hand._image_tower()}
    prior = diffusers.KandinskyV22PriorPipeline.from_pretrained(models.folder("kandinsky-prior"), **parts)
    prior.set_progress_bar_config(disable=True)
    imagined = prior("a red fox", generator=[torch.Generator("cpu").manual_seed(7)]).image_embeds.detach().numpy()
    mine, away = tastes(1), hand.nothing[None]
    for strength in (0.0, 1.0):
        made = hand.generate(mine, seeds=[7], prompts=["a red fox"], size=SIZE, strength=strength)
        point = normalize(imagined + strength * hand.shell.steps(mine)) * np.float32(hand.shell.norm)
        assert np.abs(pixels(made) - raw(hand, point, away, [7])).max() <= 1
    one, other = (hand.generate(t, seeds=[7], prompts=["fox"], size=SIZE, strength=0) for t in (mine, tastes(1, 5)))
    assert np.array_equal(pixels(one), pixels(other)), "strength 0 is the prompt alone"


@pytest.mark.slow
def test_without_the_prior_prompts_are_refused(hand, tmp_path, monkeypatch):
    for name in ("kandinsky", "clip-bigg", "shells"):
        shutil.copytree(models.root() / name, tmp_path / name)
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    plain = Kandinsky(steps=2)
    assert not plain.accepts_prompts
    assert len(plain.generate(tastes(1), seeds=[1], size=SIZE)) == 1
    with pytest.raises(ValueError, match="zahir models get kandinsky-prior"):
        plain.generate(tastes(1), seeds=[1], prompts=["fox"])


@pytest.mark.slow
def test_an_edit_starts_from_the_picture_and_its_amount_says_how_far(hand):
    rng = np.random.default_rng(0)
    photo = Media.image(np.kron(rng.integers(0, 256, (5, 6, 3)), np.ones((16, 16, 1)))[:75, :90].astype(np.uint8))
    mine = tastes(1)
    same = hand.edit([photo], mine, seeds=[1], amount=0.0)[0]
    assert np.array_equal(same.frames, photo.frames)
    assert same.origin.details["amount"] == 0
    floor = hand._maker.movq  # what the decoder alone loses: with a random one, much
    with torch.no_grad():
        source = torch.from_numpy(np.asarray(hand._source(photo.pixels)).copy()).permute(2, 0, 1)[None] / 127.5 - 1
        passed = floor.decode(floor.encode(source).latents, force_not_quantize=True).sample
    passed = (passed[0].permute(1, 2, 0).numpy()[:75, :90] * 0.5 + 0.5).clip(0, 1) * 255
    far = []
    for amount in (0.1, 0.5, 1.0):
        made = hand.edit([photo], mine, seeds=[1], amount=amount, steps=10)[0]
        assert made.size == photo.size
        assert made.origin.details["amount"] == amount
        far.append(np.abs(made.pixels - passed).mean())
    assert far[0] < far[1] < far[2]
    other = hand.edit([photo], tastes(1, 8), seeds=[1], amount=0.5, steps=10)[0]
    assert not np.array_equal(other.frames, hand.edit([photo], mine, seeds=[1], amount=0.5, steps=10)[0].frames)


@pytest.mark.slow
def test_edits_of_large_pictures_keep_their_size(hand, monkeypatch):
    monkeypatch.setattr("zahir.generate.unclip._MOST", 64 * 64)
    photo = Media.image(np.full((100, 210, 3), 90, np.uint8))
    seen = []
    made = hand.edit([photo], tastes(1), seeds=[1], amount=0.5, progress=lambda done, of: not seen.append((done, of)))
    assert made[0].size == (210, 100)
    assert seen[-1] == (1, 1)
    with pytest.raises(ValueError, match="one picture for each"):
        hand.edit([photo, photo], tastes(1), seeds=[1])
    with pytest.raises(ValueError, match="video"):
        hand.edit([Media(np.zeros((2, 8, 8, 3), np.uint8), 8.0)], tastes(1), seeds=[1])
    with pytest.raises(ValueError, match="amount"):
        hand.edit([photo], tastes(1), seeds=[1], amount=1.5)


def test_cancelled_midway_it_stops_at_once_and_goes_on_afterwards(hand):
    seen = []

    def until(done, of):
        seen.append((done, of))
        return done < 6

    made = hand.generate(tastes(3), seeds=[1, 2, 3], size=SIZE, steps=4, progress=until)
    assert len(made) == 1
    assert seen == [(k, 12) for k in (0, 1, 2, 3, 4, 4, 5, 6)]
    whole = hand.generate(tastes(1), seeds=[1], size=SIZE, steps=4)
    assert np.array_equal(pixels(whole), pixels(made))
    with_words = []
    assert (
        hand.generate(
            tastes(1),
            seeds=[1],
            size=SIZE,
            prompts=["fox"],
            progress=lambda *at: not with_words.append(at) and len(with_words) < 5,
        )
        == []
    )
    assert with_words == [(0, 2)] * 5, "it can be cancelled while the prior works"


@pytest.mark.slow
def test_two_threads_get_what_one_after_the_other_gets(hand):
    alone, found = [pixels(hand.generate(tastes(1, k), seeds=[k], size=SIZE)) for k in (1, 2)], {}
    threads = [
        Thread(target=lambda k=k: found.update({k: pixels(hand.generate(tastes(1, k), seeds=[k], size=SIZE))}))
        for k in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(found[1], alone[0])
    assert np.array_equal(found[2], alone[1])


def test_spaces_never_mix(tmp_path, monkeypatch):
    for name in ("kandinsky", "clip-bigg", "kandinsky-prior", "shells"):
        shutil.copytree(models.root() / name, tmp_path / name)
    tiny.note(tmp_path / "clip-bigg" / "sdxl_models" / "image_encoder", "clip:another")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    with pytest.raises(SpaceMismatch, match="clip:another"):
        Kandinsky().generate(tastes(1), seeds=[1], size=SIZE, steps=1)
    tiny.note(tmp_path / "kandinsky", "clip:unknown")
    with pytest.raises(ZahirError, match="zahir models shell"):
        Kandinsky()


def test_pickles_are_refused(tmp_path):
    shutil.copytree(models.root() / "kandinsky", tmp_path / "k")
    (tmp_path / "k" / "unet" / "diffusion_pytorch_model.safetensors").rename(
        tmp_path / "k" / "unet" / "diffusion_pytorch_model.bin"
    )
    with pytest.raises(BadData, match="safetensors"):
        Kandinsky(tmp_path / "k").generate(tastes(1), seeds=[1], size=SIZE, steps=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": [1]}, "one seed and one prompt"),
        ({"prompts": ["a"]}, "one seed and one prompt"),
        ({"strength": 2.5}, r"strength must be in \[0, 2\]"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"guidance": float("nan")}, "guidance at least 0"),
        ({"size": (8, 64)}, "from 16 to 4096"),
        ({"negatives": np.ones((1, tiny.WIDE), np.float32)}, "negatives go with tastes"),
        ({"tastes": np.full((2, tiny.WIDE), np.inf, np.float32)}, "finite"),
        ({"tastes": np.ones((2, 3), np.float32)}, r"\(n, 64\)"),
    ],
)
def test_wrong_arguments_are_told(hand, arguments, message):
    with pytest.raises(ValueError, match=message):
        hand.generate(**({"tastes": tastes(2), "seeds": [1, 2]} | arguments))


@pytest.mark.slow
def test_memory_choices_do_not_change_the_picture(hand):
    """Offloading to a CPU from a CPU moves nothing, but hooks, edits and the prior go the way they do on a GPU."""
    plain = pixels(hand.generate(tastes(1), seeds=[1], size=SIZE))
    for options in ({"offload": "model"}, {"slices": True}):
        other = Kandinsky(steps=2, **options)
        assert np.array_equal(pixels(other.generate(tastes(1), seeds=[1], size=SIZE)), plain)
        assert len(other.edit(other.generate(tastes(1), seeds=[1], size=SIZE), tastes(1), seeds=[1])) == 1
        assert len(other.generate(tastes(1), seeds=[1], size=SIZE, prompts=["fox"])) == 1
        assert np.array_equal(pixels(other.generate(tastes(1), seeds=[1], size=SIZE)), plain)
    for offload, message in (("disk", "offload must be"), ("sequential", "needs a GPU")):
        with pytest.raises(ValueError, match=message):
            Kandinsky(offload=offload).generate(tastes(1), seeds=[1])
    half = Kandinsky(steps=2, dtype="bfloat16").generate(tastes(1), seeds=[1], size=SIZE)
    other = pixels(hand.generate(tastes(1), seeds=[2], size=SIZE))
    assert np.abs(pixels(half) - plain).mean() < 0.2 * np.abs(other - plain).mean()
