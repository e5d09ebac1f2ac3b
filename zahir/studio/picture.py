"""Pictures: a genome and a seed to pixels, to a few words, to the name of the leading family.

The short side of every picture spans [-1, 1], so that a wide or a tall one is the square one with more around it.
Knows nothing of embeddings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.jit import kernel
from zahir.studio import brush, media
from zahir.studio.families import DRAW, FAMILIES, WORDS
from zahir.studio.genome import SLICES, checked, uniform, uniforms
from zahir.studio.noise import step
from zahir.studio.palette import PALETTE, colour, palette

GUIDE = 128  # pixels of the short side on which tones are levelled and strokes planned
MAX_SIDE = 8192
_LOOSE = 0.11  # colour distance at which strokes stop

# added to each family's wish so that all lead about equally often
_PRIOR = np.array([-0.14, -0.05, -0.12, -0.1, -0.06, 0.1, 0.1, 0.14, -0.16, -0.14, 0.2, -0.12, 0.14, 0.1, 0.12, 0.03])
_REACH = 0.04  # a family whose wish is within twice this of the strongest gets a window in its picture,
_WINDOW = 0.42  # of this radius at most, beside the leading subject
_IN_WINDOW = ("bloom", "orb", "rings", "agate")  # what stands whole in a small disc
_NO_WINDOW = ("arches", "vessels", "forest", "sea", "mountains", "bloom")  # what a disc would cut or darken
_ROWS = (10, 14, 18, 24)  # strokes of the first coat along the short side
_SECTORS = (4, 5, 6, 8, 10)  # of a kaleidoscope
_STONES = (18, 26, 36)  # of a mosaic along the short side
_PANES = (7, 9, 12)  # of leaded glass along the short side
_PATCHES = 8  # along the short side, in which light at large is measured
_PITCH = (0.05, 0.06, 0.075)  # between the lines of a linocut


# how well oil, screenprint, mosaic, linocut, outline, wear, a patterned ground, a kaleidoscope, a mirror, watercolour
# and leaded glass suit each
_SUITS = np.array([
    (1, 0, 0, 1, 1, 1, 0.4, 0, 0, 1, 1),  # hills
    (0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0),  # mountains
    (1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1),  # sea
    (0.4, 1, 0, 0, 1, 1, 0.5, 0, 0, 1, 0.4),  # forest
    (1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1),  # city
    (1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1),  # vessels
    (1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1),  # bloom
    (0, 1, 0, 0, 1, 1, 0.7, 0, 1, 1, 1),  # leaves
    (1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1),  # arches
    (1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1),  # orb
    (1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0),  # tiles
    (1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1),  # rings
    (1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1),  # fields
    (1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0),  # agate
    (1, 0, 0, 0, 0, 0, 0.6, 0, 1, 1, 1),  # ink
    (0, 1, 0, 0, 1, 1, 0.6, 1, 1, 1, 1),  # paper
], np.float64)  # fmt: skip


class Parameters(NamedTuple):
    """What a genome and a seed say, in plain numbers."""

    stream: int  # of noise and whole-number choices
    wishes: np.ndarray  # of each family
    shape: np.ndarray  # sixteen numbers in (0, 1) for the family to use
    table: np.ndarray  # OKLab by tone and hue
    layout: np.ndarray  # focus x, y; zoom; light, -1.2 left to 1.2 right; strength and scale of the
    # ground; cosine and sine of the tilt
    crop: float  # of the scene, 1 is all
    drift: np.ndarray  # of hue and of tone
    even: float  # how far light and shade at large are evened out, in [0, 1]
    media: np.ndarray  # how much of each, in the order of _MEDIA, in [0, 1]
    brush: np.ndarray  # width, length, flow, unevenness
    finish: np.ndarray  # thickness, paper, grain, vignette
    fold: np.ndarray  # how far mirrored, how far a kaleidoscope, each in [0, 1]


class View(NamedTuple):
    """A canvas in the plane of the picture: upper left corner, pixel size, pixels."""

    x0: float
    y0: float
    px: float
    height: int
    width: int


def render(
    genome: Float32[np.ndarray, "dim"], seed: int, width: int = 512, height: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Render a genome: uint8 sRGB (height, width, 3), square unless a height is given. ValueError for a bad argument.

    The same arguments give the same picture; another size or shape gives the same forms and strokes.
    """
    p = parameters(genome, seed)
    view = view_of(width, width if height is None else height)
    return draw(p, view, None)


