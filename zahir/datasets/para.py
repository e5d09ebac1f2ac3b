"""PARA (Yang et al. 2022): annotation/PARA-Images.csv with scores from 1 to 5, pictures under imgs/SESSION/.

Knows nothing of the set's other attributes and its people's traits. An item is called SESSION/NAME.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zahir.datasets.layout import Layout
from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row, records
from zahir.errors import BadData

FILE = Path("annotation", "PARA-Images.csv")
_COLUMNS = ("userId", "sessionId", "imageName", "aestheticScore")


def _rows(path: Path, rejects: Rejects) -> Iterator[Row]:
    source = records(path, rejects)
    header = list(next(source, (0, []))[1])
    if missing := [name for name in _COLUMNS if name not in header]:
        raise BadData(f"no column {', '.join(missing)}. Expected those of PARA.", path=path, line=1)
    user, session, image, score = map(header.index, _COLUMNS)
    yield 0, PLAIN
    for line, fields in source:
        yield line, (fields[user], f"{fields[session].strip()}/{fields[image].strip()}", fields[score])


LAYOUT = Layout(
    "PARA",
    recognise=lambda path: (path / FILE).is_file(),
    ratings=lambda path: path / FILE,
    pictures=lambda path: path / "imgs",
    scale=(1.0, 5.0),
    rows=_rows,
)
