"""Tone and colour of a photograph: thirteen settings, neutral at zero, and what they do to its pixels.

Knows nothing of files, people or tastes. Everything happens in OKLab (Ottosson 2020) and in the linear light below
it: there a stop of exposure multiplies lightness and both colour axes by one number, so that hue stays where it is;
a change of the light's colour is von Kries' multiplication of three cone-like channels; and a step of lightness looks
the same in the shadows and in the lights, so that one curve serves both. Every part of the tone curve has a slope
above zero everywhere and maps [0, 1] into itself: nothing is clipped, no two tones change places. What leaves the
gamut by its colour is brought back along a line to the grey of its own luminance.

Numbers are read as sRGB's, whatever profile a photograph has and keeps: its neutrals stay neutral.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from PIL import Image
from scipy.ndimage import uniform_filter

from zahir.oklab import LAB, LMS, linear_light

Pixels = UInt8[np.ndarray, "height width 3"] | UInt16[np.ndarray, "height width 3"]

PIVOT = 0.5642  # lightness of the 18 % grey card: contrast turns around it
KNEE = 0.6  # lightness from which more exposure is rolled off towards white
LEAST = 1e-4  # lightness below which a pixel has no colour worth scaling
_BAND = 1 << 20  # pixels developed at once
_LOCAL = 512  # side of the picture on which clarity tells texture from edges


class Settings(NamedTuple):
    """What to do to a photograph; 0 does nothing. Exposure is in stops within [-2, 2], all others are in [-1, 1]."""

    exposure: float = 0.0
    contrast: float = 0.0
    blacks: float = 0.0  # below 0 deeper, above 0 lifted to a matt grey
    whites: float = 0.0  # above 0 brighter, below 0 dimmed like paper
    temperature: float = 0.0  # above 0 warmer
    tint: float = 0.0  # above 0 towards magenta, below 0 towards green
    saturation: float = 0.0  # -1 is black and white
    vibrance: float = 0.0  # saturation of muted colours, while full ones stay
    clarity: float = 0.0  # contrast of textures and small shapes, edges apart
    shadows_red: float = 0.0  # the split tone, as a point in the plane of hues: red against green,
    shadows_yellow: float = 0.0  # and yellow against blue
    lights_red: float = 0.0
    lights_yellow: float = 0.0


NEUTRAL = Settings()
LIMITS = Settings(2.0, *([1.0] * (len(Settings._fields) - 1)))
"""The largest absolute value of each setting."""

_TO_LMS, _TO_LAB, _FROM_LAB, _FROM_LMS = (  # as products from the right take them
    each.T.astype(np.float32) for each in (LMS, LAB, np.linalg.inv(LAB), np.linalg.inv(LMS))
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_WARM, _MAGENTA = np.array([0.01, 0.07]), np.array([0.06, -0.03])  # where white goes in (a, b) at 1


def apply(pixels: Pixels, settings: Settings) -> Pixels:
    """Develop a picture: a new one of its shape and depth, 8 or 16 bits a channel, bit for bit the same at NEUTRAL.

    Raises ValueError for other pixels, and for settings out of their LIMITS.
    """
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"pixels must be (height, width, 3) of uint8 or uint16; got {pixels.shape} of {pixels.dtype}. Convert them."
        )
    check(settings)
    if settings == NEUTRAL or 0 in pixels.shape:
        return pixels.copy()
    linear = linear_light(np.iinfo(pixels.dtype).max)
    balance = white_balance(settings).astype(np.float32)
    texture = _texture(pixels, linear, balance, settings) if settings.clarity else None
    out = np.empty_like(pixels)
    for rows in _bands(pixels):
        lab = _lab(linear[pixels[rows]], balance)
        _develop(lab, settings, None if texture is None else texture[:, rows])
        out[rows] = _encoded(_in_gamut(_rgb(lab)), pixels.dtype)
    return out


def check(settings: Settings) -> None:
    """Raise ValueError for a setting that is no number or out of its limits."""
    for name, value, limit in zip(Settings._fields, settings, LIMITS):
        if not abs(value) <= limit:
            raise ValueError(f"{name} must be in [-{limit:g}, {limit:g}]; got {value!r}.")


def curve(light: Float[np.ndarray, "..."], settings: Settings) -> Float[np.ndarray, "..."]:
    """The tone curve in OKLab lightness, [0, 1] into [0, 1], rising everywhere; `clarity` and colour are not in it."""
    return _veil(_bent(light, settings), settings)


def white_balance(settings: Settings) -> Float[np.ndarray, "3"]:
    """What multiplies the cube roots of the cone-like channels, so that white moves to its new colour (von Kries)."""
    a, b = settings.temperature * _WARM + settings.tint * _MAGENTA
    return np.linalg.inv(LAB) @ np.array([1.0, a, b])


def _bent(light: np.ndarray, settings: Settings) -> np.ndarray:
    """Exposure with its shoulder, contrast, and both ends of the scale where they bend and do not move."""
    gain = 2.0 ** (settings.exposure / 3)  # lightness is a cube root of light
    x = light * gain
    if settings.exposure > 0:
        x = np.where(x > KNEE, KNEE + (1 - KNEE) * _arc((x - KNEE) / (gain - KNEE), (gain - KNEE) / (1 - KNEE)), x)
    if settings.contrast:
        steep = 2.0 ** (0.9 * settings.contrast)
        low = PIVOT * _arc(x / PIVOT, 1 / steep)
        high = 1 - (1 - PIVOT) * _arc((1 - x) / (1 - PIVOT), 1 / steep)
        x = np.where(x < PIVOT, low, high)
    if settings.blacks < 0:
        x = x + 0.8 * settings.blacks * x * (1 - x) ** 3
    if settings.whites > 0:
        x = x + 0.8 * settings.whites * x**3 * (1 - x)
    return x


def _veil(light: np.ndarray, settings: Settings) -> np.ndarray:
    """Ends of the scale that move inwards: lifted blacks, dimmed whites."""
    return light + 0.12 * max(settings.blacks, 0.0) * (1 - light) ** 3 + 0.12 * min(settings.whites, 0.0) * light**3


def _arc(t: np.ndarray, slope: float) -> np.ndarray:
    """[0, 1] onto itself, rising everywhere, with this slope at 0 and its inverse at 1."""
    return slope * t / (1 + (slope - 1) * t)


def _develop(lab: np.ndarray, settings: Settings, texture: np.ndarray | None) -> None:
    """The settings on OKLab pixels, in place."""
    light, colour = lab[..., 0], lab[..., 1:]
    bent = _bent(light, settings)
    # colour goes with lightness as if the light itself had been scaled; a veil adds grey alone
    colour *= np.minimum(bent / np.maximum(light, LEAST), 4.0)[..., None]
    light[:] = _veil(bent, settings)
    if texture is not None:
        detail = light - texture[0] * light - texture[1]
        light += (1.2 if settings.clarity > 0 else 0.6) * settings.clarity * detail * (4 * light * (1 - light))
        np.clip(light, 0, 1, out=light)
    if settings.vibrance:
        colour *= (1 + 0.8 * settings.vibrance * np.exp(_squared(colour) / -(0.12**2)))[..., None]
    if settings.saturation > 0:  # less for what is full already, which would leave the gamut and lose its shades
        colour *= (1 + settings.saturation / (1 + _squared(colour) / 0.2**2))[..., None]
    elif settings.saturation < 0:
        colour *= 1 + settings.saturation
    # the split tone: none at black and white, most at a third and at two thirds
    for red, yellow, dark, bright in (
        (settings.shadows_red, settings.shadows_yellow, 2, 1),
        (settings.lights_red, settings.lights_yellow, 1, 2),
    ):
        if red or yellow:
            weight = 0.05 * 6.75 * light**bright * (1 - light) ** dark
            colour += weight[..., None] * np.array([red, yellow], np.float32)


def _squared(colour: np.ndarray) -> np.ndarray:
    return np.einsum("hwc,hwc->hw", colour, colour)


def _texture(pixels: np.ndarray, linear: np.ndarray, balance: np.ndarray, settings: Settings) -> np.ndarray:
    """(2, height, width): the base layer of lightness L is L times the first plus the second.

    A guided filter (He, Sun & Tang 2013) whose coefficients are found on a small copy (He & Sun 2015): a preview and
    the full picture agree, and steps of more than a tenth of the scale are edges, which get no halo.
    """
    height, width = pixels.shape[:2]
    light = np.empty((height, width), np.float32)
    for rows in _bands(pixels):
        light[rows] = curve(_lab(linear[pixels[rows]], balance)[..., 0], settings)
    shrink = min(1.0, _LOCAL / max(height, width))
    small_size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(Image.fromarray(light).resize(small_size, Image.Resampling.BOX))
    window = 2 * max(1, round(0.02 * max(small_size))) + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return uniform_filter(x, window, mode="nearest")

    middle = mean(small)
    variance = np.maximum(mean(small * small) - middle * middle, 0)
    slope = variance / (variance + 0.05**2)
    coefficients = mean(slope), mean(middle * (1 - slope))
    full = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(each).resize((width, height), full)) for each in coefficients])


def _bands(pixels: np.ndarray) -> Iterator[slice]:
    rows = max(1, _BAND // pixels.shape[1])
    yield from (slice(first, first + rows) for first in range(0, len(pixels), rows))


def _encoded(linear: np.ndarray, dtype: np.dtype[np.integer]) -> np.ndarray:
    x = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** np.float32(1 / 2.4) - 0.055
    )
    return np.rint(x * np.iinfo(dtype).max).astype(dtype)


def _lab(linear: np.ndarray, balance: np.ndarray) -> np.ndarray:
    return (np.cbrt(linear @ _TO_LMS) * balance) @ _TO_LAB


def _rgb(lab: np.ndarray) -> np.ndarray:
    return (lab @ _FROM_LAB) ** 3 @ _FROM_LMS


def _in_gamut(linear: np.ndarray) -> np.ndarray:
    """Colours out of [0, 1] drawn to the grey of their luminance, just as far as they must be."""
    grey = np.clip(linear @ _LUMINANCE, 0, 1)
    high, low = linear.max(-1), linear.min(-1)
    keep = np.minimum(
        np.where(high > 1, (1 - grey) / np.maximum(high - grey, 1e-6), 1),
        np.where(low < 0, grey / np.maximum(grey - low, 1e-6), 1),
    )
    return np.clip(grey[..., None] + keep[..., None] * (linear - grey[..., None]), 0, 1)
