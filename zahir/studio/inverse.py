"""Embedding to genomes: a learned flow from noise, and a short search near what it finds.

Knows nothing of pictures: the search is handed a function that judges genomes. The flow was trained by
`runs/train_studio.py` (conditional flow matching, Lipman et al. 2023, with classifier-free guidance,
Ho & Salimans 2022); here it runs in NumPy, so that torch stays out of the product.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from safetensors import safe_open

from zahir.space import normalize

WEIGHTS = Path(__file__).parent / "weights" / "inverse.safetensors"
SPREAD = Path(__file__).parent / "weights" / "spread.safetensors"
GUIDANCE = 1.8  # 1.6 to 2 is close to the target and still diverse (benchmarks/studio_inverse.py)

Judge = Callable[[Float32[np.ndarray, "n genome"], Int64[np.ndarray, "n"]], Float32[np.ndarray, "n"]]
"""Genomes and seeds to how good each is, higher is better."""


def aim(directions: Float32[np.ndarray, "n dim"], spread: Path = SPREAD) -> Float32[np.ndarray, "n dim"]:
    """Unit points to make pictures at, for unit directions to be moved along.

    A direction says how liking rises; pictures go further in the ways in which pictures differ, and what a
    taste claims about the others is mostly noise. So each direction is multiplied by the square root of the
    covariance of the space's pictures: half way between the direction itself and the picture most likely to
    lie far along it.
    """
    root = _root(spread)
    # row by row, so that a row's point does not depend on how many there are
    return normalize(np.stack([row @ root for row in directions]))


@cache
def _root(spread: Path) -> Float32[np.ndarray, "dim dim"]:
    with safe_open(spread, "np") as file:
        return file.get_tensor("root").astype(np.float32)


class Inverse:
    """The learned decoder: many different genomes whose pictures embed near a given embedding."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self.weights = weights

    @cached_property
    def space(self) -> str:
        """The space whose embeddings it was trained on."""
        with safe_open(self.weights, "np") as file:
            return str(json.loads(file.metadata()["zahir"])["space"])

    def sample(
        self,
        embedding: Float32[np.ndarray, "dim"],
        n: int,
        *,
        rng: np.random.Generator,
        guidance: float = GUIDANCE,
        avoid: Float32[np.ndarray, "dim"] | None = None,
        steps: int = 16,
    ) -> Float32[np.ndarray, "n genome"]:
        """Draw n genomes for one embedding, by Euler steps along the guided velocity.

            v = v(avoid) + guidance * (v(embedding) - v(avoid))

        `avoid` is what to lead away from; None is the flow without any condition. Guidance 0 ignores the
        embedding, 1 samples as trained, more comes closer and repeats itself more. About 30 ms for 6.
        """
        if embedding.shape != (self._p["see.weight"].shape[0],):
            raise ValueError(
                f"embedding must have shape ({self._p['see.weight'].shape[0]},), as space {self.space!r} has; "
                f"got {embedding.shape}."
            )
        nothing = np.zeros_like(embedding)
        conditions = np.stack([normalize(nothing if avoid is None else avoid), normalize(embedding)])
        conditions *= np.float32(math.sqrt(len(embedding)))
        seen = conditions @ self._p["see.weight"] + self._p["see.bias"]
        straight = conditions @ self._p["straight.weight"] + self._p["straight.bias"]
        x = rng.standard_normal((n, self._p["leave.weight"].shape[1]), np.float32)
        for step in range(steps):
            away, towards = self._velocities(x, step / steps, seen, straight)
            x = x + (away + np.float32(guidance) * (towards - away)) / np.float32(steps)
        return x

    @cached_property
    def _p(self) -> dict[str, np.ndarray]:
        """Parameters in float32 by name; matrices as (in, out)."""
        with safe_open(self.weights, "np") as file:
            named = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118 (no mapping)
        return {name: np.ascontiguousarray(value.T) for name, value in named.items()}

    def _velocities(self, x: np.ndarray, time: float, seen: np.ndarray, straight: np.ndarray) -> np.ndarray:
        """Velocity of each x under each condition, (conditions, n, genome); mirrors `Flow` in runs/studio_nets.py."""
        p = self._p
        angles = np.float32(time) * np.exp(np.linspace(0, 4, 16, dtype=np.float32))
        clock = np.concatenate([np.sin(angles), np.cos(angles)]) @ p["clock.weight"] + p["clock.bias"]
        condition = _silu(_silu(seen + clock) @ p["mix.weight"] + p["mix.bias"])
        hidden = np.repeat((x @ p["enter.weight"] + p["enter.bias"])[None], len(seen), axis=0)
        layer = 0
        while f"layers.{layer}.widen.weight" in p:
            name = f"layers.{layer}."
            scale, shift = np.split(condition @ p[name + "modulate.weight"] + p[name + "modulate.bias"], 2, axis=1)
            inner = _layer_norm(hidden) * (1 + scale[:, None]) + shift[:, None]
            inner = _silu(inner @ p[name + "widen.weight"] + p[name + "widen.bias"])
            hidden = hidden + inner @ p[name + "narrow.weight"] + p[name + "narrow.bias"]
            layer += 1
        return hidden @ p["leave.weight"] + p["leave.bias"] + straight[:, None]


def climb(
    genomes: Float32[np.ndarray, "n genome"],
    seeds: Int64[np.ndarray, "n"],
    judged: Float32[np.ndarray, "n"],
    judge: Judge,
    *,
    rng: np.random.Generator,
    generations: int = 8,
    children: int = 12,
    step: float = 0.35,
) -> tuple[Float32[np.ndarray, "genome"], int, float]:
    """Search near the best of these genomes: keep a child that is better, else take smaller steps.

    A (1, children) evolution strategy; a third of the entries move at a time, and now and then the seed
    is drawn anew. Costs generations * children judgements. Returns the best genome, its seed and value.
    """
    top = int(np.argmax(judged))
    best, best_seed, best_value = genomes[top], int(seeds[top]), float(judged[top])
    for _ in range(generations):
        moves = rng.standard_normal((children, best.shape[0]), np.float32) * np.float32(step)
        moves *= rng.random(moves.shape) < 0.35
        tries = best + moves
        try_seeds = np.where(rng.random(children) < 0.3, rng.integers(2**31, size=children), best_seed)
        values = judge(tries, try_seeds)
        top = int(np.argmax(values))
        if values[top] > best_value:
            best, best_seed, best_value = tries[top], int(try_seeds[top]), float(values[top])
        else:
            step *= 0.75
    return best, best_seed, best_value


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-np.clip(x, -60, 60)))


def _layer_norm(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + 1e-5)
