"""PAMELA (Maerten et al. 2026): JSON lists of objects with participant_id, image_path and original_score, 1 to 5.

Knows nothing of an object's other fields. A list is read whole: JSON has no rows. A folder holds one file
per part of the published split, pamela_train.json and the like; entries are counted through all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zahir.datasets.layout import Layout
from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row
from zahir.errors import BadData

_FIELDS = ("participant_id", "image_path", "original_score")


def parts(path: Path) -> dict[str, Path]:
    """The files of the published split under a folder, by the name of their part: train, test_seen and so on."""
    if path.is_file():
        return {"all": path}
    files = sorted([*path.glob("pamela_*.json"), *path.glob("*/pamela_*.json")])
    return {file.stem.removeprefix("pamela_"): file for file in files}


def entries(path: Path) -> list[Any]:
    """What a file lists, whatever it is; raises BadData when it is no list."""
    try:
        listed = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadData(f"not JSON ({error}).", path=path) from error
    if not isinstance(listed, list):
        raise BadData(f"a JSON {type(listed).__name__}. Expected a list of objects.", path=path)
    return listed


def is_rating(entry: Any) -> bool:
    """Whether it is an object with the three fields, each a text or a number."""
    return isinstance(entry, dict) and all(isinstance(entry.get(name), (str, int, float)) for name in _FIELDS)


def _rows(path: Path, rejects: Rejects) -> Iterator[Row]:
    yield 0, PLAIN
    before = 0
    for file in parts(path).values():
        listed = entries(file)
        for number, entry in enumerate(listed, 1):
            if is_rating(entry):
                yield before + number, [str(entry[name]) for name in _FIELDS]
            else:
                rejects.reject(f"entry {number} is no object with {', '.join(_FIELDS)}.", path=file, line=number)
        before += len(listed)


LAYOUT = Layout(
    "PAMELA",
    recognise=lambda path: path.suffix.casefold() == ".json" if path.is_file() else bool(parts(path)),
    ratings=lambda path: path,
    pictures=lambda path: path.parent if path.is_file() else path,
    scale=(1.0, 5.0),
    rows=_rows,
)
