"""Sea: open water under a large sky, a path of light to the horizon, now and then a sail or an islet."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.sky import birds, sky
from zahir.studio.noise import chance, columns, fbm, inside, mix, noise, put, step


@kernel
def sea(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    horizon = -0.10 + 0.55 * (U[0] - 0.5)
    night = step(0.55, 0.75, U[1])
    sun_x = 1.3 * V[0]
    sun_y = horizon + 0.03 + 0.55 * U[2]
    radius = 0.10 + 0.24 * U[3] * U[3]
    sky(out, x0, y0, px, horizon, sun_x, sun_y, radius, night, max(0.0, 1.5 * U[4] - 0.3), V, s)
    birds(out, x0, y0, px, -0.5 * sun_x, sun_y + 0.15, 0.05, mix(0.25, 0.8, night), step(0.7, 0.8, U[9]), s + 5)
    _islet(out, x0, y0, px, horizon, -0.9 * sun_x + 0.2, night, step(0.45, 0.6, U[5]), s + 30)
    swell = 0.6 + 1.4 * U[6]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        depth = horizon - y
        if depth < -px:
            continue
        depth = max(depth, 0.0)
        near = 1 / (depth + 0.07)
        fine = step(0.0, 0.12, depth - 2 * px)
        for i in range(width):
            x = x0 + (i + 0.5) * px
            rows = 6.5 * math.log(1 + 9 * depth)
            n = noise(x * near * 0.42 + 2.0, rows * swell, s + 50)
            n2 = noise(x * near * 0.9, rows * 2.3 * swell + 0.8 * n, s + 51) * fine
            crest = step(0.25, 0.75, n + 0.35 * n2)
            t = mix(0.70, 0.40, night) - (0.52 - 0.24 * night) * step(0.0, 1.0, depth) + 0.13 * n + 0.06 * n2
            t += 0.22 * crest * step(0.02, 0.6, depth) * U[7]
            dx = x - sun_x
            lane = 0.06 + radius * 0.5 + 0.30 * depth
            path = math.exp(-((dx / lane) ** 2)) * (1 - 0.35 * depth)
            spark = step(-0.15, 0.45, n2 + 0.5 * n + 0.45 - 0.5 * depth)
            glitter = min(1.0, path * (0.30 + 0.70 * spark))
            c = -0.55 + 0.35 * crest + 0.25 * n
            put(out, j, i, mix(t, 0.95, glitter), mix(c, 0.72, glitter), inside(y - horizon, px))
    _sail(out, x0, y0, px, -0.75 * V[0] + 0.1, horizon - 0.05 - 0.10 * U[8], night, step(0.55, 0.65, U[8]), s)


@kernel
def _islet(out, x0, y0, px, horizon, centre, night, amount, s):
    height, width = out.shape[:2]
    if amount <= 0:
        return
    tall = 0.12 + 0.22 * chance(1, 1, s)
    for i in range(width):
        x = x0 + (i + 0.5) * px
        body = math.exp(-(((x - centre) / 0.42) ** 2))
        top = horizon - 0.02 + amount * tall * (body * (0.8 + 0.5 * fbm(x * 2.2, 1.5, 4, s)) + 0.10 * body)
        for j in range(height):
            y = y0 - (j + 0.5) * px
            m = inside(y - top, px) * inside(horizon - 0.01 - y, px)
            if m > 0 and top > horizon:
                lit = step(-0.2, 0.5, noise(x * 5, y * 7 + x * 3, s + 2))
                put(out, j, i, mix(0.34, 0.12, night) + 0.16 * lit + 0.2 * math.exp(-9 * (y - horizon)), -0.25, m)


@kernel
def _sail(out, x0, y0, px, x, y, night, amount, s):
    """A small boat with two sails and its reflection."""
    height, width = out.shape[:2]
    if amount <= 0:
        return
    r = 0.16 + 0.10 * chance(3, 3, s)
    ia, ib = columns(x - r, x + r, x0, px, width)
    for j in range(height):
        v = (y0 - (j + 0.5) * px - y) / r
        if v > 1.3 or v < -1.2:
            continue
        up = v if v >= 0 else -v * 1.15
        for i in range(ia, ib):
            u = (x0 + (i + 0.5) * px - x) / r
            if v < 0:
                u += 0.12 * math.sin(v * 38) * min(1.0, -v * 3)
            main = max(-u - 0.0, u - 0.62 * (1 - (up - 0.14) / 1.08), 0.14 - up)
            jib = max(u + 0.05, -u - 0.05 - 0.42 * (1 - (up - 0.18) / 0.9), 0.18 - up)
            hull = max(abs(u - 0.08) - 0.62 + 0.8 * (0.10 - up), up - 0.10, -up)
            fade = amount * (1.0 if v >= 0 else 0.45 * (1 + v / 1.2))
            put(out, j, i, 0.93, 0.15, inside(main * r, px) * fade)
            put(out, j, i, 0.74, 1.0, inside(jib * r, px) * fade)
            put(out, j, i, 0.08, 0.0, inside(hull * r, px) * fade)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return ("sea at night" if U[1] > 0.65 else "sea") + (" with a sail" if U[8] > 0.6 else "")