def draw(p: Parameters, view: View, coats: list[np.ndarray] | None) -> UInt8[np.ndarray, "height width 3"]:
    """Render parameters on a view; strokes as planned in `coats`, or, with None, as the picture itself asks for."""
    lab = underpainting(p, view)
    if not p.media.any():
        return surface(p, view, lab, lab, [])
    guide_view = guide_of(view)
    guide = lab if guide_view == view else underpainting(p, guide_view)
    if coats is None:
        coats = strokes(p, guide_view, guide)
    return surface(p, view, lab, guide, coats)


def family(genome: Float32[np.ndarray, "dim"], seed: int) -> str:
    """The name of the leading family, one of FAMILIES; it depends on the genome alone."""
    return FAMILIES[int(np.argmax(checked(genome)[SLICES["family"]] + _PRIOR))]


def describe(genome: Float32[np.ndarray, "dim"], seed: int) -> str:
    """A few plain words for those who can't see it: "rose and dark blue hills above a lake, in oil"."""
    p = parameters(genome, seed)
    lead = int(np.argmax(p.wishes))
    words = f"{_colours(p.table)} {WORDS[lead](p.shape)}"
    if p.fold.max() > 0.5:
        words += ", seen in a kaleidoscope" if p.fold[1] > 0.5 else ", mirrored"
    return words + next((words for words, amount in zip(_MEDIA, p.media) if amount > 0.5 and words), "")


def parameters(genome: Float32[np.ndarray, "dim"], seed: int) -> Parameters:
    """Read a genome; any integer is a seed."""
    z = checked(genome)
    stream = int(seed) * 2654435761 % 1000003
    part = {name: z[where] for name, where in SLICES.items()}
    wishes = part["family"] + _PRIOR
    rest = _read(
        part["focus"], part["zoom"][0], part["light"][0], part["crop"][0], part["drift"], part["media"], part["brush"],
        np.concatenate([part["relief"], part["paper"], part["grain"], part["vignette"]]),
        part["ground"], part["fold"], wishes, _ROWS[stream % 4],
    )  # fmt: skip
    return Parameters(stream, wishes, uniforms(part["shape"]), palette(z[PALETTE]), *rest)


@kernel
def _read(focus, zoom, light, crop, drift, media, brush_, finish, ground, fold, wishes, rows):
    layout = np.empty(8)
    layout[0] = 0.56 * np.tanh(1.0 * focus[0])
    layout[1] = 0.39 * np.tanh(1.0 * focus[1])
    layout[2] = np.exp(0.44 * np.tanh(0.8 * zoom))
    layout[3] = 1.2 * np.tanh(1.2 * light)
    tilt = 0.55 * layout[3]
    layout[6] = np.cos(tilt)
    layout[7] = np.sin(tilt)
    layout[4] = 1.9 * step(-1.4, 0.9, ground[0])
    layout[5] = np.exp(0.7 * np.tanh(ground[1]))
    suits = np.exp(25 * (wishes - wishes.max()))
    suits = (suits.reshape(-1, 1) * _SUITS).sum(0) / suits.sum()
    on = np.empty(8)
    on[0] = suits[0] * step(-0.25, 0.25, media[0] - 0.3)
    layout[4] *= suits[6] * (1 - 0.6 * on[0])  # strokes over a pattern are camouflage
    bare = step(0.6, 0.8, 1 - on[0])
    on[2] = suits[2] * step(-0.06, 0.06, media[2] - 1.45) * bare
    on[3] = suits[3] * step(-0.06, 0.06, media[3] - 1.35) * bare * (1 - on[2])
    on[1] = suits[1] * step(-0.2, 0.2, media[1] - 0.6) * (1 - 0.5 * on[0])
    on[5] = suits[5] * step(-0.3, 0.5, media[5] - 0.8)
    on[4] = suits[4] * step(-0.2, 0.2, media[4] - 1.0) * (1 - on[2])
    on[6] = suits[9] * step(-0.2, 0.2, -media[0] - 1.25)  # the other end of the number that brings oil
    on[7] = suits[10] * step(-0.06, 0.06, -media[2] - 1.7) * bare * (1 - on[3]) * (1 - on[6])  # and stones
    folds = np.empty(2)  # steep: a mirror that stands half way only smears
    folds[0] = step(-0.03, 0.03, fold[0] - 1.7) * step(0.45, 0.55, suits[8])
    folds[1] = step(-0.03, 0.03, fold[1] - 1.65) * step(0.45, 0.55, suits[7]) * step(0.45, 0.55, 1 - on[2])
    strokes = np.empty(4)
    strokes[0] = 1.5 / rows * (0.70 + 0.75 * uniform(brush_[0]))
    strokes[1] = 1.1 + 3.0 * uniform(brush_[1])
    strokes[2] = 0.5 + 1.6 * uniform(brush_[2])
    strokes[3] = 0.02 + 0.15 * uniform(brush_[3]) ** 2
    surface = np.empty(4)
    surface[0] = on[0] * (0.3 + 0.9 * uniform(finish[0]))
    surface[1] = (1 - 0.5 * on[0]) * 1.3 * uniform(finish[1]) ** 1.3
    surface[2] = (1 - 0.7 * on[0]) * max(0.0, 1.6 * uniform(finish[2]) - 0.6)
    surface[3] = 0.02 + 0.10 * uniform(finish[3])
    part = np.exp(-0.40 * np.tanh(0.8 * crop) - 0.16)
    wander = (0.65 + 1.5 * uniforms(drift)) * np.array([1.0, 0.10]) * (1 - max(folds[0], folds[1]))
    even = 0.75 * step(-0.6, 1.0, drift[1])
    return layout, part, wander, even, on, strokes, surface, folds


