"""Tone and colour of photographs: identity at neutral, light as physics has it, curves that rise, no halos."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from zahir.enhance.tone import LIMITS, NEUTRAL, Settings, apply, curve
from zahir.oklab import oklab

NAMES = Settings._fields


def anything(dtype, shape=(23, 31, 3), seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def linear(pixels):
    """sRGB to light, by the standard's two formulas."""
    x = pixels / np.iinfo(pixels.dtype).max
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def any_settings():
    return st.tuples(*(st.floats(-limit, limit) for limit in LIMITS)).map(lambda values: Settings(*values))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_neutral_is_the_identity_bit_for_bit(dtype):
    pixels = anything(dtype)
    made = apply(pixels, NEUTRAL)
    assert np.array_equal(made, pixels)
    assert made is not pixels


@pytest.mark.parametrize("name", NAMES)
def test_next_to_nothing_changes_next_to_nothing_at_16_bits(name):
    pixels = anything(np.uint16, (40, 40, 3))
    made = apply(pixels, NEUTRAL._replace(**{name: 1e-7}))
    assert np.abs(made.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_every_setting_does_something_and_keeps_shape_and_depth(name, sign):
    pixels = anything(np.uint8)
    made = apply(pixels, NEUTRAL._replace(**{name: 0.5 * sign}))
    assert made.shape == pixels.shape
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - pixels).mean() > 0.3


def test_a_stop_less_is_half_the_light_in_every_channel():
    pixels = anything(np.uint16)
    made = linear(apply(pixels, Settings(exposure=-1)))
    assert np.abs(made - linear(pixels) / 2).max() < 2e-5


def test_a_stop_more_is_twice_the_light_up_to_the_shoulder_and_keeps_hue_above_it():
    pixels = (anything(np.uint16, (60, 60, 3)) * 0.55).astype(np.uint16)
    made, light = linear(apply(pixels, Settings(exposure=1))), oklab(pixels)[..., 0]
    low = light < 0.45
    assert low.sum() > 100
    assert np.abs(made - 2 * linear(pixels))[low].max() < 1e-4
    before, after = oklab(pixels), oklab(apply(pixels, Settings(exposure=1)))
    inside = made.max(-1) < 0.98  # of those that stay in gamut
    turned = np.angle(np.exp(1j * (_hue(after) - _hue(before))))[inside & (np.hypot(*before.T[1:]).T > 0.03)]
    assert np.abs(turned).max() < 0.01


def test_whites_stay_white_and_blacks_black_whatever_the_light():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    for told in (Settings(exposure=2), Settings(contrast=1), Settings(temperature=1, tint=-1), Settings(saturation=1)):
        assert np.abs(apply(ends, told).astype(int) - ends).max() <= 1, told


def test_warmer_has_more_red_than_blue_and_magenta_less_green():
    grey = np.full((4, 4, 3), 128, np.uint8)
    red, green, blue = apply(grey, Settings(temperature=0.5))[0, 0].astype(int)
    assert red > green > blue
    red, green, blue = apply(grey, Settings(tint=0.5))[0, 0].astype(int)
    assert min(red, blue) > green


def test_no_saturation_is_grey():
    made = apply(anything(np.uint8), Settings(saturation=-1)).astype(int)
    assert np.ptp(made, axis=-1).max() <= 1


@given(any_settings())
@settings(max_examples=200, deadline=None)
def test_the_curve_rises_everywhere_within_the_scale(told):
    y = curve(np.linspace(0, 1, 2001), told)
    assert np.diff(y).min() > 0
    assert y.min() >= 0
    assert y.max() <= 1 + 1e-9


@given(any_settings(), st.integers(0, 10**6), st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=40, deadline=None)
def test_any_settings_on_any_pixels_give_pixels(told, seed, dtype):
    pixels = anything(dtype, (9, 7, 3), seed)
    made = apply(pixels, told)
    assert made.shape == pixels.shape
    assert made.dtype == dtype
    again = apply(pixels, told)
    assert np.array_equal(made, again)


def test_a_ramp_of_16_bits_keeps_its_shades():
    ramp = np.repeat(np.linspace(0, 65535, 4096).astype(np.uint16)[None, :, None], 3, axis=2)
    made = apply(ramp, Settings(exposure=0.7, contrast=0.8, blacks=-0.5, whites=0.4))[0, :, 0].astype(int)
    steps = np.diff(made)
    assert steps.min() >= 0
    assert len(np.unique(made)) > 3900
    assert steps.max() < 80  # 16 in the mean


def test_clarity_gives_an_edge_no_halo_but_brings_out_texture():
    rng = np.random.default_rng(0)
    flat = np.where(np.arange(240) < 120, 0.35, 0.75) * np.ones((120, 1))
    texture = 0.02 * gaussian_filter(rng.standard_normal(flat.shape), 1.0) / 0.28
    for light, check in ((flat, "halo"), (flat + texture, "texture")):
        grey = np.rint(65535 * _encoded(light**3)).astype(np.uint16)[..., None].repeat(3, -1)
        made = oklab(apply(grey, Settings(clarity=1)))[..., 0]
        if check == "halo":
            unsharp = light + 1.2 * (light - gaussian_filter(light, 4.8)) * 4 * light * (1 - light)
            assert np.abs(unsharp - light).max() > 0.15
            assert np.abs(made - light).max() < 0.02
        else:
            left = slice(0, 100)
            assert made[:, left].std() > 1.6 * light[:, left].std()


def test_a_preview_looks_like_the_full_picture():
    rng = np.random.default_rng(2)
    full = gaussian_filter(rng.standard_normal((600, 800, 3)), (9, 9, 0))
    full = np.clip(128 + 900 * full, 0, 255).astype(np.uint8)
    told = Settings(exposure=0.5, contrast=0.4, clarity=0.8, vibrance=0.5, shadows_yellow=-0.5)
    small = np.asarray(Image.fromarray(full).resize((200, 150), Image.Resampling.BOX))
    made = np.asarray(Image.fromarray(apply(full, told)).resize((200, 150), Image.Resampling.BOX))
    assert np.abs(apply(small, told).astype(int) - made).mean() < 2.0


def test_bands_do_not_show(monkeypatch):
    pixels, told = anything(np.uint8, (64, 48, 3)), Settings(exposure=0.4, clarity=0.5, temperature=0.3)
    whole = apply(pixels, told)
    monkeypatch.setattr("zahir.enhance.tone._BAND", 100)
    assert np.array_equal(apply(pixels, told), whole)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_other_pixels_are_refused(pixels, unchecked):
    with pytest.raises(ValueError, match=r"pixels must be \(height, width, 3\) of uint8 or uint16; got"):
        apply(pixels, NEUTRAL)


@pytest.mark.parametrize("value", [1.1, -1.1, float("nan"), float("inf")])
def test_settings_out_of_their_limits_are_refused(value):
    with pytest.raises(ValueError, match=r"contrast must be in \[-1, 1\]; got"):
        apply(anything(np.uint8), Settings(contrast=value))


def _hue(lab):
    return np.arctan2(lab[..., 2], lab[..., 1])


def _encoded(light):
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
