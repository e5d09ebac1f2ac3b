"""Simulacra Aesthetic Captions (Pressman et al. 2022): a SQLite file of ratings from 1 to 10, and its pictures.

Knows nothing of prompts and surveys. A person is a survey id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from zahir.datasets.layout import Layout
from zahir.datasets.ratings import PLAIN
from zahir.datasets.rows import Rejects, Row
from zahir.errors import BadData

SUFFIXES = frozenset({".sqlite", ".sqlite3", ".db"})
_QUERY = """SELECT ratings.rowid, ratings.sid, paths.path, ratings.rating
            FROM ratings JOIN paths ON paths.iid = ratings.iid WHERE ratings.rating IS NOT NULL"""


def _rows(path: Path, _: Rejects) -> Iterator[Row]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            yield 0, PLAIN
            for number, *values in database.execute(_QUERY):
                yield number, [str(value) for value in values]
    except sqlite3.Error as error:
        raise BadData(f"not the database of Simulacra Aesthetic Captions ({error}).", path=path) from error


def _file(path: Path) -> Path:
    """The database itself, or the only one in a folder."""
    found = [file for file in path.glob("sac_*") if file.suffix.casefold() in SUFFIXES] if path.is_dir() else []
    return found[0] if len(found) == 1 else path


LAYOUT = Layout(
    "Simulacra Aesthetic Captions",
    recognise=lambda path: _file(path).is_file() and _file(path).suffix.casefold() in SUFFIXES,
    ratings=_file,
    pictures=lambda path: path if path.is_dir() else path.parent,
    scale=(1.0, 10.0),
    rows=_rows,
)
