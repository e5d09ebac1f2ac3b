"""LAPIS (Maerten et al. 2025): paintings rated from 0 to 100, one CSV file in annotation/, pictures in images/.

Knows nothing of the set's attributes of pictures and people. An item is called as its file in images/ is:
the table's name without the folder of its style.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from zahir.datasets.layout import Layout
from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row, records
from zahir.errors import BadData

FILE = Path("annotation", "LAPIS_individualratings_metaANDdemodata.csv")
_PICTURE = ("image_filename", "file")  # the column's name in two releases


def _rows(path: Path, rejects: Rejects) -> Iterator[Row]:
    source = records(path, rejects)
    header = [name.strip() for name in next(source, (0, []))[1]]
    missing = [name for name in ("participant_id", "response") if name not in header]
    pictures = [header.index(name) for name in _PICTURE if name in header]
    if missing or not pictures:
        wanted = ", ".join([*missing, *([] if pictures else [" or ".join(_PICTURE)])])
        raise BadData(f"no column {wanted}. Expected those of LAPIS.", path=path, line=1)
    user, score = header.index("participant_id"), header.index("response")
    yield 0, PLAIN
    for line, fields in source:
        yield line, (fields[user], PurePosixPath(fields[pictures[0]].strip()).name, fields[score])


LAYOUT = Layout(
    "LAPIS",
    recognise=lambda path: (path / FILE).is_file(),
    ratings=lambda path: path / FILE,
    pictures=lambda path: path / "images",
    scale=(0.0, 100.0),
    rows=_rows,
)