def view_of(width: int, height: int) -> View:
    """The canvas of a picture of so many pixels."""
    for name, side in (("width", width), ("height", height)):
        if not 8 <= side <= MAX_SIDE:
            raise ValueError(f"{name} must be from 8 to {MAX_SIDE} pixels; got {side}. Ask for 512, say.")
    px = 2.0 / min(width, height)
    return View(-0.5 * width * px, 0.5 * height * px, px, height, width)


def guide_of(view: View) -> View:
    """The same canvas with GUIDE pixels on its short side."""
    scale = GUIDE / min(view.height, view.width)
    return view_of(max(GUIDE, round(view.width * scale)), max(GUIDE, round(view.height * scale)))


def underpainting(p: Parameters, view: View) -> Float32[np.ndarray, "height width 3"]:
    """Forms, levelled and coloured: OKLab (height, width, 3), no strokes and no surface yet."""
    canvas = _forms(p, view)
    if p.even > 0:
        _evened(canvas, p.even)
    low, gain = _levels(canvas)
    lab = np.empty((view.height, view.width, 3), np.float32)
    colour(canvas, p.table, low, gain, *p.drift, 4 + p.stream % 4, p.media[1], *view[:3], p.stream + 600, lab)
    return lab


def strokes(p: Parameters, view: View, guide: Float32[np.ndarray, "height width 3"]) -> list[np.ndarray]:
    """Three coats of strokes, coarse to fine, planned on the guide; none where there is no oil."""
    if p.media[0] <= 0:
        return []
    width, length, flow, uneven = p.brush
    rows = _ROWS[p.stream % 4]
    coats = ((1.0, 1.0, 1.0, 0.0), (1.8, 0.55, 0.75, 0.05), (3.6, 0.30, 0.5, 0.085))
    return [
        brush.plan(
            guide, *view[:3], int(rows * more), width * size, length, flow, uneven * calm, 0.96 * p.media[0], least,
            p.layout[0], p.layout[1], p.stream + 900 + 10 * n,
        )
        for n, (more, size, calm, least) in enumerate(coats)
    ]  # fmt: skip


