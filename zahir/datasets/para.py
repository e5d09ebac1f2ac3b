"""PARA (Yang et al. 2022): annotation/PARA-Images.csv with scores from 1 to 5, pictures under imgs/SESSION/.

Knows nothing of the set's other attributes and its people's traits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row, records
from zahir.datasets.scale import Scale
from zahir.datasets.table import read_with_pictures
from zahir.errors import BadData
from zahir.interactions import Dataset

FILE = Path("annotation", "PARA-Images.csv")
_COLUMNS = ("userId", "sessionId", "imageName", "aestheticScore")


def read(
    path: Path, *, images: Path | None = None, scale: Scale | None = None, rejects: Rejects, say: Callable[[str], None]
) -> Dataset:
    """Read the set's folder; an item is called SESSION/NAME."""
    rows = _rows(path / FILE, rejects)
    return read_with_pictures(
        path / FILE, images or path / "imgs", rows=rows, scale=scale or (1.0, 5.0), rejects=rejects, say=say
    )


def _rows(path: Path, rejects: Rejects) -> Iterator[Row]:
    source = records(path, rejects)
    header = list(next(source, (0, []))[1])
    if missing := [name for name in _COLUMNS if name not in header]:
        raise BadData(f"no column {', '.join(missing)}. Expected those of PARA.", path=path, line=1)
    user, session, image, score = map(header.index, _COLUMNS)
    yield 0, PLAIN
    for line, fields in source:
        yield line, (fields[user], f"{fields[session].strip()}/{fields[image].strip()}", fields[score])
