"""Simulacra Aesthetic Captions (Pressman et al. 2022): a SQLite file of ratings from 1 to 10, and its pictures.

Knows nothing of prompts and surveys. A person is a survey id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row
from zahir.datasets.scale import Scale
from zahir.datasets.table import read_with_pictures
from zahir.errors import BadData
from zahir.interactions import Dataset

SUFFIXES = frozenset({".sqlite", ".sqlite3", ".db"})
_QUERY = """SELECT ratings.rowid, ratings.sid, paths.path, ratings.rating
            FROM ratings JOIN paths ON paths.iid = ratings.iid WHERE ratings.rating IS NOT NULL"""


def read(
    path: Path, *, images: Path | None = None, scale: Scale | None = None, rejects: Rejects, say: Callable[[str], None]
) -> Dataset:
    """Read the file; pictures are named from the folder that it lies in, or from `images`."""
    return read_with_pictures(
        path, images or path.parent, rows=_rows(path), scale=scale or (1.0, 10.0), rejects=rejects, say=say
    )


def _rows(path: Path) -> Iterator[Row]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            yield 0, PLAIN
            for number, *values in database.execute(_QUERY):
                yield number, [str(value) for value in values]
    except sqlite3.Error as error:
        raise BadData(f"not the database of Simulacra Aesthetic Captions ({error}).", path=path) from error
