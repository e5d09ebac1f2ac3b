"""Which part of a taste model helps: `wals` and `gaussian` with one part changed at a time, and the article's claim.

Finds models by their plugin names; knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from zahir.evaluate.compare import Row, compare
from zahir.interactions import Dataset, History, Interactions
from zahir.plugins import installed, make
from zahir.protocols import Progress, TasteModel


class Part(NamedTuple):
    """A variant: which model, how it is made, which variant it is measured against, its pictures or noise."""

    plugin: str
    settings: Mapping[str, Any]
    against: str
    noise: bool = False


ALL, NEITHER, BOTH = "everything by evidence", "gaussian: neither", "collaboration + tether"
_BIASES = ("item", "level", "bias")
_ARTICLE = {"regularization": 3.0, "population": None, "leave_out": _BIASES}  # no population, no biases

PARTS: Mapping[str, Part] = {
    ALL: Part("wals", {}, ALL),
    **{f"tether {tether:g}": Part("wals", {"tether": tether}, ALL) for tether in (0.0, 0.3, 1.0, 3.0, 10.0, np.inf)},
    "no population": Part("wals", {"population": None}, ALL),
    "nothing but the population": Part("one-taste", {}, ALL),
    "no item term": Part("wals", {"leave_out": ("item",)}, ALL),
    "no level, no personal level": Part("wals", {"leave_out": ("level", "bias")}, ALL),
    "no biases at all": Part("wals", {"leave_out": _BIASES}, ALL),
    "one person at a time": Part("ridge", {}, ALL),
    NEITHER: Part("gaussian", {"alike": False, "curved": False}, NEITHER),
    "gaussian: people like me": Part("gaussian", {"alike": True, "curved": False}, NEITHER),
    "gaussian: curved kernel": Part("gaussian", {"alike": False, "curved": True}, NEITHER),
    "gaussian: both": Part("gaussian", {"alike": True, "curved": True}, NEITHER),
    "gaussian: as it chooses": Part("gaussian", {}, NEITHER),
    BOTH: Part("wals", {"tether": 3.0, **_ARTICLE}, BOTH),
    "tether only": Part("wals", {"tether": np.inf, **_ARTICLE}, BOTH),
    "collaboration only": Part("wals", {"tether": 0.0, **_ARTICLE}, BOTH, noise=True),
}


class Blind:
    """A model to which pictures are noise: what it learns of items comes from people alone."""

    def __init__(self, model: TasteModel, *, seed: int = 0) -> None:
        self.model, self.seed = model, seed

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> Blind:
        noise = np.random.default_rng(self.seed).standard_normal(item_embeddings.shape)
        self.noise = noise.astype(np.float32)
        self.model.fit(interactions, self.noise)
        return self

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        return self.model.predict(users, items)

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """The same for every picture: it sees none."""
        return np.zeros(len(embeddings), np.float32)

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """In its own space of noise."""
        return self.model.embed_user(self._seen(history), rng=rng)

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        return self.model.tastes(self._seen(history), n, rng=rng)

    def _seen(self, history: History) -> History:
        return History.of(
            self.noise[history.items], history.ratings, user=history.user, items=history.items, weights=history.weights
        )


def which_part_helps(
    data: Dataset,
    parts: Mapping[str, Part] = PARTS,
    *,
    seeds: int = 5,
    folds: int = 3,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Row]:
    """Compare all parts whose model is installed; `gain` is over the variant that each is measured against."""
    here = {name: part for name, part in parts.items() if part.plugin in installed("taste_models")}
    makers = {name: partial(_make, part) for name, part in here.items()}
    against = {name: part.against for name, part in here.items()}
    return compare(data, makers, seeds=seeds, folds=folds, baseline=against, jobs=jobs, progress=progress)


def _make(part: Part) -> TasteModel:
    model = make("taste_models", part.plugin, **part.settings)
    return Blind(model) if part.noise else model
