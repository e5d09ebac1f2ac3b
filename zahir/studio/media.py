"""What is done to an underpainting in OKLab: mosaic, glass, watercolour, linocut, outlines, wear. Knows no forms."""

from __future__ import annotations

import math

from zahir.jit import kernel
from zahir.studio.noise import chance, fbm, noise, step


@kernel
def _cell(u, v, scatter, s):
    """Which cell of a scattered lattice (u, v) lies in, and how far from its edge to the next one, in cells."""
    a = math.floor(u)
    b = math.floor(v)
    best = 9.0
    second = 9.0
    ba = a
    bb = b
    for p in range(a - 1, a + 2):
        for q in range(b - 1, b + 2):
            du = p + 0.5 + scatter * (chance(p, q, s) - 0.5) - u
            dv = q + 0.5 + scatter * (chance(p, q, s + 1) - 0.5) - v
            d = du * du + dv * dv
            if d < best:
                second = best
                best = d
                ba = p
                bb = q
            elif d < second:
                second = d
    return ba, bb, 0.5 * (math.sqrt(second) - math.sqrt(best))


@kernel
def mosaic(lab, guide, x0, y0, px, guide_px, rows, amount, s):
    """Set lab (height, width, 3) in small stones, `rows` of them along the short side, coloured from the guide."""
    height, width = lab.shape[:2]
    pitch = 2.0 / rows
    for j in range(height):
        v = (y0 - (j + 0.5) * px) / pitch
        for i in range(width):
            u = (x0 + (i + 0.5) * px) / pitch
            ba, bb, gap = _cell(u, v, 0.5, s)
            stone = step(0.04 - 0.5 * px / pitch, 0.07 + 0.5 * px / pitch, gap)
            cx = (ba + 0.5 + 0.5 * (chance(ba, bb, s) - 0.5)) * pitch
            cy = (bb + 0.5 + 0.5 * (chance(ba, bb, s + 1) - 0.5)) * pitch
            gi = min(guide.shape[1] - 1, max(0, int((cx - x0) / guide_px)))
            gj = min(guide.shape[0] - 1, max(0, int((y0 - cy) / guide_px)))
            h = chance(ba, bb, s + 2) - 0.5
            slope = (u * pitch - cx) * (chance(ba, bb, s + 3) - 0.5) + (v * pitch - cy) * (chance(ba, bb, s + 4) - 0.2)
            light = guide[gj, gi, 0] + 0.07 * h + 0.9 * slope
            groove = 0.55 * guide[gj, gi, 0] + 0.04
            lab[j, i, 0] += amount * (groove + (light - groove) * stone - lab[j, i, 0])
            lab[j, i, 1] += amount * (guide[gj, gi, 1] * (0.5 + 0.5 * stone) + 0.02 * h - lab[j, i, 1])
            lab[j, i, 2] += amount * (guide[gj, gi, 2] * (0.5 + 0.5 * stone) - 0.02 * h - lab[j, i, 2])


@kernel
def linocut(lab, ink, x0, y0, px, pitch, angle, amount, s):
    """Shade lab (height, width, 3) by cut lines of the dark colour `ink`, the thicker the darker the place."""
    height, width = lab.shape[:2]
    ca = math.cos(angle)
    sa = math.sin(angle)
    soft = px / pitch
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            light = lab[j, i, 0]
            phase = (x * sa + y * ca) / pitch + 1.6 * noise(x * 0.8, y * 0.8, s) + 0.15 * noise(x * 6, y * 6, s + 1)
            ridge = abs(2 * (phase - math.floor(phase)) - 1)
            thick = min(1.0, max(0.0, (0.66 - light) / 0.34))
            line = step(1 - thick - 1.2 * soft, 1 - thick + 1.2 * soft, ridge) * step(0.0, 0.10, thick)
            paper = light + 0.45 * (0.90 - light) * (1 if light < 0.9 else 0)
            for k in range(3):
                bare = paper if k == 0 else lab[j, i, k] * 0.9
                lab[j, i, k] += amount * (bare + (ink[k] - bare) * line - lab[j, i, k])


@kernel
def outline(lab, under, ink, px, amount):
    """Draw the borders between the colours of `under` onto lab, both (height, width, 3), in the dark colour `ink`."""
    height, width = lab.shape[:2]
    reach = max(1, int(0.007 / px + 0.5))
    for j in range(height):
        ja = max(0, j - reach)
        jb = min(height - 1, j + reach)
        for i in range(width):
            ia = max(0, i - reach)
            ib = min(width - 1, i + reach)
            edge = 0.0
            for k in range(3):
                across = under[j, ib, k] - under[j, ia, k]
                down = under[jb, i, k] - under[ja, i, k]
                edge += (across * across + down * down) * (1.0 if k == 0 else 3.0)
            m = amount * step(0.07, 0.16, math.sqrt(edge)) * min(1.0, 0.012 / px)
            for k in range(3):
                lab[j, i, k] += m * (ink[k] - lab[j, i, k])


