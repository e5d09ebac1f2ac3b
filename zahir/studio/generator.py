"""The studio as a generator: a taste to a picture whose embedding lies near it.

Knows nothing of people or of how tastes are learned. A pool of genomes is drawn from the learned inverse,
looked at small, and the one that comes closest is painted large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64

from zahir.errors import SpaceMismatch
from zahir.media import Media, Origin
from zahir.protocols import Progress
from zahir.space import normalize
from zahir.studio import recipe
from zahir.studio.encoder import SIDE, StudioEncoder
from zahir.studio.inverse import GUIDANCE, Inverse, aim, climb

SIZES = range(16, 4097)  # pixels of a side


class StudioGenerator:
    """A Generator that needs nothing but a CPU: about 0.6 s for a picture of 512 px.

    `pool` is how many genomes are tried per picture at strength 1; `search` how many generations of 12
    more are tried from there (0: none, and .35 s less; 8 comes much closer to the taste and takes 1 s more). Of
    kind "video" it makes seamless loops of three seconds around the picture that it found, some 10 s each.
    """

    accepts_prompts = False

    def __init__(
        self,
        encoder: StudioEncoder | None = None,
        inverse: Inverse | None = None,
        *,
        kind: Literal["image", "video"] = "image",
        pool: int = 8,
        search: int = 2,
    ) -> None:
        if pool < 1 or search < 0:
            raise ValueError(f"pool must be at least 1 and search at least 0; got {pool} and {search}.")
        self.encoder, self.inverse = encoder or StudioEncoder(), inverse or Inverse()
        self.kind, self.pool, self.search = kind, pool, search
        if self.inverse.space != self.encoder.space:
            raise SpaceMismatch(self.encoder.space, self.inverse.space, what="studio's inverse")

    @property
    def space(self) -> str:
        return self.encoder.space

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
        """Make one picture per taste, 512 x 512 unless `size` says otherwise.

        `strength` in [0, 2] sets both the flow's guidance and the size of the pool: at 0 one random picture
        of the space, at 1 the best of `pool`, at 2 of twice as many. A row of `negatives` is led away from;
        zeros there are no negative. `steps` is `search` for this call, `guidance` the flow's at strength 1.
        What is aimed at is `inverse.aim` of the taste; `cosine` in the details of
        the origin tells how near the picture came to it.
        """
        width, height = _checked_size(size)
        if any(prompts or ()):
            raise ValueError("the studio understands no prompts: it paints tastes alone. Pass prompts=None.")
        if not 0.0 <= strength <= 2.0:
            raise ValueError(f"strength must be in [0, 2]; got {strength}. 1 is the taste, 0 the average.")
        if tastes.ndim != 2 or tastes.shape[1] != self.encoder.dim or not np.isfinite(tastes).all():
            raise ValueError(f"tastes must be finite, of shape (n, {self.encoder.dim}); got shape {tastes.shape}.")
        if len(seeds) != len(tastes) or (negatives is not None and negatives.shape != tastes.shape):
            of = "none" if negatives is None else negatives.shape
            raise ValueError(
                f"seeds and negatives go with tastes one by one; got {len(seeds)} and {of} for {tastes.shape}."
            )
        if (steps is not None and steps < 0) or (guidance is not None and not guidance >= 0):
            raise ValueError(f"steps and guidance must be at least 0; got {steps} and {guidance}.")
        effort = (self.search if steps is None else steps, GUIDANCE if guidance is None else guidance)
        targets = aim(normalize(tastes)) if len(tastes) else tastes
        avoided = np.zeros_like(targets) if negatives is None else aim(normalize(negatives))
        made: list[Media] = []
        for taste, target, avoid, seed in zip(tastes, targets, avoided, seeds):
            genome, picture_seed, reached = self._find(target, avoid, int(seed), strength, *effort)
            details = {
                **recipe.write(genome, picture_seed),
                **_about(genome, picture_seed),
                "cosine": round(reached, 4),
                "kind": self.kind,
            }
            origin = Origin(
                recipe.NAME, self.space, taste=taste.copy(), seed=int(seed), strength=strength, details=details
            )
            made.append(_paint(origin, width, height))
            if progress is not None and not progress(len(made), len(tastes)):
                break
        return made

    def _find(
        self, target: np.ndarray, avoid: np.ndarray, seed: int, strength: float, search: int, guidance: float
    ) -> tuple[Float32[np.ndarray, "genome"], int, float]:
        """The genome and seed of a picture near `target`, and the cosine its picture reaches with it."""
        # every product of matrices below has a shape that does not depend on the batch: that alone makes
        # a picture bit-equal whoever else is served
        rng = np.random.default_rng(seed)
        tried = max(1, round(self.pool * strength))
        genomes = self.inverse.sample(target, tried, rng=rng, guidance=guidance * strength, avoid=avoid)
        seeds = rng.integers(2**31, size=tried)

        def judge(genomes: Float32[np.ndarray, "n genome"], seeds: Int64[np.ndarray, "n"]) -> np.ndarray:
            return self.look(genomes, seeds) @ (target - avoid)

        judged = judge(genomes, seeds)
        generations = round(search * strength)
        best, best_seed, value = climb(genomes, seeds, judged, judge, rng=rng, generations=generations)
        if avoid.any():
            value = float(self.look(best[None], np.array([best_seed]))[0] @ target)
        return best, best_seed, value

    def look(
        self, genomes: Float32[np.ndarray, "n genome"], seeds: Int64[np.ndarray, "n"]
    ) -> Float32[np.ndarray, "n dim"]:
        """Embeddings of genomes' pictures, rendered small. About 18 ms each."""
        from zahir.studio.picture import render

        small = np.stack([render(genome, int(seed), SIDE) for genome, seed in zip(genomes, seeds)])
        return self.encoder.encode_pixels(small)


def remake(origin: Origin, size: tuple[int, int] | None = None) -> Media:
    """The very same picture or loop again, at another size or aspect; raises BadData when the origin tells of none."""
    return _paint(origin, *_checked_size(size))


def _paint(origin: Origin, width: int, height: int) -> Media:
    genome, seed = recipe.read(origin)
    if origin.details.get("kind") == "video":
        from zahir.studio.loops import loop

        return Media(loop(genome, seed, width=width, height=height, frames=72), 24.0, origin)
    from zahir.studio.picture import render

    return Media.image(render(genome, seed, width, height), origin)


def _about(genome: np.ndarray, seed: int) -> dict[str, str]:
    from zahir.studio.picture import describe, family

    return {"alt": describe(genome, seed), "family": family(genome, seed)}


def _checked_size(size: tuple[int, int] | None) -> tuple[int, int]:
    width, height = size or (512, 512)
    if width not in SIZES or height not in SIZES:
        raise ValueError(
            f"size must be (width, height), each from {SIZES.start} to {SIZES.stop - 1} pixels; got {size}."
        )
    return width, height
