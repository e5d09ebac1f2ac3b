"""Paper: sheets cut and stacked, each opening smaller, down to a bright or dark ground; shadows between."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, inside, mix, noise, step

SHEETS = 7


@kernel
def paper(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    cx = 0.75 * V[0]
    cy = 0.75 * V[1]
    inner = step(0.42, 0.56, U[0])
    gap = 0.100 + 0.05 * U[1]
    wave = 0.16 + 0.34 * U[2]
    k = 0.9 + 1.1 * U[3]
    shade_x = -0.035 * math.sin(V[3])
    lobes = 0.0 if chance(0, 1, s) < 0.6 else 3 + math.floor(5 * chance(0, 2, s))
    petal = 0.10 * (0.3 + U[4])
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            t = mix(0.06, 0.95, inner)
            c = mix(-0.3, 0.35, inner)
            ball = inside(math.sqrt((x - cx) ** 2 + (y - cy - 0.02) ** 2) - 0.10 - 0.07 * U[5], px)
            t = mix(t, mix(0.90, 0.55, inner), ball * step(0.35, 0.45, U[6]))
            c = mix(c, 1.0, ball * step(0.35, 0.45, U[6]))
            for n in range(SHEETS):
                q = n / (SHEETS - 1.0)
                d = _opening(x, y, cx, cy, n, gap, wave, k, lobes, petal, s)
                drop = _opening(x + shade_x, y + 0.05, cx, cy, n, gap, wave, k, lobes, petal, s)
                t -= (0.30 - 0.06 * q) * step(-0.10, 0.03, drop) * inside(d, px) * (0.3 + 0.7 * t)
                m = inside(-d, px)
                if m <= 0:
                    continue
                tone = mix(mix(0.20, 0.90, q), mix(0.82, 0.12, q), inner)
                hue = mix(0.55, -0.55, q) if (chance(n, 3, s) > 0.2) else 0.9
                g = pattern(x, y, px, V, s + 300 + n) if n % 2 == 0 else 0.0
                tone += mix(-0.10, 0.10, inner) * g
                hue += 0.4 * g
                rim = math.exp(-((d / 0.012) ** 2)) * 0.09
                t = mix(t, tone + rim + 0.018 * noise(x * 20, y * 20, s + 60 + n), m)
                c = mix(c, hue, m)
            out[j, i, 0] = t
            out[j, i, 1] = c


@kernel
def _opening(x, y, cx, cy, n, gap, wave, k, lobes, petal, s):
    """Signed distance, about, to the hole in sheet n (negative in the hole)."""
    dx = x - cx * (1 - 0.08 * n)
    dy = y - cy * (1 - 0.08 * n)
    r = math.sqrt(dx * dx + dy * dy)
    rim = 0.24 + gap * n
    w = noise(x * k + 0.35 * n, y * k - 0.21 * n, s + 7) + 0.4 * noise(2.1 * x * k, 2.1 * y * k + 0.5 * n, s + 8)
    d = r - rim - wave * w * (0.35 + 0.65 * r)
    if lobes > 0:
        d -= petal * math.cos(lobes * math.atan2(dy, dx) + 0.35 * n) * min(1.0, 2.2 * r)
    return d


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "layers of cut paper around " + ("a bright opening" if U[0] > 0.49 else "a dark opening")
