"""The layout of `blue_tigers`: ratings.csv, items.csv and item_embeddings.npz; items are named by their row.

Knows nothing of what is in items.csv (captions and makers): ratings and embeddings say all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zahir.datasets.embeddings import own_space, read_embeddings
from zahir.datasets.ratings import read_ratings
from zahir.datasets.rows import Rejects
from zahir.datasets.scale import Scale
from zahir.interactions import Dataset
from zahir.models import BIGG

FILES = ("ratings.csv", "items.csv", "item_embeddings.npz")
SPACE, WIDTH = BIGG, 1280


def read(
    path: Path, *, scale: Scale | None = None, space: str | None = None, rejects: Rejects, say: Callable[[str], None]
) -> Dataset:
    """Read the folder; ratings lie in [-1, 1] unless `scale` says otherwise."""
    source = path / "item_embeddings.npz"
    names, embeddings = read_embeddings(source, rejects)
    items = {name: row for row, name in enumerate(names)}
    interactions, people = read_ratings(
        path / "ratings.csv", items, num_items=len(names), scale=scale or (-1.0, 1.0), rejects=rejects, say=say
    )
    space = space or (SPACE if embeddings.shape[1] == WIDTH else own_space(source))
    say(f"{len(names):,} items, embeddings {embeddings.shape[1]} wide in space '{space}'.")
    return Dataset(interactions, embeddings, space, people, names)