def surface(
    p: Parameters, view: View, under: np.ndarray, guide: np.ndarray, coats: list[np.ndarray]
) -> UInt8[np.ndarray, "height width 3"]:
    """Carry out the media over the underpainting and finish to sRGB; strokes and stones are coloured from the guide."""
    _, _, stones, lines, contour, wear, wash, panes = p.media
    lab = under.copy()
    relief = np.zeros((view.height, view.width), np.float32)
    corner = view[:3]
    guide_px = view.px * view.height / guide.shape[0]
    for coat in coats:
        colours = brush.pick(guide, view.x0, view.y0, guide_px, coat)
        brush.paint(lab, relief, under, *corner, coat, colours, brush.BRISTLES, _LOOSE)
    if stones > 0:
        media.mosaic(lab, guide, *corner, guide_px, _STONES[p.stream % 3], stones, p.stream + 700)
    if lines > 0:
        media.linocut(lab, p.table[2, 1], *corner, _PITCH[p.stream % 3], 0.6 * p.layout[3] + 0.8, lines, p.stream + 710)
    if wash > 0:
        media.watercolour(lab, under, *corner, wash, p.stream + 730)
    if panes > 0:
        media.glass(lab, *corner, _PANES[p.stream % 3], panes, p.stream + 750)
    contour = max(contour, panes)
    if contour > 0:
        media.outline(lab, under, p.table[1, 1], view.px, contour)
    if wear > 0:
        media.wear(lab, *corner, wear, p.stream + 720)
    out = np.empty((view.height, view.width, 3), np.uint8)
    brush.finish(lab, relief, *corner, *p.finish, p.stream, out)
    return out


def _forms(p: Parameters, view: View) -> Float32[np.ndarray, "height width 2"]:
    """Tones and hues of the leading family; one that wants it nearly as much stands in a window."""
    lead = int(np.argmax(p.wishes))
    canvas = np.empty((view.height, view.width, 2), np.float32)
    closer = 1 - p.crop
    corner = (view.x0 * p.crop + closer * p.layout[0], view.y0 * p.crop + 0.6 * closer * p.layout[1], view.px * p.crop)
    DRAW[lead](canvas, *corner, p.layout, p.shape, p.stream + 17 * lead)
    rival = max((FAMILIES.index(name) for name in _IN_WINDOW if name != FAMILIES[lead]), key=lambda k: p.wishes[k])
    gap = (p.wishes[lead] - p.wishes[rival]) / (2 * _REACH)
    if gap < 1 and FAMILIES[lead] not in _NO_WINDOW:
        radius = max(1e-3, _WINDOW * (1 - gap) ** 0.5)
        angle = 2.4 * (p.stream % 997)
        x, y = 0.5 * np.cos(angle) - 0.6 * p.layout[0], 0.45 * np.sin(angle) - 0.6 * p.layout[1]
        other = np.empty_like(canvas)
        middle = np.concatenate([[0.0, 0.0], p.layout[2:]])
        DRAW[rival](
            other, (view.x0 - x) / radius, (view.y0 - y) / radius, view.px / radius,
            middle, p.shape, p.stream + 17 * rival,
        )  # fmt: skip
        _window(canvas, other, *view[:3], x, y, radius)
    if p.fold.any():
        return _folded(canvas, *view[:3], *p.fold, _SECTORS[p.stream % 5])
    return canvas


@kernel
def _folded(canvas, x0, y0, px, mirror, wheel, sectors):
    """The canvas seen in mirrors: halves alike, or so many alike sectors; in between the mirrors slide."""
    height, width = canvas.shape[:2]
    out = np.empty_like(canvas)
    part = 2 * np.pi / sectors
    for j in range(height):
        for i in range(width):
            x = x0 + (i + 0.5) * px
            y = y0 - (j + 0.5) * px
            u = x + mirror * (abs(x) - x)
            v = y
            if wheel > 0:
                r = np.sqrt(x * x + y * y)
                a = np.arctan2(x, y)
                a = abs(a - part * np.floor(a / part + 0.5))
                u += wheel * (r * np.sin(a + 0.35) - u)
                v += wheel * (r * np.cos(a + 0.35) - v)
            u = min(width - 1.001, max(0.0, (u - x0) / px - 0.5))
            v = min(height - 1.001, max(0.0, (y0 - v) / px - 0.5))
            p = int(u)
            q = int(v)
            u -= p
            v -= q
            for k in range(2):
                top = canvas[q, p, k] + (canvas[q, p + 1, k] - canvas[q, p, k]) * u
                low = canvas[q + 1, p, k] + (canvas[q + 1, p + 1, k] - canvas[q + 1, p, k]) * u
                out[j, i, k] = top + (low - top) * v
    return out


