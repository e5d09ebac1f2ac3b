"""Palettes in OKLab (Ottosson 2020): a table of colours over tone and hue. Knows no forms.

Tone t runs from the darkest (0) to the lightest (1) colour of the picture; hue c from the second hue (-1) by the
main one (0) to the accent (1). Forms think in tones, so every palette keeps their light and shade.
"""

from __future__ import annotations

import math

import numpy as np

from zahir.jit import kernel
from zahir.studio.genome import uniform
from zahir.studio.noise import noise

TONES = 64
HUES = 3  # second, main, accent
PALETTE = slice(16, 29)  # of the genome: hue .. warmth


@kernel
def linear_rgb(light, a, b):
    """OKLab to linear sRGB, which may leave [0, 1]."""
    l_ = light + 0.3963377774 * a + 0.2158037573 * b
    m_ = light - 0.1055613458 * a - 0.0638541728 * b
    s_ = light - 0.0894841775 * a - 1.2914855480 * b
    l_ = l_ * l_ * l_
    m_ = m_ * m_ * m_
    s_ = s_ * s_ * s_
    red = 4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_
    green = -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_
    blue = -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_
    return red, green, blue


@kernel
def in_gamut(light, a, b):
    """Scale the chroma of a colour, at most to nine tenths of what sRGB can show at this lightness and hue."""
    low = 0.0
    high = 1.0
    scale = 1.0
    for _ in range(9):
        r, g, b_ = linear_rgb(light, a * scale / 0.9, b * scale / 0.9)
        if min(r, g, b_) >= 0 and max(r, g, b_) <= 1:
            low = scale
        else:
            high = scale
        if low == 1.0:
            break
        scale = 0.5 * (low + high)
    return a * low, b * low


@kernel
def _toward(hue, target, weight):
    return hue + weight * math.sin(target - hue)


@kernel
def palette(z):
    """The colour table of a genome, float32 (TONES, HUES, 3) of L, a, b.

    Lightness rises with tone, always by at least 0.52 and to at least 0.80, so that the darkest picture has a light in
    it. Hues lean to yellow in the lights and to blue in the shadows; dark yellows, which look like mud, are turned to
    rust or to moss and greyed.
    """
    hue = math.atan2(z[1], z[0])
    walk = 2.2 * math.tanh(0.9 * z[2])
    second = 1.25 * math.tanh(z[3]) + (0.6 if z[3] > 0 else -0.6) * math.tanh(abs(z[3]) * 4)
    second_chroma = 0.7 + 0.6 * uniform(z[4])
    accent = math.pi + 0.95 * math.tanh(0.9 * z[5])
    accent_chroma = 0.125 + 0.075 * uniform(z[6])
    full = uniform(z[7] + 0.5)
    chroma = 0.035 + 0.160 * full
    accent_chroma *= 0.55 + 0.45 * full
    gamma = math.exp(-0.62 * math.tanh(0.8 * z[8]))
    dark = 0.10 + 0.26 * uniform(z[9])
    light = min(0.965, max(0.80, dark + 0.52 + 0.40 * uniform(z[10] + 0.2)))
    warm = 0.10 + 0.40 * uniform(z[11])
    cold = 0.10 + 0.30 * uniform(z[12])
    table = np.empty((TONES, HUES, 3), np.float32)
    for k in range(HUES):
        for i in range(TONES):
            t = i / (TONES - 1.0)
            tone = t**gamma
            lum = dark + (light - dark) * tone
            h = hue + walk * (t - 0.5)
            c = chroma
            if k == 0:
                h += second
                c *= second_chroma
            elif k == 2:
                h = hue + accent + 0.25 * walk * (t - 0.5)
                c = accent_chroma
                lum += 0.35 * (0.66 - lum) * (1 - abs(2 * t - 1))
            if k < 2 or t < 0.5:
                h = _toward(h, 1.5, warm * t * t)
                h = _toward(h, 4.75, (cold + 0.3 * max(0.0, math.cos(h - 1.1))) * (1 - t) * (1 - t))
            brown = math.exp(4.5 * (math.cos(h - 1.05) - 1)) * max(0.0, min(1.0, (0.58 - lum) / 0.3))
            h -= 0.85 * brown
            c *= 1 - 0.25 * brown
            away = math.atan2(math.sin(h - 1.85), math.cos(h - 1.85))
            mud = math.exp(-((away / 0.6) ** 2)) * max(0.0, min(1.0, (0.72 - lum) / 0.3))
            h += 0.85 * mud * math.tanh(3 * away)
            c *= 1 - 0.45 * mud
            c *= 1 - 0.55 * (2 * lum - 1.1) ** 2
            a, b = in_gamut(lum, c * math.cos(h), c * math.sin(h))
            table[i, k, 0] = lum
            table[i, k, 1] = a
            table[i, k, 2] = b
    return table


@kernel
def colour(canvas, table, low, gain, drift, lean, bands, flat, x0, y0, px, s, out):
    """Turn tones and hues (height, width, 2) into OKLab (height, width, 3), levelled: t becomes (t - low) * gain.

    Hue wanders slowly by `drift`, tone by `lean`; as `flat` goes to 1, tones gather in so many even bands.
    """
    height, width = out.shape[:2]
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            c = canvas[j, i, 1] + drift * (noise(0.75 * x, 0.75 * y, s + 1) + 0.4 * noise(1.9 * x, 1.9 * y, s + 2))
            t = (canvas[j, i, 0] - low) * gain + lean * noise(0.6 * x + 3.3, 0.6 * y, s + 3)
            t = min(1.0, max(0.0, t))
            if flat > 0:
                right = canvas[j, min(i + 1, width - 1), 0] - canvas[j, max(i - 1, 0), 0]
                down = canvas[min(j + 1, height - 1), i, 0] - canvas[max(j - 1, 0), i, 0]
                soft = 0.5 * gain * bands * max(abs(right), abs(down)) + 1e-4
                f = t * bands
                k = min(bands - 1.0, math.floor(f))
                f = (f - k - 0.5) / soft + 0.5
                t += flat * ((k + min(1.0, max(0.0, f))) / bands - t)
            t *= TONES - 1
            c = min(1.0, max(-1.0, c)) + 1
            a = min(TONES - 2, int(t))
            b = min(HUES - 2, int(c))
            t -= a
            c -= b
            for k in range(3):
                near = table[a, b, k] + (table[a + 1, b, k] - table[a, b, k]) * t
                far = table[a, b + 1, k] + (table[a + 1, b + 1, k] - table[a, b + 1, k]) * t
                out[j, i, k] = near + (far - near) * c
