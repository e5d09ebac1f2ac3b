"""The studio as a generator: a taste to a picture whose embedding lies near it.

Knows nothing of people or of how tastes are learned. A pool of genomes is drawn from the learned inverse,
looked at small, and the one that comes closest is painted large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int64

from zahir.errors import BadData, SpaceMismatch
from zahir.media import Media, Origin
from zahir.protocols import Progress, check_tastes, checked_size
from zahir.space import normalize
from zahir.studio import recipe
from zahir.studio.encoder import SIDE, StudioEncoder
from zahir.studio.inverse import GUIDANCE, Inverse, aim, climb

SIDE_MADE = 512  # pixels
EDITS = 6  # generations of 12 pictures that an edit tries,
LIKENESS = 8  # and those that look for the studio's likeness of a photograph


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
        width, height = checked_size(size or (SIDE_MADE, SIDE_MADE))
        targets, avoided = self._aims(tastes, seeds, strength, prompts, negatives, steps, guidance)
        effort = (self.search if steps is None else steps, GUIDANCE if guidance is None else guidance)
        made: list[Media] = []
        for taste, target, avoid, seed in zip(tastes, targets, avoided, seeds):
            genome, picture_seed, reached = self._find(target, avoid, int(seed), strength, *effort)
            details = {"cosine": round(reached, 4), "kind": self.kind}
            origin = self._origin(genome, picture_seed, taste, int(seed), strength, details)
            made.append(_paint(origin, width, height))
            if progress is not None and not progress(len(made), len(tastes)):
                break
        return made

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
        """Move each picture towards its taste; what it is of, and where in it, stays. About 2 s each.

        `amount` in [0, 1] is how far its genome may move (`edit.moved`), times `strength` below 1; at 0 the medium
        itself comes back. `steps` is the generations of the search, 6 by default. A picture that the studio did not
        paint is first painted anew from its embedding: `inverted` in the details is how like the original that is,
        and `kept` how like the result is to what was edited, both cosines.
        """
        from zahir.studio import edit

        if not 0 <= amount <= 1:
            raise ValueError(f"amount must be in [0, 1]; got {amount}. 0 gives the picture back.")
        if len(media) != len(tastes):
            raise ValueError(f"one taste for each medium; got {len(tastes)} for {len(media)}.")
        targets, avoided = self._aims(tastes, seeds, strength, prompts, negatives, steps, guidance)
        reach, generations = amount * min(1.0, strength), EDITS if steps is None else steps
        made: list[Media] = []
        for medium, taste, target, avoid, seed in zip(media, tastes, targets, avoided, seeds):
            made.append(medium)
            if reach > 0:
                rng = np.random.default_rng(int(seed))
                genome, picture_seed, details = self._recipe_of(medium, rng)
                there = edit.moved(
                    genome, picture_seed, target, avoid, amount=reach, look=self.look, inverse=self.inverse,
                    rng=rng, generations=generations, guidance=GUIDANCE if guidance is None else guidance,
                )  # fmt: skip
                before, after = self.look(np.stack([genome, there]), np.full(2, picture_seed))
                details |= {"amount": amount, "kept": round(float(before @ after), 4), "kind": medium.kind}
                details["cosine"] = round(float(after @ target), 4)
                made[-1] = _paint(self._origin(there, picture_seed, taste, int(seed), strength, details), *medium.size)
            if progress is not None and not progress(len(made), len(media)):
                break
        return made

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
        """One picture that turns from taste to taste, as a video without a cut; 2 tastes or more, about 20 s.

        Every stop starts from the same noise: what the flow makes of it follows the taste without a jump. Of `pool`
        such noises the one is filmed that comes closest to all tastes; what it is of stays what it is at the middle.
        """
        from zahir.studio.genome import SLICES
        from zahir.studio.loops import passage

        width, height = checked_size(size or (SIDE_MADE, SIDE_MADE))
        targets, _ = self._aims(tastes, [seed] * len(tastes), strength, None, None, None, None)
        if len(tastes) < 2:
            raise ValueError(f"a film has at least 2 tastes to go between; got {len(tastes)}.")
        ways = np.stack([
            self.inverse.sample(target, self.pool, rng=np.random.default_rng(seed), guidance=GUIDANCE * strength)
            for target in targets
        ])  # fmt: skip
        for name in ("family", "fold"):
            ways[..., SLICES[name]] = ways[len(ways) // 2, ..., SLICES[name]]
        picture_seed = int(np.random.default_rng(seed).integers(2**31))
        near = [self.look(stop, np.full(self.pool, picture_seed)) @ target for stop, target in zip(ways, targets)]
        best = int(np.argmax(np.mean(near, axis=0)))
        details = {"cosine": round(float(np.mean(near, axis=0)[best]), 4), "kind": "passage"}
        shown = ways[:, best]
        origin = self._origin(shown[len(ways) // 2], picture_seed, tastes[-1], seed, strength, details)
        return Media(passage(shown, picture_seed, width=width, height=height, frames=frames), fps, origin)

    def _aims(
        self,
        tastes: np.ndarray,
        seeds: Sequence[int],
        strength: float,
        prompts: Sequence[str] | None,
        negatives: np.ndarray | None,
        steps: int | None,
        guidance: float | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points to make pictures at, and points to lead away from, zeros for none; checks all that it is given."""
        if any(prompts or ()):
            raise ValueError("the studio understands no prompts: it paints tastes alone. Pass prompts=None.")
        check_tastes(tastes, self.encoder.dim, strength=strength)
        if len(seeds) != len(tastes) or (negatives is not None and negatives.shape != tastes.shape):
            of = "none" if negatives is None else negatives.shape
            raise ValueError(
                f"seeds and negatives go with tastes one by one; got {len(seeds)} and {of} for {tastes.shape}."
            )
        if (steps is not None and steps < 0) or (guidance is not None and not guidance >= 0):
            raise ValueError(f"steps and guidance must be at least 0; got {steps} and {guidance}.")
        targets = aim(normalize(tastes)) if len(tastes) else tastes
        return targets, np.zeros_like(targets) if negatives is None else aim(normalize(negatives))

    def _origin(
        self, genome: np.ndarray, seed: int, taste: np.ndarray, asked: int, strength: float, details: dict[str, Any]
    ) -> Origin:
        told = {**recipe.write(genome, seed), **_about(genome, seed), **details}
        return Origin(recipe.NAME, self.space, taste=taste.copy(), seed=asked, strength=strength, details=told)

    def _recipe_of(self, medium: Media, rng: np.random.Generator) -> tuple[np.ndarray, int, dict[str, Any]]:
        """A medium's genome and seed: its own, or those of the studio's nearest likeness."""
        try:
            return *recipe.read(medium.origin), {}
        except BadData:
            from zahir.studio import edit

            seen = self.encoder.encode([medium])[0]
            genome, seed, like = edit.inverted(
                seen, look=self.look, inverse=self.inverse, rng=rng, generations=LIKENESS
            )
            return genome, seed, {"inverted": round(like, 4)}

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
    return _paint(origin, *checked_size(size or (SIDE_MADE, SIDE_MADE)))


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
