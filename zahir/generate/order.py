"""What a diffusion generator was asked for, checked once; and what it gives back, with where it came from.

Knows nothing of any pipeline.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.errors import ZahirError
from zahir.media import Origin
from zahir.shell import Shell

SIZES = range(16, 4097)  # pixels of a side


class Stopped(Exception):
    """Raised from within a pipeline's steps when progress cancels, and caught around it."""


class Order(NamedTuple):
    """One call of `generate` or `edit`."""

    tastes: Float32[np.ndarray, "n dim"]
    seeds: list[int]
    strength: float
    prompts: list[str]
    negatives: Float32[np.ndarray, "n dim"]  # a row of zeros is none
    steps: int
    guidance: float

    @staticmethod
    def of(
        dim: int,
        tastes: np.ndarray,
        seeds: Sequence[int],
        strength: float,
        prompts: Sequence[str] | None,
        negatives: np.ndarray | None,
        steps: int,
        guidance: float,
    ) -> Order:
        """Raises ValueError for what does not fit together, or into a space of `dim` numbers."""
        n = len(tastes)
        if tastes.shape != (n, dim) or not np.isfinite(tastes).all():
            raise ValueError(f"tastes must be finite, of shape (n, {dim}); got shape {tastes.shape}.")
        if negatives is not None and (negatives.shape != tastes.shape or not np.isfinite(negatives).all()):
            raise ValueError(f"negatives go with tastes one by one, finite; got {negatives.shape} for {tastes.shape}.")
        if len(seeds) != n or (prompts is not None and len(prompts) != n):
            told = "none" if prompts is None else len(prompts)
            raise ValueError(f"one seed and one prompt for each of {n} tastes; got {len(seeds)} and {told}.")
        if not 0 <= strength <= 2:
            raise ValueError(f"strength must be in [0, 2]; got {strength}. 1 is the taste, 0 the average.")
        if steps < 1 or not guidance >= 0:
            raise ValueError(f"steps must be at least 1 and guidance at least 0; got {steps} and {guidance}.")
        words = [prompt or "" for prompt in prompts or [""] * n]
        away = np.zeros_like(tastes) if negatives is None else negatives
        return Order(tastes, [int(seed) for seed in seeds], float(strength), words, away, steps, guidance)

    def origin(self, i: int, generator: str, space: str, **details: Any) -> Origin:
        """Where the medium of row i comes from: all that is needed to make it again."""
        details = {"steps": self.steps, "guidance": self.guidance, **details}
        if self.prompts[i]:
            details["alt"] = self.prompts[i]  # the only words there are for it
        if self.negatives[i].any():
            details["negative"] = base64.b64encode(self.negatives[i].astype("<f4").tobytes()).decode()
        return Origin(
            generator,
            space,
            taste=self.tastes[i].copy(),
            prompt=self.prompts[i] or None,
            seed=self.seeds[i],
            strength=self.strength,
            details=details,
        )


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height), or ValueError for sides that are none."""
    if size[0] not in SIZES or size[1] not in SIZES:
        raise ValueError(f"size must be (width, height), each from 16 to 4096 pixels; got {size}.")
    return size


@lru_cache(8)
def shell_name(shell: Shell) -> str:
    """For the record, since another shell is another picture: a short hash of where it sends a taste of ones."""
    point = shell.points(np.ones((1, shell.dim), np.float32))
    return hashlib.sha256(np.round(point, 2).tobytes()).hexdigest()[:8]


def noise(seeds: Sequence[int]) -> list[Any]:
    """Generators of torch on the CPU, so that one seed is one picture on every device."""
    import torch

    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def to_bytes(pixels: Float32[np.ndarray, "... 3"]) -> UInt8[np.ndarray, "... 3"]:
    """Pixels from [0, 1]; raises ZahirError where a model's half precision overflowed."""
    if not np.isfinite(pixels).all():
        raise ZahirError("the model made pixels that are no numbers: half precision overflowed. Use dtype='float32'.")
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
