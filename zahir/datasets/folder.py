"""A plain folder of pictures that nobody has rated yet.

Knows nothing of ratings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from zahir.datasets.pictures import find_pictures
from zahir.errors import BadData
from zahir.interactions import Dataset, Interactions


def read(path: Path, *, say: Callable[[str], None]) -> Dataset:
    """Every picture in the folder and below is an item, not yet embedded; there are no people."""
    pictures = find_pictures(path)
    if not pictures:
        raise BadData("no pictures in this folder. Expected PNG, JPEG, WebP or the like.", path=path)
    say(f"{len(pictures):,} pictures, no ratings.")
    nobody = Interactions.of([], [], [], num_users=0, num_items=len(pictures))
    names = [picture.relative_to(path).as_posix() for picture in pictures]
    return Dataset(nobody, np.zeros((len(pictures), 0), np.float32), "", [], names, pictures)
