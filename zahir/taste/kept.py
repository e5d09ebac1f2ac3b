"""Folders of fits that a reader sees whole or not at all: how one is replaced, opened, and its arrays read.

Knows nothing of what is kept, but that `meta.json` tells its format.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from zahir.errors import BadData


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


@contextmanager
def opened(folder: str | os.PathLike[str], form: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the folder and its meta.json; BadData for another format, and for whatever then cannot be read of it."""
    source = Path(folder)
    try:
        meta = json.loads((source / "meta.json").read_text())
        if meta["format"] != form:
            raise BadData(f"a fit of format {meta['format']}; this version reads {form}. Fit again.", path=folder)
        yield source, meta
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadData(f"not a saved fit ({error}). Fit and save again.", path=folder) from error


def mapped(path: Path) -> np.ndarray:
    """The array of a file, read as it is needed; an empty one cannot be mapped."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        return np.load(path, allow_pickle=False)
