"""Proposals for a photograph: settings that a taste and earlier choices make likely, and that look different.

Knows nothing of files or of how a taste comes about: it is a function from media to scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from zahir.enhance.learn import ANYBODY, SPREAD, Preference, settings_at
from zahir.enhance.tone import Settings, apply
from zahir.media import Media
from zahir.oklab import oklab

Taste = Callable[[Sequence[Media]], Float[np.ndarray, "n"]]
Show = Callable[[UInt8[np.ndarray, "height width 3"]], UInt8[np.ndarray, "height width 3"]]

PULL = 1.5  # standard deviations of what is likely anyway, by which a taste moves the proposals
DIFFERENT = 0.04  # of the scale of OKLab: two pictures that differ by so much throughout are different proposals
_WORTH = 6.0  # how much likelihood (its logarithm) a proposal may lose for being unlike the others
_FIRST, _ROUNDS, _EACH, _BEST = 64, 3, 32, 16  # candidates drawn first, and how they are bred
_DRAWN = 0.6  # of a preference's spread: draws in full would all lie far from its middle, in so many dimensions
_LEAST = 0.25  # spreads between candidates at least, however sure a preference is
_THUMB = 24

# what a usual photograph measures in OKLab: the middle of its lightness, and that lightness's spread
_MIDDLE, _CONTRAST = 0.60, 0.17


class Proposal(NamedTuple):
    """Settings for one photograph, and how likely they are thought to please (the larger the better)."""

    settings: Settings
    value: float


def start(pixels: UInt8[np.ndarray, "height width 3"]) -> Settings:
    """What a photograph asks for by itself: some way towards a usual exposure, contrast and colour of its greys.

    Only some way: it may be dark, soft or golden because that is what it shows.
    """
    light, red, yellow = np.moveaxis(oklab(_thumb(pixels, 64)), -1, 0)
    middle = float(np.clip(np.median(light), 0.1, 0.95))
    exposure = 0.3 * float(np.clip(3 * np.log2(_MIDDLE / middle), -1.5, 1.5))
    contrast = 0.25 * float(np.clip(np.log2(_CONTRAST / max(0.02, float(light.std()))), -1, 1))
    chroma = np.hypot(red, yellow)
    muted = chroma <= np.quantile(chroma, 0.5)
    share = 0.25 / max(0.2, float(light[muted].mean()))  # a cast grows with lightness
    temperature = float(np.clip(-share * yellow[muted].mean() / 0.07, -0.5, 0.5))
    tint = float(np.clip(-share * red[muted].mean() / 0.06, -0.5, 0.5))
    # what is darkened keeps its whites
    return Settings(exposure, contrast, whites=max(0.0, -exposure), temperature=temperature, tint=tint)


def propose(
    pixels: UInt8[np.ndarray, "height width 3"],
    *,
    n: int = 4,
    taste: Taste | None = None,
    preference: Preference = ANYBODY,
    show: Show | None = None,
    rng: np.random.Generator,
) -> list[Proposal]:
    """n proposals for a photograph, the best first, each unlike those before it.

    `pixels` is a small copy: 160 variants of it are made. A candidate is worth the logarithm of its likelihood under
    `preference` (offsets from `start`) plus PULL times what `taste` says of it, in standard deviations over the first,
    randomly drawn ones. Later rounds are drawn around the best so far, as evolution strategies do (Hansen 2006, with
    diagonal covariance). The set is by maximal marginal relevance (Carbonell & Goldstein 1998) on how the pictures
    look. `show` turns pixels into what a screen shows, for photographs with a colour profile. Raises ValueError for n
    below 1 or above 16.
    """
    if not 1 <= n <= _BEST:
        raise ValueError(f"n must be between 1 and {_BEST}; got {n}.")
    begin = start(pixels)
    precision = np.linalg.inv(preference.covariance)
    spread_out = _DRAWN * np.linalg.cholesky(_wide(preference))
    drawn = rng.standard_normal((_FIRST - 1, len(SPREAD))) @ spread_out.T
    offsets = preference.mean + np.concatenate([np.zeros((1, len(SPREAD))), drawn])
    likely, scores, looks = _judged(offsets, begin, pixels, preference, precision, taste, show)
    middle, spread = float(scores.mean()), max(1e-6, float(scores.std()))
    for _ in range(_ROUNDS):
        best = offsets[np.argsort(-(likely + PULL * (scores - middle) / spread), kind="stable")[:_BEST]]
        step = np.maximum(best.std(0), _LEAST)
        more = best[rng.integers(len(best), size=_EACH)] * 0.5 + best.mean(0) * 0.5
        more = more + 0.6 * step * rng.standard_normal(more.shape)
        judged = _judged(more, begin, pixels, preference, precision, taste, show)
        offsets = np.concatenate([offsets, more])
        likely, scores, looks = (np.concatenate(pair) for pair in zip((likely, scores, looks), judged))
    values = likely + PULL * (scores - middle) / spread
    picked = [int(np.argmax(values))]
    while len(picked) < n:
        apart = ((looks[:, None] - looks[picked]) ** 2).mean(-1).min(1)
        marginal = values - _WORTH * np.exp(-apart / DIFFERENT**2)
        marginal[picked] = -np.inf
        picked.append(int(np.argmax(marginal)))
    return [Proposal(settings_at(offsets[k], begin), float(values[k])) for k in picked]


def in_words(settings: Settings) -> str:
    """What settings do, the most noticeable first; what nobody would notice is left out."""
    told = []
    for name, value in settings._asdict().items():
        if name in _WORDS:
            told.append((abs(value) / SPREAD[Settings._fields.index(name)], _told(name, value)))
    for part, red, yellow in (
        ("shadows", settings.shadows_red, settings.shadows_yellow),
        ("lights", settings.lights_red, settings.lights_yellow),
    ):
        amount, hue = float(np.hypot(red, yellow)), float(np.degrees(np.arctan2(yellow, red)) % 360)
        nearest = min(_HUES, key=lambda name: abs((_HUES[name] - hue + 180) % 360 - 180))
        told.append((amount / 0.5, f"{nearest} {part} {amount:.2f}"))
    return ", ".join(words for size, words in sorted(told, key=lambda each: -each[0]) if size >= 0.25) or "as it is"


_WORDS = {
    "exposure": ("darker", "brighter"),
    "contrast": ("softer", "more contrast"),
    "blacks": ("deeper blacks", "lifted blacks"),
    "whites": ("dimmer whites", "brighter whites"),
    "temperature": ("cooler", "warmer"),
    "tint": ("greener", "more magenta"),
    "saturation": ("paler colours", "fuller colours"),
    "vibrance": ("quieter muted colours", "livelier muted colours"),
    "clarity": ("smoother", "clearer"),
}
_HUES = {"red": 29, "orange": 60, "yellow": 105, "green": 142, "teal": 195, "blue": 262, "violet": 300, "magenta": 340}


def _told(name: str, value: float) -> str:
    number = f"{abs(value):.2f}" + (" stops" if name == "exposure" else "")
    return f"{_WORDS[name][int(value > 0)]} {number}"


def _judged(
    offsets: np.ndarray,
    begin: Settings,
    pixels: np.ndarray,
    preference: Preference,
    precision: np.ndarray,
    taste: Taste | None,
    show: Show | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each candidate: the logarithm of its likelihood, its score, and how it looks."""
    away = offsets - preference.mean
    likely = -0.5 * np.einsum("nd,de,ne->n", away, precision, away)
    media, looks = [], []
    for each in offsets:
        made = apply(pixels, settings_at(each, begin))
        seen = made if show is None else show(made)
        looks.append(oklab(_thumb(seen, _THUMB)).ravel())
        if taste is not None:
            media.append(Media.image(seen))
    scores = np.zeros(len(offsets)) if taste is None else np.asarray(taste(media), np.float64)
    return likely, scores, np.array(looks)


def _wide(preference: Preference) -> np.ndarray:
    return preference.covariance + _LEAST**2 * np.eye(len(SPREAD))


def _thumb(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX))
