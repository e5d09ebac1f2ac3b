"""Blue Tigers as its repository publishes it: Parquet files of clips, each with its people's ratings in one column.

Knows nothing of captions and sounds. The app kept 500 clips, so that several versions of its file are read
together, in the order of their names: a clip is known by its path, and a later version's rating holds.
Ratings of the app's first days, 0 or 1, have no grades and are left out; person 0 is a placeholder.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zahir.datasets.blue_tigers import SPACE, WIDTH
from zahir.datasets.ratings import PLAIN, read_ratings
from zahir.datasets.rows import Rejects, Row
from zahir.datasets.scale import Scale
from zahir.errors import BadData
from zahir.interactions import Dataset

_COLUMNS = {"paths", "embeddings", "user:rating"}
_MAX_TEXT = 65_536  # characters of one clip's ratings


def find(path: Path) -> list[Path]:
    """The versions at this path, oldest first by name; none when it is something else."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.suffix == ".parquet" else []
    return files if files and all(set(_columns(file)) >= _COLUMNS for file in files) else []


def read(
    files: list[Path],
    *,
    scale: Scale | None = None,
    space: str | None = None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    """Read versions that `find` found; ratings lie in [-1, 1]."""
    clips: dict[str, np.ndarray] = {}
    graded: list[Row] = []
    ungraded = 0
    for version, file in enumerate(files):
        for number, clip in enumerate(_clips(file), 1):
            name = str(clip["paths"] or "").strip()
            embedding = _embedding(clip["embeddings"])
            said = _said(clip["user:rating"])
            if not name or embedding is None or said is None:
                wrong = "path" if not name else "embedding" if embedding is None else "ratings"
                rejects.reject(f"clip {number}: its {wrong} cannot be read.", path=file, line=number)
                continue
            clips.setdefault(name, embedding)
            for person, rating in said.items():
                if person == 0:
                    continue
                if isinstance(rating, int):
                    ungraded += 1
                else:
                    graded.append((number, (str(person), name, str(rating), str(version))))
    names = {name: row for row, name in enumerate(clips)}
    rows: Iterator[Row] = iter([(0, (*PLAIN, "time")), *graded])
    interactions, people = read_ratings(
        files[-1], names, rows=rows, scale=scale or (-1.0, 1.0), rejects=rejects, say=say
    )
    latest = interactions.latest()
    say(
        f"{len(clips):,} clips in {len(files)} versions, {len(latest):,} different ratings; "
        f"{ungraded:,} entries without grades are left out."
    )
    embeddings = np.concatenate([np.zeros((0, WIDTH), np.float32), *(row[None] for row in clips.values())])
    return Dataset(latest, embeddings, space or SPACE, people, list(clips))


def _columns(file: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names: list[str] = pq.read_schema(file).names
    except (pa.ArrowException, OSError):
        return []
    return names


def _clips(file: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        clips: list[dict[str, Any]] = pq.read_table(file, columns=sorted(_COLUMNS)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"not a Parquet file that can be read ({error}).", path=file) from error
    return clips


def _embedding(values: object) -> np.ndarray | None:
    if not isinstance(values, list) or len(values) != WIDTH:
        return None
    row = np.array(values, np.float32)
    return row if np.isfinite(row).all() and row.any() else None


def _said(text: object) -> dict[int, int | float] | None:
    """A Python dictionary of person to rating, as the app writes it; None when it is something else."""
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        return None
    try:
        said = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    good = isinstance(said, dict) and all(
        type(person) is int and type(rating) in (int, float) for person, rating in said.items()
    )
    return said if good else None
