"""Brush strokes and the surface of a print: OKLab in, sRGB out. Knows no forms and no palettes.

Strokes are planned on a guide of fixed size, never on the pixels of the result, so that a picture has the same strokes
at every size; and their plan is apart from their colours, so that a film can keep the one while the other changes.
"""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.noise import chance, noise, step
from zahir.studio.palette import linear_rgb

# columns of a plan: x, y, direction x, y, half length, half width, opacity, L, a, b jitter, bristle row, column
PLAN = 12


def _bristles() -> np.ndarray:
    """Streaks along the stroke (rows) across the brush (columns), in about [-1, 1]."""
    table = np.empty((128, 128), np.float32)
    _fill_bristles(table)
    return table


@kernel
def _fill_bristles(table):
    for a in range(128):
        for b in range(128):
            table[a, b] = 0.8 * noise(b * 0.31, a * 0.045, 3) + 0.45 * noise(b * 0.8, a * 0.08, 4)


def _to_srgb() -> np.ndarray:
    """The sRGB transfer curve at 4,097 points, in 0..255."""
    x = np.arange(4097) / 4096
    return (np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 255).astype(np.float32)


BRISTLES = _bristles()
_SRGB = _to_srgb()


@kernel
def plan(guide, x0, y0, px, rows, width, length, flow, uneven, opacity, least, focus_x, focus_y, s):
    """Lay out one coat of strokes over a guide (height, width, 3): float32 (strokes, PLAN).

    Strokes sit on a jittered grid of `rows` to the short side, in random order, along edges where the guide has some
    and along a slow flow where not. Where the guide changes by less than `least` they fade out; nearer the focus
    they are finer.
    """
    height, wide = guide.shape[:2]
    ny = int(rows * height * px / 2 + 0.999)
    nx = int(rows * wide * px / 2 + 0.999)
    total = nx * ny
    out = np.empty((total, PLAN), np.float32)
    order = np.empty(total)
    for n in range(total):
        order[n] = chance(n % nx - nx // 2, n // nx - ny // 2, s)
    count = 0
    pitch = 2.0 / rows
    reach = max(1, int(0.5 * width / px + 0.5))
    for n in np.argsort(order):
        a = n % nx - nx // 2
        b = n // nx - ny // 2
        h1 = chance(a, b, s + 1)
        h2 = chance(a, b, s + 2)
        h3 = chance(a, b, s + 3)
        h4 = chance(a, b, s + 4)
        x = (a + 0.5 * (1 - nx % 2) + 1.1 * (h1 - 0.5)) * pitch
        y = (b + 0.5 * (1 - ny % 2) + 1.1 * (h2 - 0.5)) * pitch
        i = min(wide - 1, max(0, int((x - x0) / px)))
        j = min(height - 1, max(0, int((y0 - y) / px)))
        ia = max(0, i - reach)
        ib = min(wide - 1, i + reach)
        ja = max(0, j - reach)
        jb = min(height - 1, j + reach)
        gx = 0.0
        gy = 0.0
        for k in range(3):
            weight = 1.0 if k == 0 else 1.6
            ex = weight * (guide[j, ib, k] - guide[j, ia, k])
            ey = weight * (guide[ja, i, k] - guide[jb, i, k])
            sign = 1.0 if ex * gx + ey * gy >= 0 else -1.0
            gx += sign * ex
            gy += sign * ey
        change = math.sqrt(gx * gx + gy * gy)
        shown = 1.0 if least <= 0 else step(least, 1.6 * least, change)
        if shown <= 0:
            continue
        angle = 3.1416 * noise(x * flow, y * flow, s + 5) + 0.4 * (h4 - 0.5)
        fx = math.cos(angle)
        fy = math.sin(angle)
        tx = -gy
        ty = gx
        if tx * fx + ty * fy < 0:
            tx = -tx
            ty = -ty
        tx = 8 * tx + 0.5 * fx
        ty = 8 * ty + 0.5 * fy
        size = math.sqrt(tx * tx + ty * ty) + 1e-9
        near = math.exp(-1.5 * ((x - focus_x) ** 2 + (y - focus_y) ** 2))
        half = width * (0.70 + 0.5 * h1) * (1.08 - 0.28 * near)
        out[count, 0] = x
        out[count, 1] = y
        out[count, 2] = tx / size
        out[count, 3] = ty / size
        out[count, 4] = max(half, width * length * (0.6 + 0.8 * h3) / (1 + 4 * change))
        out[count, 5] = half
        out[count, 6] = opacity * shown
        out[count, 7] = uneven * (h3 - 0.5)
        out[count, 8] = 0.45 * uneven * (h1 - 0.5)
        out[count, 9] = 0.45 * uneven * (h4 - 0.5)
        out[count, 10] = int(h2 * 127)
        out[count, 11] = int(h1 * 127)
        count += 1
    return out[:count]


@kernel
def pick(guide, x0, y0, px, strokes):
    """The colour of each planned stroke, from the guide beneath its middle: float32 (strokes, 3)."""
    height, width = guide.shape[:2]
    out = np.empty((strokes.shape[0], 3), np.float32)
    for n in range(strokes.shape[0]):
        u = min(width - 1.001, max(0.0, (strokes[n, 0] - x0) / px - 0.5))
        v = min(height - 1.001, max(0.0, (y0 - strokes[n, 1]) / px - 0.5))
        i = int(u)
        j = int(v)
        u -= i
        v -= j
        for k in range(3):
            top = guide[j, i, k] + (guide[j, i + 1, k] - guide[j, i, k]) * u
            low = guide[j + 1, i, k] + (guide[j + 1, i + 1, k] - guide[j + 1, i, k]) * u
            out[n, k] = top + (low - top) * v + strokes[n, 7 + k]
    return out


@kernel
def paint(lab, relief, under, x0, y0, px, strokes, colours, bristles, loose):
    """Brush the strokes onto lab (height, width, 3) and their thickness onto relief (height, width).

    A stroke stops where the underpainting `under` is of another colour than its own, the later the more `loose` the
    hand: that keeps outlines, where free strokes would break them into a mosaic.
    """
    height, width = lab.shape[:2]
    for n in range(strokes.shape[0]):
        cx = (strokes[n, 0] - x0) / px
        cy = (y0 - strokes[n, 1]) / px
        tx = strokes[n, 2]
        ty = -strokes[n, 3]
        half = max(strokes[n, 5] / px, 0.6)
        long = max(strokes[n, 4] / px, half)
        opacity = strokes[n, 6] * min(1.0, strokes[n, 5] / px / 0.6)
        row = int(strokes[n, 10])
        column = int(strokes[n, 11])
        tall = abs(ty) * long + abs(tx) * half + 1
        soft = 2.2 if half > 2 else 1.2 + 0.5 * half
        for j in range(max(0, int(cy - tall)), min(height - 1, int(cy + tall) + 1) + 1):
            dy = j + 0.5 - cy
            low = -1e9
            high = 1e9
            if abs(tx) > 1e-4:
                p = (-long - dy * ty) / tx
                q = (long - dy * ty) / tx
                low = max(low, min(p, q))
                high = min(high, max(p, q))
            if abs(ty) > 1e-4:
                p = (dy * tx - half) / ty
                q = (dy * tx + half) / ty
                low = max(low, min(p, q))
                high = min(high, max(p, q))
            for i in range(max(0, int(cx + low)), min(width - 1, int(cx + high) + 1) + 1):
                dx = i + 0.5 - cx
                u = (dx * tx + dy * ty) / long
                v = (dy * tx - dx * ty) / half + 0.14 * math.sin(2 * u + row)
                hair = bristles[(int(u * 24 + 64) + row) & 127, (int(v * 14 + 64) + column) & 127]
                e = v * v
                e *= e
                f = abs(u) + 0.22 * hair
                f *= f
                f *= f * f
                m = (1 - e - f) * soft * opacity * (0.9 + 0.4 * hair)
                if m <= 0:
                    continue
                if m > opacity:
                    m = opacity
                away = abs(under[j, i, 0] - colours[n, 0])
                away += 1.5 * (abs(under[j, i, 1] - colours[n, 1]) + abs(under[j, i, 2] - colours[n, 2]))
                if away > loose:
                    m *= max(0.0, 2.0 - away / loose)
                    if m <= 0:
                        continue
                lab[j, i, 0] += (colours[n, 0] + 0.022 * hair - lab[j, i, 0]) * m
                lab[j, i, 1] += (colours[n, 1] - lab[j, i, 1]) * m
                lab[j, i, 2] += (colours[n, 2] - lab[j, i, 2]) * m
                relief[j, i] += (0.7 * hair + 0.4 * (1 - e) - relief[j, i]) * m


@kernel
def finish(lab, relief, x0, y0, px, thick, paper, grain, vignette, s, out):
    """Light the relief, add paper and grain as far as pixels can hold them, and write sRGB (height, width, 3).

    The stream picks the surface: rough, laid, upright, woven or speckled.
    """
    height, width = lab.shape[:2]
    weave = s % 5
    reach = max(1, int(0.004 / px + 0.5))
    slope = thick * 0.13 * min(1.0, (0.0045 / px) ** 0.7)
    fine = step(1 / 60.0, 1 / 130.0, px)
    grain *= step(1 / 80.0, 1 / 220.0, px)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        below = min(height - 1, j + reach)
        for i in range(width):
            x = x0 + (i + 0.5) * px
            light = lab[j, i, 0]
            a = lab[j, i, 1]
            b = lab[j, i, 2]
            if thick > 0:
                right = min(width - 1, i + reach)
                g = 2 * relief[j, i] - relief[j, right] - relief[below, i]
                light += slope * max(-0.6, min(0.6, -g))
            if paper > 0:
                tooth = 0.030 * fine * noise(x * 62, y * 62, s + 7)
                if weave == 0:
                    tooth += 0.055 * noise(x * 27, y * 27, s + 8)
                elif weave == 1:
                    tooth += 0.050 * noise(x * 6, y * 40, s + 8)
                elif weave == 2:
                    tooth += 0.050 * noise(x * 40, y * 6, s + 8)
                elif weave == 3:
                    tooth += 0.040 * (noise(x * 10, y * 36, s + 8) + noise(x * 36, y * 10, s + 9))
                else:
                    tooth -= 0.07 * step(0.40, 0.60, noise(x * 22, y * 22, s + 8))
                light += paper * tooth * (1.2 - 0.5 * light)
            if grain > 0:
                dot = chance(math.floor(x * 230), math.floor(y * 230), s + 5) - 0.5
                light += 0.09 * grain * dot * light * (1.1 - light) * 3
            light *= 1 - vignette * min(1.0, 0.5 * (x * x + y * y)) ** 1.5
            r, g_, b_ = linear_rgb(light, a, b)
            for k in range(3):
                q = r if k == 0 else (g_ if k == 1 else b_)
                q = min(1.0, max(0.0, q)) * 4096
                n = min(4095, int(q))
                out[j, i, k] = int(_SRGB[n] + (_SRGB[n + 1] - _SRGB[n]) * (q - n) + 0.5)
