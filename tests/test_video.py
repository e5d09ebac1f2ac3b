"""AnimateDiff and AnimateLCM with an image adapter, on tiny models of the true classes, beside plain diffusers."""

import io
from threading import Thread

import diffusers
import numpy as np
import pytest
import tiny
import torch

from zahir.encode.clip import clip_h
from zahir.generate.video import FPS, FRAMES, turned
from zahir.loop import step
from zahir.media import Media, read_video, to_bytes
from zahir.plugins import make
from zahir.protocols import Edits, Generator
from zahir.space import normalize
from zahir.store import Store
from zahir.taste.gaussian import GaussianTaste
from zahir.testing import check_generator

WEIGHTS = ("sd15", "ip-adapter-sd15", "animatediff", "animatelcm", "sd15-lcm")
FEW = 4  # frames, where two seconds of them tell no more


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(tiny.weights(*WEIGHTS)))
    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")


@pytest.fixture(scope="module")
def hands():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZAHIR_MODELS", str(tiny.weights(*WEIGHTS)))
        patch.setenv("ZAHIR_DEVICE", "cpu")
        names = ("animatediff", "animatelcm")
        yield {name: make("generators", name, side=64, steps=2, frames=FEW) for name in names}


def tastes(hand, n=3, seed=0):
    return normalize(np.random.default_rng(seed).standard_normal((n, hand.shell.dim)))


def frames(media):
    return np.stack([each.frames for each in media]).astype(int)


def far(a, b):
    return np.abs(frames(a) - frames(b)).mean()


def run(pipeline, embeds, seeds, guidance, **more):
    """Float pixels of a pipeline of diffusers: (n, frames, height, width, 3)."""
    noise = [torch.Generator().manual_seed(seed) for seed in seeds]
    call = {"num_inference_steps": 2, "guidance_scale": guidance, "output_type": "np", "generator": noise} | more
    call |= {"width": 64, "height": 64} | ({} if "video" in call else {"num_frames": call.get("num_frames", FEW)})
    rows = torch.from_numpy(embeds[:, None].astype(np.float32))
    return np.asarray(pipeline(prompt=[""] * len(seeds), ip_adapter_image_embeds=[rows], **call).frames)


def film(count=6, fps=6.0, size=(64, 64)):
    rng = np.random.default_rng(3)
    return Media(rng.integers(0, 256, (count, size[1], size[0], 3)).astype(np.uint8), fps)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["animatediff", "animatelcm"])
def test_the_contract_holds(hands, name):
    hand = hands[name]
    check_generator(hand, dim=hand.shell.dim)
    assert isinstance(hand, Generator)
    assert isinstance(hand, Edits)
    assert (hand.space, hand.kind, hand.accepts_prompts) == (tiny.VIT_H, "video", True)


