"""The sockets: what an encoder, a taste model and a generator must do to be used everywhere.

Knows nothing of any implementation. `zahir.testing` checks each of these contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from zahir.interactions import History, Interactions
from zahir.media import Media

Progress = Callable[[int, int], bool]
"""Called as progress(done, of); returning False cancels."""


@runtime_checkable
class Encoder(Protocol):
    """Pixels to embeddings. Encoders of one `space` are interchangeable; different spaces never mix."""

    @property
    def space(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, media: Sequence[Media]) -> Float32[np.ndarray, "n dim"]:
        """One unit row per medium."""
        ...


@runtime_checkable
class TasteModel(Protocol):
    """Ratings to a taste: a unit direction of embedding space, along which this person's rating rises."""

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> Self:
        """Learn from everybody's ratings; a table without any rating is allowed."""
        ...

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        """Expected rating of rows of the fit: biases and learned item embeddings included.

        An item that nobody rated goes by its image embedding. Raises NotFitted before fit.
        """
        ...

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """Expected rating by this person of ANY embedding (a picture made a moment ago), biases included."""
        ...

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """The unit taste that generators follow, at once, without a refit.

        Uses the learned embeddings of items the fit knows, so that other people's ratings reach the
        picture. Works without a fit and without ratings: then the population's taste, or where there is
        none a random unit vector.
        """
        ...

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n unit directions to make pictures from: the taste, leaned on single items this person liked."""
        ...


@runtime_checkable
class SavedTasteModel(TasteModel, Protocol):
    """A taste model whose fit can be kept in a folder."""

    def save(self, folder: Path) -> None:
        """Write the fit, aside first and then renamed into place."""
        ...


@runtime_checkable
class KnowsDoubt(Protocol):
    """A taste model that knows how sure it is."""

    def sample_tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n tastes that this person may have, drawn from their posterior; not normalised."""
        ...


@runtime_checkable
class KnowsPeople(Protocol):
    """A fitted taste model in which people are rows."""

    user_embeddings_: Float32[np.ndarray, "users dim"]
    population_: Float32[np.ndarray, "dim"]


@runtime_checkable
class Generator(Protocol):
    """Tastes to media. Medium i depends on row i and seeds[i] alone, whatever else is in the batch."""

    @property
    def space(self) -> str: ...

    @property
    def kind(self) -> Literal["image", "video"]: ...

    @property
    def accepts_prompts(self) -> bool: ...

    def generate(
        self,
        tastes: Float32[np.ndarray, "n dim"],
        *,
        seeds: Sequence[int],
        strength: float = 1.0,
        prompts: Sequence[str] | None = None,
        negatives: Float32[np.ndarray, "n dim"] | None = None,
        size: tuple[int, int] | None = None,
        progress: Progress | None = None,
    ) -> list[Media]:
        """Make one medium per taste.

        `strength` in [0, 2]: 1 is the taste as the model gives it, 0 the average of the space. `size` is
        (width, height) in pixels. Cancelled by `progress`, the media made so far are returned.
        """
        ...