@kernel
def wear(lab, x0, y0, px, amount, s):
    """Age lab (height, width, 3) like a fresco: cloudy tones, and flakes that show the plaster."""
    height, width = lab.shape[:2]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            cloud = fbm(2.6 * x, 2.6 * y, 4, s)
            rub = fbm(7 * x + 3 * cloud, 7 * y, 3, s + 6)
            flake = step(0.55, 0.70, rub + 0.25 * cloud) * amount
            lab[j, i, 0] += amount * (0.085 * cloud + 0.05 * rub)
            lab[j, i, 0] += 0.35 * flake * (0.86 - lab[j, i, 0])
            lab[j, i, 1] *= 1 - 0.35 * flake
            lab[j, i, 2] += 0.35 * flake * (0.03 - lab[j, i, 2])


@kernel
def _sample(image, u, v, k):
    """Channel k of image (height, width, 3) at column u and row v, between pixels."""
    height, width = image.shape[:2]
    u = min(width - 1.001, max(0.0, u))
    v = min(height - 1.001, max(0.0, v))
    i = int(u)
    j = int(v)
    u -= i
    v -= j
    top = image[j, i, k] + (image[j, i + 1, k] - image[j, i, k]) * u
    low = image[j + 1, i, k] + (image[j + 1, i + 1, k] - image[j + 1, i, k]) * u
    return top + (low - top) * v


@kernel
def watercolour(lab, under, x0, y0, px, amount, s):
    """Wash lab (height, width, 3) thinly with `under`: wavering edges where pigment gathers and blooms."""
    height, width = lab.shape[:2]
    reach = 0.02 / px
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            n = noise(2.2 * x, 2.2 * y, s)
            du = (0.022 * noise(4 * x, 4 * y, s + 1) + 0.010 * noise(13 * x, 13 * y, s + 2)) / px
            dv = (0.022 * noise(4 * x, 4 * y, s + 3) + 0.010 * noise(13 * x, 13 * y, s + 4)) / px
            u = i + du
            v = j + dv
            light = _sample(under, u, v, 0)
            around = 0.25 * (
                _sample(under, u + reach, v, 0)
                + _sample(under, u - reach, v, 0)
                + _sample(under, u, v + reach, 0)
                + _sample(under, u, v - reach, 0)
            )
            pooled = max(0.0, min(0.12, around - light))
            bloom = fbm(1.7 * x + 4.1, 1.7 * y, 4, s + 5)
            ring = math.exp(-(((bloom - 0.22) / 0.025) ** 2)) - 0.8 * step(0.22, 0.5, bloom)
            speck = noise(34 * x, 34 * y, s + 9) + 0.7 * noise(70 * x, 70 * y, s + 10)
            wash = 0.93 + 0.12 * n
            light = 0.955 - (0.955 - light) * wash - 0.7 * pooled - 0.045 * ring
            light -= 0.028 * speck * step(0.97, 0.75, light)
            full = (1.0 + 0.2 * n + 1.2 * pooled) * step(0.99, 0.86, light)
            a = _sample(under, u, v, 1) * full
            b = _sample(under, u, v, 2) * full
            lab[j, i, 0] += amount * (light - lab[j, i, 0])
            lab[j, i, 1] += amount * (a - lab[j, i, 1])
            lab[j, i, 2] += amount * (b - lab[j, i, 2])


@kernel
def glass(lab, x0, y0, px, rows, amount, s):
    """Lead lab (height, width, 3) like a church window: panes with a light of their own between dark cames."""
    height, width = lab.shape[:2]
    pitch = 2.0 / rows
    for j in range(height):
        v = (y0 - (j + 0.5) * px) / pitch
        for i in range(width):
            u = (x0 + (i + 0.5) * px) / pitch
            ba, bb, gap = _cell(u, v, 0.85, s)
            gap *= pitch
            lead = step(0.009 + 0.6 * px, 0.009 - 0.6 * px, gap) * min(1.0, 0.018 / px)
            light = lab[j, i, 0] + 0.16 * (chance(ba, bb, s + 2) - 0.5)
            light += 0.25 * (
                (u - ba - 0.5) * (chance(ba, bb, s + 3) - 0.5) + (v - bb - 0.5) * (chance(ba, bb, s + 4) - 0.5)
            )
            light -= 0.16 * math.exp(-26 * gap)
            lab[j, i, 0] += amount * (light + (0.07 - light) * lead - lab[j, i, 0])
            lab[j, i, 1] *= 1 + amount * (0.18 - 1.10 * lead)
            lab[j, i, 2] *= 1 + amount * (0.18 - 1.10 * lead)
