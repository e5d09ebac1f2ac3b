"""The sockets: what an encoder, a taste model and a generator must do to be used everywhere.

Knows nothing of any implementation; what all generators refuse is refused here. `zahir.testing` checks the contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from zahir.interactions import History, Interactions
from zahir.media import Media

SIZES = range(16, 4097)  # pixels of a side

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
class EncodesRaw(Encoder, Protocol):
    """An encoder that also tells embeddings before they are brought to unit length: what decoders take."""

    def raw(self, media: Sequence[Media]) -> Float32[np.ndarray, "n dim"]:
        """One row per medium, as long as its model makes it."""
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
        steps: int | None = None,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> list[Media]:
        """Make one medium per taste.

        `strength` in [0, 2]: 1 is the taste as the model gives it, 0 the average of the space (with a prompt: the
        prompt alone). A row of `negatives` is led away from; a row of zeros is no negative. `size` is (width, height)
        in pixels. `steps` is how long the generator works on each, `guidance` how strictly it keeps to what it was
        given; None leaves both to it. `progress` counts in the generator's own units and ends with done = of, which is
        n at least; cancelled by it, the media made so far are returned. Raises ValueError for prompts where
        `accepts_prompts` is False.
        """
        ...


@runtime_checkable
class Edits(Protocol):
    """A generator that can also move a picture that exists towards a taste: GeneRec's editor (Wang et al. 2023)."""

    def edit(
        self,
        media: Sequence[Media],
        tastes: Float32[np.ndarray, "n dim"],
        *,
        seeds: Sequence[int],
        amount: float = 0.5,
        strength: float = 1.0,
        prompts: Sequence[str] | None = None,
        negatives: Float32[np.ndarray, "n dim"] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> list[Media]:
        """Move each medium towards its taste; it stays recognisably the same.

        `amount` in [0, 1]: 0 gives the medium back, 1 keeps little of it but its composition. A prompt is an
        instruction for the edit. The rest is as in `Generator.generate`; media keep their size.
        """
        ...


@runtime_checkable
class Films(Protocol):
    """A generator of stills that can also turn one into the next without a cut."""

    def film(
        self,
        tastes: Float32[np.ndarray, "n dim"],
        *,
        seed: int,
        strength: float = 1.0,
        size: tuple[int, int] | None = None,
        frames: int = 72,
        fps: float = 24.0,
    ) -> Media:
        """A video of so many frames from the first taste to the last, through those between."""
        ...


@runtime_checkable
class Retrieves(Protocol):
    """A generator that finds what exists instead of making anything: it is told what there is."""

    def over(self, space: str, embeddings: Float32[np.ndarray, "n dim"], load: Callable[[int], Media]) -> Generator:
        """The same generator over these items; `load` takes a row of the embeddings to its medium."""
        ...


@runtime_checkable
class KnowsWords(Protocol):
    """An encoder that can say where words point."""

    def directions(self, words: Sequence[str]) -> Float32[np.ndarray, "n dim"]:
        """A unit direction of its space for each word or phrase: more of it lies that way.

        Raises ValueError for words that it does not know, and lists those that it does.
        """
        ...


@runtime_checkable
class Filter(Protocol):
    """A judge of what is safe to show."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def score(self, media: Sequence[Media]) -> Float32[np.ndarray, "n"]:
        """How sure it is, in [0, 1], that each medium is not safe for work; of a video, its worst frame."""
        ...


def check_tastes(tastes: np.ndarray, dim: int, *, strength: float) -> None:
    """Raise ValueError unless these are tastes of a space of `dim` numbers, and the strength is one that there is."""
    if tastes.ndim != 2 or tastes.shape[1] != dim or not np.isfinite(tastes).all():
        raise ValueError(f"tastes must be finite, of shape (n, {dim}); got shape {tastes.shape}.")
    if not 0.0 <= strength <= 2.0:
        raise ValueError(f"strength must be in [0, 2]; got {strength}. 1 is the taste, 0 the average.")


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) in pixels, or ValueError for sides that no generator makes."""
    if size[0] not in SIZES or size[1] not in SIZES:
        raise ValueError(
            f"size must be (width, height), each from {SIZES.start} to {SIZES.stop - 1} pixels; got {size}."
        )
    return size
