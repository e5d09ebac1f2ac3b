"""Leaves: arching sprigs with paired leaves and berries before a plain disc, like a botanical print."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, columns, fbm, inside, mix, put, step


@kernel
def leaves(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.45, 0.58, U[0])
    disc_x = -0.6 * V[0]
    disc_y = 0.20 + 0.5 * V[1]
    disc_r = (0.34 + 0.26 * U[1]) * step(0.25, 0.35, U[2])
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = fbm(x * 0.8, y * 0.8, 3, s + 1)
            t = mix(0.91, 0.08, night) + 0.045 * n + mix(-0.04, 0.10, night) * (y + 0.3)
            g = pattern(x, y, px, V, s)
            t += mix(-0.10, 0.10, night) * g
            c = -0.35 + 0.25 * n + 0.4 * g
            d = math.sqrt((x - disc_x) ** 2 + (y - disc_y) ** 2) - disc_r
            m = inside(d, px)
            out[j, i, 0] = mix(t, mix(0.74, 0.66, night) + 0.06 * n + 0.10 * (y - disc_y), m)
            out[j, i, 1] = mix(c, 1.0, m)
    behind = step(0.45, 0.60, U[7])
    for n in range(130 if behind > 0 else 0):
        y = 1.1 - 2.2 * (n + 0.5) / 130
        x = (2 * chance(n, 41, s) - 1) * (-x0 + 0.1)
        size = (0.16 + 0.22 * chance(n, 42, s)) * behind
        a = 6.2832 * chance(n, 43, s)
        away = math.sqrt((x + 0.5 * size * math.cos(a) - disc_x) ** 2 + (y + 0.5 * size * math.sin(a) - disc_y) ** 2)
        size *= mix(1.0, step(-0.02, 0.16, away - disc_r), step(0.0, 0.1, disc_r))  # the disc stays whole
        tone = mix(0.82, 0.15, night) + 0.08 * (chance(n, 44, s) - 0.5)
        _leaf(out, x0, y0, px, x, y, a, size, 0.30, tone, -0.7 + 0.8 * chance(n, 45, s), s + n)
    count = 2 + int(3.2 * chance(0, 2, s))
    for k in range(count):
        h = chance(k, 3, s)
        foot = (k - 0.5 * (count - 1)) * 0.20 + 0.35 * V[0] + 0.1 * (h - 0.5)
        lean = (k - 0.5 * (count - 1)) * 0.42 + 0.5 * V[0] + 0.5 * (chance(k, 4, s) - 0.5)
        long = (1.75 - 0.28 * abs(k - 0.5 * (count - 1))) * (0.75 + 0.35 * chance(k, 5, s))
        depth = k / max(1.0, count - 1.0)
        tone = mix(mix(0.46, 0.16, depth), mix(0.40, 0.80, depth), night)
        hue = -0.9 + 0.9 * chance(k, 6, s)
        _sprig(out, x0, y0, px, foot, lean, long * V[2] ** 0.3, tone, hue, U, s + 50 * k)


@kernel
def _sprig(out, x0, y0, px, foot, lean, long, tone, hue, U, s):
    """One stem from below the picture, its leaves in pairs, smaller to the tip."""
    pairs = 4 + int(8 * chance(1, 1, s))
    bend = 0.9 * (chance(1, 2, s) - 0.5) + 0.4 * lean
    stout = 0.8 + 0.9 * chance(0, 8, s) ** 2
    x = foot
    y = -1.05
    a = 1.5708 - 0.35 * lean
    berries = max(0.0, 2 * chance(1, 7, s) - 0.8)
    part = long / (pairs * 4)
    for k in range(pairs * 4):
        q = k / (pairs * 4.0)
        nx = x + math.cos(a) * part
        ny = y + math.sin(a) * part
        _limb(out, x0, y0, px, x, y, nx, ny, 0.013 * (1 - 0.75 * q) * long, tone - 0.05, hue)
        x = nx
        y = ny
        a -= bend * 0.9 / (pairs * 4) * (0.5 + 1.2 * q)
        if k % 4 == 3 and q > 0.12:
            size = (
                long
                * (0.13 + 0.10 * U[3])
                * (9.0 / (pairs + 2)) ** 0.6
                * (1.15 - 0.75 * q)
                * (0.8 + 0.4 * chance(k, 3, s))
            )
            for side in range(2):
                turn = (1 - 2 * side) * (0.75 + 0.35 * U[4] - 0.3 * q)
                slim = (0.15 + 0.20 * U[5]) * stout
                if chance(k, 4 + side, s) < 0.30 * berries and q > 0.4:
                    _berry(
                        out,
                        x0,
                        y0,
                        px,
                        x + 0.5 * size * math.cos(a + turn),
                        y + 0.5 * size * math.sin(a + turn),
                        size * 0.22,
                    )
                else:
                    _leaf(out, x0, y0, px, x, y, a + turn, size, slim, tone, hue, s + k)
    _leaf(out, x0, y0, px, x, y, a, long * 0.12, 0.24, tone, hue, s)


@kernel
def _leaf(out, x0, y0, px, x, y, a, size, slim, tone, hue, s):
    height, width = out.shape[:2]
    ca = math.cos(a)
    sa = math.sin(a)
    mx = x + 0.5 * size * ca
    my = y + 0.5 * size * sa
    ia, ib = columns(mx - 0.62 * size, mx + 0.62 * size, x0, px, width)
    ja, jb = columns(-my - 0.62 * size, -my + 0.62 * size, -y0, px, height)
    droop = 0.35 * (chance(3, 1, s) - 0.5)
    for j in range(ja, jb):
        dy = y0 - (j + 0.5) * px - y
        for i in range(ia, ib):
            dx = x0 + (i + 0.5) * px - x
            u = (dx * ca + dy * sa) / size
            if u <= 0 or u >= 1:
                continue
            v = (dy * ca - dx * sa) / size - droop * u * (1 - u)
            half = slim * math.sin(3.1416 * u**0.75) * (1 - 0.25 * u)
            m = inside((abs(v) - half) * size, px)
            if m <= 0:
                continue
            w = v / max(half, 1e-3)
            vein = 0.5 + 0.5 * math.sin(26 * (u - 0.35 * abs(w)))
            t = tone + (0.10 if v > 0 else -0.04) + 0.05 * vein * step(0.25, 0.1, px / size) + 0.08 * u
            rib = inside((abs(v) - 0.012 * (1 - u)) * size, px)
            put(out, j, i, mix(t, tone + 0.22, 0.8 * rib), hue + 0.25 * (1 if v > 0 else 0), m)


@kernel
def _limb(out, x0, y0, px, xa, ya, xb, yb, r, tone, hue):
    height, width = out.shape[:2]
    ia, ib = columns(min(xa, xb) - r, max(xa, xb) + r, x0, px, width)
    ja, jb = columns(-max(ya, yb) - r, -min(ya, yb) + r, -y0, px, height)
    dx = xb - xa
    dy = yb - ya
    size = dx * dx + dy * dy
    for j in range(ja, jb):
        y = y0 - (j + 0.5) * px - ya
        for i in range(ia, ib):
            x = x0 + (i + 0.5) * px - xa
            q = min(1.0, max(0.0, (x * dx + y * dy) / size))
            d = math.sqrt((x - q * dx) ** 2 + (y - q * dy) ** 2)
            put(out, j, i, tone, hue, inside(d - max(r, 0.5 * px), px) * min(1.0, 2 * r / px))


@kernel
def _berry(out, x0, y0, px, x, y, r):
    height, width = out.shape[:2]
    ia, ib = columns(x - r, x + r, x0, px, width)
    ja, jb = columns(-y - r, -y + r, -y0, px, height)
    for j in range(ja, jb):
        v = (y0 - (j + 0.5) * px - y) / r
        for i in range(ia, ib):
            u = (x0 + (i + 0.5) * px - x) / r
            shine = math.exp(-((u + 0.35) ** 2 + (v - 0.35) ** 2) * 9)
            put(
                out,
                j,
                i,
                0.52 + 0.16 * v + 0.35 * shine,
                1.0 - 0.4 * shine,
                inside((math.sqrt(u * u + v * v) - 1) * r, px),
            )


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "leafy sprigs" + (" before a disc" if U[2] > 0.3 else "")
