"""Mountains: steep peaks in ink on pale ground, their feet lost in mist."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.families.sky import birds
from zahir.studio.noise import chance, fbm, inside, mix, noise, put, step

LAYERS = 5


@kernel
def mountains(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.66, 0.80, U[0])
    sun_x = -1.4 * V[0] + 0.25
    sun_y = 0.42 + 0.35 * U[1]
    radius = 0.07 + 0.14 * U[2]
    hero = 1.1 * V[0]
    mist = 0.55 + 0.4 * U[3]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 0.8, y * 1.6, 3, s + 2)
            d = math.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
            t = mix(0.90, 0.14, night) - (0.10 - 0.15 * night) * step(-0.3, 1.2, y) + 0.06 * n
            glow = math.exp(-3 * max(0.0, d - radius))
            t += (0.04 + 0.18 * night) * glow
            c = 0.3 * glow - 0.18 + 0.2 * n
            g = pattern(x, y, px, V, s) * step(radius, radius + 0.25, d)
            t += mix(-0.07, 0.07, night) * g
            c += 0.25 * g
            put_disc = inside(d - radius, px)
            out[j, i, 0] = mix(t, mix(0.66, 0.95, night), put_disc)
            out[j, i, 1] = mix(c, mix(1.0, 0.3, night), put_disc)
    birds(out, x0, y0, px, sun_x * 0.5, sun_y - 0.05, 0.045, mix(0.12, 0.8, night), step(0.45, 0.55, U[4]), s + 5)
    tops = np.empty(width)
    sides = np.empty(width)
    way = 1.0 if chance(0, 21, s) < 0.5 else -1.0
    for k in range(LAYERS):
        q = k / (LAYERS - 1.0)
        base = 0.02 - 0.62 * q
        tall = (0.62 - 0.22 * q) * (0.75 + 0.5 * U[5])
        centre = hero * (1 - 1.3 * q) + 0.9 * (chance(k, 3, s) - 0.5) * (0.3 + q)
        for i in range(width):
            x = x0 + (i + 0.5) * px
            tops[i] = base + _peak(x, centre, tall, (0.9 + 0.9 * U[6]) / V[2], k, s + 11 * k)
        span = max(1, int(0.022 / px + 0.5))
        for i in range(width):
            a = max(0, i - span)
            b = min(width - 1, i + span)
            sides[i] = (tops[b] - tops[a]) / ((b - a) * px)
        ink = mix(0.50, 0.06, q)
        floor = mix(0.92, 0.20, night) - 0.05 * q
        for j in range(height):
            y = y0 - (j + 0.5) * px
            for i in range(width):
                down = tops[i] - y
                m = inside(-down, px)
                if m <= 0:
                    continue
                x = x0 + (i + 0.5) * px
                down = max(0.0, down)
                cut = noise(x * 5 + 2.0 * down, y * 2.2 - x, s + 60 + k)
                fine = noise(x * 15 - 6 * down, y * 4, s + 61 + k)
                at = x + down * (0.28 * cut + 0.10 * fine)
                u = min(width - 2.0, max(1.0, (at - x0) / px - 0.5))
                a = int(u)
                face = sides[a] + (sides[a + 1] - sides[a]) * (u - a)
                rock = step(-0.55, 0.75, face * way + 0.35 * cut + 0.22 * fine) * math.exp(-1.2 * down)
                tone = ink + (0.40 - 0.1 * q) * rock
                tone = mix(tone, mix(0.10 + 0.32 * (1 - q), 0.62, 0.6 * rock), night)
                fade = step(0.0, (1.05 - 0.25 * q) * tall + 0.02, down + 0.10 * fbm(x * 1.2, y * 3, 2, s + 80 + k))
                fade *= mist * (1 - 0.55 * step(0.75, 1.0, q) * (1 - U[3]))
                put(out, j, i, mix(tone, floor, fade), mix(-0.35 + 0.5 * q * U[7], 0.1, fade), m)


@kernel
def _peak(x, centre, tall, wide, k, s):
    """Height of a ridge with one main summit."""
    r = fbm(x * wide + 3.3 * k, 1.7 * k, 5, s)
    sharp = 1 - 1.7 * abs(fbm(x * wide * 0.8 + 9.1 * k, 5.3, 4, s + 7))
    body = math.exp(-(((x - centre) / 0.62) ** 2))
    return tall * (body * (0.45 + 0.55 * sharp) + 0.20 * r + 0.10 * sharp)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "moonlit mountains" if U[0] > 0.73 else "mountains in mist"
