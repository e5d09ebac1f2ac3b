"""Skies for every picture with a horizon: gradient, glow, clouds, sun or moon, stars, birds."""

from __future__ import annotations

import math

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, columns, fbm, inside, mix, put, step


@kernel
def sky(out, x0, y0, px, horizon, sun_x, sun_y, radius, night, cloud, V, s):
    """Paint the whole canvas as sky; night in [0, 1] darkens it, cloud in [0, 1] fills it, V lends a pattern."""
    height, width = out.shape[:2]
    low = mix(0.93, 0.52, night)
    high = mix(0.56, 0.06, night)
    stretch = 2.2 + 2.5 * chance(1, 2, s)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        e = max(0.0, y - horizon)
        base = high + (low - high) * math.exp(-1.5 * e)
        for i in range(width):
            x = x0 + (i + 0.5) * px
            d = math.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
            glow = math.exp(-2.4 * max(0.0, d - radius))
            t = base + (0.10 + 0.16 * night) * glow
            c = 0.62 * glow - 0.45 * (1 - math.exp(-0.9 * e))
            g = pattern(x, y, px, V, s + 40) * step(radius, radius + 0.25, d)
            t += 0.07 * g
            c += 0.22 * g
            disc = inside(d - radius, px)
            t = mix(t, mix(0.80, 0.98, night), disc)
            c = mix(c, mix(1.0, 0.35, night), disc)
            if cloud > 0.02:
                n = fbm(x * 0.9, y * stretch, 4, s + 3)
                m = step(0.25 - 0.55 * cloud, 0.75, n) * cloud
                if m > 0.0:
                    under = fbm(x * 0.9 + 0.05 * sun_x, (y + 0.09) * stretch, 2, s + 3)
                    lit = max(-0.35, min(0.5, n - under + 0.15))
                    m *= 1 - 0.6 * disc
                    t += m * (0.10 + 0.42 * lit)
                    c += m * (0.5 * lit + 0.25 * glow - c * 0.4)
            out[j, i, 0] = t
            out[j, i, 1] = c
    if night > 0.3:
        _stars(out, x0, y0, px, horizon, night, s + 9)


@kernel
def _stars(out, x0, y0, px, horizon, night, s):
    height, width = out.shape[:2]
    for b in range(-20, 20):
        for a in range(-20, 20):
            if chance(a, b, s) > 0.22:
                continue
            x = (a + chance(a, b, s + 1)) * 0.1
            y = (b + chance(a, b, s + 2)) * 0.1
            if y < horizon + 0.1:
                continue
            r = 0.0035 + 0.006 * chance(a, b, s + 3) ** 3
            ia, ib = columns(x - r, x + r, x0, px, width)
            ja, jb = columns(-y - r, -y + r, -y0, px, height)
            for j in range(ja, jb):
                for i in range(ia, ib):
                    d = math.sqrt((x0 + (i + 0.5) * px - x) ** 2 + (y0 - (j + 0.5) * px - y) ** 2)
                    m = inside(d - max(r, 0.5 * px), px) * min(1.0, (2 * r / px) ** 2)
                    put(out, j, i, 0.97, 0.2, m * step(0.3, 0.7, night) * 0.9)


@kernel
def birds(out, x0, y0, px, x, y, size, tone, amount, s):
    """A loose flock of birds on the wing around (x, y); amount in [0, 1] lets them fade."""
    if amount <= 0.0:
        return
    height, width = out.shape[:2]
    for k in range(5 + int(9 * chance(7, 7, s))):
        r = size * (0.5 + 0.8 * chance(k, 1, s))
        bx = x + 0.75 * (chance(k, 2, s) - 0.5) * (0.4 + chance(k, 3, s))
        by = y + 0.40 * (chance(k, 4, s) - 0.5) * (0.4 + chance(k, 5, s)) + 0.10 * (bx - x)
        lift = 0.35 + 0.5 * chance(k, 6, s)
        ia, ib = columns(bx - r, bx + r, x0, px, width)
        ja, jb = columns(-by - r, -by + r, -y0, px, height)
        for j in range(ja, jb):
            v = (y0 - (j + 0.5) * px - by) / r
            for i in range(ia, ib):
                u = abs((x0 + (i + 0.5) * px - bx) / r)
                if u > 1:
                    continue
                wing = lift * (2.2 * u * (1 - u) ** 0.8 + 0.25 * u)
                thick = 0.11 * (1 - u) + 0.015
                m = inside((abs(v - wing) - thick) * r, px)
                put(out, j, i, tone, 0.0, m * amount)


@kernel
def cover(out, j, i, edge, px, t, c):
    """Lay an opaque pixel whose surface lies `edge` above it; return its coverage."""
    m = inside(-edge, px)
    put(out, j, i, t, c, m)
    return m
