"""Vessels: bottles, bowls, jugs and fruit on a table by a window."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import tilted_pattern
from zahir.studio.noise import chance, columns, fbm, inside, mix, noise, put, step

KINDS = 6


@kernel
def vessels(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    table = -0.22 + 0.50 * (U[0] - 0.5)
    night = step(0.60, 0.75, U[1])
    sun = 1.0 if chance(0, 21, s) < 0.5 else -1.0
    slant = 0.6 + 0.5 * U[2]
    wall_hue = 0.55 * (2 * U[3] - 1)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 0.9, y * 0.9, 3, s + 1)
            beam = step(-0.6, 0.5, 0.55 * sun * x + slant * 0.7 * y + 0.05 * n)
            wall = mix(0.62, 0.16, night) + mix(0.20, 0.26, night) * beam + 0.05 * n
            g = tilted_pattern(x, y, px, V, s)
            wall += 0.10 * g
            wood = mix(0.50, 0.38, night) + 0.16 * step(-1.2, 0.3, sun * x) - 0.22 * step(table, -1.1, y)
            wood += 0.03 * noise(x * 1.5, y * 18, s + 2)
            m = inside(y - table, px)
            out[j, i, 0] = mix(wall, wood, m)
            out[j, i, 1] = mix(wall_hue - 0.3 + 0.3 * beam + 0.4 * g, wall_hue * -0.6 + 0.25, m)
    count = 3 + int(3 * chance(0, 9, s))
    hero = int(count * chance(0, 10, s))
    accent = (hero + 1) % count
    spread = (0.34 + 0.16 * U[4]) * V[2] ** 0.4
    for turn in range(2):
        for k in range(count):
            front = chance(k, 11, s) > 0.55 and k != hero
            if front != (turn == 1):
                continue
            kind = int(KINDS * chance(k, 12, s))
            x = V[0] * 0.5 + (k - 0.5 * (count - 1)) * spread + 0.12 * (chance(k, 13, s) - 0.5)
            foot = table - 0.10 - (0.22 if front else 0.03) - 0.08 * chance(k, 14, s)
            tall = (0.50 + 0.45 * chance(k, 15, s)) * (0.85 + 0.3 * U[5])
            tall *= (1.22 if k == hero else 1.0) * V[2] ** 0.4
            tall *= 0.62 if front else 1.0
            body = (0.13 + 0.10 * chance(k, 16, s) + 0.05 * U[6]) * V[2] ** 0.4
            if kind == 2 or kind == 5:
                body *= 1.35
                tall *= 0.45 if kind == 2 else 0.6
            tone = 0.22 + 0.62 * chance(k, 17, s)
            tone = 0.80 if k == hero else tone
            hue = 1.0 if k == accent else 1.4 * (chance(k, 18, s) - 0.6)
            _shadow(out, x0, y0, px, x, foot, body, tall, sun, s)
            _vessel(out, x0, y0, px, x, foot, tall, body, kind, tone, hue, sun, V, s + k)
    for k in range(int(3.4 * chance(2, 9, s))):
        r = 0.085 + 0.04 * chance(k, 19, s)
        x = V[0] * 0.5 + 1.1 * (chance(k, 20, s) - 0.5)
        foot = table - 0.40 - 0.12 * chance(k, 21, s)
        _shadow(out, x0, y0, px, x, foot, r, 1.6 * r, sun, s)
        _fruit(out, x0, y0, px, x, foot + r * 0.92, r, sun)


@kernel
def _profile(kind, v):
    """Radius of a vessel at height v in [0, 1], as a share of its body."""
    if kind == 0:  # bottle
        return mix(0.92, 0.26, step(0.48, 0.72, v)) + 0.10 * step(0.93, 0.95, v)
    if kind == 1:  # vase
        return 0.45 + 0.60 * math.sin(3.0 * v**0.8) * (1 - 0.2 * v) - 0.1 * v + 0.25 * step(0.82, 1.0, v)
    if kind == 2:  # bowl
        return 0.30 + 0.75 * math.sqrt(min(1.0, v * 1.05))
    if kind == 3:  # jug
        return 0.72 + 0.26 * math.sin(3.1 * v) - 0.22 * step(0.55, 0.9, v) + 0.10 * step(0.88, 1.0, v)
    if kind == 4:  # cylinder
        return 0.70 + 0.02 * v
    return 0.62 + 0.36 * math.sin(2.6 * v + 0.25)  # pot


@kernel
def _vessel(out, x0, y0, px, x, foot, tall, body, kind, tone, hue, sun, V, s):
    height, width = out.shape[:2]
    ia, ib = columns(x - 1.5 * body, x + 1.5 * body, x0, px, width)
    ja, jb = columns(-foot - tall - 0.3 * body, -foot + 0.3 * body, -y0, px, height)
    mouth = _profile(kind, 1.0) * body
    base = _profile(kind, 0.0) * body
    tip = 0.20
    for j in range(ja, jb):
        y = y0 - (j + 0.5) * px
        v = (y - foot) / tall
        r = body * _profile(kind, min(1.0, max(0.0, v)))
        for i in range(ia, ib):
            u = x0 + (i + 0.5) * px - x
            d = abs(u) - r
            if v < 0:
                d = max(
                    abs(u) - base, (math.sqrt((u / base) ** 2 + (y - foot) ** 2 / (tip * base) ** 2) - 1) * base * tip
                )
            mouth_d = (math.sqrt((u / mouth) ** 2 + ((y - foot - tall) / (tip * mouth)) ** 2) - 1) * mouth * tip
            if v > 1:
                d = mouth_d
            m = inside(d, px)
            if kind == 3 and m < 1:
                hx = (u + sun * body * 0.95) / (0.42 * body)
                hy = (v - 0.55) / 0.26
                ring = abs(math.sqrt(hx * hx + hy * hy) - 1) * 0.42 * body - 0.075 * body
                put(out, j, i, tone - 0.22, hue, inside(ring, px) * (1 - m))
            if m <= 0:
                continue
            n = min(1.0, max(-1.0, u / max(r, 1e-6)))
            lit = 0.30 * math.cos(1.25 * (n - 0.45 * sun)) ** 2 - 0.24 * step(0.1, 1.0, -sun * n)
            t = tone - 0.10 + lit + 0.22 * math.exp(-(((n - 0.5 * sun) / 0.10) ** 2)) * step(0.05, 0.3, v)
            g = (
                tilted_pattern(1.2 * math.asin(0.98 * n) * body + x, y, px, V, s + 300)
                * step(0.12, 0.16, v)
                * step(0.74, 0.70, v)
            )
            t += (0.13 if tone < 0.5 else -0.13) * g
            t -= 0.10 * math.exp(-9 * max(v, 0.0)) - 0.02 * noise(u * 9, y * 9, s)
            put(out, j, i, t, hue - 0.25 * n * sun * (1 if hue < 0.9 else 0.6), m)
            hole = inside(mouth_d + 0.012, px)
            put(out, j, i, tone - 0.34 + 0.2 * n * -sun, hue - 0.2, hole)


@kernel
def _fruit(out, x0, y0, px, x, y, r, sun):
    height, width = out.shape[:2]
    ia, ib = columns(x - r, x + r, x0, px, width)
    ja, jb = columns(-y - r, -y + r, -y0, px, height)
    for j in range(ja, jb):
        v = (y0 - (j + 0.5) * px - y) / r
        for i in range(ia, ib):
            u = (x0 + (i + 0.5) * px - x) / r
            d = math.sqrt(u * u + v * v * 1.1)
            lit = 0.55 * sun * u + 0.6 * v + 0.5 * math.sqrt(max(0.0, 1 - d * d))
            shine = math.exp(-((u - 0.35 * sun) ** 2 + (v - 0.4) ** 2) * 14)
            put(out, j, i, 0.46 + 0.26 * lit + 0.25 * shine, 1.0 - 0.5 * shine, inside((d - 1) * r, px))


@kernel
def _shadow(out, x0, y0, px, x, foot, body, tall, sun, s):
    """A soft shadow on the table, away from the light."""
    height, width = out.shape[:2]
    far = 0.55 * tall + body
    ia, ib = columns(x - body - far, x + body + far, x0, px, width)
    ja, jb = columns(-foot - 0.25, -foot + 0.25, -y0, px, height)
    for j in range(ja, jb):
        y = y0 - (j + 0.5) * px
        for i in range(ia, ib):
            u = -sun * (x0 + (i + 0.5) * px - x)
            v = y - foot - 0.04 * u
            along = max(-u / body, (u - 0.6 * far) / (0.7 * far), 0.0)
            m = math.exp(-((v / (0.30 * body + 0.03)) ** 2) - 2.5 * along * along) * 0.55
            put(out, j, i, max(0.06, out[j, i, 0] - 0.30), out[j, i, 1] - 0.25, m)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "vessels on a table by lamplight" if U[1] > 0.68 else "vessels on a table"
