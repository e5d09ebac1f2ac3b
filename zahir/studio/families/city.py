"""City: towers in layers against an evening sky, lit windows, their image in the river."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.sky import sky
from zahir.studio.noise import chance, inside, mix, noise, put, step

LAYERS = 4


@kernel
def city(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.30, 0.60, U[0])
    ground = -0.55 + 0.25 * (U[1] - 0.5)
    sun_x = -1.2 * V[0]
    sky(out, x0, y0, px, ground + 0.1, sun_x, 0.05 + 0.5 * U[2], 0.10 + 0.20 * U[3], night, 0.6 * U[4], V, s)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        wet = inside(y - ground, px)
        for i in range(width):
            x = x0 + (i + 0.5) * px
            yy = y
            if y < ground:
                depth = ground - y
                yy = ground + depth * 1.05
                x += 0.05 * noise(x * 2.5, depth * 30 / (1 + 2 * depth), s + 3) * (0.15 + depth)
                out[j, i, 0] = mix(0.72, 0.26, night) - 0.25 * depth
                out[j, i, 1] = -0.2
            water = out[j, i, 0]
            for k in range(LAYERS):
                t, c, m = _tower(x, yy, k, ground, night, px, V, U, s)
                if m > 0:
                    put(out, j, i, t, c, m)
            if wet > 0:
                deep = min(0.9, 0.35 + 0.9 * (ground - y))
                shine = step(0.2, 0.6, noise(x * 2.0, (ground - y) * 34, s + 4)) * 0.10
                put(out, j, i, water + shine, -0.25, wet * deep)
            bank = inside(abs(y - ground) - 0.012, px)
            put(out, j, i, mix(0.12, 0.02, night), -0.2, bank)


@kernel
def _tower(x, y, k, ground, night, px, V, U, s):
    """Tone, hue and coverage of layer k (0 is farthest) at a point."""
    q = k / (LAYERS - 1.0)
    pitch = (0.13 + 0.11 * q + 0.06 * U[5]) * V[2]
    u = x / pitch + 5.3 * k
    cell = math.floor(u)
    f = u - cell
    wide = 0.70 + 0.30 * chance(cell, k, s + 11)
    if f > wide + px / pitch:
        return 0.0, 0.0, 0.0
    mid = (cell + 0.5 - 5.3 * k) * pitch
    crown = math.exp(-(((mid - V[0]) / (0.45 + 0.3 * U[6])) ** 2))
    tall = chance(cell, k, s + 10)
    h = 0.16 + 0.42 * tall * tall + (1.15 - 0.75 * q) * crown * (0.35 + 0.65 * tall) * (0.5 + 0.6 * U[7])
    h *= 1 - 0.35 * q
    g = f / wide
    shape = chance(cell, k, s + 12)
    if shape > 0.8:
        h += 0.16 * max(0.0, 1 - abs(g - 0.5) * 9)
    elif shape > 0.6:
        h -= 0.10 * step(0.28, 0.30, abs(g - 0.5))
    elif shape > 0.45:
        h += 0.07 * (1 - 2 * abs(g - 0.5))
    top = ground + h
    m = inside(y - top, px) * inside((f - wide) * pitch, px)
    if m <= 0:
        return 0.0, 0.0, 0.0
    t = mix(mix(0.70, 0.08, q), mix(0.34, 0.03, q), night)
    t += 0.12 * (1 - q) * step(0.5, 0.0, y - ground) + 0.05 * (chance(cell, k, s + 13) - 0.5)
    t += 0.07 if g < 0.38 else -0.02
    c = -0.55 + 0.7 * chance(cell, k, s + 14) * q
    across = 3 + int(3 * chance(cell, k, s + 15))
    up = 0.045 + 0.02 * q
    a = g * across
    b = (top - y) / up
    ia = math.floor(a)
    ib = math.floor(b)
    a -= ia
    b -= ib
    lit = chance(cell * 37 + ia, k * 101 + ib, s + 16)
    glass = inside((abs(a - 0.5) - 0.27) * pitch / across, px) * inside((abs(b - 0.5) - 0.30) * up, px)
    glass *= step(0.012, 0.03, top - y) * step(0.0, 0.02, y - ground)
    on = step(1.0 - 0.55 * U[8] - 0.05, 1.02 - 0.55 * U[8], lit + 0.12 * night)
    on *= mix(0.25, 1.0, night) * (0.3 + 0.7 * q)
    t = mix(t, mix(t - 0.05, 0.90, on), glass)
    c = mix(c, mix(c, 0.85, on), glass)
    return t, c, m


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "city lights at night" if U[0] > 0.45 else "city skyline"
