"""Forest: trunks behind trunks towards a clearing full of light, with leaves above and below."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, columns, fbm, inside, mix, noise, put, step

LAYERS = 4


@kernel
def forest(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.62, 0.76, U[0])
    soil = -0.48 + 0.20 * (U[1] - 0.5)
    fx = 1.1 * V[0]
    fy = 0.05 + 0.6 * V[1]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 1.3, y * 1.3, 3, s + 1)
            d = math.sqrt((x - fx) ** 2 + 0.5 * (y - fy) ** 2)
            glow = math.exp(-(1.3 + U[2]) * d * d)
            g = pattern(x, y, px, V, s)
            t = mix(0.50, 0.10, night) + mix(0.46, 0.62, night) * glow + 0.07 * n + 0.05 * g
            c = -0.55 + 0.95 * glow + 0.2 * n + 0.2 * g
            low = step(soil + 0.10, soil - 0.06, y + 0.05 * n)
            path = math.exp(-(((x - fx * (1 + y) - 0.1 * n) / (0.10 + 0.28 * max(0.0, soil - y))) ** 2))
            ground = mix(0.40, 0.14, night) - 0.25 * step(soil, -1.0, y) + 0.45 * path * glow + 0.25 * path * U[3]
            out[j, i, 0] = mix(t, ground + 0.08 * noise(x * 3, y * 12, s + 2), low)
            out[j, i, 1] = mix(c, -0.3 + 0.8 * path, low)
    birch = chance(0, 2, s) < 0.4
    for k in range(LAYERS):
        q = k / (LAYERS - 1.0)
        _trunks(out, x0, y0, px, k, q, soil, fx, night, birch, U, s + 30 * k)
        _leaves(out, x0, y0, px, k, q, soil, fx, fy, night, U, s + 30 * k + 7)


@kernel
def _trunks(out, x0, y0, px, k, q, soil, fx, night, birch, U, s):
    height, width = out.shape[:2]
    pitch = (0.16 + 0.34 * q) * (0.8 + 0.5 * U[4])
    first = math.floor((x0 - 0.3) / pitch)
    last = math.floor((x0 + width * px + 0.3) / pitch)
    for n in range(first, last + 1):
        if chance(n, 1, s) < 0.35:
            continue
        at = (n + chance(n, 2, s)) * pitch
        clear = step(0.05 + 0.12 * q, 0.25 + 0.30 * q, abs(at - fx))
        if clear <= 0:
            continue
        wide = (0.010 + 0.055 * q * q + 0.012 * q) * (0.7 + 0.7 * chance(n, 3, s)) * clear
        foot = soil - 0.36 * q - 0.1 * q * chance(n, 4, s)
        lean = 0.22 * (chance(n, 5, s) - 0.5)
        tone = mix(mix(0.62, 0.10, q), mix(0.30, 0.02, q), night)
        if birch:
            tone = mix(0.70, 0.86, q)
        for j in range(height):
            y = y0 - (j + 0.5) * px
            if y < foot - 0.02:
                break
            up = y - foot
            mid = at + lean * up + 0.03 * noise(up * 1.7, n * 3.3, s + 4) * (0.5 + q)
            r = wide * (1 + 0.5 * math.exp(-up * 12)) * (1 - 0.12 * up)
            thin = min(1.0, 2 * r / px)
            r = max(r, 0.5 * px)
            ia, ib = columns(mid - r, mid + r, x0, px, width)
            for i in range(ia, ib):
                u = (x0 + (i + 0.5) * px - mid) / r
                m = inside((abs(u) - 1) * r, px) * inside(foot - y, px) * thin
                round_ = 0.13 * (u if mid < fx else -u)
                t = tone + round_
                if birch:
                    mark = step(0.35, 0.5, noise(u * 1.2 + n, y * 13, s + 5))
                    t = mix(tone + 1.4 * round_, 0.14, 0.8 * mark)
                put(out, j, i, t, -0.1 + 0.4 * round_, m)


@kernel
def _leaves(out, x0, y0, px, k, q, soil, fx, fy, night, U, s):
    """Dabs of foliage: crowns above, undergrowth below, sparse around the clearing."""
    height, width = out.shape[:2]
    count = 150 * (1 - 0.4 * q) * (0.25 + U[5])
    reach = -x0 + 0.1
    for n in range(int(count) + 1):
        x = (2 * chance(n, 11, s) - 1) * reach
        crown = chance(n, 12, s) < 0.72
        y = 1.1 - 0.95 * chance(n, 13, s) ** 1.3 if crown else soil - 0.05 - (1 + soil) * chance(n, 13, s)
        d = math.sqrt((x - fx) ** 2 + (y - fy) ** 2)
        full = noise(1.3 * x + 9 * q, 1.3 * y, s + 1) + 0.9 * min(d, 1.0) - 0.4 * (1 - U[6])
        r = (0.022 + 0.055 * q) * (0.6 + 0.8 * chance(n, 14, s)) * step(0.20, 0.40, full) * min(1.0, count - n)
        if r <= 0:
            continue
        a = 3.14 * chance(n, 15, s)
        ca = math.cos(a)
        sa = math.sin(a)
        light = math.exp(-1.6 * d * d)
        t = mix(0.60, 0.16, q) + 0.34 * light + 0.22 * (chance(n, 16, s) - 0.5) - 0.22 * night * (1 - light)
        h = chance(n, 17, s)
        c = 0.9 if h < 0.22 + 0.3 * U[7] else -0.8 + 0.9 * h
        ia, ib = columns(x - r, x + r, x0, px, width)
        ja, jb = columns(-y - r, -y + r, -y0, px, height)
        for j in range(ja, jb):
            dy = y0 - (j + 0.5) * px - y
            for i in range(ia, ib):
                dx = x0 + (i + 0.5) * px - x
                u = (dx * ca + dy * sa) / r
                v = (dy * ca - dx * sa) / (0.55 * r)
                e = math.sqrt(u * u + v * v)
                put(
                    out,
                    j,
                    i,
                    t + 0.06 * max(-1.0, min(1.0, v)),
                    c,
                    inside((e - 1) * 0.6 * r, px) * min(1.0, 2 * r / px),
                )


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "clearing in a forest" + (" at night" if U[0] > 0.69 else "")
