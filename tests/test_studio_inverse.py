"""From embeddings back to pictures: near the target, different each time, the same for the same seed."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from zahir.errors import BadData, SpaceMismatch
from zahir.media import Origin
from zahir.studio import StudioEncoder, StudioGenerator, remake
from zahir.studio.calibration import calibration, embeddings, space
from zahir.studio.genome import DIM, random
from zahir.studio.inverse import Inverse, aim, climb
from zahir.studio.picture import FAMILIES

HELD_OUT = np.random.default_rng([1, 1])  # the stream of runs/train_studio.py that training never sees


@pytest.fixture(scope="module")
def generator():
    return StudioGenerator()


@pytest.fixture(scope="module")
def targets(generator):
    genomes = random(HELD_OUT, 1000)[:10]
    return generator.look(genomes, HELD_OUT.integers(2**31, size=1000)[:10])


def test_the_best_of_six_is_near_its_target_and_chance_is_not(generator, targets):
    media = generator.generate(targets, seeds=range(10), size=(64, 64))
    rows = generator.encoder.encode(media)
    points = aim(targets)
    near = np.sum(rows * points, axis=1)
    other = rows @ np.roll(points, 1, axis=0).T
    assert near.mean() >= 0.4
    assert near.mean() > other[~np.eye(10, dtype=bool)].mean() + 0.25
    np.testing.assert_allclose(near, [each.origin.details["cosine"] for each in media], atol=1e-3)


def test_a_search_comes_nearer(generator, targets):
    def cosines(search):
        maker = StudioGenerator(generator.encoder, generator.inverse, search=search)
        media = maker.generate(targets[:3], seeds=[1, 2, 3], size=(32, 32))
        return np.array([each.origin.details["cosine"] for each in media])

    without, searched = cosines(0), cosines(2)
    assert np.all(searched >= without)
    assert searched.mean() > without.mean() + 0.01


def test_strength_leads_from_the_average_to_the_taste(generator, targets):
    means = []
    for strength in (0.0, 1.0, 2.0):
        media = generator.generate(targets, seeds=range(10), strength=strength, size=(32, 32))
        means.append(np.mean([each.origin.details["cosine"] for each in media]))
    assert means[0] < 0.2 < means[1] < means[2]


def test_a_negative_is_led_away_from(generator, targets):
    plain = generator.generate(targets[:4], seeds=range(4), size=(32, 32))
    negatives = targets[1:5]
    steered = generator.generate(targets[:4], seeds=range(4), negatives=negatives, size=(32, 32))
    towards = [np.sum(generator.encoder.encode(media) * negatives, axis=1).mean() for media in (plain, steered)]
    assert towards[1] < towards[0] - 0.05
    without = generator.generate(targets[:2], seeds=[0, 1], negatives=np.zeros_like(targets[:2]), size=(32, 32))
    np.testing.assert_array_equal(without[1].pixels, plain[1].pixels)


def test_an_item_depends_on_its_row_and_seed_alone(generator, targets):
    batch = generator.generate(targets[:3], seeds=[7, 8, 7], size=(48, 64))
    alone = generator.generate(targets[1:2], seeds=[8], size=(48, 64))[0]
    np.testing.assert_array_equal(batch[1].frames, alone.frames)
    assert batch[1].origin.to_json() == alone.origin.to_json()
    assert alone.size == (48, 64)
    again = generator.generate(targets[:1], seeds=[8], size=(48, 64))[0]
    assert np.mean(again.pixels != batch[0].pixels) > 0.5, "another seed is another picture"


def test_progress_is_told_and_can_cancel(generator, targets):
    calls = []
    media = generator.generate(
        targets[:3], seeds=[1, 2, 3], size=(32, 32), progress=lambda done, of: calls.append((done, of)) or done < 2
    )
    assert calls == [(1, 3), (2, 3)]
    assert len(media) == 2


def test_a_picture_can_be_made_again_at_any_size(generator, targets):
    media = generator.generate(targets[:1], seeds=[5], size=(96, 96))[0]
    kept = Origin.from_json(media.origin.to_json())
    np.testing.assert_array_equal(remake(kept, (96, 96)).pixels, media.pixels)
    assert remake(kept, (160, 90)).size == (160, 90)
    assert kept.details["alt"]
    assert kept.details["family"] in FAMILIES
    np.testing.assert_array_equal(kept.taste, targets[0])


def test_videos_are_loops_around_the_picture(generator, targets):
    media = StudioGenerator(generator.encoder, generator.inverse, kind="video").generate(
        targets[:1], seeds=[5], size=(32, 48)
    )[0]
    assert media.kind == "video"
    assert media.size == (32, 48)
    np.testing.assert_array_equal(remake(media.origin, (32, 48)).frames, media.frames)
    assert generator.encoder.encode([media])[0] @ targets[0] > 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "kandinsky"}, "made by 'kandinsky'"),
        ({"details": {}}, "seed is None"),
        ({"details": {"genome": "AAAA", "seed": True}}, "seed is True"),
        ({"details": {"genome": "AAAA", "seed": 2**70}}, "seed is 1180591620717411303424"),
        ({"details": {"genome": "not base64", "seed": 1}}, "not base64: 'not base64'"),
        ({"details": {"genome": "ü", "seed": 1}}, "not base64"),
        ({"details": {"genome": "AAAA", "seed": 1}}, rf"3 bytes; expected {4 * DIM}"),
    ],
)
def test_hostile_origins_are_refused(change, message):
    origin = replace(Origin("studio"), **change)
    with pytest.raises(BadData, match=message):
        remake(origin, (32, 32))


def test_genomes_that_are_not_finite_are_refused():
    from zahir.studio import recipe

    details = recipe.write(np.full(DIM, np.nan, np.float32), 1)
    with pytest.raises(BadData, match="not finite"):
        remake(Origin("studio", details=details), (32, 32))


def test_wrong_arguments_are_named(generator, targets):
    one = targets[:1]
    for arguments, message in [
        ({"prompts": ["a boat"]}, "understands no prompts"),
        ({"strength": 2.5}, r"strength must be in \[0, 2\]; got 2.5"),
        ({"size": (4, 4)}, "from 16 to 4096 pixels"),
        ({"seeds": [1, 2]}, "one by one; got 2"),
        ({"negatives": targets[:2]}, r"got 1 and \(2, "),
    ]:
        with pytest.raises(ValueError, match=message):
            generator.generate(one, **{"seeds": [1], **arguments})
    with pytest.raises(ValueError, match=r"tastes must be finite, of shape \(n, 256\)"):
        generator.generate(np.full((1, 256), np.nan, np.float32), seeds=[1])
    with pytest.raises(ValueError, match=r"embedding must have shape \(256,\)"):
        generator.inverse.sample(np.zeros(8, np.float32), 1, rng=np.random.default_rng(0))


def test_an_inverse_of_another_space_is_refused(generator, tmp_path):
    other = tmp_path / "encoder.onnx"
    other.write_bytes(generator.encoder.weights.read_bytes() + b"\0")
    with pytest.raises(SpaceMismatch):
        StudioGenerator(StudioEncoder(other), Inverse())


def test_without_guidance_genomes_are_what_genomes_are():
    inverse, rng = Inverse(), np.random.default_rng(0)
    a, b = rng.standard_normal((2, 256)).astype(np.float32)
    first = inverse.sample(a, 64, rng=np.random.default_rng(1), guidance=0.0)
    np.testing.assert_array_equal(first, inverse.sample(b, 64, rng=np.random.default_rng(1), guidance=0.0))
    assert np.abs(first.mean(axis=0)).max() < 0.55
    assert abs(first.std() - 1) < 0.1


def test_climbing_finds_a_planted_genome():
    rng = np.random.default_rng(4)
    goal = rng.standard_normal(12).astype(np.float32)

    def judge(genomes, seeds):
        return -np.linalg.norm(genomes - goal, axis=1)

    start = rng.standard_normal((4, 12)).astype(np.float32)
    seeds = np.arange(4)
    judged = judge(start, seeds)
    _, _, value = climb(start, seeds, judged, judge, rng=rng, generations=40)
    assert value > 0.5 * judged.max()
    kept = climb(start, seeds, judged, judge, rng=rng, generations=0)
    np.testing.assert_array_equal(kept[0], start[judged.argmax()])
    assert kept[1:] == (judged.argmax(), judged.max())


def test_calibration_spans_the_space(generator):
    media, rows = calibration(), embeddings()
    assert len(media) == len(rows) == 48
    assert space() == generator.space == media[0].origin.space
    families = Counter(each.origin.details["family"] for each in media)
    assert set(families) == set(FAMILIES)
    assert all(each.origin.details["alt"] for each in media)
    np.testing.assert_allclose(np.sum(generator.encoder.encode(media[:12]) * rows[:12], axis=1), 1, atol=0.02)
    rng = np.random.default_rng(0)
    some = generator.look(random(rng, 48), np.arange(48))

    def closest(vectors):
        return (vectors @ vectors.T - 2 * np.eye(len(vectors))).max(axis=1).mean()

    assert closest(rows) < closest(some) - 0.1
    assert closest(rows[:12]) < closest(some[:12])


def test_the_first_screen_needs_no_compiler():
    code = (
        "import sys; from zahir.studio.calibration import calibration; from zahir.studio import StudioGenerator;"
        "calibration(); print('numba' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
