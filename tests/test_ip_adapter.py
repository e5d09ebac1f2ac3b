"""SDXL and SD 1.5 with an image adapter, on tiny models of the true classes, beside plain diffusers."""

import io
import shutil
from threading import Thread

import diffusers
import numpy as np
import one_file
import pytest
import tiny
import torch
from PIL import Image

from zahir.encode.clip import clip_bigg
from zahir.errors import BadData, ZahirError
from zahir.generate.ip_adapter import MOST_NOISE
from zahir.generate.variants import VARIANTS
from zahir.loop import step
from zahir.media import Media, read_image, to_bytes
from zahir.plugins import make
from zahir.protocols import Edits, Generator
from zahir.space import normalize
from zahir.store import Store
from zahir.store.files import QUALITY
from zahir.taste.gaussian import GaussianTaste
from zahir.testing import check_generator

WEIGHTS = ("sdxl", "sdxl-turbo", "sdxl-lightning", "ip-adapter-sdxl", "sd15", "sd15-lcm", "ip-adapter-sd15")
BASES = ["sdxl", "sd15"]
FEW_STEPS = ["sdxl-turbo", "sdxl-lightning", "sd15-lcm"]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights(*WEIGHTS)))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")


@pytest.fixture(scope="module")
def hands():
    """Generators by name, each loaded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZAHIR_MODELS", str(tiny.weights(*WEIGHTS)))
        patch.setenv("ZAHIR_DEVICE", "cpu")
        yield {name: make("generators", name, side=64, steps=2) for name in (*BASES, *FEW_STEPS)}


def tastes(hand, n=3, seed=0):
    return normalize(np.random.default_rng(seed).standard_normal((n, hand.shell.dim)))


def pixels(media):
    return np.stack([each.pixels for each in media]).astype(int)


def far(a, b):
    return np.abs(pixels(a) - pixels(b)).mean()


def plain(pipeline):
    """The class of diffusers itself, on the same parts."""
    settings = {} if "XL" in type(pipeline).__name__ else {"requires_safety_checker": False}
    made = type(pipeline).__mro__[2](**pipeline.components, **settings)
    made.set_progress_bar_config(disable=True)
    return made


def from_folder(name):
    """As diffusers alone loads the base, without any adapter."""
    kind = diffusers.StableDiffusionXLPipeline if name == "sdxl" else diffusers.StableDiffusionPipeline
    unchecked = {} if name == "sdxl" else {"safety_checker": None, "requires_safety_checker": False}
    return kind.from_pretrained(tiny.weights() / name, variant="fp16", local_files_only=True, **unchecked)


def run(pipeline, embeds, seeds, guidance, **more):
    """Float pixels of a pipeline of diffusers, from embeddings (rows, or rows of negatives and then rows)."""
    noise = [torch.Generator().manual_seed(seed) for seed in seeds]
    call = {"num_inference_steps": 2, "guidance_scale": guidance, "output_type": "np", "generator": noise} | more
    if "image" not in call:
        call |= {"width": 64, "height": 64}
    made = pipeline([""] * len(seeds), ip_adapter_image_embeds=[torch.from_numpy(embeds[:, None])], **call)
    return made.images


def pictures(n=2, size=(64, 64)):
    """Smooth random colours."""
    coarse = np.random.default_rng(4).integers(0, 256, (n, 4, 4, 3)).astype(np.uint8)
    return [Media.image(np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BICUBIC))) for each in coarse]


@pytest.mark.parametrize("name", [*BASES, *(pytest.param(name, marks=pytest.mark.slow) for name in FEW_STEPS)])
def test_the_contract_holds(hands, name):
    hand = hands[name]
    check_generator(hand, dim=hand.shell.dim)
    assert isinstance(hand, Generator)
    assert isinstance(hand, Edits)
    assert (hand.space, hand.kind, hand.accepts_prompts) == (hand.shell.space, "image", True)
    assert hand.space == (tiny.BIGG if name.startswith("sdxl") else tiny.VIT_H)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("editing", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_each_of_a_batch_is_as_if_made_alone(hands, name, guidance, editing):
    hand = hands[name]
    ours = hand.editor if editing else hand.pipeline
    alone = plain(ours)
    points, away = hand.shell.points(tastes(hand)), hand.shell.points(tastes(hand, seed=1)) * [[1], [0], [1]]
    stack = np.concatenate([away, points] if guidance > 1 else [points]).astype(np.float32)
    sources = [torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    whole = {"image": torch.cat(sources), "strength": 0.99} if editing else {}
    together = run(ours, stack, [1, 2, 3], guidance, **whole)
    for i in range(3):
        mine = {"image": sources[i], "strength": 0.99} if editing else {}
        rows = stack[[i, 3 + i]] if guidance > 1 else stack[[i]]
        single = run(alone, rows, [1 + i], guidance, **mine)
        np.testing.assert_allclose(together[i], single[0], atol=1e-4)
    # why our own preparation of embeddings is needed at all: when this fails, diffusers has mended it
    assert np.abs(run(alone, stack, [1, 2, 3], guidance, **whole) - together).max() > 1e-3


@pytest.mark.parametrize("name", BASES)
def test_a_taste_is_its_point_on_the_shell_and_a_negative_the_other_side(hands, name):
    hand, alone = hands[name], plain(hands[name].pipeline)
    mine, negatives = tastes(hand, 2), tastes(hand, 2, seed=1) * np.float32([[0], [1]])
    made = hand.generate(mine, seeds=[3, 4], strength=0.8, negatives=negatives, guidance=5.0)
    points = hand.shell.points(mine, 0.8)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), hand.shell.norm, rtol=1e-5)
    away = np.concatenate([np.zeros_like(points[:1]), hand.shell.points(negatives[1:])])
    for i in range(2):
        theirs = run(alone, np.stack([away[i], points[i]]), [3 + i], 5.0)[0]
        assert np.array_equal(np.round(theirs * 255), made[i].pixels)
    assert "negative" not in made[0].origin.details
    assert "negative" in made[1].origin.details


@pytest.mark.parametrize("name", ["sdxl", "sd15-lcm"])
def test_a_negative_shows_with_and_without_guidance(hands, name):
    hand, mine = hands[name], tastes(hands[name], 1)
    without = hand.generate(mine, seeds=[1])
    assert far(without, hand.generate(mine, seeds=[1], negatives=tastes(hand, 1, seed=2))) > 0.5
    assert far(without, hand.generate(mine, seeds=[1], negatives=0 * mine)) == 0


@pytest.mark.parametrize("name", BASES)
def test_at_adapter_0_a_taste_has_no_effect_at_all(hands, name):
    hand = make("generators", name, side=64, steps=2, adapter=0.0)
    made = hand.generate(tastes(hand, 2), seeds=[1, 1], prompts=["", ""])
    assert far(made[:1], made[1:]) == 0
    bare = from_folder(name)
    bare.scheduler = diffusers.EulerDiscreteScheduler.from_config(bare.scheduler.config)
    noise = torch.Generator().manual_seed(1)
    theirs = bare("", width=64, height=64, num_inference_steps=2, guidance_scale=hand.guidance, generator=noise)
    assert np.abs(np.asarray(theirs.images[0]).astype(int) - made[0].pixels).max() <= 1


@pytest.mark.parametrize("name", BASES)
def test_prompts_show_and_at_strength_0_they_are_alone(hands, name):
    hand, mine = hands[name], tastes(hands[name], 2)
    fox, rain = (hand.generate(mine[:1], seeds=[1], prompts=[words]) for words in ("a red fox", "rain"))
    assert far(fox, rain) > 0.1
    assert fox[0].origin.prompt == "a red fox"
    alone = hand.generate(mine, seeds=[1, 1], prompts=["a red fox"] * 2, strength=0.0)
    assert far(alone[:1], alone[1:]) == 0
    assert far(alone[:1], fox) > 0.1
    made = hand.generate(mine, seeds=[1, 1], prompts=["a red fox", ""])
    assert far(made[:1], fox) == 0
    assert far(made[1:], hand.generate(mine[1:], seeds=[1])) == 0


def test_without_text_encoders_the_picture_is_the_same_and_words_are_refused(hands):
    hand = make("generators", "sdxl", side=64, steps=2, prompts=False)
    assert not hand.accepts_prompts
    assert hand.pipeline.text_encoder_2 is hand.editor.text_encoder is None
    mine = tastes(hand, 1)
    assert far(hand.generate(mine, seeds=[1]), hands["sdxl"].generate(mine, seeds=[1])) == 0
    assert len(hand.edit(pictures(1), mine, seeds=[1])) == 1
    with pytest.raises(ValueError, match="without its text encoders"):
        hand.generate(mine, seeds=[1], prompts=["a fox"])


def test_a_batch_is_cut_where_prompts_begin_and_end(hands):
    hand = make("generators", "sdxl", side=64, steps=2, batch=3)
    mine, words = tastes(hand, 4), ["", "", "a fox", "rain"]
    made = hand.generate(mine, seeds=[1, 2, 3, 4], prompts=words)
    single = [hands["sdxl"].generate(mine[[i]], seeds=[i + 1], prompts=[words[i]])[0] for i in range(4)]
    assert np.abs(pixels(made) - pixels(single)).max() <= 1


def test_steps_are_told_one_by_one_and_a_picture_cut_short_is_dropped(hands):
    hand, mine, told = hands["sdxl"], tastes(hands["sdxl"], 2), []
    whole = hand.generate(mine, seeds=[1, 2], steps=3, progress=lambda done, of: told.append((done, of)) is None)
    assert told == [(k, 6) for k in range(1, 7)]
    told.clear()
    cut = hand.generate(mine, seeds=[1, 2], steps=3, progress=lambda done, of: told.append(done) or done < 5)
    assert told == [1, 2, 3, 4, 5]
    assert len(cut) == 1
    assert far(cut, whole[:1]) == 0
    assert far(hand.generate(mine, seeds=[1, 2], steps=3), whole) == 0


def test_sizes_guidance_and_steps_are_as_asked(hands):
    hand, mine = hands["sd15"], tastes(hands["sd15"], 1)
    assert [hand.generate(mine, seeds=[1], size=size)[0].size for size in ((70, 33), (16, 64))] == [(70, 33), (16, 64)]
    usual = hand.generate(mine, seeds=[1])
    assert far(usual, hand.generate(mine, seeds=[1], guidance=2.0)) > 0.1
    assert far(usual, hand.generate(mine, seeds=[1], steps=3)) > 0.1
    details = usual[0].origin.details
    assert (details["steps"], details["guidance"], details["adapter"]) == (2, hand.guidance, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASES)
def test_loaded_anew_the_picture_is_bit_equal_and_no_network_is_asked(hands, name, monkeypatch):
    def refuse(*_):
        raise AssertionError("a network was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    again, mine = make("generators", name, side=64, steps=2), tastes(hands[name], 2)
    assert far(again.generate(mine, seeds=[1, 2]), hands[name].generate(mine, seeds=[1, 2])) == 0


@pytest.mark.parametrize("name", ["sd15-lcm", pytest.param("sdxl-lightning", marks=pytest.mark.slow)])
def test_a_lora_is_in_the_weights(hands, name):
    hand, variant = hands[name], VARIANTS[name]
    bare = make("generators", variant.base, side=64).pipeline
    bare.scheduler = hand.pipeline.scheduler
    points = hand.shell.points(tastes(hand, 1))
    mine, without = run(hand.pipeline, points, [1], 1.0), run(bare, points, [1], 1.0)
    assert np.abs(mine - without).max() > 0.01
    bare.load_lora_weights(str(tiny.weights() / name), weight_name=variant.lora_file)
    np.testing.assert_allclose(run(bare, points, [1], 1.0), mine, atol=1e-4)


def test_few_step_variants_have_the_schedules_of_their_authors(hands):
    for name, kind, spacing in (
        ("sdxl-turbo", diffusers.EulerAncestralDiscreteScheduler, "trailing"),
        ("sdxl-lightning", diffusers.EulerDiscreteScheduler, "trailing"),
        ("sd15-lcm", diffusers.LCMScheduler, "leading"),
    ):
        scheduler = hands[name].pipeline.scheduler
        assert isinstance(scheduler, kind)
        assert scheduler.config.timestep_spacing == spacing
        assert hands[name].guidance == 1.0
        assert scheduler.config.beta_schedule == "scaled_linear"


@pytest.mark.parametrize("name", BASES)
def test_an_edit_is_plain_image_to_image_under_the_taste(hands, name):
    hand, alone, mine = hands[name], plain(hands[name].editor), tastes(hands[name], 1)
    source = pictures(1)
    made = hand.edit(source, mine, seeds=[7], amount=0.5, steps=6, guidance=3.0)
    embeds = np.concatenate([0 * mine, hand.shell.points(mine)]).astype(np.float32)
    image = torch.from_numpy(source[0].pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    share = (int(6 * 0.5 * MOST_NOISE) + 0.5) / 6
    theirs = run(alone, embeds, [7], 3.0, image=image, strength=share, num_inference_steps=6)[0]
    assert np.abs(np.round(theirs * 255) - made[0].pixels).max() <= 1
    assert made[0].origin.details["amount"] == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sdxl", "sd15-lcm"])
def test_amounts_go_from_the_picture_itself_to_little_of_it(hands, name):
    hand, source = hands[name], pictures(2)
    mine = tastes(hand, 2)
    same = hand.edit(source, mine, seeds=[1, 2], amount=0.0)
    assert far(same, source) == 0
    assert same[0].origin.generator == name
    # these random models cannot paint; so their picture of a picture is what an edit stays near
    vae, pipe = hand.pipeline.vae, hand.editor
    with torch.no_grad():
        image = pipe.image_processor.preprocess([each.pixels.astype(np.float32) / 255 for each in source])
        seen = vae.decode(vae.encode(image).latent_dist.mode()).sample
    seen = [Media.image(np.round(each * 255).astype(np.uint8)) for each in pipe.image_processor.postprocess(seen, "np")]
    shifts = [far(hand.edit(source, mine, seeds=[1, 2], amount=amount), seen) for amount in (0.02, 0.4, 1.0)]
    assert shifts[0] < 0.5 * shifts[1]
    assert shifts[1] < shifts[2]


def test_edits_keep_sizes_and_hear_tastes_words_and_seeds(hands):
    hand, mine = hands["sdxl"], tastes(hands["sdxl"], 2)
    for size in ((50, 70), (300, 100), (20, 30)):
        assert hand.edit(pictures(1, size), mine[:1], seeds=[1])[0].size == size
    source = pictures(1)
    usual = hand.edit(source, mine[:1], seeds=[1])
    for other in (
        hand.edit(source, mine[1:], seeds=[1]),
        hand.edit(source, mine[:1], seeds=[2]),
        hand.edit(source, mine[:1], seeds=[1], prompts=["in the snow"]),
        hand.edit(source, mine[:1], seeds=[1], negatives=mine[1:]),
    ):
        assert far(usual, other) > 0.05
    told = []
    hand.edit(pictures(2), mine, seeds=[1, 2], steps=10, progress=lambda done, of: told.append((done, of)) is None)
    assert told == [(k, 8) for k in range(1, 9)]


def test_what_cannot_be_edited_is_refused(hands):
    hand = hands["sd15"]
    with pytest.raises(ValueError, match="one by one; got 2 and 1"):
        hand.edit(pictures(2), tastes(hand, 1), seeds=[1])
    with pytest.raises(ValueError, match=r"amount must be in \[0, 1\]; got 1.5"):
        hand.edit(pictures(1), tastes(hand, 1), seeds=[1], amount=1.5)
    film = Media(np.zeros((4, 64, 64, 3), np.uint8), 8.0)
    with pytest.raises(ValueError, match="edits pictures; got a video"):
        hand.edit([film], tastes(hand, 1), seeds=[1])


@pytest.fixture
def of_my_own(tmp_path, monkeypatch):
    """Makes a checkpoint in one file, where of its base there is no more than the configuration."""

    def write(name):
        for each in ("shells", "ip-adapter-sdxl", "ip-adapter-sd15", "animatelcm"):
            (tmp_path / each).symlink_to(tiny.weights("animatelcm") / each)
        bare = shutil.ignore_patterns("*.safetensors")
        shutil.copytree(tiny.weights() / name, tmp_path / f"{name}-own", ignore=bare)
        mine = tmp_path / "dream.safetensors"
        one_file.write(from_folder(name), mine)
        monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
        return mine

    return write


@pytest.mark.parametrize("name", BASES)
def test_a_checkpoint_in_one_file_needs_no_weights_of_its_base(hands, of_my_own, name):
    hand = make("generators", f"{name}={of_my_own(name)}", side=64, steps=2)
    mine = tastes(hand, 1)
    made = hand.generate(mine, seeds=[1], prompts=["a red fox"])
    assert far(made, hands[name].generate(mine, seeds=[1], prompts=["a red fox"])) == 0
    assert made[0].origin.details["checkpoint"] == "dream.safetensors"
    source = pictures(1)
    assert far(hand.edit(source, mine, seeds=[1]), hands[name].edit(source, mine, seeds=[1])) == 0


@pytest.mark.slow
def test_a_checkpoint_in_one_file_moves(of_my_own):
    place = of_my_own("sd15")
    hand = make("generators", f"animatelcm={place}", side=64, steps=2, frames=4)
    assert hand.generate(tastes(hand, 1), seeds=[1])[0].kind == "video"


@pytest.mark.slow
def test_a_folder_of_my_own_in_the_layout_of_diffusers_is_a_checkpoint_too(hands, tmp_path):
    shutil.copytree(tiny.weights() / "sd15", tmp_path / "mine")
    hand = make("generators", f"sd15={tmp_path / 'mine'}", side=64, steps=2)
    mine = tastes(hand, 1)
    assert far(hand.generate(mine, seeds=[1]), hands["sd15"].generate(mine, seeds=[1])) == 0


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x04")
    with pytest.raises(BadData, match=r"only \.safetensors are loaded"):
        make("generators", f"sd15={tmp_path / 'old.ckpt'}")
    (tmp_path / "cut.safetensors").write_bytes(b"\x80\x04")
    with pytest.raises(BadData, match="cannot be read as sd15"):
        make("generators", f"sd15={tmp_path / 'cut.safetensors'}")
    other = tiny.weights() / "ip-adapter-sd15" / "models" / "ip-adapter_sd15.safetensors"
    with pytest.raises(BadData, match="cannot be read as sdxl"):
        make("generators", f"sdxl={other}")


@pytest.mark.slow
def test_two_threads_make_what_one_makes(hands):
    hand = hands["sdxl"]
    mine = tastes(hand, 4)
    wanted = [hand.generate(mine[[i]], seeds=[i], prompts=["a fox" if i % 2 else ""])[0] for i in range(4)]
    source = pictures(1)
    edited = hand.edit(source, mine[:1], seeds=[5])
    got = {}

    def work(i):
        got[i] = hand.generate(mine[[i]], seeds=[i], prompts=["a fox" if i % 2 else ""])[0]
        got["edit", i] = hand.edit(source, mine[:1], seeds=[5])[0]

    threads = [Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert far([got[i] for i in range(4)], wanted) == 0
    assert far([got["edit", i] for i in range(4)], edited * 4) == 0


def test_what_does_not_fit_is_said(hands, tmp_path):
    hand, mine = hands["sd15"], tastes(hands["sd15"], 2)
    for wrong, message in (
        ({"seeds": [1]}, "one seed and one prompt for each of 2 tastes; got 1"),
        ({"strength": 3.0}, r"strength must be in \[0, 2\]; got 3.0"),
        ({"negatives": mine[:1]}, "negatives go with tastes one by one"),
        ({"prompts": ["a"]}, "got 2 and 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"size": (8, 64)}, "from 16 to 4096"),
    ):
        with pytest.raises(ValueError, match=message):
            hand.generate(mine, **{"seeds": [1, 2], **wrong})
    with pytest.raises(ValueError, match="tastes must be finite, of shape"):
        hand.generate(np.full_like(mine, np.nan), seeds=[1, 2])
    with pytest.raises(ValueError, match="batch must be at least 1 and adapter"):
        make("generators", "sd15", adapter=3.0)
    with pytest.raises(ZahirError, match="no such file or folder"):
        make("generators", f"sd15={tmp_path / 'none'}")
    with pytest.raises(BadData, match="no StableDiffusionPipeline can be loaded"):
        make("generators", f"sd15={tmp_path}")


def test_weights_that_are_not_here_are_named_with_the_command(monkeypatch, tmp_path):
    (tmp_path / "shells").symlink_to(tiny.weights() / "shells")
    (tmp_path / "ip-adapter-sdxl").symlink_to(tiny.weights() / "ip-adapter-sdxl")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    with pytest.raises(ZahirError, match="zahir models get sdxl"):
        make("generators", "sdxl")


def test_an_adapter_of_another_width_is_refused(monkeypatch, tmp_path):
    for name in ("sd15", "shells"):
        (tmp_path / name).symlink_to(tiny.weights() / name)
    torch.manual_seed(0)
    tiny.ip_adapter(tiny.unet(32, False), 10, tmp_path / "ip-adapter-sd15" / "models" / "ip-adapter_sd15.safetensors")
    tiny.note(tmp_path / "ip-adapter-sd15" / "models", tiny.VIT_H)
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    with pytest.raises(BadData, match="it reads 10 numbers; its space has 48"):
        make("generators", "sd15")


@pytest.mark.slow
def test_the_whole_loop_runs_on_it(hands, tmp_path):
    tiny.weights("clip-bigg")
    encoder = clip_bigg()
    store, hand = Store(tmp_path), hands["sdxl"]
    user, first = store.add_user("anna"), hand.generate(tastes(hand, 4), seeds=range(4))
    ids = store.add_items(first, encoder.encode(first), space=encoder.space, made_for=user)
    for item, rating in zip(ids, (1.0, -1.0, 0.5, -0.5)):
        store.rate(user, item, rating, key=f"{item}")
    for k in range(2):
        ids = step(store, user, encoder=encoder, model=GaussianTaste(), generator=hand, n=2, seed=k, size=(64, 64))
        assert len(ids) == 2
        for item, rating in zip(ids, (1.0, -1.0)):
            store.rate(user, item, rating, key=f"{item}")
    kept = store.media(ids[0])
    assert (kept.origin.generator, kept.origin.space) == ("sdxl", tiny.BIGG)
    taste, seed, strength = kept.origin.taste[None], kept.origin.seed, kept.origin.strength
    again = hand.generate(taste, seeds=[seed], strength=strength, size=(64, 64))
    as_kept = read_image(io.BytesIO(to_bytes(again[0], "webp", quality=QUALITY)))
    assert np.array_equal(as_kept.pixels, kept.pixels)
    store.close()
