"""What a public set's folder or file looks like: enough to recognise it and to read its ratings.

Knows nothing of any one set: each has a module with its `LAYOUT`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from zahir.datasets.rows import Rejects, Row
from zahir.datasets.scale import Scale


class Layout(NamedTuple):
    """One set. `ratings` and `pictures` say where they lie; `rows` reads them where they are no plain table."""

    name: str
    recognise: Callable[[Path], bool]
    ratings: Callable[[Path], Path]
    pictures: Callable[[Path], Path]
    scale: Scale
    rows: Callable[[Path, Rejects], Iterator[Row]] | None = None
