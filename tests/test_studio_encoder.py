"""The studio's encoder: unit rows that follow what is seen, not its size, its file or what it claims."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from zahir.media import Media, Origin
from zahir.studio import StudioEncoder, recipe
from zahir.studio.encoder import SIDE, square
from zahir.studio.genome import DIM, random
from zahir.studio.picture import render

GENOMES = random(np.random.default_rng(3), 6)


@pytest.fixture(scope="module")
def encoder():
    return StudioEncoder()


def made(number, width, height=None, *, tell=True):
    origin = Origin("studio", details=recipe.write(GENOMES[number], number)) if tell else Origin()
    return Media.image(render(GENOMES[number], number, width, height), origin)


def test_rows_are_unit_and_finite(encoder):
    rows = encoder.encode([made(k, 128) for k in range(6)])
    assert rows.shape == (6, encoder.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("pixels", [np.zeros((1, 1, 3), np.uint8), np.full((3, 700, 3), 255, np.uint8)])
def test_any_picture_has_an_embedding(encoder, pixels):
    row = encoder.encode([Media.image(pixels)])
    np.testing.assert_allclose(np.linalg.norm(row), 1, atol=1e-5)


def test_a_batch_is_its_pictures_one_by_one(encoder):
    media = [made(k % 6, 96 + 8 * k, tell=bool(k % 2)) for k in range(9)]
    together = encoder.encode(media)
    alone = np.concatenate([encoder.encode([each]) for each in media])
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_size_and_file_format_do_not_move_the_studio_s_own(encoder):
    sizes = [(128, 128), (512, 512), (200, 200), (480, 360)]
    for number in range(2):
        rows = encoder.encode([made(number, *size) for size in sizes])
        buffer = io.BytesIO()
        Image.fromarray(made(number, 512).pixels).save(buffer, "JPEG", quality=60)
        squeezed = Media.image(np.array(Image.open(buffer)), made(number, 128).origin)
        rows = np.concatenate([rows, encoder.encode([squeezed])])
        assert (rows @ rows[0]).min() >= 0.98


def test_pixels_alone_come_close_too(encoder):
    told = encoder.encode([made(k, 128) for k in range(6)])
    alone = encoder.encode([made(k, 320, tell=False) for k in range(6)])
    same = np.sum(told * alone, axis=1)
    other = (told @ alone.T)[~np.eye(6, dtype=bool)]
    assert same.mean() > 0.8
    assert same.min() > other.max()


def test_an_origin_that_does_not_fit_its_pixels_is_not_believed(encoder):
    honest = made(0, 128, tell=False)
    lie = Media.image(honest.pixels, Origin("studio", details=recipe.write(GENOMES[1], 1)))
    broken = [
        Media.image(honest.pixels, Origin("studio", details=details))
        for details in ({}, {"genome": "??", "seed": 1}, {"genome": "AAAA", "seed": -1}, {"genome": None, "seed": 0})
    ]
    rows = encoder.encode([honest, lie, *broken])
    np.testing.assert_allclose(rows, np.repeat(rows[:1], len(rows), axis=0), atol=2e-5)


def test_a_recipe_survives_its_origin_s_json():
    origin = Origin("studio", details=recipe.write(GENOMES[2], 2**40))
    genome, seed = recipe.read(Origin.from_json(origin.to_json()))
    np.testing.assert_array_equal(genome, GENOMES[2])
    assert seed == 2**40
    assert genome.shape == (DIM,)


def test_parts_of_one_photograph_are_nearer_than_another(encoder):
    china, flower = load_sample_images().images
    parts = [photo[:, left : left + 420] for photo in (china, flower) for left in (60, 120, 180)]
    rows = encoder.encode([Media.image(np.ascontiguousarray(part)) for part in parts])
    alike = rows @ rows.T
    within = [alike[0, 1], alike[1, 2], alike[3, 4], alike[4, 5]]
    assert min(within) > alike[:3, 3:].max() + 0.2


def test_a_video_goes_by_its_middle_frame(encoder):
    frames = np.stack([made(k, 64).pixels for k in range(3)])
    rows = encoder.encode([Media(frames, 12.0), Media.image(frames[1])])
    np.testing.assert_allclose(rows[0], rows[1], atol=2e-5)


def test_the_middle_square_is_what_is_looked_at():
    wide = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    wide[:, SIDE : 2 * SIDE] = 200
    assert np.all(square(wide) == 200)
    assert square(np.zeros((50, 30, 3), np.uint8)).shape == (SIDE, SIDE, 3)


def test_wrong_pixels_are_named(encoder):
    with pytest.raises(ValueError, match=r"uint8 \(n, 128, 128, 3\); got float64 \(1, 128, 128, 3\)"):
        encoder.encode_pixels(np.zeros((1, 128, 128, 3)))
