"""Ink: plumes that unfold in still water from one place, with flecks of the accent."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, fbm, inside, mix, step


@kernel
def ink(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    night = step(0.42, 0.58, U[0])
    k = (0.75 + 0.5 * U[1]) / V[2]
    curl = 0.8 + 1.1 * U[2]
    way = 3.1 * (U[3] - 0.5) + 1.2
    wx = math.cos(way)
    wy = math.sin(way)
    reach = 0.50 + 0.55 * U[4] * U[4]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            dx = x - 0.8 * V[0]
            dy = y - 0.8 * V[1]
            along = dx * wx + dy * wy
            across = dy * wx - dx * wy
            qx = fbm(x * k + 3.1, y * k, 3, s)
            qy = fbm(x * k - 7.7, y * k + 4.4, 3, s + 4)
            rx = fbm(x * k + curl * qx, y * k + curl * qy, 4, s + 8)
            f = fbm(1.4 * x * k + curl * (rx + 0.6 * qy), 1.4 * y * k + curl * (qx - rx), 4, s + 12)
            spread = (0.42 + 0.30 * math.tanh(along)) * (0.5 + reach)
            env = math.exp(-((across + 0.5 * qx) ** 2) / (spread * spread) * 0.9 - (along / (reach * 1.3)) ** 2)
            fold = 1 - min(1.0, 1.9 * abs(f))
            body = step(0.10, 0.75, env * 1.35 + 0.42 * rx - 0.08)
            dense = body * (0.30 + 0.50 * fold**1.6 + 0.35 * step(-0.2, 0.8, rx))
            light = mix(0.92, 0.08, night) + 0.03 * qy
            deep = mix(0.06, 0.96, night)
            t = mix(light, deep, min(1.0, dense * 1.05))
            c = mix(-0.3, mix(0.45, -0.7, step(-0.45, 0.45, qx + 0.3 * f)), body)
            glow = body * step(0.55, 0.95, fold) * step(0.05, 0.5, qy) * step(0.25, 0.5, U[5])
            t = mix(t, 0.72, 0.75 * glow)
            g = pattern(x, y, px, V, s) * (1 - body)
            out[j, i, 0] = t + mix(-0.10, 0.10, night) * g
            out[j, i, 1] = mix(c, 1.0, glow) + 0.4 * g
    flecks = 26 * step(0.35, 0.7, U[6])
    for n in range(int(flecks) + 1):
        _fleck(out, x0, y0, px, n, min(1.0, flecks - n), V, night, s + 40)


@kernel
def _fleck(out, x0, y0, px, n, grown, V, night, s):
    height, width = out.shape[:2]
    a = 6.2832 * chance(n, 1, s)
    d = 0.15 + 0.85 * chance(n, 2, s)
    x = 0.8 * V[0] + d * math.cos(a)
    y = 0.8 * V[1] + d * math.sin(a)
    r = (0.006 + 0.022 * chance(n, 3, s) ** 3) * grown
    for j in range(max(0, int((y0 - y - r) / px)), min(height, int((y0 - y + r) / px) + 1)):
        for i in range(max(0, int((x - r - x0) / px)), min(width, int((x + r - x0) / px) + 1)):
            e = math.sqrt((x0 + (i + 0.5) * px - x) ** 2 + (y0 - (j + 0.5) * px - y) ** 2) - r
            m = inside(e, px) * min(1.0, 2 * r / px)
            out[j, i, 0] = mix(out[j, i, 0], mix(0.55, 0.80, night), m)
            out[j, i, 1] = mix(out[j, i, 1], 1.0, m)


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return "pale ink unfolding in dark water" if U[0] > 0.5 else "ink unfolding in clear water"
