"""The first pictures that a newcomer rates: 48 of the studio's that span its space, painted beforehand.

Loads no compiler: pictures are files in this package, their embeddings a table beside them, so that the
first screen is there at once. Knows nothing of who is shown which.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import safe_open

from zahir.media import Media, Origin, read_image
from zahir.studio import recipe

FOLDER = Path(__file__).parent / "calibration"


def calibration(folder: Path = FOLDER) -> list[Media]:
    """All 48, 768 px, in an order in which every beginning spans the space; about 0.7 s to decode."""
    about, tensors = _table(folder)
    media = []
    for number, (picture, genome, seed) in enumerate(zip(about["pictures"], tensors["genomes"], tensors["seeds"])):
        details = {**recipe.write(genome, int(seed)), **picture}
        origin = Origin(recipe.NAME, about["space"], seed=int(seed), details=details)
        media.append(Media(read_image(folder / f"{number:02d}.webp").frames, None, origin))
    return media


def embeddings(folder: Path = FOLDER) -> Float32[np.ndarray, "n dim"]:
    """Their unit embeddings in the studio's space, row by row."""
    return _table(folder)[1]["embeddings"]


def space(folder: Path = FOLDER) -> str:
    """The space of these embeddings; the studio's encoder writes the same, or they have to be encoded anew."""
    return str(_table(folder)[0]["space"])


def _table(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with safe_open(folder / "calibration.safetensors", "np") as file:
        return json.loads(file.metadata()["zahir"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
