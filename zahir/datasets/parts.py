"""The published split of a set, where its files lie beside it: which people, items or ratings are held out.

Knows nothing of what is measured on it. Names that the data set lacks (pictures that are broken, people without a
readable rating) are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int64

from zahir.datasets import flickr_aes, lapis, pamela, para
from zahir.datasets.rows import MaxBad, Rejects, lines, records
from zahir.interactions import Dataset

FOLDS = (1, 2, 3, 4)


def parts(path: Path, data: Dataset, *, say: Callable[[str], None]) -> dict[str, Int64[np.ndarray, "_"]]:
    """Rows of people (test_users; users_1 to users_4), items (test_items, validation_items) or ratings (PAMELA's).

    Empty when the set's folder holds no split. A picture is named with or without its folder.
    """
    found: dict[str, Int64[np.ndarray, "_"]] = {}

    def take(key: str, names: Iterable[str], ids: Sequence[str]) -> None:
        wanted = set(names)
        rows = [k for k, name in enumerate(ids) if name in wanted or PurePosixPath(name).name in wanted]
        say(f"published split: {len(rows):,} of {len(wanted):,} {key.replace('_', ' ')} are in the data.")
        found[key] = np.array(rows, np.int64)

    def listed(key: str, file: Path, ids: Sequence[str]) -> None:
        if file.is_file():
            take(key, (line.strip() for _, line in lines(file, _anything()) if line.strip()), ids)

    if flickr_aes.LAYOUT.recognise(path):
        listed("test_users", flickr_aes.LAYOUT.ratings(path).parent / "test_workers.txt", data.user_ids)
    elif para.LAYOUT.recognise(path):
        table = path / "annotation" / "PARA-GiaaTest.csv"
        if table.is_file():
            take("test_items", _column(table, "imageName"), data.item_ids)
        listed("validation_items", path / "validation_images.txt", data.item_ids)
    elif lapis.LAYOUT.recognise(path):
        listed("test_items", path / "imageset" / "TestImageSet.txt", data.item_ids)
        listed("validation_items", path / "imageset" / "ValImageSet.txt", data.item_ids)
    elif pamela.LAYOUT.recognise(path):
        return _pamela(path, data)
    for fold in FOLDS:
        listed(f"users_{fold}", path / "userset" / f"TestUserIDs_Fold{fold}.txt", data.user_ids)
    return found


def _pamela(path: Path, data: Dataset) -> dict[str, Int64[np.ndarray, "_"]]:
    """Each rating belongs to the part whose file lists its person and picture."""
    files = pamela.parts(path)
    if len(files) < 2:
        return {}
    of = {
        (str(entry["participant_id"]).strip(), str(entry["image_path"]).strip()): name
        for name, file in files.items()
        for entry in pamela.entries(file)
        if pamela.is_rating(entry)
    }
    table = data.interactions
    ids = [(data.user_ids[user], data.item_ids[item]) for user, item in zip(table.users, table.items)]
    return {name: np.array([k for k, each in enumerate(ids) if of.get(each) == name], np.int64) for name in files}


def _column(file: Path, name: str) -> list[str]:
    rows = records(file, _anything())
    header = list(next(rows, (0, []))[1])
    return [fields[header.index(name)].strip() for _, fields in rows] if name in header else []


def _anything() -> Rejects:
    """A line of a list that cannot be read is a name that is not there."""
    return Rejects(MaxBad(10**9, 1.0))
