"""Agate: a slice of banded stone around a hollow of crystals, lying on plain rock."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, fbm, inside, mix, noise, step


@kernel
def agate(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    cx = 0.6 * V[0]
    cy = 0.6 * V[1]
    night = step(0.45, 0.60, U[0])
    size = (0.78 + 0.75 * U[1] * U[1]) * V[2] ** 0.3
    bands = (6 + 12 * U[2]) * (0.7 + 0.4 * size)
    wave = 0.14 + 0.34 * U[3]
    hollow = 0.16 + 0.16 * U[4]
    long = 0.75 + 0.5 * U[5]
    ca = math.cos(3.1 * U[6])
    sa = math.sin(3.1 * U[6])
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            u = ((x - cx) * ca + (y - cy) * sa) * long
            v = ((y - cy) * ca - (x - cx) * sa) / long
            n = fbm(x * 1.3, y * 1.3, 3, s + 1)
            fine = fbm(x * 4.2, y * 4.2, 3, s + 5)
            r = math.sqrt(u * u + v * v) / size
            d = r + wave * n * (0.4 + r) + 0.035 * fine
            t = mix(0.88, 0.10, night) + 0.05 * n + 0.03 * fine
            g = pattern(x, y, px, V, s)
            t += mix(-0.12, 0.12, night) * g
            c = -0.2 + 0.3 * n + 0.4 * g
            if d < 1.25:
                dark = math.exp(-9 * max(0.0, d - 1)) * 0.16
                t += mix(-dark, 0.6 * dark, night) * (1 if d > 1 else 0)
            body = inside((d - 1) * size, px * 1.5)
            if body > 0:
                g = d * bands
                k = math.floor(g)
                f = g - k
                slope = bands * px * 1.4 / size
                own = _band(k, s)
                nxt = _band(k + 1, s)
                edge = step(1 - slope - 0.03 - 0.35 * chance(k, 3, s), 1.0, f)
                tone = mix(own, nxt, edge)
                thread = (
                    math.exp(-(((f - 0.5) / 0.10) ** 2))
                    * (0.16 if chance(k, 4, s) > 0.6 else 0.0)
                    * step(0.5, 0.2, slope)
                )
                tone += thread + 0.035 * noise(g * 3.3, n * 2, s + 9) * step(0.5, 0.15, slope)
                hue = mix(_vein(k, s), _vein(k + 1, s), edge)
                rind = step(0.93, 0.97, d)
                tone = mix(tone, mix(0.16, 0.40, night), rind)
                hue = mix(hue, -0.5, rind)
                gem = inside((d - hollow) * size, px * 1.5)
                if gem > 0:
                    tone, hue = _crystals(u, v, tone, hue, gem, size, px, s + 20)
                t = mix(t, tone, body)
                c = mix(c, hue, body)
            out[j, i, 0] = t
            out[j, i, 1] = c


@kernel
def _band(k, s):
    return 0.15 + 0.55 * chance(k, 1, s) + (0.25 if k % 2 else 0.0)


@kernel
def _vein(k, s):
    h = chance(k, 2, s)
    return 1.0 if h < 0.16 else (-0.9 if h < 0.45 else 0.2 * (h - 0.5))


@kernel
def _crystals(u, v, tone, hue, gem, size, px, s):
    """Facets: nearest of jittered points, each with its own light."""
    k = 11.0 / size
    a = math.floor(u * k)
    b = math.floor(v * k)
    best = 9.0
    second = 9.0
    cell = 0.0
    for i in range(a - 1, a + 2):
        for j in range(b - 1, b + 2):
            d = (i + chance(i, j, s) - u * k) ** 2 + (j + chance(i, j, s + 1) - v * k) ** 2
            if d < best:
                second = best
                best = d
                cell = chance(i, j, s + 2)
            elif d < second:
                second = d
    ridge = step(0.0, 0.12 + 2 * px * k, math.sqrt(second) - math.sqrt(best))
    light = 0.34 + 0.60 * cell * ridge + 0.10 * (1 - ridge)
    return mix(tone, light, gem), mix(hue, -0.5 + 0.9 * cell, gem)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "banded agate on " + ("dark" if U[0] > 0.52 else "light") + " rock"
