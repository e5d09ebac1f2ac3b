"""Hills: soft ridges one behind the other, paler with distance, woods in front, sometimes a lake."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted_pattern
from zahir.studio.families.sky import birds, sky
from zahir.studio.noise import chance, fbm, inside, mix, noise, put, step

LAYERS = 6


@kernel
def hills(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    horizon = -0.12 + 0.56 * (U[0] - 0.5)
    night = step(0.62, 0.80, U[1])
    sun_x = 1.35 * V[0]
    sun_y = horizon + 0.12 + 0.55 * U[2]
    radius = 0.08 + 0.20 * U[3]
    sky(out, x0, y0, px, horizon, sun_x, sun_y, radius, night, max(0.0, 1.5 * U[4] - 0.4), V, s)
    birds(out, x0, y0, px, -0.6 * sun_x, sun_y + 0.12, 0.055, mix(0.2, 0.75, night), step(0.6, 0.7, U[14]), s + 5)
    far = mix(0.74, 0.44, night)
    near = mix(0.06, 0.0, night)
    rough = 0.35 + 0.9 * U[5]
    woods = step(0.35, 0.65, U[6])
    lake = step(0.50, 0.62, U[7])
    shore = mix(-3.0, horizon - 0.34, lake)
    tops = np.empty((LAYERS, width))
    for k in range(LAYERS):
        q = k / (LAYERS - 1.0)
        base = horizon + 0.16 - 0.98 * q * q - 0.10 * q
        wide = (0.5 + 1.3 * q * U[8]) / V[2]
        for i in range(width):
            x = x0 + (i + 0.5) * px
            rise = fbm(x * wide + 7.7 * k, 0.37 * k + 0.6 * U[9], 4, s + 20 + k)
            h = base + (0.30 - 0.12 * q) * rough * rise
            h += 0.10 * (1 - q) * math.exp(-(((x + 0.8 * sun_x) / 0.5) ** 2)) * U[10]
            if k >= 2 and woods > 0:
                h += woods * _trees(x, k, q, s + 40)
            tops[k, i] = h
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            yy = y
            wet = 0.0
            if y < shore + px:
                depth = max(0.0, shore - y)
                sway = noise(x * 2.2, depth * 22 / (1 + 3 * depth), s + 70)
                yy = max(y, shore) + 0.9 * depth + 0.05 * sway * (0.2 + depth)
                wet = inside(y - shore, px)
            t, c, m = _land(yy, i, x, sun_x, tops, far, near, night, U[11], px, V, s, LAYERS)
            if wet > 0:
                t, c, m = _mirror(t, c, m, x - sun_x, shore - y, night, wet, s)
            put(out, j, i, t, c, m)


@kernel
def _land(y, i, x, sun_x, tops, far, near, night, mist, px, V, s, layers):
    """Front to back: tone, hue and coverage of the land above a point."""
    t = 0.0
    c = 0.0
    left = 1.0
    for r in range(layers):
        k = layers - 1 - r
        down = tops[k, i] - y
        m = inside(-down, px) * left
        if m <= 0:
            continue
        q = k / (layers - 1.0)
        tone = far + (near - far) * q**0.8
        fog = (1 - math.exp(-2.6 * max(0.0, down))) * (0.36 - 0.26 * q) * (0.2 + mist)
        rim = math.exp(-18 * max(0.0, down)) * 0.06 * math.exp(-abs(x - sun_x) * 1.2)
        grass = 0.035 * q * noise(x * (4 + 5 * q), y * 16, s + 90 + k)
        g = tilted_pattern(x + 0.3 * k, y - 0.5 * tops[k, i], px, V, s + 300 + k) * (0.4 + 0.6 * q)
        t += m * (tone + fog * mix(1.0, 0.6, night) + rim + grass + 0.11 * g)
        c += m * (0.5 * g + 0.30 * (1 - q) * math.exp(-abs(x - sun_x)) - 0.42 * q * (1 - q) * 2 + 0.35 * (k % 2) * q)
        left -= m
        if left <= 0.001:
            break
    m = 1 - left
    return t / max(m, 1e-6), c / max(m, 1e-6), m


@kernel
def _mirror(t, c, m, dx, depth, night, wet, s):
    """The same point seen in the lake: duller, with a path of light under the sun."""
    sky_tone = mix(0.82, 0.36, night) - 0.30 * depth
    tt = mix(sky_tone, t, m) * 0.9 + 0.04
    cc = mix(-0.1, c, m)
    path = math.exp(-((dx / (0.10 + 0.22 * depth)) ** 2))
    spark = step(0.1, 0.5, noise(dx * 5, depth * 60 / (1 + 4 * depth), s + 71))
    tt = mix(tt, 0.95, 0.75 * path * spark)
    cc = mix(cc, 0.7, 0.6 * path)
    return mix(t, tt, wet), mix(c, cc, wet), max(m, wet)


@kernel
def _trees(x, k, q, s):
    """Height that a row of firs adds to ridge k at x."""
    pitch = 0.035 + 0.05 * q
    top = 0.0
    for n in range(2):
        u = x / pitch + 0.5 * n
        cell = math.floor(u)
        f = u - cell
        stand = chance(int(cell), k * 7 + n, s)
        clump = step(0.0, 0.5, noise(cell * pitch * 1.6, k * 3.1, s + 1))
        tall = pitch * (0.9 + 1.6 * stand) * clump
        top = max(top, tall * max(0.0, 1 - abs(2 * f - 1) * 1.15) ** 0.8)
    return top


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return ("night hills" if U[1] > 0.71 else "hills") + (" above a lake" if U[7] > 0.56 else "")
