"""Fields: two to four soft-edged blocks of colour that glow from within, stacked or nested."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted, tilted_pattern
from zahir.studio.noise import chance, fbm, mix, noise, step


@kernel
def fields(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    count = 2 + int(2.6 * chance(0, 1, s))
    nested = chance(0, 2, s) < 0.35
    night = step(0.45, 0.60, U[0])
    soft = 0.015 + 0.055 * U[1] * U[1]
    wide = 0.78 + 0.10 * U[2]
    total = 0.0
    for k in range(count):
        total += 0.35 + chance(k, 3, s) * (0.6 + U[3])
    for j in range(height):
        row = y0 - (j + 0.5) * px
        for i in range(width):
            x, y = tilted(x0 + (i + 0.5) * px, row, V)
            n = fbm(x * 1.8, y * 1.8, 4, s + 4)
            rub = fbm(x * 0.6, y * 5.0, 3, s + 8)
            t = mix(0.80, 0.16, night) + 0.06 * n + 0.05 * rub
            g = tilted_pattern(x, y, px, V, s)
            t += mix(-0.13, 0.13, night) * g
            c = -0.2 + 0.25 * n + 0.4 * g
            top = 0.88
            for k in range(count):
                if nested:
                    q = k / (count + 0.2)
                    half = wide * (1 - q)
                    high = half
                    mid = -0.28 * half * q * 2 + 0.25 * V[1] * q
                    dx = half - abs(x - 0.25 * V[0] * q)
                else:
                    high = 0.5 * (1.76 - 0.09 * (count - 1)) * (0.35 + chance(k, 3, s) * (0.6 + U[3])) / total
                    mid = top - high
                    top -= 2 * high + 0.09
                    dx = wide + 0.03 * (chance(k, 5, s) - 0.5) - abs(x)
                dy = high - abs(y - mid)
                d = min(dx, dy) + 0.45 * soft * (n + 0.5 * rub)
                m = step(-soft * 0.3 - px, soft + px, d)
                if m <= 0:
                    continue
                tone = _tone(k, count, night, s)
                hue = chance(k, 7, s)
                hue = 1.0 if k == int(count * chance(0, 8, s)) else (-1.0 if hue < 0.5 else 0.0)
                core = math.exp(-1.8 * max(0.0, (abs(y - mid) / high) ** 2 + 0.5 * (x / wide) ** 2 - 0.2))
                g = tilted_pattern(x, y, px, V, s + 300 + k) if chance(k, 15, s) < 0.5 else 0.0
                tone += 0.12 * g
                hue -= 0.5 * abs(g) * hue
                tone += 0.10 * (core - 0.5) * (0.4 + U[4]) + 0.06 * n + 0.05 * rub
                t = mix(t, tone, m * 0.97)
                c = mix(c, hue + 0.18 * n, m * 0.97)
            out[j, i, 0] = t + 0.015 * noise(x * 22, y * 22, s + 12)
            out[j, i, 1] = c


@kernel
def _tone(k, count, night, s):
    """Tones of the blocks in an order that always jumps."""
    h = chance(k, 6, s)
    odd = (k + int(2 * chance(0, 9, s))) % 2
    return mix(0.14 + 0.22 * h + 0.46 * odd, 0.88 - 0.20 * h - 0.44 * odd, night)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "soft blocks of colour on " + ("dark" if U[0] > 0.52 else "light") + " ground"
