"""Rings: discs within discs, cut into sectors of other colours, with a few bars and arcs; after the Delaunays."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted_pattern
from zahir.studio.noise import chance, fbm, inside, mix, put, step


@kernel
def rings(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.58, 0.68, U[0])
    cut_a = 3.14 * U[1]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 1.1, y * 1.1, 3, s + 3)
            half = inside((x - V[0]) * math.sin(cut_a) + (y - V[1]) * math.cos(cut_a), px)
            g = tilted_pattern(x, y, px, V, s) * (1 - 0.7 * half)
            out[j, i, 0] = (
                mix(mix(0.92, 0.76, half), mix(0.07, 0.20, half), night) + 0.035 * n + mix(-0.1, 0.1, night) * g
            )
            out[j, i, 1] = mix(-0.2, 0.15, half) + 0.2 * n + 0.3 * g
    bars = 1 + int(4 * chance(0, 1, s))
    for k in range(bars):
        a = V[3] + 1.2 * (chance(k, 2, s) - 0.5) + (1.57 if chance(k, 3, s) < 0.3 else 0.0)
        thick = 0.006 + 0.035 * chance(k, 4, s) ** 2
        _bar(
            out,
            x0,
            y0,
            px,
            V[0] + 0.5 * (chance(k, 5, s) - 0.5),
            V[1],
            a,
            0.7 + 0.6 * chance(k, 6, s),
            thick,
            mix(0.10, 0.85, night),
            1.4 * chance(k, 7, s) - 0.4,
        )
    count = 2 + int(7 * chance(0, 8, s))
    hero = (0.40 + 0.40 * U[2]) * V[2] ** 0.5
    for k in range(count):
        a = 6.2832 * chance(k, 9, s)
        r = hero if k == 0 else hero * (0.18 + 0.42 * chance(k, 10, s) ** 1.5)
        away = 0.0 if k == 0 else hero * (0.75 + 0.65 * chance(k, 11, s))
        x = 1.2 * V[0] + away * math.cos(a) * 1.1
        y = 1.2 * V[1] + away * math.sin(a)
        _target(out, x0, y0, px, x, y, r, V, U, s + 40 * k)


@kernel
def _target(out, x0, y0, px, x, y, r, V, U, s):
    height, width = out.shape[:2]
    bands = 3 + int(4 * chance(1, 1, s))
    if r < 0.2:
        bands = 2 + int(2 * chance(1, 1, s))
    sectors = 2 if chance(1, 2, s) < 0.5 else 4
    plain = chance(1, 4, s) < 0.25
    turn = 6.2832 * chance(1, 3, s) + 1.5 * (U[3] - 0.5)
    grow = 0.75 + 0.7 * U[4]
    for j in range(height):
        v = y0 - (j + 0.5) * px - y
        if abs(v) > r + px:
            continue
        for i in range(width):
            u = x0 + (i + 0.5) * px - x
            d = math.sqrt(u * u + v * v)
            m = inside(d - r, px)
            if m <= 0:
                continue
            ca = u * math.cos(turn) + v * math.sin(turn)
            sa = v * math.cos(turn) - u * math.sin(turn)
            east = inside(ca, px)
            north = inside(sa, px) if sectors == 4 else 0.0
            t = 0.0
            c = 0.0
            for k in range(bands):
                edge = r * (1 - k / (bands + 0.35)) ** grow
                cover = inside(d - edge, px)
                if cover <= 0:
                    break
                tt = 0.0
                cc = 0.0
                for q in range(1 if plain else sectors):
                    share = east if q & 1 else 1 - east
                    share *= (north if q & 2 else 1 - north) if sectors == 4 else 1.0
                    share = 1.0 if plain else share
                    h = chance(k, 10 + q, s)
                    tone = (
                        0.12
                        + 0.80 * ((k + q + (h > 0.75)) % 2)
                        + (0.42 - 0.84 * ((k + q) % 2)) * (chance(k, 20 + q, s) > 0.55)
                    )
                    hue = chance(k, 30 + q, s)
                    tt += share * tone
                    cc += share * (1.0 if hue < 0.26 else (-1.0 if hue < 0.58 else 0.0))
                t = mix(t, tt, cover)
                c = mix(c, cc, cover)
            t += 0.05 * (u - v) / r
            g = tilted_pattern(x + u, y + v, px, V, s + 300) * (1 - east if bands % 2 else east)
            t += 0.11 * (1 - 2 * step(0.45, 0.55, t)) * g
            put(out, j, i, t, c, m * (0.86 + 0.14 * step(0.3, 0.6, U[5])))


@kernel
def _bar(out, x0, y0, px, x, y, a, long, thick, tone, hue):
    height, width = out.shape[:2]
    ca = math.cos(a)
    sa = math.sin(a)
    for j in range(height):
        v = y0 - (j + 0.5) * px - y
        for i in range(width):
            u = x0 + (i + 0.5) * px - x
            along = abs(u * ca + v * sa) - long
            across = abs(v * ca - u * sa) - thick
            d = max(along, across)
            if d < px:
                put(out, j, i, tone, hue, inside(d, px))


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "concentric discs on " + ("dark" if U[0] > 0.63 else "light") + " ground"
