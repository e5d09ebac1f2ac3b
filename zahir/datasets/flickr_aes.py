"""FLICKR-AES (Ren et al. 2017): one file of workers' scores from 1 to 5, pictures under 40K/.

Knows nothing of the set's other files; the ids of its pictures are their file names.
"""

from __future__ import annotations

from pathlib import Path

from zahir.datasets.layout import Layout

FILE = "FLICKR-AES_image_labeled_by_each_worker.csv"


def _file(path: Path) -> Path:
    return path if path.name == FILE else path / FILE


LAYOUT = Layout(
    "FLICKR-AES",
    recognise=lambda path: _file(path).is_file(),
    ratings=_file,
    pictures=lambda path: _file(path).parent / "40K",
    scale=(1.0, 5.0),
)
