"""Kandinsky 2.2: a decoder of image embeddings (unCLIP; Ramesh et al. 2022), so that a taste alone makes a picture.

Knows nothing of people or of how tastes are learned. Prompts go through the decoder's own prior.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from math import ceil, sqrt
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from zahir import models
from zahir.device import device_of, dtype_of, load, need_torch
from zahir.errors import SpaceMismatch
from zahir.generate.loading import Offload, settle, shell_of
from zahir.generate.order import Order, Steps, in_batches, noise, shell_name
from zahir.media import Media, Origin
from zahir.protocols import Progress, checked_size

SIDE = 512  # of a picture whose size nobody tells; the decoder was trained up to 1024
_MOST = 1024 * 1024  # pixels that an edit works at
_PRIOR_STEPS, _PRIOR_GUIDANCE = 25, 4.0  # as its authors use it


class Kandinsky:
    """A Generator and an editor on the Kandinsky 2.2 decoder, from a folder in the layout of diffusers.

    How a taste is scaled: the decoder was trained on raw CLIP ViT-bigG embeddings, some 44 long, most of which is what
    all pictures share. A taste becomes a point where such embeddings lie, `Shell.points`: their mean, plus `strength`
    times a step along the taste in whitened units, as long as real pictures are far from the mean, brought to the
    length of real embeddings. With a prompt the step starts from what the prior makes of the words instead (the
    article's image_emb + strength * taste), so that strength 0 is the prompt alone.

    What guidance leads away from is what the prior itself gives for nothing, the embedding of an even grey picture
    (zeros after standardisation), or the point of a negative taste. `batch` pictures are made at a time, 1 on a CPU;
    item i is the same in any batch up to rounding. Prompts need the weights `kandinsky-prior`. `offload`, `slices` and
    `compile` are as in `zahir.generate.loading.settle`, `device` and `dtype` as in `zahir.device`. One lock lets one
    call in after another: a pipeline is not safe for threads.
    """

    kind: Literal["image", "video"] = "image"

    def __init__(
        self,
        place: Path | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        offload: Offload | None = None,
        slices: bool | None = None,
        compile: bool = False,
        batch: int | None = None,
        steps: int = 50,
        guidance: float = 4.0,
    ) -> None:
        need_torch("generator 'kandinsky'")
        if (batch is not None and batch < 1) or steps < 1 or not guidance >= 0:
            raise ValueError(f"batch and steps must be at least 1, guidance 0; got {batch}, {steps} and {guidance}.")
        self.place, self.space = models.folder("kandinsky", place), models.space_of("kandinsky", place)
        self.shell = shell_of(self.space)
        self.device = device_of(device)
        self.dtype = dtype_of(dtype, self.device)
        self.batch = batch or (1 if self.device == "cpu" else 4)
        self.steps, self.guidance = steps, guidance
        self._settle = partial(settle, device=self.device, offload=offload, slices=slices, compile=compile)
        self._lock = Lock()

    @property
    def accepts_prompts(self) -> bool:
        """Whether the prior's weights are here."""
        return not models.missing("kandinsky-prior")

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

        Sides are any from 16 to 4096 pixels: made at the next multiple of 64 and cropped; far from 512 to 1024
        pictures get worse. `guidance` up to 1 is none, which halves the work and leaves `negatives` unheard.
        `progress` counts the steps of all pictures; what is not whole when it cancels is dropped.
        """
        width, height = checked_size(size or (SIDE, SIDE))
        order = self._checked(tastes, seeds, strength, prompts, negatives, steps, guidance)

        def draw(rows: slice, after: Any, points: Any, away: Any) -> Any:
            return self._maker(
                points, away, height=self._up(height), width=self._up(width), num_inference_steps=order.steps,
                guidance_scale=order.guidance, generator=noise(order.seeds[rows]), output_type="np",
                callback_on_step_end=after,
            ).images  # fmt: skip

        return [
            Media.image(pixels[:height, :width], self._origin(order, i))
            for i, pixels in self._draw(order, order.steps, draw, progress)
        ]

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
        """Move each picture towards its taste: noise is added, and taken away again under the taste (Meng et al. 2022).

        `amount` in [0, 1] is the share of the noise, and of the steps that are worked; at 0 each comes back as it is.
        Pictures with more pixels than 1024 x 1024 are worked at that many and brought back to their size.
        """
        order = self._checked(tastes, seeds, strength, prompts, negatives, steps, guidance)
        if not 0 <= amount <= 1:
            raise ValueError(f"amount must be in [0, 1]; got {amount}. 0 gives the picture back.")
        if len(media) != len(tastes) or any(each.kind != "image" for each in media):
            kinds = [each.kind for each in media]
            raise ValueError(f"one picture for each of {len(tastes)} tastes is edited; got {kinds}.")
        whence = [{"amount": amount, "of": hashlib.sha256(each.frames.tobytes()).hexdigest()} for each in media]
        if amount == 0:
            return [Media(each.frames, None, self._origin(order, i, **whence[i])) for i, each in enumerate(media)]
        steps = max(order.steps, ceil(1 / amount))
        worked = int(steps * amount)

        def draw(rows: slice, after: Any, points: Any, away: Any) -> Any:
            source = self._source(media[rows.start].pixels)
            return self._editor(
                # diffusers hands the two sides on in the wrong order, and asks them of nothing else
                points, source, away, height=source.width, width=source.height, num_inference_steps=steps,
                strength=amount, guidance_scale=order.guidance, generator=noise(order.seeds[rows]), output_type="np",
                callback_on_step_end=after,
            ).images  # fmt: skip

        return [
            Media.image(_fitted(pixels, media[i].pixels), self._origin(order, i, **whence[i]))
            for i, pixels in self._draw(order, worked, draw, progress, batch=1)
        ]

    def _draw(
        self,
        order: Order,
        worked: int,
        draw: Callable[[slice, Any, Any, Any], Any],
        progress: Progress | None,
        batch: int | None = None,
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """Batch after batch: which row, and its pixels."""
        n, batch = len(order.seeds), batch or self.batch

        def made(run: Sequence[int], steps: Steps) -> np.ndarray:
            rows = slice(run[0], run[-1] + 1)

            def after(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> Any:
                steps.after(step + 1)
                return tensors

            steps.begin()
            points, away = self._points(order, rows, steps.begin)
            return np.asarray(draw(rows, after, self._tensor(points), self._tensor(away)))

        runs = (range(start, min(start + batch, n)) for start in range(0, n, batch))
        return in_batches(runs, n, worked, made, lock=self._lock, progress=progress)

    def _points(
        self, order: Order, rows: slice, tick: Callable[[], None]
    ) -> tuple[Float32[np.ndarray, "m dim"], Float32[np.ndarray, "m dim"]]:
        """Where the decoder is sent for these rows, and what it is led away from."""
        tastes, prompts = order.tastes[rows], order.prompts[rows]
        start = np.repeat(self.shell.mean[None], len(tastes), axis=0)
        for i, (prompt, seed) in enumerate(zip(prompts, order.seeds[rows])):
            if prompt:
                start[i] = self._imagine(prompt, seed, tick)
        away = np.repeat(self.nothing[None], len(tastes), axis=0)
        given = order.negatives[rows].any(axis=1)
        away[given] = self.shell.points(order.negatives[rows][given])
        return self.shell.points(tastes, order.strength, start=start), away

    def _imagine(self, prompt: str, seed: int, tick: Callable[[], None]) -> Float32[np.ndarray, "dim"]:
        """What the prior takes for the embedding of a picture of these words."""

        def after(_: Any, __: int, ___: Any, tensors: dict[str, Any]) -> Any:
            tick()
            return tensors

        imagined = self._prior(
            prompt, num_inference_steps=_PRIOR_STEPS, guidance_scale=_PRIOR_GUIDANCE, generator=noise([seed]),
            callback_on_step_end=after,
        ).image_embeds  # fmt: skip
        return imagined[0].float().cpu().numpy()

    @cached_property
    def nothing(self) -> Float32[np.ndarray, "dim"]:
        """The embedding of no picture at all, as the prior defines it: zeros in place of standardised pixels."""
        import torch

        tower = self._image_tower().to(self.device)
        side = tower.config.image_size
        with torch.inference_mode():
            pixels = torch.zeros(1, 3, side, side, device=self.device, dtype=self.dtype)
            return tower(pixel_values=pixels).image_embeds[0].float().cpu().numpy()

    @cached_property
    def _maker(self) -> Any:
        from diffusers import KandinskyV22Pipeline

        return self._settle(load(KandinskyV22Pipeline, self.place, dtype=self.dtype))

    @cached_property
    def _editor(self) -> Any:
        from diffusers import KandinskyV22Img2ImgPipeline

        kind: Any = KandinskyV22Img2ImgPipeline
        return self._settle(kind(**self._maker.components))

    @cached_property
    def _prior(self) -> Any:
        from diffusers import KandinskyV22PriorPipeline

        if (space := models.space_of("kandinsky-prior")) != self.space:
            raise SpaceMismatch(self.space, space, what="prior")
        parts = {"image_encoder": self._image_tower(), "image_processor": None}  # it looks at no picture
        return self._settle(
            load(KandinskyV22PriorPipeline, models.folder("kandinsky-prior"), dtype=self.dtype, **parts)
        )

    def _image_tower(self) -> Any:
        from transformers import CLIPVisionModelWithProjection

        if (space := models.space_of("clip-bigg")) != self.space:
            raise SpaceMismatch(space, self.space)
        return load(CLIPVisionModelWithProjection, models.folder("clip-bigg"), dtype=self.dtype).eval()

    def _checked(
        self,
        tastes: np.ndarray,
        seeds: Sequence[int],
        strength: float,
        prompts: Sequence[str] | None,
        negatives: np.ndarray | None,
        steps: int | None,
        guidance: float | None,
    ) -> Order:
        if any(prompts or ()) and not self.accepts_prompts:
            raise ValueError("prompts need Kandinsky's prior. Get it: zahir models get kandinsky-prior")
        steps, guidance = self.steps if steps is None else steps, self.guidance if guidance is None else guidance
        return Order.of(self.shell.dim, tastes, seeds, strength, prompts, negatives, steps, guidance)

    def _origin(self, order: Order, i: int, **details: Any) -> Origin:
        return order.origin(i, "kandinsky", self.space, shell=shell_name(self.shell), **details)

    def _tensor(self, rows: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(rows).to(self.device, self.dtype)

    def _up(self, side: int) -> int:
        grid = int(self._maker.movq_scale_factor) ** 2
        return -(-side // grid) * grid

    def _source(self, pixels: np.ndarray) -> Image.Image:
        """Of a size that can be worked at: scaled down where it is large, its edge repeated to fill the grid."""
        height, width = pixels.shape[:2]
        if (scale := sqrt(_MOST / (width * height))) < 1:
            width, height = round(width * scale), round(height * scale)
            pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        beside = ((0, self._up(height) - height), (0, self._up(width) - width), (0, 0))
        return Image.fromarray(np.pad(pixels, beside, "edge"))


def _fitted(made: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The way back from `_source`."""
    height, width = like.shape[:2]
    if (scale := sqrt(_MOST / (width * height))) < 1:
        cut = made[: round(height * scale), : round(width * scale)]
        return np.asarray(Image.fromarray(cut).resize((width, height), Image.Resampling.LANCZOS))
    return made[:height, :width]
