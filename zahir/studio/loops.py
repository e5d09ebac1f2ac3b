"""Films: ways through genome space as frames, a closed circle for a seamless loop or a way from picture to picture.

Knows no file formats.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def path(times: np.ndarray) -> np.ndarray:
        return centre + circle(2 * np.pi * times, radius, way)

    times = _even_times(path, seed, 2 * frames + 1)[:-1:2]
    return np.stack([draw(parameters(genome, seed), view, coats) for genome in path(times)])


def passage(
    genomes: Float32[np.ndarray, "k dim"],
    seed: int,
    *,
    width: int = 512,
    height: int | None = None,
    frames: int = 72,
) -> UInt8[np.ndarray, "frames height width 3"]:
    """Render frames on the straight ways from each genome to the next, the first and the last among them.

    Continuous where all have one family and one `fold`. Nothing is painted in oil: strokes cannot follow forms that
    move. ValueError for fewer than 2 genomes or frames.
    """
    if len(genomes) < 2 or frames < 2:
        raise ValueError(f"a passage has 2 genomes and 2 frames at least; got {len(genomes)} and {frames}.")
    stops, view = np.stack([checked(each) for each in genomes]), view_of(width, width if height is None else height)
    media = SLICES["media"].start
    stops[:, media] = np.minimum(stops[:, media], 0)

    def path(times: np.ndarray) -> np.ndarray:
        place = np.clip(times * (len(stops) - 1), 0, len(stops) - 1)
        low = np.minimum(place.astype(int), len(stops) - 2)
        share = (place - low)[:, None]
        return (1 - share) * stops[low] + share * stops[low + 1]

    times = _even_times(path, seed, 2 * frames - 1)[::2]
    return np.stack([draw(parameters(genome, seed), view, None) for genome in path(times)])


def circle(angles: np.ndarray, radius: float, way: int) -> np.ndarray:
    """Steps away from a genome, (n, DIM), at angles (n,) of a circle in a random plane; the family never changes."""
    plane = np.random.default_rng(way).standard_normal((2, DIM))
    for name in _STILL:
        plane[:, SLICES[name]] = 0
    return radius * (np.cos(angles)[:, None] * plane[0] + np.sin(angles)[:, None] * plane[1])


def _even_times(path: Callable[[np.ndarray], np.ndarray], seed: int, count: int) -> np.ndarray:
    """Times (count,) from 0 to 1 at which the picture changes by about as much from each to the next: no frame flashes.

    `path` takes times to genomes. Measured on small underpaintings, twice, since a picture may turn from day to night
    within a hundredth of the way.
    """
    view = view_of(_PREVIEW, _PREVIEW)
    times = np.linspace(0, 1, count)
    for _ in range(2):
        looks = [underpainting(parameters(genome, seed), view) for genome in path(times)]
        change = np.array([np.abs(b - a).mean() for a, b in pairwise(looks)])
        pace = change + 0.3 * change.mean() + 1e-6  # where nothing happens, time still passes
        length = np.concatenate([[0], np.cumsum(pace)])
        times = np.interp(np.linspace(0, length[-1], count), length, times)
    return times
