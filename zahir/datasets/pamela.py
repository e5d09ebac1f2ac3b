"""PAMELA: a JSON list of objects with participant_id, image_path and original_score, from 1 to 5.

Knows nothing of an object's other fields. The list is read whole: JSON has no rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row
from zahir.datasets.scale import Scale
from zahir.datasets.table import read_with_pictures
from zahir.errors import BadData
from zahir.interactions import Dataset

_FIELDS = ("participant_id", "image_path", "original_score")


def read(
    path: Path, *, images: Path | None = None, scale: Scale | None = None, rejects: Rejects, say: Callable[[str], None]
) -> Dataset:
    """Read the file; pictures are named from the folder that it lies in, or from `images`."""
    rows = _rows(path, rejects)
    return read_with_pictures(
        path, images or path.parent, rows=rows, scale=scale or (1.0, 5.0), rejects=rejects, say=say
    )


def _rows(path: Path, rejects: Rejects) -> Iterator[Row]:
    try:
        entries = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadData(f"not JSON ({error}).", path=path) from error
    if not isinstance(entries, list):
        raise BadData(f"a JSON {type(entries).__name__}. Expected a list of objects.", path=path)
    yield 0, PLAIN
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), (str, int, float)) for name in _FIELDS):
            rejects.reject(f"entry {number} is no object with {', '.join(_FIELDS)}.", path=path, line=number)
            continue
        yield number, [str(entry[name]) for name in _FIELDS]
