"""Geometry of the unit sphere, against angles worked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir.space import cosine, normalize, rotate, slerp


def unit(rng, n, dim):
    return normalize(rng.standard_normal((n, dim)))


def test_normalize_keeps_zero_and_direction():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((5, 7)) * np.array([[1e-3], [1], [10], [1e6], [0]])
    out = normalize(rows)
    assert_allclose(np.linalg.norm(out, axis=1), [1, 1, 1, 1, 0], atol=1e-6)
    assert (np.sum(out[:4] * rows[:4], axis=1) > 0).all()


def test_cosine_is_the_dot_of_unit_rows():
    assert_allclose(cosine(np.array([[2.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])), [[np.sqrt(0.5), 0]], atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2])
def test_rotate_turns_by_the_angle(angle):
    rng = np.random.default_rng(1)
    a, b = unit(rng, 4, 16), unit(rng, 4, 16)
    assert_allclose(np.arccos(np.clip(np.sum(a * rotate(a, b, angle), axis=1), -1, 1)), angle, atol=1e-3)


def test_slerp_passes_through_the_middle_and_ends():
    a, b = np.float32([1, 0, 0]), np.float32([0, 1, 0])
    assert_allclose(slerp(a, b, np.float64([0, 0.5, 1])), [[1, 0, 0], [0.5**0.5, 0.5**0.5, 0], [0, 1, 0]], atol=1e-6)
    assert_allclose(slerp(a, -a, np.float64([0, 1])), [a, -a], atol=1e-6)
    assert_allclose(slerp(a, a, np.float64([0.3])), [a], atol=1e-6)
