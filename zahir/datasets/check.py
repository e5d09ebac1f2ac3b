"""What a data set holds, in sentences: how much there is, of what, and what is missing.

Knows nothing of layouts: it looks at what was read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zahir.interactions import Dataset


def facts(data: Dataset) -> Iterator[str]:
    """Counts of people, items and ratings, how they are spread, and whether items have pictures or embeddings."""
    table = data.interactions
    people = np.bincount(table.users, minlength=table.num_users)
    items = np.bincount(table.items, minlength=table.num_items)
    yield f"{table.num_users:,} people, {table.num_items:,} items, {len(table):,} ratings."
    if not len(table):
        return
    yield f"ratings of a person: {_spread(people)}."
    yield f"ratings of an item: {_spread(items)}; {int((items == 0).sum()):,} items have none."
    likes = float((table.ratings > 0).mean())
    levels = len(np.unique(table.ratings))
    yield f"{100 * likes:.0f} % are likes (above the middle of the scale); {levels} different values."
    again = len(table) - len(table.latest())
    if again:
        yield f"{again:,} ratings are later replaced by the same person."
    known = sum(path is not None for path in data.media)
    width = data.embeddings.shape[1]
    if width:
        yield f"embeddings {width} wide in space '{data.space}'; {known:,} items have a picture."
    elif known:
        yield f"{known:,} items have a picture, to be embedded when they are used."
    else:
        yield "no embeddings and no pictures: enough to measure speed, not for a taste model. Give --embeddings FILE."


def _spread(counts: np.ndarray) -> str:
    low, middle, high = np.percentile(counts, [0, 50, 100]).astype(int)
    return f"{low:,} to {high:,}, median {middle:,}"