def test_two_seconds_are_made_and_written(hands):
    hand = make("generators", "animatelcm", side=64, steps=1)
    made = hand.generate(tastes(hand, 1), seeds=[1], size=(40, 32))[0]
    assert (len(made.frames), made.fps, made.size) == (FRAMES, FPS, (40, 32))
    assert len(made.frames) / made.fps == 2.0
    assert np.abs(np.diff(made.frames.astype(int), axis=0)).mean() > 1
    for kind in ("webm", "mp4"):
        again = read_video(io.BytesIO(to_bytes(made, kind)))
        assert (len(again.frames), again.fps, again.size) == (FRAMES, FPS, (40, 32))


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("editing", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_each_of_a_batch_is_as_if_made_alone(hands, guidance, editing):
    hand = hands["animatediff"]
    ours = hand.editor if editing else hand.pipeline
    alone = type(ours).__mro__[2](**ours.components)
    alone.set_progress_bar_config(disable=True)
    points, away = hand.shell.points(tastes(hand, 2)), hand.shell.points(tastes(hand, 2, seed=1)) * [[1], [0]]
    stack = np.concatenate([away, points] if guidance > 1 else [points])
    sources = [torch.rand(FEW, 3, 64, 64, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    whole = {"video": torch.stack(sources), "strength": 0.99} if editing else {}
    together = run(ours, stack, [1, 2], guidance, **whole)
    for i in range(2):
        mine = {"video": sources[i][None], "strength": 0.99} if editing else {}
        single = run(alone, stack[[i, 2 + i]] if guidance > 1 else stack[[i]], [1 + i], guidance, **mine)
        np.testing.assert_allclose(together[i], single[0], atol=1e-4)
    # as with pictures: when this fails, diffusers has mended it
    assert np.abs(run(alone, stack, [1, 2], guidance, **whole) - together).max() > 1e-3


def test_different_people_in_one_batch_get_what_they_get_alone(hands):
    together, hand = make("generators", "animatelcm", side=64, steps=2, frames=FEW, batch=2), hands["animatelcm"]
    mine, negatives = tastes(hand, 2), tastes(hand, 2, seed=1) * np.float32([[1], [0]])
    made = together.generate(mine, seeds=[1, 2], negatives=negatives)
    single = [hand.generate(mine[[i]], seeds=[1 + i], negatives=negatives[[i]])[0] for i in range(2)]
    assert np.abs(frames(made) - frames(single)).max() <= 1
    assert far(single[:1], hand.generate(mine[:1], seeds=[1])) > 0.1


def test_without_turning_it_is_plain_animatediff(hands):
    hand = make("generators", "animatediff", side=64, steps=2, frames=FEW, loop=False)
    mine = tastes(hand, 1)
    made = hand.generate(mine, seeds=[3], guidance=4.0)
    alone = type(hand.pipeline).__mro__[2](**hand.pipeline.components)
    theirs = run(alone, np.concatenate([0 * mine, hand.shell.points(mine)]), [3], 4.0)
    assert np.abs(np.round(theirs * 255) - made[0].frames).max() <= 1


def test_frames_turn_and_come_back(hands):
    """Where nothing moves each frame is its own picture, so that turning them must change nothing."""
    hand = make("generators", "animatediff", side=64, steps=3, frames=FEW)
    for name, values in hand.pipeline.unet.named_parameters():
        if "motion_modules" in name and "proj_out" in name:
            torch.nn.init.zeros_(values)
    mine = tastes(hand, 1)
    turning = hand.generate(mine, seeds=[1])
    hand.loop = False
    assert np.abs(frames(turning) - frames(hand.generate(mine, seeds=[1]))).max() <= 1
    for of in (1, 2, 6, 25):
        shifts = [turned(done, of, FRAMES) for done in range(of + 1)]
        assert shifts[0] == shifts[-1] == 0
        assert len(set(shifts)) >= min(of, 11)
        assert all(0 <= shift < FRAMES for shift in shifts)


@pytest.mark.slow
def test_turning_makes_it_matter_less_which_frame_is_the_first(hands):
    """A loop has no first frame: from noise that begins elsewhere the same frames should come, beginning elsewhere."""
    hand, steps = make("generators", "animatediff", side=64, frames=8), 8
    mine = tastes(hand, 1)
    embeds = np.concatenate([0 * mine, hand.shell.points(mine)])

    def made(noise):
        return run(
            hand.pipeline, embeds, [1], 2.0, latents=noise.clone(), num_frames=8, num_inference_steps=steps,
            callback_on_step_end=lambda _, done, __, tensors: hand._between(tensors, done + 1, steps),
        )[0]  # fmt: skip

    noise = torch.randn(1, 4, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    off = {}
    for hand.loop in (True, False):
        first = made(noise)
        off[hand.loop] = np.mean([np.abs(np.roll(first, k, 0) - made(noise.roll(k, 2))).mean() for k in (2, 4, 6)])
    assert off[True] < 0.8 * off[False]


@pytest.mark.slow
def test_a_lora_is_in_the_weights(hands):
    hand = hands["animatelcm"]
    bare = make("generators", "animatediff", side=64).pipeline
    bare.scheduler = hand.pipeline.scheduler
    points = hand.shell.points(tastes(hand, 1))
    # the motions are of two random models, so one is given the other's
    bare.unet.load_state_dict({**bare.unet.state_dict(), **_motion(hand.pipeline.unet)})
    mine, without = run(hand.pipeline, points, [1], 1.0), run(bare, points, [1], 1.0)
    assert np.abs(mine - without).max() > 0.01
    bare.load_lora_weights(
        str(tiny.weights() / "animatelcm"), weight_name="AnimateLCM_sd15_t2v_lora.safetensors", adapter_name="lcm"
    )
    bare.set_adapters(["lcm"], [0.8])
    np.testing.assert_allclose(run(bare, points, [1], 1.0), mine, atol=1e-4)


def _motion(unet):
    return {name: values for name, values in unet.state_dict().items() if "motion_modules" in name}


def test_schedules_are_those_of_the_authors(hands):
    for name, kind in (("animatediff", diffusers.EulerDiscreteScheduler), ("animatelcm", diffusers.LCMScheduler)):
        assert isinstance(hands[name].pipeline.scheduler, kind)
        assert hands[name].pipeline.scheduler.config.beta_schedule == "linear"


def test_a_film_and_a_picture_are_moved_towards_a_taste(hands):
    hand, mine = hands["animatelcm"], tastes(hands["animatelcm"], 2)
    source = film(6, 6.0, (50, 70))
    made = hand.edit([source, film(1, None)], mine, seeds=[1, 2], steps=4)
    assert (made[0].frames.shape, made[0].fps) == ((FEW, 70, 50, 3), 4.0)
    assert (made[1].frames.shape, made[1].fps) == ((FEW, 64, 64, 3), FPS)
    assert len(source.frames) / source.fps == len(made[0].frames) / made[0].fps
    assert far(made[:1], hand.edit([source], mine[1:], seeds=[1], steps=4)) > 0.05
    same = hand.edit([source], mine[:1], seeds=[1], amount=0.0)[0]
    assert np.array_equal(same.frames, source.frames)
    assert same.fps == source.fps


def test_cancelled_after_three_steps_what_was_whole_stays(hands):
    hand, mine, told = hands["animatediff"], tastes(hands["animatediff"], 2), []
    whole = hand.generate(mine, seeds=[1, 2], progress=lambda done, of: told.append((done, of)) is None)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    cut = hand.generate(mine, seeds=[1, 2], progress=lambda done, of: done < 3)
    assert len(cut) == 1
    assert far(cut, whole[:1]) == 0
    assert far(hand.generate(mine, seeds=[1, 2]), whole) == 0


def test_a_length_that_the_motion_does_not_know_is_refused():
    with pytest.raises(ValueError, match="frames must be from 2 to 32, the most that this motion knows; got 33"):
        make("generators", "animatediff", frames=33)


@pytest.mark.slow
def test_two_threads_make_what_one_makes(hands):
    hand = hands["animatelcm"]
    mine = tastes(hand, 3)
    wanted = [hand.generate(mine[[i]], seeds=[i])[0] for i in range(3)]
    got = {}
    threads = [Thread(target=lambda i=i: got.update({i: hand.generate(mine[[i]], seeds=[i])[0]})) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert far([got[i] for i in range(3)], wanted) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["middle", "all"])
def test_the_whole_loop_runs_on_it(hands, tmp_path, seen):
    tiny.weights("clip-h")
    encoder, hand, store = clip_h(frames=seen), hands["animatelcm"], Store(tmp_path)
    user, first = store.add_user("anna"), hand.generate(tastes(hand, 2), seeds=[1, 2])
    ids = store.add_items(first, encoder.encode(first), space=encoder.space, made_for=user)
    for item, rating in zip(ids, (1.0, -1.0)):
        store.rate(user, item, rating, key=f"{item}")
    ids = step(store, user, encoder=encoder, model=GaussianTaste(), generator=hand, n=2, seed=1)
    kept = store.media(ids[0])
    assert (kept.kind, kept.origin.generator, len(kept.frames)) == ("video", "animatelcm", FEW)
    assert store.vectors(encoder.space).shape == (4, hand.shell.dim)
    store.close()
