"""Before and after on one sheet: the photograph, then each proposal, with what was done in words below it.

Knows nothing of settings or of files.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

Pixels = UInt8[np.ndarray, "height width 3"]

_GROUND, _INK, _GAP = (20, 20, 20), (225, 225, 225), 16
_LINES, _TEXT = 3, 15


def sheet(pictures: Sequence[Pixels], captions: Sequence[str], *, width: int = 520) -> Pixels:
    """Pictures of one size, at most three a row, each `width` pixels wide, with its caption in up to three lines."""
    if not pictures or len(pictures) != len(captions):
        raise ValueError(f"{len(pictures)} pictures and {len(captions)} captions. Give one caption to each picture.")
    high, wide = pictures[0].shape[:2]
    height = max(1, round(width * high / wide))
    if height > 1.4 * width:  # upright: as tall as others are wide
        width, height = round(1.4 * width * wide / high), round(1.4 * width)
    columns = min(3, len(pictures))
    rows = -(-len(pictures) // columns)
    below = _LINES * (_TEXT + 4) + _GAP
    out = Image.new("RGB", (columns * (width + _GAP) + _GAP, rows * (height + below) + _GAP), _GROUND)
    draw, font = ImageDraw.Draw(out), ImageFont.load_default(_TEXT)
    for k, (picture, caption) in enumerate(zip(pictures, captions)):
        left, top = _GAP + k % columns * (width + _GAP), _GAP + k // columns * (height + below)
        out.paste(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS), (left, top))
        lines = textwrap.wrap(caption, max(8, width // 8), max_lines=_LINES, placeholder=" ...")
        draw.multiline_text((left, top + height + 5), "\n".join(lines), _INK, font, spacing=4)
    return np.array(out)
