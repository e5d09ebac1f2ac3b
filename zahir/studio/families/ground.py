"""Patterns for whatever lies behind the subject: stripes, dots, scales, checks, chips, contours, rays, swirls."""

from __future__ import annotations

import math

from zahir.jit import kernel
from zahir.studio.noise import chance, fbm, noise, step

KINDS = 10


@kernel
def tilted(x, y, V):
    """The point seen in a scene that is tilted around its focus."""
    u = x - V[0]
    v = y - V[1]
    return V[0] + u * V[6] - v * V[7], V[1] + v * V[6] + u * V[7]


@kernel
def pattern(x, y, px, V, s):
    """A value in about [-1, 1] times V[4], the strength; V[5] is the scale and the stream picks the kind."""
    if V[4] <= 0:
        return 0.0
    k = V[5]
    p = px * k
    kind = int(KINDS * chance(5, 5, s))
    sway = 0.25 * noise(1.1 * x, 1.1 * y, s + 61)
    if kind == 0:
        return V[4] * _wave(3 * k * y + 1.2 * sway, 3 * p)
    if kind == 1:
        return V[4] * _wave(3 * k * x + 0.5 * sway, 3 * p)
    if kind == 2:
        return V[4] * _wave(2.4 * k * (x + y), 3.4 * p)
    if kind == 3:
        return V[4] * _dots(3.2 * k * x, 3.2 * k * y, 3.2 * p)
    if kind == 4:
        return V[4] * _scales(2.6 * k * x, 2.6 * k * y, 2.6 * p)
    if kind == 5:
        return V[4] * _wave(2.2 * k * (x + y), 3.1 * p) * _wave(2.2 * k * (x - y), 3.1 * p)
    if kind == 6:
        return V[4] * _chips(4 * k * x, 4 * k * y, 4 * p, s + 62)
    if kind == 7:
        return V[4] * _wave(4.5 * k * fbm(0.8 * x, 0.8 * y, 3, s + 63), 6 * p)
    if kind == 8:
        turns = 6 + math.floor(9 * chance(6, 5, s))
        r = math.sqrt((x - V[0]) ** 2 + (y - V[1]) ** 2) + 1e-3
        a = math.atan2(y - V[1], x - V[0]) / 6.2831853
        return V[4] * _wave(turns * a, turns * px / (6.28 * r)) * step(0.0, 0.3, r)
    u = fbm(0.9 * k * x, 0.9 * k * y, 2, s + 64)
    v = fbm(0.9 * k * x + 5.1, 0.9 * k * y - 2.3, 2, s + 65)
    return V[4] * _wave(2.2 * k * (x * 0.4 + y) + 2.2 * u + 1.4 * v, 6 * p)


@kernel
def tilted_pattern(x, y, px, V, s):
    """The same in a scene that is tilted around its focus."""
    x, y = tilted(x, y, V)
    return pattern(x, y, px, V, s)


@kernel
def _wave(phase, p):
    """A square wave in [-1, 1] of period 1, its edges softened over p and gone where p nears the period."""
    f = abs(2 * (phase - math.floor(phase)) - 1)
    return (2 * step(0.5 - p - 0.03, 0.5 + p + 0.03, f) - 1) * step(0.7, 0.3, p)


@kernel
def _dots(u, v, p):
    row = math.floor(v)
    u += 0.5 * (row - 2 * math.floor(row / 2))
    d = math.sqrt((u - math.floor(u) - 0.5) ** 2 + (v - row - 0.5) ** 2)
    return (1.3 * step(0.27 + p, 0.27 - p, d) - 0.3) * step(0.7, 0.3, p)


@kernel
def _scales(u, v, p):
    """Overlapping arcs, row over row."""
    row = math.floor(2 * v)
    for n in range(3):
        b = row - 1 + n
        w = u + 0.5 * (b - 2 * math.floor(b / 2))
        du = w - math.floor(w) - 0.5
        d = math.sqrt(du * du + (v - 0.5 * b + 0.5 - 0.5) ** 2)
        if d < 0.5:
            f = abs(2 * (3 * d - math.floor(3 * d)) - 1)
            return (2 * step(0.5 - 3 * p - 0.05, 0.5 + 3 * p + 0.05, f) - 1) * step(0.35, 0.15, p)
    return -0.6


@kernel
def _chips(u, v, p, s):
    """Terrazzo: here and there an angular chip."""
    a = math.floor(u)
    b = math.floor(v)
    value = 0.0
    for i in range(a - 1, a + 2):
        for j in range(b - 1, b + 2):
            h = chance(i, j, s)
            if h > 0.6:
                continue
            du = u - i - chance(i, j, s + 1)
            dv = v - j - chance(i, j, s + 2)
            t = 6.28 * chance(i, j, s + 3)
            e = abs(du * math.cos(t) + dv * math.sin(t)) * (1 + h)
            f = abs(dv * math.cos(t) - du * math.sin(t)) + 0.4 * e
            m = step(0.30 * (0.5 + h) + p, 0.30 * (0.5 + h) - p, max(e, f))
            value += (2.4 * h - 0.6 - value) * m
    return value * step(0.7, 0.3, p)
