"""Retrieval as a generator: for each taste, a medium that exists already and lies near it.

Knows nothing of where media are kept: embeddings and a way to load a medium are handed in. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
from jaxtyping import Float32, Float64
from PIL import Image, ImageOps

from zahir.errors import ZahirError
from zahir.media import Media
from zahir.protocols import Progress, check_tastes
from zahir.space import normalize

SHARPNESS = 6.0  # odds of an item at strength 1: exp(6 z), with z its liking in standard deviations of the library

Load = Callable[[int], Media]
"""A row of the embeddings to its medium."""


class Nearest:
    """A Generator that makes nothing: what it returns was there, photographs and films among it."""

    kind: Literal["image", "video"] = "image"
    accepts_prompts = False

    def __init__(
        self, space: str = "", embeddings: Float32[np.ndarray, "n dim"] | None = None, load: Load | None = None
    ) -> None:
        self.space, self.embeddings, self.load = space, embeddings, load

    def over(self, space: str, embeddings: Float32[np.ndarray, "n dim"], load: Load) -> Self:
        """The same, over these items."""
        return type(self)(space, embeddings, load)

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
        """Find one medium per taste; cut to `size` where one is given.

        The seed draws it: any item alike at strength 0, one of the closest few at 1 (SHARPNESS), closer still at 2;
        so two rows may find the same item. How close is the offset from the middle of all items along the taste, less
        that along the negative. `found` in the details of the origin is the row, `cosine` how near it came; the rest
        of its origin is the item's own, so that a photograph stays one. `steps` and `guidance` say nothing here.
        """
        if self.embeddings is None or self.load is None or not len(self.embeddings):
            raise ZahirError("nothing to find: no items here have a picture. Import some first: zahir import FOLDER.")
        if any(prompts or ()):
            raise ValueError("nearest understands no prompts: it goes by tastes alone. Pass prompts=None.")
        check_tastes(tastes, self.embeddings.shape[1], strength=strength)
        if len(seeds) != len(tastes) or (negatives is not None and negatives.shape != tastes.shape):
            raise ValueError(f"seeds and negatives go with tastes one by one; got {len(seeds)} for {tastes.shape}.")
        made: list[Media] = []
        for k, (taste, seed) in enumerate(zip(tastes, seeds)):
            wanted = normalize(taste) if negatives is None else normalize(taste) - normalize(negatives[k])
            liking = self._offsets @ wanted.astype(np.float64)
            odds = SHARPNESS * strength * liking / (liking.std() or 1.0)
            # the largest of log-odds plus Gumbel noise is a draw
            row = int(np.argmax(odds + np.random.default_rng(int(seed)).gumbel(size=len(odds))))
            medium = self.load(row)
            near = float(normalize(self._offsets[row]) @ normalize(taste))
            details = {**medium.origin.details, "found": row, "cosine": round(near, 4)}
            origin = replace(
                medium.origin, space=self.space, taste=taste.copy(), seed=int(seed), strength=strength, details=details
            )
            made.append(Media(_cut(medium.frames, size), medium.fps, origin))
            if progress is not None and not progress(len(made), len(tastes)):
                break
        return made

    @cached_property
    def _offsets(self) -> Float64[np.ndarray, "n dim"]:
        rows = np.asarray(self.embeddings, np.float64)
        return rows - rows.mean(axis=0)


def _cut(frames: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None or size == (frames.shape[2], frames.shape[1]):
        return frames
    return np.stack([np.asarray(ImageOps.fit(Image.fromarray(f), size, Image.Resampling.LANCZOS)) for f in frames])
