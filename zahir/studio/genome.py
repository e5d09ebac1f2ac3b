"""The genome: named standard normals from which, with a seed, one picture follows. Draws nothing.

A fixed seed is continuous in the genome: whatever has to be whole (how many, which kind, where the noise lies)
is taken from the seed.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32

from zahir.jit import kernel

# name, how many numbers, what they do
TABLE = (
    ("family", 16, "how much each family of forms wants the picture, in the order of FAMILIES"),
    ("hue", 2, "a point whose angle is the main hue"),
    ("walk", 1, "how far and which way the hue turns from dark to light"),
    ("second", 2, "distance of the second hue; its chroma"),
    ("accent", 2, "distance of the accent from the complement; its chroma"),
    ("chroma", 1, "from greys to saturated colour"),
    ("key", 1, "from low key (mostly dark) to high key (mostly light)"),
    ("contrast", 2, "depth of the darkest tone; height of the lightest"),
    ("warmth", 2, "pull of lights to yellow; pull of shadows to blue"),
    ("focus", 2, "where the subject stands, across and up"),
    ("crop", 1, "how much of the scene is seen"),
    ("zoom", 1, "size of the forms in it"),
    ("ground", 2, "pattern of what lies behind; its scale"),
    ("fold", 2, "mirror image left and right; kaleidoscope"),
    ("light", 1, "where the light comes from, left to right; tilt of tiles, blocks and patterns"),
    ("shape", 16, "what each family makes of them"),
    ("media", 6, "oil, or watercolour; screenprint; mosaic, or leaded glass; linocut; drawn outlines; wear"),
    ("brush", 4, "width, length, flow and unevenness of strokes"),
    ("relief", 1, "how thick the paint stands"),
    ("paper", 1, "tooth of the paper"),
    ("grain", 1, "print grain in the half-tones"),
    ("vignette", 1, "fall of light to the corners"),
    ("drift", 2, "slow wandering of hue and of tone across the picture; the latter evens light at large"),
)

DIM = sum(size for _, size, _ in TABLE)


def _slices() -> dict[str, slice]:
    ends = np.cumsum([size for _, size, _ in TABLE])
    return {name: slice(int(end) - size, int(end)) for (name, size, _), end in zip(TABLE, ends)}


SLICES = _slices()


def random(rng: np.random.Generator, n: int) -> Float32[np.ndarray, "n dim"]:
    """Draw n genomes, standard normal, shape (n, DIM)."""
    return rng.standard_normal((n, DIM), dtype=np.float32)


def checked(genome: np.ndarray) -> np.ndarray:
    """The genome as float64 within [-4, 4], where every map from it has long flattened; ValueError if it is none."""
    z = np.asarray(genome)
    if z.shape != (DIM,):
        raise ValueError(f"a genome has shape ({DIM},); got {z.shape}. Render one genome at a time.")
    if z.dtype.kind not in "fiu":
        raise ValueError(f"a genome holds real numbers; got dtype {z.dtype}. Use float32.")
    z = z.astype(np.float64)
    if np.isnan(z).any():
        raise ValueError(f"a genome holds numbers; got nan at {int(np.argmax(np.isnan(z)))}. Draw it with random().")
    return np.clip(z, -4.0, 4.0)


@kernel
def uniform(z):
    """The normal distribution function: a standard normal becomes uniform in (0, 1)."""
    return 0.5 * math.erfc(-z * 0.7071067811865476)


@kernel
def uniforms(z):
    """The same for a whole array."""
    out = np.empty(z.size)
    for k in range(z.size):
        out[k] = uniform(z[k])
    return out
