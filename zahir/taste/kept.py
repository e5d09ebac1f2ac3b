"""Folders that a reader sees whole or not at all, and the arrays in them.

Knows nothing of what is kept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def replaced(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty folder to write into; what was written takes the place of `folder` at the end."""
    target = Path(folder)
    aside, old = (target.with_name(f".{target.name}.{os.getpid()}{end}") for end in ("", ".old"))
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    if target.exists():
        target.rename(old)
    aside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def mapped(path: Path) -> np.ndarray:
    """The array of a file, read as it is needed; an empty one cannot be mapped."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        return np.load(path, allow_pickle=False)
