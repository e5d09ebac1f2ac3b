"""MovieLens (Harper & Konstan 2015) in its three layouts: ratings.csv, ratings.dat and u.data.

Films have no pictures here, so the items have no embeddings (width 0) unless a file of them is given: enough to
measure how fast ratings are factorised, not for a taste model, which reads embeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from zahir.datasets.ratings import PLAIN, read_ratings
from zahir.datasets.rows import MaxBad, Rejects, Row, lines, records
from zahir.datasets.scale import Scale
from zahir.datasets.table import read_rated
from zahir.errors import BadData
from zahir.interactions import Dataset

_COLUMNS = ["userId", "movieId", "rating", "timestamp"]
_BETWEEN = {"u.data": "\t", "ratings.dat": "::"}
_SCALES: dict[str, Scale] = {"u.data": (1.0, 5.0), "ratings.dat": (0.5, 5.0), "ratings.csv": (0.5, 5.0)}


def find(path: Path) -> Path | None:
    """The file of ratings at this path, or below it where an archive was unpacked; None without one."""
    folders = [path, *sorted(path.glob("ml-*"))] if path.is_dir() else []
    files = [folder / name for folder in folders for name in _SCALES] or [path]
    return next((file for file in files if file.name in _SCALES and file.is_file() and _is_movielens(file)), None)


def read(
    file: Path,
    *,
    embeddings: Path | None = None,
    scale: Scale | None = None,
    space: str | None = None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    """Read a file that `find` found; without `embeddings`, the items are the films that somebody rated."""
    rows, scale = _rows(file, rejects), scale or _SCALES[file.name]
    if embeddings is not None:
        return read_rated(
            file, None, rows=rows, embeddings=embeddings, scale=scale, space=space, rejects=rejects, say=say
        )
    films: dict[str, int] = {}
    table, people = read_ratings(file, films, new_items=True, rows=rows, scale=scale, rejects=rejects, say=say)
    say(f"{len(films):,} films, which have no embeddings and no pictures: for measuring speed, not taste.")
    return Dataset(table, np.zeros((len(films), 0), np.float32), "", people, list(films))


def _is_movielens(file: Path) -> bool:
    if file.name in _BETWEEN:
        return True
    anything = Rejects(MaxBad(10**9, 1.0))
    return list(next(records(file, anything), (0, []))[1]) == _COLUMNS


def _rows(file: Path, rejects: Rejects) -> Iterator[Row]:
    yield 0, (*PLAIN, "time")
    if file.name not in _BETWEEN:
        source = records(file, rejects)
        if list(next(source, (0, []))[1]) != _COLUMNS:
            raise BadData(f"the header is not {','.join(_COLUMNS)}.", path=file, line=1)
        yield from source
        return
    for number, line in lines(file, rejects):
        fields = line.strip().split(_BETWEEN[file.name])
        if len(fields) == 4:
            yield number, fields
        elif line.strip():
            rejects.reject(f"{len(fields)} fields. Expected user, film, rating and time.", path=file, line=number)
