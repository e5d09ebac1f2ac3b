"""Arches: a wall, an arch, a passage of further arches to the light, and the sun's slanting shadow."""

from __future__ import annotations

import math

import numpy as np

from zahir.studio.jit import kernel
from zahir.studio.noise import chance, fbm, inside, mix, noise, step


@kernel
def arches(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    deep = 3 + int(4 * chance(0, 1, s))
    wide = (0.40 + 0.20 * U[0]) * V[4] ** 0.5
    tall = 0.50 + 0.35 * U[1]
    floor = -0.62 - 0.15 * U[2]
    cx = 0.9 * V[0]
    away_x = -0.55 * V[0] + 0.25 * (U[3] - 0.5)
    night = step(0.55, 0.70, U[4])
    wall = mix(0.80, 0.30, night)
    core = mix(0.10, 0.97, step(0.30, 0.45, U[5]))
    pointed = chance(0, 2, s) < 0.3
    stairs = chance(0, 3, s) < 0.55
    slope = 0.5 + 0.9 * U[6]
    sun = 1.0 if V[7] > 0 else -1.0
    sun_y = 0.1 + 0.25 * U[7]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 1.6, y * 1.6, 3, s + 4)
            shade = step(-0.012 - px, 0.012 + px, sun * (x - cx) * slope + y - 0.45 * U[8] + 0.25)
            t = wall - (0.30 - 0.08 * night) * shade + 0.035 * n
            c = 0.25 - 0.6 * shade + 0.12 * n
            low = inside(y - floor, px)
            if low > 0:
                tread = 0.0
                if stairs:
                    f = (floor - y) / 0.13
                    tread = 0.20 * step(0.45, 0.55, f - math.floor(f)) - 0.05 * math.floor(f)
                t = mix(t, wall - 0.16 + tread + 0.02 * n, low)
                c = mix(c, -0.15, low)
            for k in range(deep):
                q = k / (deep * 1.0)
                scale = 1 - 0.80 * q
                ox = cx + away_x * 0.8 * q
                oy = mix(floor, floor * 0.55 + 0.03, q)
                d = _arch(x - ox, y - oy, wide * scale, tall * scale, pointed)
                m = inside(d, px)
                if m <= 0:
                    break
                side = (x - ox) / (wide * scale)
                tone = mix(wall - 0.36, core, (q * deep + 1) / deep) + 0.07 * (1 if k % 2 else -1)
                tone += 0.10 * sun * side * (1 - q) - 0.10 * math.exp(20 * d) * (1 - q)
                t = mix(t, tone + 0.02 * n, m)
                c = mix(c, mix(-0.7, 0.65, q) + (0.35 if k % 2 else 0.0), m)
            last = 1 - 0.80 * (deep - 1.0) / deep
            ox = cx + away_x * 0.8 * (deep - 1.0) / deep
            oy = mix(floor, floor * 0.55 + 0.03, (deep - 1.0) / deep)
            d = _arch(x - ox, y - oy, wide * last, tall * last, pointed)
            m = inside(d, px)
            if m > 0:
                v = (y - oy) / (tall * last)
                r = 0.42 * wide * last
                ball = inside(math.sqrt((x - ox - 0.2 * wide * last) ** 2 + (y - oy - (0.45 + sun_y) * tall * last) ** 2) - r, px)
                sky = core + (0.12 if core < 0.5 else -0.22) * v
                land = inside(y - oy - 0.30 * tall * last - 0.04 * noise(x * 9, 1.5, s + 8), px)
                sky = mix(mix(sky, mix(0.9, 0.62, core), ball), mix(0.5, 0.30, core), land)
                t = mix(t, sky, m)
                c = mix(c, mix(mix(0.3, 1.0, ball), -0.6, land), m)
            out[j, i, 0] = t
            out[j, i, 1] = c


@kernel
def _arch(x, y, half, tall, pointed):
    """Signed distance (negative inside) to a door of width 2 half with an arched head above height tall."""
    x = abs(x)
    if y < tall:
        return max(x - half, -y)
    if pointed:
        return math.sqrt((x + half) ** 2 + (y - tall) ** 2) - 2 * half
    return math.sqrt(x * x + (y - tall) ** 2) - half


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "arches in a wall at dusk" if U[4] > 0.62 else "sunlit arches"
