"""The studio's words: a fixed vocabulary of attributes, each a direction of its space.

Knows nothing of pictures or of how the directions were fitted (runs/studio_words.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from safetensors import safe_open

from zahir.errors import SpaceMismatch
from zahir.space import normalize

WEIGHTS = Path(__file__).parent / "weights" / "words.safetensors"


def vocabulary(weights: Path = WEIGHTS) -> tuple[str, ...]:
    """Every word that the studio knows."""
    return _read(weights)[1]


def directions(words: Sequence[str], *, space: str, weights: Path = WEIGHTS) -> Float32[np.ndarray, "n dim"]:
    """A unit direction of the space for each word, along which pictures have more of it.

    Raises SpaceMismatch where the vocabulary was fitted in another space, ValueError for a word it does not hold.
    """
    its, known, rows = _read(weights)
    if its != space:
        raise SpaceMismatch(space, its, what="studio's vocabulary")
    wanted = [word.strip().lower() for word in words]
    for word in wanted:
        if word not in known:
            close = get_close_matches(word, known, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise ValueError(f"the studio does not know the word {word!r}.{hint} It knows: {', '.join(known)}.")
    return rows[[known.index(word) for word in wanted]]


@cache
def _read(weights: Path) -> tuple[str, tuple[str, ...], Float32[np.ndarray, "words dim"]]:
    with safe_open(weights, "np") as file:
        about = json.loads(file.metadata()["zahir"])
        return about["space"], tuple(about["words"]), normalize(file.get_tensor("directions").astype(np.float32))
