"""Tiles: a quadtree of quarter circles, discs, bars and triangles, busy at the focus and plain away from it."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted, tilted_pattern
from zahir.studio.noise import chance, fbm, inside, mix, step


@kernel
def tiles(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    size = (0.42 + 0.20 * chance(0, 1, s)) * V[2] ** 0.5
    night = step(0.55, 0.65, U[0])
    turned = chance(0, 2, s) < 0.2
    ground = mix(0.90, 0.10, night)
    reach = 0.50 + 0.55 * U[1]
    for j in range(height):
        row = y0 - (j + 0.5) * px
        for i in range(width):
            x, y = tilted(x0 + (i + 0.5) * px, row, V)
            n = fbm(x * 1.2, y * 1.2, 2, s + 3)
            u = (x + y) * 0.7071 if turned else x
            v = (y - x) * 0.7071 if turned else y
            u = (u - 0.2 * V[0]) / size + 0.5 * (1 if chance(0, 3, s) < 0.5 else 0)
            v = (v - 0.2 * V[1]) / size
            p = px / size
            a = math.floor(u)
            b = math.floor(v)
            u -= a
            v -= b
            level = 0
            while level < 2 and chance(a + 512 * level, b, s + 5) < 0.46 - 0.2 * level:
                u *= 2
                v *= 2
                p *= 2
                ia = math.floor(u)
                ib = math.floor(v)
                u -= ia
                v -= ib
                a = 2 * a + ia
                b = 2 * b + ib
                level += 1
            cell = size / 2**level
            mx = x - (u - 0.5) * cell if not turned else x - ((u - 0.5) - (v - 0.5)) * 0.7071 * cell
            my = y - (v - 0.5) * cell if not turned else y - ((u - 0.5) + (v - 0.5)) * 0.7071 * cell
            near = math.sqrt((mx - V[0]) ** 2 + (my - V[1]) ** 2) + 0.5 * (chance(a, b, s + 20 + level) - 0.5)
            busy = 1 - step(reach - 0.07, reach + 0.07, near)
            m = _motif(u, v, p, int(8 * chance(a, b, s + 6 + level)), int(4 * chance(a, b, s + 9 + level)))
            h = chance(a, b, s + 12 + level)
            g = chance(a, b, s + 15 + level)
            back = math.floor(5 * h) / 4
            fore = math.floor(5 * g) / 4
            if abs(fore - back) < 0.3:
                fore = 1 - back if abs(back - 0.5) > 0.2 else mix(0.05, 0.95, math.floor(2 * g))
            hue = _hue(chance(a, b, s + 18 + level))
            hue2 = _hue(chance(a, b, s + 25 + level))
            plain = mix(ground, back, 0.22 * U[2])
            t = mix(mix(plain, back, busy), fore, m * busy)
            c = mix(mix(0.0, hue2, busy), hue, m * busy)
            if chance(a, b, s + 28) < 0.4:
                g = tilted_pattern(x, y, px, V, s + 300 + int(9 * chance(a, b, s + 29)))
                t += 0.14 * (1 - 2 * step(0.45, 0.55, t)) * g * (m if chance(a, b, s + 30) < 0.5 else 1 - m)
            bevel = 0.05 * (u - 0.5) * V[3] * busy
            seam = 1 - inside((min(min(u, 1 - u), min(v, 1 - v)) * cell - 0.003) * -1, px)
            out[j, i, 0] = 0.06 + 0.88 * t + bevel + 0.035 * n + 0.06 * seam * (1 - 2 * t) * busy
            out[j, i, 1] = c


@kernel
def _hue(h):
    """Mostly the main hue, often the second one, one tile in eight the accent."""
    if h < 0.125:
        return 1.0
    if h < 0.42:
        return -1.0
    return 0.0


@kernel
def _motif(u, v, p, kind, turn):
    """Coverage by one of eight figures in the unit square."""
    if turn & 1:
        u = 1 - u
    if turn & 2:
        v = 1 - v
    r = math.sqrt(u * u + v * v)
    o = math.sqrt((u - 0.5) ** 2 + (v - 0.5) ** 2)
    if kind == 0:
        return inside(r - 1, p)
    if kind == 1:
        return inside((u - v) * 0.7071, p)
    if kind == 2:
        return inside(o - 0.38, p)
    if kind == 3:
        far = math.sqrt((1 - u) ** 2 + (1 - v) ** 2)
        return inside(max(r, far) - 1, p)
    if kind == 4:
        ring = abs(r - 0.75) - 0.125
        return max(inside(ring, p), inside(abs(r - 0.25) - 0.125, p))
    if kind == 5:
        return inside(u - 0.5, p)
    if kind == 6:
        return max(inside(math.sqrt(u * u + (v - 0.5) ** 2) - 0.5, p), 0.0)
    return inside(max(o - 0.46, 0.5 - v), p)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "geometric tiles on " + ("dark" if U[0] > 0.6 else "light") + " ground"
