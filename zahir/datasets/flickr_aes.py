"""FLICKR-AES (Ren et al. 2017): one file of workers' scores from 1 to 5, pictures under 40K/.

Knows nothing of the set's other files; the ids of its pictures are their file names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zahir.datasets.rows import Rejects
from zahir.datasets.scale import Scale
from zahir.datasets.table import read_with_pictures
from zahir.interactions import Dataset

FILE = "FLICKR-AES_image_labeled_by_each_worker.csv"


def read(
    path: Path,
    *,
    images: Path | None = None,
    scale: Scale | None = None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    """Read the folder that holds the file; scores 1 to 5 become -1 to 1."""
    return read_with_pictures(path / FILE, images or path / "40K", scale=scale or (1.0, 5.0), rejects=rejects, say=say)
