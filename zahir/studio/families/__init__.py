"""The families of forms, by name: each draws tones and hues on a canvas. None knows of colours or of the others.

A family is a kernel (out, x0, y0, px, V, U, s): out is float32 (height, width, 2); (x0, y0) is the upper left corner
and px the size of a pixel, y up, in a scene whose subject fits into [-1, 1]; V is the layout and U sixteen shape
parameters in (0, 1) (see `picture.Parameters`); s is the stream of noise and whole-number choices. A new family
needs a module here, a place in _MODULES, a number in `family` of the genome's table and a row in `picture._SUITS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zahir.studio.families import (
    agate,
    arches,
    bloom,
    city,
    fields,
    forest,
    hills,
    ink,
    leaves,
    mountains,
    orb,
    paper,
    rings,
    sea,
    tiles,
    vessels,
)

_MODULES = (
    hills,
    mountains,
    sea,
    forest,
    city,
    vessels,
    bloom,
    leaves,
    arches,
    orb,
    tiles,
    rings,
    fields,
    agate,
    ink,
    paper,
)

FAMILIES: tuple[str, ...] = tuple(module.__name__.rpartition(".")[2] for module in _MODULES)
DRAW: tuple[Callable[..., None], ...] = tuple(getattr(module, name) for module, name in zip(_MODULES, FAMILIES))
WORDS: tuple[Callable[[Any], str], ...] = tuple(module.words for module in _MODULES)
