"""Pictures: a genome and a seed to pixels, to a few words, to the name of the leading family.

The short side of every picture spans [-1, 1], so that a wide or a tall one is the square one with more around it.
Knows nothing of embeddings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.studio import brush
from zahir.studio.families import DRAW, FAMILIES, WORDS
from zahir.studio.genome import SLICES, checked, uniform, uniforms
from zahir.studio.jit import kernel
from zahir.studio.noise import chance, step
from zahir.studio.palette import PALETTE, colour, palette

GUIDE = 128  # pixels of the short side on which tones are levelled and strokes planned
MAX_SIDE = 8192
_LOOSE = 0.11  # colour distance at which strokes stop

# added to each family's wish so that all lead about equally often
_PRIOR = np.zeros(len(FAMILIES))
_REACH = 0.055  # families whose wish is within twice this of the strongest share the picture
_ROWS = (12, 15, 18, 22)  # strokes of the first coat along the short side


class Parameters(NamedTuple):
    """What a genome and a seed say, in plain numbers."""

    stream: int  # of noise and whole-number choices
    wishes: np.ndarray  # of each family
    layout: np.ndarray  # focus x, y, turn (cos, sin), zoom, warp, its fineness, light (-1.2 left .. 1.2 right)
    shape: np.ndarray  # sixteen numbers in (0, 1) for the family to use
    table: np.ndarray  # OKLab by tone and hue
    brush: np.ndarray  # opacity, width, length, flow, unevenness
    finish: np.ndarray  # thickness, paper, grain, vignette
    lean: np.ndarray  # drift of tone across, up; drift of hue


class View(NamedTuple):
    """A canvas in the plane of the picture: upper left corner, pixel size, pixels."""

    x0: float
    y0: float
    px: float
    height: int
    width: int


def render(genome: Float32[np.ndarray, "dim"], seed: int, width: int = 512, height: int | None = None) -> UInt8[np.ndarray, "height width 3"]:
    """Render a genome, uint8 sRGB (height, width, 3); square unless a height is given. ValueError for no genome or size.

    The same arguments give the same picture; another size or shape gives the same forms and strokes.
    """
    p = parameters(genome, seed)
    view = view_of(width, width if height is None else height)
    lab = underpainting(p, view)
    if p.brush[0] <= 0:
        return surface(p, view, lab, None)
    guide_view = guide_of(view)
    guide = lab if guide_view == view else underpainting(p, guide_view)
    coats = strokes(p, guide_view, guide)
    return surface(p, view, lab, [(coat, brush.pick(guide, *guide_view[:3], coat)) for coat in coats])


def family(genome: Float32[np.ndarray, "dim"], seed: int) -> str:
    """The name of the leading family, one of FAMILIES; it depends on the genome alone."""
    return FAMILIES[int(np.argmax(checked(genome)[SLICES["family"]] + _PRIOR))]


def describe(genome: Float32[np.ndarray, "dim"], seed: int) -> str:
    """A few plain words for those who can't see it: "rose and dark blue hills above a lake, in oil"."""
    p = parameters(genome, seed)
    lead = int(np.argmax(p.wishes))
    words = f"{_colours(p.table)} {WORDS[lead](p.shape)}"
    return words + (", in oil" if p.brush[0] > 0.5 else "")


def parameters(genome: Float32[np.ndarray, "dim"], seed: int) -> Parameters:
    """Read a genome; any integer is a seed."""
    z = checked(genome)
    return Parameters(int(seed) * 2654435761 % 1000003, z[SLICES["family"]] + _PRIOR, *_read(z, int(seed) % 4))


@kernel
def _read(z, choice):
    layout = np.empty(8)
    layout[0] = 0.42 * np.tanh(0.9 * z[29])
    layout[1] = 0.30 * np.tanh(0.9 * z[30])
    turn = 0.5 * z[31]
    layout[2] = np.cos(turn)
    layout[3] = np.sin(turn)
    layout[4] = np.exp(0.26 * np.tanh(0.8 * z[32]))
    layout[5] = z[33]
    layout[6] = 0.7 + 1.3 * uniform(z[34])
    layout[7] = 1.2 * np.tanh(1.2 * z[35])
    rows = _ROWS[choice]
    strokes = np.empty(5)
    opacity = step(-0.25, 0.25, z[52] - 0.35)
    strokes[0] = opacity
    strokes[1] = 1.5 / rows * (0.85 + 0.35 * uniform(z[53]))
    strokes[2] = 1.6 + 2.0 * uniform(z[54])
    strokes[3] = 0.6 + 1.2 * uniform(z[55])
    strokes[4] = 0.02 + 0.07 * uniform(z[56])
    finish = np.empty(4)
    finish[0] = opacity * (0.3 + 0.9 * uniform(z[57]))
    finish[1] = (1 - 0.6 * opacity) * (0.15 + 0.85 * uniform(z[58]))
    finish[2] = (1 - 0.7 * opacity) * max(0.0, 1.6 * uniform(z[59]) - 0.6)
    finish[3] = 0.02 + 0.10 * uniform(z[60])
    lean = np.empty(3)
    lean[0] = 0.035 * np.tanh(z[61])
    lean[1] = 0.035 * np.tanh(z[62])
    lean[2] = 1.5 * np.tanh(z[63])
    return layout, uniforms(z[36:52]), palette(z[PALETTE]), strokes, finish, lean


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
    low, gain = _levels(canvas)
    lab = np.empty((view.height, view.width, 3), np.float32)
    colour(canvas, p.table, low, gain, *p.lean, *view[:3], lab)
    return lab


