"""Dunes: sand in long curves, each crest parting a lit slope from one in shade."""

from __future__ import annotations

import math

import numpy as np

from zahir.studio.families.sky import sky
from zahir.studio.jit import kernel
from zahir.studio.noise import chance, inside, mix, noise, put, step

LAYERS = 5


@kernel
def dunes(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    horizon = 0.18 + 0.30 * (U[0] - 0.5)
    night = step(0.72, 0.86, U[1])
    sun_x = -1.3 * V[0]
    sky(out, x0, y0, px, horizon, sun_x, horizon + 0.15 + 0.4 * U[2], 0.07 + 0.2 * U[3], night, 0.5 * U[4], s)
    side = 1.0 if chance(1, 4, s) < 0.5 else -1.0
    for k in range(LAYERS):
        q = k / (LAYERS - 1.0)
        base = horizon + 0.04 - 0.85 * q
        peak = V[0] * (1 - 2 * (k % 2)) + 1.1 * (chance(k, 2, s) - 0.5)
        tall = (0.16 + 0.26 * q) * (0.6 + 0.8 * U[5])
        broad = 0.55 + 0.5 * chance(k, 3, s)
        bend = side * (0.35 + 0.5 * U[6]) * (1.0 if chance(k, 5, s) < 0.75 else -1.0)
        ripple = (0.02 + 0.03 * U[7]) * q
        light = mix(0.90, 0.62, night) - 0.06 * (1 - q)
        shade = mix(0.46, 0.22, night) - 0.34 * q
        for i in range(width):
            x = x0 + (i + 0.5) * px
            e = (x - peak) / broad
            top = base + tall * math.exp(-abs(e) ** 1.6) + 0.05 * noise(x * 1.1 + 3 * k, 2.2 * k, s + k) * (0.5 + q)
            for j in range(height):
                y = y0 - (j + 0.5) * px
                down = top - y
                m = inside(-down, px)
                if m <= 0:
                    continue
                down = max(down, 0.0)
                sway = 0.16 * math.sin(down * (3.5 + 2 * U[8]) + 4 * chance(k, 6, s))
                edge = (x - peak - bend * down * 1.6 - sway) * bend / (0.4 + abs(bend))
                soft = px + 0.015 + 0.45 * down
                lit = step(-0.6 * soft - px, 0.4 * soft, edge)
                r = noise(x * 2.5 + 6 * down, 34 * (down + 0.10 * x * side) / (0.6 + q), s + 20 + k)
                r *= step(0.9, 0.3, 34 * px)
                t = mix(shade, light, lit) + ripple * r
                t += 0.10 * step(0.0, 0.8, down) * (1 - lit) - 0.16 * step(0.1, 0.9, down) * lit
                c = mix(-0.55, 0.28, lit) + 0.2 * q
                put(out, j, i, t, c, m)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "dunes at night" if U[1] > 0.79 else "sand dunes"
