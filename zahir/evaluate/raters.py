"""Simulated people: hidden tastes, and how they say what they like.

A taste is a function from pictures to how much they please, in standard deviations of a library of
random pictures. Two kinds: a direction in the embedding space, which the product could in principle find
exactly, and statistics of pixels that no encoder here was trained on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from PIL import Image

from zahir.media import Media
from zahir.oklab import oklab
from zahir.space import normalize

Liking = Callable[[Sequence[Media], np.ndarray], np.ndarray]

STEEPNESS, THRESHOLD = 2.5, 0.3  # P(like) = sigmoid(2.5 (s - 0.3)), s in standard deviations


@dataclass(frozen=True)
class Rater:
    """One simulated person; `liking` takes media and their embeddings and returns standard deviations."""

    taste: str
    liking: Liking

    def likes(self, liking: Float[np.ndarray, "n"], rng: np.random.Generator) -> np.ndarray:
        """Whether each picture is liked, drawn at random with the odds that its liking gives."""
        return rng.random(len(liking)) < 1 / (1 + np.exp(-STEEPNESS * (liking - THRESHOLD)))


def direction_rater(embeddings: Float32[np.ndarray, "n dim"], rng: np.random.Generator) -> Rater:
    """A direction drawn from the covariance of these embeddings: people differ in the ways pictures do."""
    offsets = embeddings - embeddings.mean(axis=0)
    direction = normalize(rng.standard_normal(len(offsets)) @ offsets)
    along = embeddings @ direction
    mean, spread = float(along.mean()), float(along.std())

    def liking(_media: Sequence[Media], vectors: np.ndarray) -> np.ndarray:
        return (vectors @ direction - mean) / spread

    return Rater("direction", liking)


def pixel_rater(taste: str, library: Sequence[Media]) -> Rater:
    """One of PIXEL_TASTES, standardised on a library: first each statistic, then their sum."""
    names = PIXEL_TASTES[taste]
    stats = np.array([_statistics(each.pixels) for each in library])
    mean, spread = stats.mean(axis=0), stats.std(axis=0) + 1e-9
    signs = np.array([names.get(name, 0.0) for name in STATISTICS])
    sums = ((stats - mean) / spread) @ signs
    middle, width = float(sums.mean()), float(sums.std())

    def liking(media: Sequence[Media], _vectors: np.ndarray) -> np.ndarray:
        raw = np.array([_statistics(each.pixels) for each in media])
        return (((raw - mean) / spread) @ signs - middle) / width

    return Rater(taste, liking)


STATISTICS = ("warmth", "crispness", "calm", "detail", "blue", "darkness", "brightest", "mirror", "muted")

PIXEL_TASTES: dict[str, dict[str, float]] = {
    "warm, geometric, calm": {"warmth": 1.0, "crispness": 1.0, "calm": 1.0},
    "busy, bluish": {"detail": 1.0, "blue": 1.0},
    "dark with bright lights": {"darkness": 2.0, "brightest": 1.0},
    "mirrored, muted": {"mirror": 1.0, "muted": 1.0},
}


def _statistics(pixels: np.ndarray) -> list[float]:
    """What STATISTICS names, measured on the picture at 64 x 64 pixels; detail is its size as a JPEG."""
    small = np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BOX))
    lab = oklab(small)
    light = lab[..., 0]
    edges = np.hypot(np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1])
    red, green, blue = (small[..., k].astype(int) for k in range(3))
    largest = small.max(axis=-1).astype(float)
    saturation = np.where(largest > 0, (largest - small.min(axis=-1)) / np.maximum(largest, 1), 0.0)
    flat = light.std() < 1e-3
    mirror = 0.0 if flat else float(np.corrcoef(light.ravel(), light[:, ::-1].ravel())[0, 1])
    return [
        float((0.6 * lab[..., 1] + lab[..., 2]).mean()),
        # few strong edges on even ground: what drawn geometry has and painted texture has not
        float(np.log((edges**2).mean() + 1e-8) - 2 * np.log(edges.mean() + 1e-4)),
        -float(np.log(edges.mean() + 1e-3)),
        float(np.log(_jpeg_bytes(pixels))),
        float(((blue > red) & (blue > green)).mean()),
        -float(np.median(light)),
        float(np.percentile(light, 98)),
        mirror,
        -float(saturation.mean()),
    ]


def _jpeg_bytes(pixels: np.ndarray) -> int:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=75)
    return len(out.getvalue())
