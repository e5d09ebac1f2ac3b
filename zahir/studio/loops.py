"""Loops: a closed circle through genome space as the frames of a seamless film. Knows no file formats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.studio.genome import DIM, SLICES, checked
from zahir.studio.picture import View, draw, guide_of, parameters, strokes, underpainting, view_of

_STILL = ("family", "hue", "media", "brush", "fold", "ground")  # what makes it the same picture stays


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
    view = view_of(width, width if height is None else height)
    return np.stack(list(_frames(checked(genome), seed, view, circle(frames, radius, way))))


def circle(frames: int, radius: float, way: int) -> np.ndarray:
    """Steps away from a genome, (frames, DIM), on a circle in a random plane; the leading family never changes."""
    plane = np.random.default_rng(way).standard_normal((2, DIM))
    for name in _STILL:
        plane[:, SLICES[name]] = 0
    angle = np.arange(frames) * (2 * np.pi / frames)
    return radius * (np.cos(angle)[:, None] * plane[0] + np.sin(angle)[:, None] * plane[1])


def _frames(centre: np.ndarray, seed: int, view: View, steps: np.ndarray) -> Iterator[np.ndarray]:
    still = parameters(centre, seed)
    guide_view = guide_of(view)
    coats = strokes(still, guide_view, underpainting(still, guide_view))
    for away in steps:
        yield draw(parameters(centre + away, seed), view, coats)
