"""Edits: a genome moved towards a target, near enough to stay the same picture; and genomes for pictures without one.

Knows nothing of tastes or of files: targets are points of the embedding space, and the looking is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Int64

from zahir.studio.genome import SLICES
from zahir.studio.inverse import GUIDANCE, Inverse, climb

REACH = 0.9  # root mean square of the step at amount 1; two random genomes are 1.41 apart
_KEPT = ("family", "focus", "crop", "fold")  # what the picture is of, and where in it: its composition
_POOL = 12

Look = Callable[[Float32[np.ndarray, "n genome"], Int64[np.ndarray, "n"]], Float32[np.ndarray, "n dim"]]
"""Genomes and seeds to the embeddings of their pictures."""


def moved(
    genome: Float32[np.ndarray, "genome"],
    seed: int,
    target: Float32[np.ndarray, "dim"],
    avoid: Float32[np.ndarray, "dim"],
    *,
    amount: float,
    look: Look,
    inverse: Inverse,
    rng: np.random.Generator,
    generations: int,
    guidance: float = GUIDANCE,
) -> Float32[np.ndarray, "genome"]:
    """The genome within reach whose picture lies nearest to `target`, and far from `avoid`.

    Within reach are steps of at most `amount` (in [0, 1]) times REACH that leave the composition alone; the seed is
    kept. The search starts at the edge, towards genomes that the inverse draws for the target.
    """
    free = np.ones(genome.shape[0], bool)
    for name in _KEPT:
        free[SLICES[name]] = False
    longest = np.float32(amount * REACH * np.sqrt(free.sum()))

    def held(tries: np.ndarray) -> np.ndarray:
        steps = (tries - genome) * free
        lengths = np.linalg.norm(steps, axis=1, keepdims=True)
        return np.asarray(genome + steps * np.minimum(1, longest / np.maximum(lengths, 1e-6)), np.float32)

    def judge(tries: np.ndarray, _seeds: np.ndarray) -> np.ndarray:
        return look(held(tries), np.full(len(tries), seed)) @ (target - avoid)

    drawn = inverse.sample(target, _POOL, rng=rng, guidance=guidance, avoid=avoid)
    starts = held(np.concatenate([genome[None], drawn]))
    seeds = np.full(len(starts), seed)
    best, _, _ = climb(
        starts, seeds, judge(starts, seeds), judge, rng=rng, generations=generations, step=0.35 * max(amount, 0.1)
    )
    return held(best[None])[0]


def inverted(
    embedding: Float32[np.ndarray, "dim"],
    *,
    look: Look,
    inverse: Inverse,
    rng: np.random.Generator,
    generations: int,
) -> tuple[Float32[np.ndarray, "genome"], int, float]:
    """A genome and seed whose picture looks like this embedding, and the cosine that it reaches."""
    genomes = inverse.sample(embedding, _POOL, rng=rng)
    seeds = rng.integers(2**31, size=len(genomes))

    def judge(tries: np.ndarray, tried: np.ndarray) -> np.ndarray:
        return look(tries, tried) @ embedding

    return climb(genomes, seeds, judge(genomes, seeds), judge, rng=rng, generations=generations)
