"""Orb: one great sphere, banded or clouded, lit from the side; sometimes a ring, a small moon, far stars."""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.families.ground import pattern
from zahir.studio.noise import chance, fbm, inside, mix, noise, step


@kernel
def orb(out, x0, y0, px, V, U, s):
    """Draw tones and hues on out (height, width, 2)."""
    height, width = out.shape[:2]
    day = step(0.58, 0.72, U[0])
    cx = 0.75 * V[0]
    cy = 0.75 * V[1]
    r = (0.42 + 0.26 * U[1]) * V[2] ** 0.4
    lx = 0.75 * math.sin(V[3] * 1.1)
    ly = 0.55
    lz = math.sqrt(max(0.05, 1 - lx * lx - ly * ly))
    bands = 1.2 + 4 * U[2]
    stir = 0.25 + 1.1 * U[3]
    ring = step(0.62, 0.70, U[4])
    tilt = 0.9 * (U[5] - 0.5)
    ct = math.cos(tilt)
    st = math.sin(tilt)
    moon_a = 6.28 * U[6]
    moon_r = (0.05 + 0.07 * chance(1, 1, s)) * step(0.3, 0.4, U[7])
    mx = cx + (r + 0.26) * math.cos(moon_a)
    my = cy + (r + 0.26) * math.sin(moon_a)
    squash = 0.16 + 0.16 * U[8]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            dx = x - cx
            dy = y - cy
            d = math.sqrt(dx * dx + dy * dy)
            n = fbm(x * 0.7, y * 0.7, 3, s + 1)
            halo = math.exp(-3.2 * max(0.0, d - r))
            t = mix(0.07, 0.88, day) + mix(0.16, 0.06, day) * (0.5 * y * ly + 0.5 * x * lx + 0.3) + 0.05 * n
            t += mix(0.16, -0.06, day) * halo
            g = pattern(x, y, px, V, s)
            t += mix(0.11, -0.11, day) * g
            c = -0.55 + 0.3 * n + 0.5 * halo + 0.4 * g
            if day < 1:
                star = chance(math.floor(x * 16), math.floor(y * 16), s + 5)
                if star < 0.10:
                    sx = (math.floor(x * 16) + 0.2 + 0.6 * chance(int(star * 9973), 1, s)) / 16
                    sy = (math.floor(y * 16) + 0.2 + 0.6 * chance(int(star * 9973), 2, s)) / 16
                    sr = 0.003 + 0.05 * star**1.3
                    sr = min(sr, 0.007)
                    m = inside(math.sqrt((x - sx) ** 2 + (y - sy) ** 2) - max(sr, 0.5 * px), px)
                    t = mix(t, 0.95, m * min(1.0, (2 * sr / px) ** 2) * (1 - day) * (1 - halo))
            a = dx * ct + dy * st
            b = dy * ct - dx * st
            e = math.sqrt(a * a + (b / squash) ** 2) / r
            belt = ring * step(1.22, 1.26, e) * step(1.95, 1.88, e)
            if belt > 0:
                groove = 0.5 + 0.5 * noise(e * 16, 2.5, s + 9)
                belt *= 0.45 + 0.55 * groove
                if b > 0:
                    t, c = mix(t, mix(0.78, 0.55, day), belt), mix(c, 0.35, belt)
            m = inside(d - r, px)
            if m > 0:
                u = a / r
                v = b / r
                w = math.sqrt(max(0.0, 1 - u * u - v * v))
                lat = v + 0.18 * stir * fbm(u * 1.1 + 3, v * 2.4, 4, s + 12)
                band = fbm(0.22 * u * stir, lat * bands, 4, s + 15)
                lit = max(0.0, (dx * lx + dy * ly) / r + w * lz)
                g = pattern(u, v, px / r, V, s + 300) * 0.7
                band += 0.45 * g
                tone = 0.12 + 0.62 * lit**0.8 + 0.34 * band * (0.25 + 0.75 * lit)
                rim = 0.16 * (1 - w) ** 3 * (0.3 + lit)
                t = mix(t, tone + rim, m)
                c = mix(c, 0.75 - 0.9 * step(-0.25, 0.35, band) + 0.35 * (1 - lit) * -1, m)
            if belt > 0 and b <= 0:
                t, c = mix(t, mix(0.85, 0.62, day), belt), mix(c, 0.5, belt)
            if moon_r > 0:
                q = math.sqrt((x - mx) ** 2 + (y - my) ** 2) / moon_r
                m = inside((q - 1) * moon_r, px)
                if m > 0:
                    lit = ((x - mx) * lx + (y - my) * ly) / moon_r + math.sqrt(max(0.0, 1 - q * q)) * lz
                    t, c = mix(t, 0.20 + 0.7 * max(0.0, lit), m), mix(c, -0.4, m)
            out[j, i, 0] = t
            out[j, i, 1] = c


def words(U: np.ndarray) -> str:
    """The subject in a few words."""
    return ("large pale-sky orb" if U[0] > 0.65 else "large planet among stars") + (
        " with a ring" if U[4] > 0.66 else ""
    )
