"""Bloom: one large flower and a few small ones, petal by petal, on quiet ground."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted_pattern
from zahir.studio.noise import chance, columns, fbm, inside, mix, noise, put, step


@kernel
def bloom(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.42, 0.58, U[0])
    hue = 1.3 * (U[1] - 0.5)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 0.7, y * 0.7, 3, s + 1)
            d = math.sqrt((x - V[0]) ** 2 + (y - V[1]) ** 2)
            t = mix(0.90, 0.08, night) + mix(-0.13, 0.17, night) * math.exp(-0.9 * d) + 0.05 * n
            g = tilted_pattern(x, y, px, V, s)
            out[j, i, 0] = t + mix(-0.11, 0.11, night) * g
            out[j, i, 1] = -0.5 + 0.25 * n + 0.2 * hue + 0.4 * g
    _meadow(out, x0, y0, px, V, hue, night, step(0.45, 0.55, U[8]), U[9], s + 77)
    count = 1 + int(4.5 * chance(0, 1, s))
    big = (0.62 - 0.05 * count) * (0.75 + 0.5 * U[2]) * V[2] ** 0.5
    for k in range(count - 1, -1, -1):
        a = 2.4 * k + 6.28 * chance(1, 1, s)
        x = V[0] * 0.95 + (0.0 if k == 0 else 0.72 * math.cos(a))
        y = V[1] * 0.8 + 0.14 + (0.0 if k == 0 else 0.50 * math.sin(a))
        r = big * (1.0 if k == 0 else 0.34 + 0.32 * chance(k, 2, s))
        _stem(out, x0, y0, px, x, y, V[0] * 0.3 + 0.12 * (k - 1), r, night, s + k)
    for k in range(count - 1, -1, -1):
        a = 2.4 * k + 6.28 * chance(1, 1, s)
        x = V[0] * 0.95 + (0.0 if k == 0 else 0.72 * math.cos(a))
        y = V[1] * 0.8 + 0.14 + (0.0 if k == 0 else 0.50 * math.sin(a))
        r = big * (1.0 if k == 0 else 0.34 + 0.32 * chance(k, 2, s))
        tone = mix(0.50, 0.78, night) + 0.12 * (U[3] - 0.5)
        _head(out, x0, y0, px, x, y, r, tone, 1.0 if k == 0 or chance(k, 3, s) < 0.4 else hue, U, s + 31 * k, s)


@kernel
def _meadow(out, x0, y0, px, V, hue, night, amount, tall, s):
    """Many small flowers all about, larger towards the lower edge, thinning out around the main one."""
    if amount <= 0:
        return
    height, width = out.shape[:2]
    top = -0.5 + 1.5 * tall
    for n in range(220):
        q = (n + 0.5) / 220
        y = top - (top + 1.1) * q
        x = (2 * chance(n, 1, s) - 1) * (-x0 + 0.1)
        d = math.sqrt((x - 0.95 * V[0]) ** 2 + (y - 0.8 * V[1] - 0.14) ** 2)
        r = (0.018 + 0.050 * q) * (0.6 + 0.8 * chance(n, 2, s)) * amount
        petals = 5 + int(3 * chance(n, 3, s))
        h = chance(n, 4, s)
        tone = mix(0.62 - 0.25 * q, 0.30 + 0.30 * q, night) + 0.20 * (chance(n, 5, s) - 0.5)
        tone = mix(tone, out[0, 0, 0], 0.5 * math.exp(-4 * d * d))
        if chance(n, 6, s) < 0.3:
            h = 0.5
            petals = 1
            tone = mix(0.42, 0.24, night)
        c = 1.0 if h < 0.3 else (hue if h < 0.45 else -0.8 + 0.5 * h)
        ia, ib = columns(x - r, x + r, x0, px, width)
        ja, jb = columns(-y - r, -y + r, -y0, px, height)
        for j in range(ja, jb):
            v = (y0 - (j + 0.5) * px - y) / r
            for i in range(ia, ib):
                u = (x0 + (i + 0.5) * px - x) / r
                e = math.sqrt(u * u + v * v)
                if petals == 1:
                    edge = 0.9
                    e = abs(u) * 3 + abs(v)
                else:
                    edge = 0.72 + 0.26 * math.cos(petals * math.atan2(v, u) + 6 * h)
                heart = inside((e - 0.25) * r, px) if petals > 1 else 0.0
                put(
                    out,
                    j,
                    i,
                    mix(tone + 0.1 * max(-1.0, min(1.0, v)), 0.88, heart),
                    mix(c, 0.8, heart),
                    inside((e - edge) * r, px) * min(1.0, 1.5 * r / px),
                )


@kernel
def _stem(out, x0, y0, px, x, y, foot, r, night, s):
    height, width = out.shape[:2]
    ink = mix(0.26, 0.44, night)
    thick = 0.012 + 0.022 * r
    leaf_v = y - r - 0.10 - 0.2 * chance(2, 2, s)
    side = 1.0 if chance(3, 3, s) < 0.5 else -1.0
    for j in range(height):
        yy = y0 - (j + 0.5) * px
        if yy > y:
            continue
        q = min(1.0, (y - yy) / (y + 1.3))
        mid = mix(x, foot, q * q) + 0.07 * math.sin(2.6 * q + 5 * chance(1, 1, s))
        for i in range(width):
            u = x0 + (i + 0.5) * px - mid
            if abs(u) > 0.5:
                continue
            put(out, j, i, ink + 2.2 * u, -0.65, inside(abs(u) - thick * (1 + 0.7 * q), px))
            for n in range(2):
                a = side * (1 - 2 * n) * u / 0.42
                b = (yy - leaf_v + 0.26 * n) / 0.42 - 0.55 * a + 0.35 * a * a
                if 0 < a < 1:
                    d = abs(b) - 0.26 * math.sin(3.1416 * a**0.8) * (1 - 0.3 * a)
                    vein = math.exp(-((b / 0.02) ** 2)) * 0.12
                    put(out, j, i, ink + (0.09 if b > 0 else -0.05) + vein, -0.75, inside(d * 0.4, px))


@kernel
def _head(out, x0, y0, px, x, y, r, tone, hue, U, s, common):
    """A flower head: rings of petals from the outside in, then the heart."""
    height, width = out.shape[:2]
    petals = 5 + int(8 * chance(5, 5, common))
    rings = 2 + int(3.5 * chance(6, 6, common))
    point = 0.5 + 1.0 * U[4]
    ruffle = 0.08 * U[5]
    flat = 1 - 0.35 * U[6] * chance(1, 8, s)
    ia, ib = columns(x - 1.1 * r, x + 1.1 * r, x0, px, width)
    ja, jb = columns(-y - 1.1 * r, -y + 1.1 * r, -y0, px, height)
    spin = 6.28 * chance(4, 4, s)
    for j in range(ja, jb):
        v = (y0 - (j + 0.5) * px - y) / (r * flat)
        for i in range(ia, ib):
            u = (x0 + (i + 0.5) * px - x) / r
            d = math.sqrt(u * u + v * v)
            if d > 1.08:
                continue
            a = math.atan2(v, u) + spin
            for k in range(rings):
                q = k / max(1.0, rings - 1.0)
                outer = 1 - 0.62 * q
                w = a * petals / 6.2832 + 0.5 * k
                for n in range(2):
                    cell = math.floor(w + 0.5 * n)
                    f = 2 * (w + 0.5 * n - cell) - 1
                    h = chance(int(cell) % petals, k * 2 + n, s)
                    span = outer * (0.90 + 0.14 * h - 0.04 * n)
                    curve = max(0.0, 1 - abs(f) ** (1.6 + point)) ** 0.5
                    edge = span * (0.40 + 0.60 * curve) * (1 + ruffle * math.sin(9 * f + 6 * h) * abs(f))
                    m = inside((d - edge) * r * 0.8, px) * step(1.0, 0.97, abs(f))
                    if m <= 0:
                        continue
                    rise = d / span
                    t = tone - 0.34 + 0.36 * rise**1.3 - 0.10 * abs(f) ** 2 + 0.10 * (h - 0.5) + 0.05 * n
                    t += 0.035 * math.sin(f * 14) * rise * (1 - abs(f)) + 0.10 * math.exp(-(((edge - d) / 0.02) ** 2))
                    t += 0.06 * v + 0.10 * q
                    put(out, j, i, t, mix(hue, hue - 0.55, (1 - rise) * 0.8 + 0.15 * h), m)
            heart = 0.17 + 0.06 * U[7]
            if d < heart + 0.03:
                seed = noise(u * 34, v * 34, s + 2)
                t = 0.24 + 0.30 * step(0.2, 0.9, d / heart) + 0.16 * seed
                put(out, j, i, t, -0.2 if hue > 0.5 else 0.9, inside((d - heart) * r, px))


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "flowers on dark ground" if U[0] > 0.5 else "flowers on light ground"
