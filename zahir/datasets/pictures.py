"""Folders of pictures: which file an item's name means, and the embeddings of what they show.

Knows nothing of files of ratings; the encoder is an argument.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from zahir.datasets.rows import Rejects
from zahir.errors import BadData
from zahir.interactions import Dataset, Interactions
from zahir.media import Media, read_image
from zahir.protocols import Encoder, Progress

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
_BATCH = 8  # a picture may hold 40 million pixels


def find_pictures(folder: Path) -> list[Path]:
    """All pictures under a folder by name, in sorted order; hidden files and links that leave it are not."""
    root = folder.resolve()
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(where, name) for name in sorted(files) if not name.startswith(".")]
        found += [
            path
            for path in paths
            if path.suffix.casefold() in SUFFIXES and (not path.is_symlink() or path.resolve().is_relative_to(root))
        ]
    return found


def by_name(folder: Path) -> dict[str, Path]:
    """Pictures by their path within the folder, with and without the suffix where that means one file.

    Items are looked up here and never joined to a path: a name such as "../secret.png" is simply not there.
    """
    names: dict[str, Path] = {}
    short: dict[str, list[Path]] = {}
    for path in find_pictures(folder):
        inside = path.relative_to(folder)
        names[inside.as_posix()] = path
        short.setdefault(inside.with_suffix("").as_posix(), []).append(path)
    return {name: paths[0] for name, paths in short.items() if len(paths) == 1} | names


def embed(data: Dataset, encoder: Encoder, *, rejects: Rejects, progress: Progress | None = None) -> Dataset:
    """Encode every item's picture; a broken one goes to `rejects`, and its item and ratings are left out.

    Raises BadData when an item has no picture, or when cancelled.
    """
    if not data.media or None in data.media:
        raise BadData("some items have no picture, so they cannot be embedded. Give --images or --embeddings.")
    paths = [path for path in data.media if path is not None]
    good = np.zeros(len(paths), bool)
    rows = np.zeros((len(paths), encoder.dim), np.float32)
    for start in range(0, len(paths), _BATCH):
        media: dict[int, Media] = {}
        for k, path in enumerate(paths[start : start + _BATCH], start):
            try:
                media[k] = read_image(path)
            except BadData as error:
                rejects.reject(str(error).removeprefix(f"{path}: "), path=path)
        if media:
            rows[list(media)] = encoder.encode(list(media.values()))
            good[list(media)] = True
        done = min(start + _BATCH, len(paths))
        if progress is not None and not progress(done, len(paths)):
            raise BadData("embedding the pictures was cancelled; nothing was kept.")
    rejects.settle(int(good.sum()), path=os.path.commonpath(paths) if paths else "")
    return replace(_only(data, good), embeddings=rows[good], space=encoder.space)


def without_broken(data: Dataset, *, rejects: Rejects) -> Dataset:
    """Decode every picture once: a broken one goes to `rejects`, and its item is known by its embedding alone."""
    media = list(data.media)
    for k, path in enumerate(media):
        if path is not None:
            try:
                read_image(path)
            except BadData as error:
                rejects.reject(str(error).removeprefix(f"{path}: "), path=path)
                media[k] = None
    rejects.settle(sum(path is not None for path in media), path="pictures")
    return replace(data, media=media)


def _only(data: Dataset, good: np.ndarray) -> Dataset:
    """The data set without some items, and without their ratings; people stay."""
    table = data.interactions
    rated = table.take(good[table.items])
    number = np.cumsum(good) - 1
    interactions = Interactions.of(
        rated.users,
        number[rated.items],
        rated.ratings,
        weights=rated.weights,
        times=rated.times,
        num_users=table.num_users,
        num_items=int(good.sum()),
    )
    kept = np.flatnonzero(good).tolist()
    return Dataset(
        interactions,
        data.embeddings[good],
        data.space,
        data.user_ids,
        [data.item_ids[k] for k in kept],
        [data.media[k] for k in kept],
    )
