"""A file of ratings -> Interactions: the columns by their names, every value checked.

Knows nothing of embeddings or pictures: which items exist is an argument.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from zahir.datasets import scale as scales
from zahir.datasets.rows import Rejects, Row, records, shown
from zahir.errors import BadData
from zahir.interactions import Interactions

NAMES: Mapping[str, Sequence[str]] = {
    "user": ("user", "userid", "worker", "workerid", "rater", "raterid", "participant", "participantid", "person"),
    "item": (
        "item",
        "itemid",
        "image",
        "imageid",
        "imagename",
        "imagepath",
        "imagepair",
        "picture",
        "file",
        "filename",
    ),
    "rating": ("rating", "score", "stars", "originalscore", "aestheticscore"),
    "weight": ("weight", "confidence"),
    "time": ("time", "timestamp", "ratedat"),
}
PLAIN = ("user", "item", "rating")  # the header of rows that a layout puts together itself
MAX_ID = 512  # characters
MAX_WEIGHT = 1e6
MAX_TIME = 10**11  # seconds since 1970: the year 5138; a time in milliseconds lies above


def read_ratings(
    path: Path,
    items: dict[str, int],
    *,
    num_items: int | None = None,
    new_items: bool = False,
    rows: Iterator[Row] | None = None,
    scale: scales.Scale | None,
    rejects: Rejects,
    say: Callable[[str], None],
) -> tuple[Interactions, list[str]]:
    """Read user, item, rating and, where there are such columns, weight and time; return the users' names too.

    `items` numbers the known items by name, `num_items` of them if not all have different names; with
    `new_items`, others are numbered into it as they come. `rows` are those of the file, if not simply its
    own. A (user, item) that comes again is a later rating when the file has times, and a bad row when it comes
    with the same time or without. Raises BadData.
    """
    source = records(path, rejects) if rows is None else rows
    header = next(source, (0, []))[1]
    at = find_columns(header, path)
    users, rated, values, lines = array("q"), array("q"), array("d"), array("q")
    weights, times = array("d"), array("q")
    user_rows: dict[str, int] = {}
    for line, fields in source:
        try:
            user, item = _name(fields[at["user"]], "user"), _name(fields[at["item"]], "item")
            if item not in items and not new_items:
                known = num_items or len(items)
                raise ValueError(f"there is no item {shown(item)}. Expected one of the {known} items known.")
            value = _number(fields[at["rating"]], "rating")
            weight = _weight(fields[at["weight"]]) if "weight" in at else 1.0
            time = _time(fields[at["time"]]) if "time" in at else len(users)
        except ValueError as error:
            rejects.reject(str(error), path=path, line=line)
            continue
        users.append(user_rows.setdefault(user, len(user_rows)))
        rated.append(items.setdefault(item, len(items)))
        values.append(value)
        lines.append(line)
        weights.append(weight)
        times.append(time)

    names = list(user_rows)
    who, what, said, when = (np.array(column) for column in (users, rated, values, times))
    good = np.ones(len(lines), bool)
    try:
        scale = scale or scales.recognise(said, outliers=rejects.limit.share)
    except ValueError as error:
        raise BadData(str(error), path=path) from error
    for row in np.flatnonzero(~scales.within(said, scale)).tolist():
        good[row] = False
        why = f"rating {said[row]:g} is out of range. Expected {scale[0]:g} to {scale[1]:g}."
        rejects.reject(why, path=path, line=lines[row])
    cells = [who, what, *([when] if "time" in at else [])]
    for row, before in _repeats(cells, good):
        good[row] = False
        rejects.reject(
            f"user {shown(names[who[row]])} has already rated this item at line {lines[before]}. "
            "Expected one rating of each, or a column of times.",
            path=path,
            line=lines[row],
        )
    rejects.settle(int(good.sum()), path=path)

    used, numbered = np.unique(who[good], return_inverse=True)
    interactions = Interactions.of(
        numbered,
        what[good],
        scales.to_ratings(said[good], scale),
        weights=np.array(weights)[good],
        times=when[good],
        num_users=len(used),
        num_items=len(items) if num_items is None else num_items,
    )
    mapped = "as they are" if scale == (-1.0, 1.0) else f"from {scale[0]:g}..{scale[1]:g} mapped to -1..1"
    say(f"{len(interactions):,} ratings by {len(used):,} people, {mapped}.")
    return interactions, [names[row] for row in used]


def find_columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Where each column that `NAMES` knows stands; raises BadData without user, item or rating."""
    plain = [re.sub("[^a-z0-9]", "", name.casefold()) for name in header]
    at = {}
    for column, names in NAMES.items():
        found = [k for name in names for k, other in enumerate(plain) if other == name]
        if len(found) > 1 and plain[found[0]] == plain[found[1]]:
            raise BadData(f"two columns are named {header[found[0]]!r}. Expected one.", path=path, line=1)
        if found:
            at[column] = found[0]
    if missing := [column for column in ("user", "item", "rating") if column not in at]:
        raise BadData(
            f"no column for {' and '.join(missing)}; the header is {shown(', '.join(header))}. "
            "Expected names such as user, item, rating, and perhaps weight and time.",
            path=path,
            line=1,
        )
    return at


def _name(text: str, what: str) -> str:
    name = text.strip()
    if not name:
        raise ValueError(f"the {what} is empty. Expected an id.")
    if len(name) > MAX_ID or not name.isprintable():
        raise ValueError(f"{what} {shown(name)} is no id. Expected at most {MAX_ID} printable characters.")
    return name


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or "_" in text:
        raise ValueError(f"{what} {shown(text.strip())} is not a finite number. Expected one such as 0.5.")
    return value


def _weight(text: str) -> float:
    value = _number(text, "weight")
    if not 1 / MAX_WEIGHT <= value <= MAX_WEIGHT:
        raise ValueError(f"weight {shown(text.strip())} is out of range. Expected 0.000001 to {MAX_WEIGHT:.0f}.")
    return value


def _time(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
            value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            value = float("nan")
    if not abs(value) < MAX_TIME:
        raise ValueError(
            f"time {shown(text.strip())} is no time. Expected seconds since 1970, or a date such as 2026-01-31 12:00."
        )
    return int(value)


def _repeats(cells: Sequence[np.ndarray], good: Bool[np.ndarray, "n"]) -> list[tuple[int, int]]:
    """Good rows whose cell an earlier good row holds, each with that row."""
    rows = np.flatnonzero(good)
    keys = np.stack([cell[rows] for cell in cells])
    order = np.lexsort((rows, *keys))
    rows, keys = rows[order], keys[:, order]
    again = np.zeros(len(rows), bool)
    again[1:] = (keys[:, 1:] == keys[:, :-1]).all(axis=0)
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
    return sorted((int(rows[k]), int(rows[first[k]])) for k in np.flatnonzero(again))