@kernel
def _evened(canvas, amount):
    """Take so much of the light and shade at large from the tones, as the middle square has it in _PATCHES a side."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    left = (width - side) // 2
    top = (height - side) // 2
    pitch = side / _PATCHES
    light = np.zeros((_PATCHES + 2, _PATCHES + 2))
    share = np.zeros((_PATCHES + 2, _PATCHES + 2))
    for j in range(side):
        b = int((j + 0.5) / pitch)
        q = (j + 0.5) / pitch - b
        for i in range(side):
            a = int((i + 0.5) / pitch)
            p = (i + 0.5) / pitch - a
            for m in range(2):
                for n in range(2):
                    weight = (q if m else 1 - q) * (p if n else 1 - p)
                    light[b + m, a + n] += weight * canvas[top + j, left + i, 0]
                    share[b + m, a + n] += weight
    middle = light.sum() / share.sum()
    for b in range(_PATCHES + 1):
        for a in range(_PATCHES + 1):
            light[b, a] = light[b, a] / share[b, a] - middle
    for j in range(height):
        q = min(_PATCHES - 1e-6, max(0.0, (j - top + 0.5) / pitch))
        b = int(q)
        q -= b
        for i in range(width):
            p = min(_PATCHES - 1e-6, max(0.0, (i - left + 0.5) / pitch))
            a = int(p)
            p -= a
            above = light[b, a] + (light[b, a + 1] - light[b, a]) * p
            below = light[b + 1, a] + (light[b + 1, a + 1] - light[b + 1, a]) * p
            canvas[j, i, 0] -= amount * (above + (below - above) * q)


@kernel
def _window(first, other, x0, y0, px, cx, cy, radius):
    """Open a round window on `other`; a soft shadow lies around it."""
    height, width = first.shape[:2]
    depth = min(1.0, 8 * radius)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            d = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - radius
            m = min(1.0, max(0.0, 0.5 - d / px))
            shadow = 0.16 * np.exp(-14 * max(0.0, d)) * (1 - m) * depth
            first[j, i, 0] += (other[j, i, 0] - first[j, i, 0]) * m - shadow
            first[j, i, 1] += (other[j, i, 1] - first[j, i, 1]) * m


def _levels(canvas: Float32[np.ndarray, "height width 2"]) -> tuple[float, float]:
    """What to take from tones and to multiply them by, so that they span most of [0, 1]: as (low, gain)."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    lattice = ((np.arange(48) + 0.5) * side / 48).astype(int)
    tones = np.sort(canvas[(height - side) // 2 + lattice][:, (width - side) // 2 + lattice, 0], axis=None)
    dark, shade, glow, light = (float(tones[int(len(tones) * share)]) for share in (0.025, 0.12, 0.88, 0.975))
    to_dark, to_light = min(max(dark, 0.0), 0.10), max(min(light, 1.0), 0.88)
    gain = (to_light - to_dark) / max(light - dark, 0.12)
    gain = max(gain, min(1.7 * gain, 0.42 / max(glow - shade, 0.05)))
    return dark - to_dark / gain, gain


_MEDIA = (
    ", in oil",
    ", as a screenprint",
    ", as a mosaic",
    ", as a linocut",
    ", with drawn outlines",
    "",  # wear goes with any of them
    ", in watercolour",
    ", in leaded glass",
)
_NAMES = (
    "rose",
    "red",
    "orange",
    "gold",
    "olive green",
    "green",
    "teal",
    "sky blue",
    "blue",
    "violet",
    "purple",
    "magenta",
)


def _colours(table: np.ndarray) -> str:
    """Names of the colour of the lights and of the shadows."""
    light, dark = _name(table[48, 1]), _name(table[14, 1])
    return light if light == dark else f"{light} and dark {dark}"


def _name(lab: np.ndarray) -> str:
    if np.hypot(lab[1], lab[2]) < 0.028:
        return "grey"
    return _NAMES[int(np.round(np.arctan2(lab[2], lab[1]) / (2 * np.pi / 12))) % 12]
