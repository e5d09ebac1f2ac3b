"""Loops: a closed circle through genome space as the frames of a seamless film. Knows no file formats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.studio.genome import DIM, SLICES, checked
from zahir.studio.picture import draw, guide_of, parameters, strokes, underpainting, view_of

_STILL = ("family", "hue", "media", "brush", "fold", "ground")  # what makes it the same picture stays
_PREVIEW = 32


def loop(
    genome: Float32[np.ndarray, "dim"],
    seed: int,
    *,
    width: int = 512,
    height: int | None = None,
    frames: int = 72,
    radius: float = 0.2,
    way: int = 0,
) -> UInt8[np.ndarray, "frames height width 3"]:
    """Render frames on a circle of this radius (per dimension) around a genome; the last leads into the first.

    `way` picks the plane of the circle. Strokes of a painted picture stay where the genome itself has them and only
    change their colours, so that paint doesn't flicker. ValueError for fewer than 2 frames or a radius outside [0, 2].
    """
    if frames < 2:
        raise ValueError(f"a loop has at least 2 frames; got {frames}. Use render() for a still.")
    if not 0 <= radius <= 2:
        raise ValueError(f"radius must be in [0, 2]; got {radius}. 0.2 is a calm drift, 0.5 a lively one.")
    centre, view = checked(genome), view_of(width, width if height is None else height)
    still = parameters(centre, seed)
    guide_view = guide_of(view)
    coats = strokes(still, guide_view, underpainting(still, guide_view))
    steps = circle(_even_angles(centre, seed, frames, radius, way), radius, way)
    return np.stack([draw(parameters(centre + step, seed), view, coats) for step in steps])


def circle(angles: np.ndarray, radius: float, way: int) -> np.ndarray:
    """Steps away from a genome, (n, DIM), at angles (n,) of a circle in a random plane; the family never changes."""
    plane = np.random.default_rng(way).standard_normal((2, DIM))
    for name in _STILL:
        plane[:, SLICES[name]] = 0
    return radius * (np.cos(angles)[:, None] * plane[0] + np.sin(angles)[:, None] * plane[1])


def _even_angles(centre: np.ndarray, seed: int, frames: int, radius: float, way: int) -> np.ndarray:
    """Angles (frames,) at which the picture changes by about as much from each to the next: no frame flashes.

    Measured on small underpaintings, twice, since a picture may turn from day to night within a hundredth of the way.
    """
    view = view_of(_PREVIEW, _PREVIEW)
    angles = np.linspace(0, 2 * np.pi, 2 * frames + 1)
    for _ in range(2):
        steps = circle(angles, radius, way)
        looks = [underpainting(parameters(centre + step, seed), view) for step in steps]
        change = np.array([np.abs(b - a).mean() for a, b in pairwise(looks)])
        pace = change + 0.3 * change.mean() + 1e-6  # where nothing happens, time still passes
        length = np.concatenate([[0], np.cumsum(pace)])
        angles = np.interp(np.linspace(0, length[-1], len(angles)), length, angles)
    return angles[:-1:2]
