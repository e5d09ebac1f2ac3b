"""Arches: a wall, one arch or three, passages of further arches to the light, and the sun's slanting shadow."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted_pattern
from zahir.studio.noise import chance, fbm, inside, mix, noise, step


@kernel
def arches(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    row = step(0.45, 0.65, U[9])
    half = (0.34 + 0.32 * U[0]) * V[2] ** 0.5 * (1 - 0.32 * row)
    tall = (0.35 + 0.60 * U[1]) * (1 - 0.15 * row)
    floor = -0.45 - 0.45 * U[2]
    cx = 0.9 * V[0] * (1 - 0.6 * row)
    gap = mix(3.2, 2.5 * half, row)
    night = step(0.55, 0.70, U[4])
    wall = mix(0.80, 0.30, night)
    stairs = chance(0, 3, s) < 0.5
    slope = 0.5 + 0.9 * U[6]
    sun = 1.0 if chance(0, 21, s) < 0.5 else -1.0
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 1.6, y * 1.6, 3, s + 4)
            shade = step(-0.012 - px, 0.012 + px, sun * (x - cx) * slope + y - 0.9 * U[8] + 0.35)
            t = wall - (0.30 - 0.08 * night) * shade + 0.035 * n + 0.05 * y
            c = 0.25 - 0.6 * shade + 0.12 * n
            g = tilted_pattern(x, y, px, V, s)
            t += 0.09 * g
            c += 0.35 * g
            low = inside(y - floor, px)
            if low > 0:
                ground = wall - 0.18 + 0.10 * step(floor, floor - 0.5, y)
                if stairs:
                    f = (floor - y) / 0.13
                    ground += 0.20 * step(0.45, 0.55, f - math.floor(f)) - 0.05 * math.floor(f)
                t = mix(t, ground + 0.02 * n, low)
                c = mix(c, -0.15, low)
            for k in range(3):
                side = k - 1
                at = cx + side * gap
                if abs(x - at) > half + px or y < floor - px:
                    continue
                tt, cc, m = _passage(
                    x, y, at, floor, half, tall * (1 if side == 0 else 0.94), side, wall, sun, px, V, U, s
                )
                t = mix(t, tt + 0.02 * n, m)
                c = mix(c, cc, m)
            out[j, i, 0] = t
            out[j, i, 1] = c


@kernel
def _passage(x, y, at, floor, half, tall, side, wall, sun, px, V, U, s):
    """Tone, hue and coverage of one arch and of all that is seen through it."""
    deep = 3 + int(4 * chance(0, 1, s)) if side == 0 else 2 + int(2 * chance(side, 1, s))
    core = mix(0.10, 0.97, step(0.30, 0.45, U[5]))
    core = core if side == 0 else mix(core, 1 - core, 0.75 * chance(side, 5, s))
    pointed = chance(0, 2, s) < 0.3
    drift = (-0.45 * V[0] + 0.2 * (U[3] - 0.5)) - 0.12 * side
    t = 0.0
    c = 0.0
    outer = 0.0
    for k in range(deep):
        q = k / (deep * 1.0)
        scale = 1 - 0.80 * q
        ox = at + drift * 0.8 * q
        oy = mix(floor, floor * 0.55 + 0.03, q)
        d = _arch(x - ox, y - oy, half * scale, tall * scale, pointed)
        m = inside(d, px)
        if m <= 0:
            return t, c, outer
        across = (x - ox) / (half * scale)
        if k == deep - 1:
            tone, hue = _view(across, (y - oy) / (half * scale), core, px / (half * scale), side, U, s)
        else:
            tone = mix(wall - 0.36, core, (k + 1.0) / deep) + 0.07 * (1 if k % 2 else -1)
            tone += 0.10 * sun * across * (1 - q) - 0.10 * math.exp(20 * d) * (1 - q)
            hue = mix(-0.7, 0.65, q) + (0.35 if k % 2 else 0.0)
            tone += 0.10 * tilted_pattern(x, y, px, V, s + 300 + k) * (k % 2)
        if k == 0:
            t = tone
            c = hue
            outer = m
        else:
            t = mix(t, tone, m)
            c = mix(c, hue, m)
    return t, c, outer


@kernel
def _view(u, v, core, p, side, U, s):
    """Beyond the last arch: sky, a ridge, in the middle one a sun; u across in [-1, 1], v up from the floor."""
    tone = core + mix(0.07, -0.12, step(0.3, 0.7, core)) * v
    hue = 0.3
    if side == 0:
        ball = inside(math.sqrt((u - 0.25) ** 2 + (v - 0.9 - 0.6 * U[7]) ** 2) - 0.42 * step(0.30, 0.42, U[10]), p)
        tone = mix(tone, mix(0.9, 0.62, core), ball)
        hue = mix(hue, 1.0, ball)
    ridge = 0.50 * step(0.3, 0.5, U[11]) + 0.12 * noise(1.8 * u + 3 * side, 1.5, s + 8)
    land = inside(v - ridge, p)
    return mix(tone, mix(0.5, 0.34, core), land), mix(hue, -0.6, land)


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
    return ("arcade" if U[9] > 0.55 else "arch in a wall") + (" at dusk" if U[4] > 0.62 else " in the sun")