def strokes(p: Parameters, view: View, guide: Float32[np.ndarray, "height width 3"]) -> list[np.ndarray]:
    """Three coats of strokes, coarse to fine, planned on the guide."""
    opacity, width, length, flow, uneven = p.brush
    rows = _ROWS[p.stream % 4]
    coats = ((1.0, 1.0, 1.0, 0.0), (1.8, 0.55, 0.75, 0.05), (3.6, 0.30, 0.5, 0.085))
    return [
        brush.plan(guide, *view[:3], int(rows * more), width * size, length, flow, uneven * calm, 0.96 * opacity, least,
                   p.layout[0], p.layout[1], p.stream + 900 + 10 * n)
        for n, (more, size, calm, least) in enumerate(coats)
    ]  # fmt: skip


def surface(p: Parameters, view: View, lab: np.ndarray, coats: list[tuple[np.ndarray, np.ndarray]] | None) -> UInt8[np.ndarray, "height width 3"]:
    """Brush the coats, each strokes and their colours, over the underpainting lab, and finish to sRGB."""
    relief = np.zeros((view.height, view.width), np.float32)
    under, lab = lab, lab.copy() if coats else lab
    for coat, colours in coats or ():
        brush.paint(lab, relief, under, *view[:3], coat, colours, brush.BRISTLES, _LOOSE)
    out = np.empty((view.height, view.width, 3), np.uint8)
    brush.finish(lab, relief, *view[:3], *p.finish, p.stream, out)
    return out


def _forms(p: Parameters, view: View) -> Float32[np.ndarray, "height width 2"]:
    """Tones and hues. Each point belongs to the family that wants it most, so that near-equal ones cut the picture."""
    order = np.argsort(-p.wishes, kind="stable")
    sharing = [int(k) for k in order if p.wishes[k] > p.wishes[order[0]] - 2 * _REACH]
    canvases = [np.empty((view.height, view.width, 2), np.float32) for _ in sharing]
    for k, canvas in zip(sharing, canvases):
        DRAW[k](canvas, *view[:3], p.layout, p.shape, p.stream + 17 * k)
    for n in range(1, len(canvases)):
        _share(canvases[0], canvases[n], *view[:3], p.wishes[sharing[0]], p.wishes[sharing[n]], sharing[n], n == 1, p.stream)
    return canvases[0]


@kernel
def _share(first, other, x0, y0, px, wish, rival, k, only, s):
    """Give to `other` the part of the picture where it is wanted more; a soft shadow lies along the cut."""
    height, width = first.shape[:2]
    a = 6.2832 * chance(k, 1, s)
    round_ = chance(2, 2, s) < 0.5
    cx = 0.5 * (chance(3, 3, s) - 0.5)
    cy = 0.5 * (chance(4, 4, s) - 0.5)
    gap = (wish - rival) / (2 * _REACH)
    for j in range(height):
        y = y0 - (j + 0.5) * px
        for i in range(width):
            x = x0 + (i + 0.5) * px
            if round_:
                d = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - 0.95 * (1 - gap) ** 0.5
            else:
                d = x * np.cos(a) + y * np.sin(a) + 1.45 * (1 - (1 - gap) ** 0.5)
            m = 0.5 - d / px
            m = min(1.0, max(0.0, m))
            shadow = 0.16 * np.exp(-14 * max(0.0, d)) * (1 - m) * min(1.0, (1 - gap) * 8)
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


_NAMES = ("rose", "red", "orange", "gold", "olive green", "green", "teal", "sky blue", "blue", "violet", "purple", "magenta")


def _colours(table: np.ndarray) -> str:
    """Names of the colour of the lights and of the shadows."""
    light, dark = _name(table[48, 1]), _name(table[14, 1])
    return light if light == dark else f"{light} and dark {dark}"


def _name(lab: np.ndarray) -> str:
    if np.hypot(lab[1], lab[2]) < 0.028:
        return "grey"
    return _NAMES[int(np.round(np.arctan2(lab[2], lab[1]) / (2 * np.pi / 12))) % 12]
