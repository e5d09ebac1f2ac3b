"""Any CSV or Parquet file of ratings, with a file of embeddings or a folder of pictures.

Knows nothing of where they came from: names of columns are recognised (see `ratings.NAMES`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from zahir.datasets import embeddings as vectors
from zahir.datasets.pictures import by_name
from zahir.datasets.ratings import read_ratings
from zahir.datasets.rows import Rejects, Row
from zahir.datasets.scale import Scale
from zahir.errors import BadData
from zahir.interactions import Dataset

SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".pq"})


def read(
    path: Path,
    *,
    embeddings: Path | None = None,
    images: Path | None = None,
    scale: Scale | None = None,
    space: str | None = None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    """Read ratings; every item of `embeddings` is an item, of `images` those that somebody rated.

    Without either, a file beside the ratings is taken: embeddings.* or item_embeddings.*, else a folder
    images/. With pictures alone the data set has embeddings of width 0 until `pictures.embed`.
    """
    if embeddings is None and images is None:
        beside = [path.parent / f"{stem}{s}" for stem in ("embeddings", "item_embeddings") for s in vectors.SUFFIXES]
        embeddings = next((file for file in beside if file.is_file() and file != path), None)
        images = path.parent / "images" if embeddings is None and (path.parent / "images").is_dir() else None
    if embeddings is None and images is None:
        raise BadData("nothing is known about the items. Give --embeddings FILE or --images DIR.", path=path)
    return read_rated(path, images, embeddings=embeddings, scale=scale, space=space, rejects=rejects, say=say)


def read_rated(
    path: Path,
    images: Path | None,
    *,
    rows: Iterator[Row] | None = None,
    embeddings: Path | None = None,
    scale: Scale | None = None,
    space: str | None = None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    """Read ratings of the items of a file of embeddings, or else of the pictures in a folder.

    With pictures alone, items are those that somebody rated, not yet embedded. A folder may be missing
    where there are embeddings.
    """
    if embeddings is None:
        return _of_pictures(path, images, rows=rows, scale=scale, rejects=rejects, say=say)
    names, vectors_of = vectors.read_embeddings(embeddings, rejects)
    known = {name: k for k, name in enumerate(names)}
    interactions, people = read_ratings(
        path, known, num_items=len(names), rows=rows, scale=scale, rejects=rejects, say=say
    )
    space = space or vectors.own_space(embeddings)
    say(f"{len(names):,} items, embeddings {vectors_of.shape[1]} wide in space '{space}'.")
    files = by_name(images) if images and images.is_dir() else {}
    media = [files.get(name) for name in names] if files else ()
    return Dataset(interactions, vectors_of, space, people, names, media)


def _of_pictures(
    path: Path,
    folder: Path | None,
    *,
    rows: Iterator[Row] | None,
    scale: Scale | None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> Dataset:
    if folder is None or not folder.is_dir():
        raise BadData("there is no such folder of pictures. Give --images DIR or --embeddings FILE.", path=folder)
    files = by_name(folder)
    number = {file: k for k, file in enumerate(sorted(set(files.values())))}
    names = {name: number[file] for name, file in files.items()}
    table, people = read_ratings(path, names, num_items=len(number), rows=rows, scale=scale, rejects=rejects, say=say)
    rated, items = np.unique(table.items, return_inverse=True)
    files_in_order = list(number)
    pictures = [files_in_order[k] for k in rated]
    say(f"{len(pictures):,} rated pictures of {len(number):,} in {folder}.")
    return Dataset(
        replace(table, items=items.astype(np.int64), num_items=len(rated)),
        np.zeros((len(rated), 0), np.float32),
        "",
        people,
        [picture.relative_to(folder).as_posix() for picture in pictures],
        pictures,
    )
