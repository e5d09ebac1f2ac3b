"""Hashes, gradient noise and the few scalar curves that all forms are drawn with. Knows no colours."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel


def _shuffled() -> np.ndarray:
    """The numbers 0..255 in the order of an integer hash, twice: the same for every NumPy version."""
    n = np.arange(256, dtype=np.uint32)
    n = (n ^ np.uint32(0x9E3779B9)) * np.uint32(0x85EBCA6B)
    n = (n ^ (n >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    order = np.argsort(n ^ (n >> np.uint32(16)), kind="stable").astype(np.int64)
    return np.concatenate([order, order, order[:1]])


_ORDER = _shuffled()
_COS = np.cos(np.arange(256) * (2 * np.pi / 256))
_SIN = np.sin(np.arange(256) * (2 * np.pi / 256))


@kernel
def chance(i, j, s):
    """A number in [0, 1) that belongs to the cell (i, j) of stream s."""
    h = (i * 374761393 + j * 668265263 + s * 974634777) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 3266489917) & 0xFFFFFFFF
    return (h ^ (h >> 16)) * (1.0 / 4294967296.0)


@kernel
def noise(x, y, s):
    """Gradient noise in about [-1, 1] (Perlin 2002, quintic fade); s picks one of 65,536 fields."""
    fx = math.floor(x)
    fy = math.floor(y)
    i = (int(fx) + s * 73) & 255
    j = (int(fy) + s * 151 + (s >> 8) * 29) & 255
    x -= fx
    y -= fy
    a = _ORDER[i] + j
    b = _ORDER[i + 1] + j
    u = x * x * x * (x * (x * 6 - 15) + 10)
    v = y * y * y * (y * (y * 6 - 15) + 10)
    g00 = _ORDER[a]
    g01 = _ORDER[a + 1]
    g10 = _ORDER[b]
    g11 = _ORDER[b + 1]
    n00 = _COS[g00] * x + _SIN[g00] * y
    n10 = _COS[g10] * (x - 1) + _SIN[g10] * y
    n01 = _COS[g01] * x + _SIN[g01] * (y - 1)
    n11 = _COS[g11] * (x - 1) + _SIN[g11] * (y - 1)
    low = n00 + u * (n10 - n00)
    return 1.5 * (low + v * (n01 + u * (n11 - n01) - low))


@kernel
def fbm(x, y, octaves, s):
    """Fractal noise in about [-1, 1]: octaves of noise, each turned, twice as fine and half as strong."""
    total = 0.0
    size = 1.0
    norm = 0.0
    for k in range(octaves):
        total += size * noise(x, y, s + k)
        norm += size
        x, y = 1.62 * x + 1.18 * y + 11.3, 1.62 * y - 1.18 * x + 5.7
        size *= 0.5
    return 1.35 * total / norm


@kernel
def step(a, b, x):
    """Smooth step: 0 at a and below, 1 at b and above."""
    t = (x - a) / (b - a)
    if t <= 0:
        return 0.0
    if t >= 1:
        return 1.0
    return t * t * (3 - 2 * t)


@kernel
def inside(d, px):
    """Coverage of a pixel of size px by the shape whose signed distance is d (negative inside)."""
    t = 0.5 - d / px
    if t <= 0:
        return 0.0
    if t >= 1:
        return 1.0
    return t


@kernel
def mix(a, b, t):
    """a where t is 0, b where it is 1."""
    return a + (b - a) * t


@kernel
def put(out, j, i, t, c, m):
    """Lay tone t and hue c over a pixel with coverage m in [0, 1]."""
    out[j, i, 0] += (t - out[j, i, 0]) * m
    out[j, i, 1] += (c - out[j, i, 1]) * m


@kernel
def columns(lo, hi, x0, px, n):
    """The pixel range [first, last) of an axis that starts at x0 and covers lo to hi, one pixel wider each side."""
    first = math.floor((lo - x0) / px) - 1
    last = math.floor((hi - x0) / px) + 2
    return max(0, min(n, first)), max(0, min(n, last))
