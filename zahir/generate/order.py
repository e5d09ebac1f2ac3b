"""What a diffusion generator was asked for, checked once; and what it gives back, with where it came from.

Knows nothing of any pipeline.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from zahir.errors import ZahirError
from zahir.media import Origin
from zahir.protocols import Progress, check_tastes
from zahir.shell import Shell


class _Stopped(Exception):
    """Raised from within a pipeline's steps when progress cancels, and caught around it."""


class Steps(NamedTuple):
    """What is told while a batch is made."""

    begin: Callable[[], None]  # before the first step, or within what comes before it
    after: Callable[[int], None]  # after so many steps; the last one is told when the pictures are there


def in_batches(
    runs: Iterable[Sequence[int]],
    n: int,
    worked: int,
    draw: Callable[[Sequence[int], Steps], Float32[np.ndarray, "rows ... 3"]],
    *,
    lock: AbstractContextManager[Any],
    progress: Progress | None,
) -> Iterator[tuple[int, UInt8[np.ndarray, "... 3"]]]:
    """Batch after batch of rows that follow on each other: which of n rows, and its pixels, until progress cancels.

    Each row takes `worked` steps. What is not whole when it is cancelled is dropped.
    """

    def tell(done: int) -> None:
        if progress is not None and not progress(done, n * worked):
            raise _Stopped

    def after(rows: Sequence[int], step: int) -> None:
        if step < worked:
            tell(rows[0] * worked + step * len(rows))

    try:
        for rows in runs:
            with lock:
                pixels = draw(rows, Steps(partial(tell, rows[0] * worked), partial(after, rows)))
            yield from zip(rows, to_bytes(pixels))
            tell((rows[-1] + 1) * worked)
    except _Stopped:
        return


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
        check_tastes(tastes, dim, strength=strength)
        if negatives is not None and (negatives.shape != tastes.shape or not np.isfinite(negatives).all()):
            raise ValueError(f"negatives go with tastes one by one, finite; got {negatives.shape} for {tastes.shape}.")
        if len(seeds) != n or (prompts is not None and len(prompts) != n):
            told = "none" if prompts is None else len(prompts)
            raise ValueError(f"one seed and one prompt for each of {n} tastes; got {len(seeds)} and {told}.")
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
