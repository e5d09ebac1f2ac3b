"""Stable Diffusion led by tastes through an image adapter: pictures anew, and pictures that exist, moved.

Knows nothing of people, of files or of how a pipeline was loaded: SDXL, SD 1.5 and their few-step relatives differ in
numbers that come as arguments, from `zahir.generate.variants`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from math import ceil, sqrt
from threading import Lock
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from zahir.generate.order import Order, Steps, in_batches, noise, shell_name
from zahir.media import Media, Origin
from zahir.protocols import Progress, checked_size
from zahir.shell import Shell
from zahir.space import normalize

GRID = 8  # pixels of a latent's side: sides are rounded up to it, then cropped
WITH_WORDS = 0.6  # of the adapter's scale where a prompt shares the picture; Ye et al. show 0.5 to 0.6
AVOID = 0.5  # of a negative taste is taken from the taste itself where no guidance leads away from it
MOST_NOISE = 0.85  # how far into the noise an edit of amount 1 begins: composition survives it, little else
LONGEST = 50  # steps of the longest schedule that an edit is cut from


class EachItsOwn:
    """Mixed into a diffusers pipeline: row i of the embeddings that it is given is picture i's, and no one else's.

    diffusers repeats all rows for every picture of a batch, and attention then blends the people of that batch without
    a word (huggingface/diffusers#9813).
    """

    def prepare_ip_adapter_image_embeds(
        self, ip_adapter_image: Any, ip_adapter_image_embeds: list[Any], device: Any, *_: Any
    ) -> list[Any]:
        return [rows.to(device) for rows in ip_adapter_image_embeds]


class IPAdapterGenerator:
    """A Generator and an editor made of one pipeline with an image adapter (Ye et al. 2023).

    `pipeline` makes anew and `editor` starts from pictures; both are classes of diffusers with `EachItsOwn` mixed in,
    and share their parts. How a taste is scaled: it becomes a point where real pictures lie in the adapter's space,
    `Shell.points`: their mean, plus `strength` times a step along the taste in whitened units, as long as real
    pictures are far from the mean, brought to the length of real embeddings. Under guidance the other side of it is
    what the adapter was trained to drop to, zeros, or the negative taste's point.

    `adapter` scales the adapter's attention: at 0 a taste has no effect at all. A picture with a prompt takes
    WITH_WORDS of it, and less in proportion at a strength below 1, so that strength 0 is the prompt alone. `batch`
    pictures are made at a time; each is the same as if made alone, up to rounding in the device's own arithmetic.
    `checkpoint` names somebody's own weights, for the record.
    A pipeline remembers the picture that it is at, so one lock lets one batch in after the other.
    """

    kind: Literal["image", "video"] = "image"

    def __init__(
        self,
        pipeline: Any,
        editor: Any,
        shell: Shell,
        *,
        name: str,
        side: int,
        steps: int,
        guidance: float,
        adapter: float = 1.0,
        batch: int = 1,
        checkpoint: str = "",
    ) -> None:
        if batch < 1 or not 0 <= adapter <= 2:
            raise ValueError(f"batch must be at least 1 and adapter in [0, 2]; got {batch} and {adapter}.")
        self.pipeline, self.editor, self.shell, self.name, self.checkpoint = pipeline, editor, shell, name, checkpoint
        self.side, self.steps, self.guidance, self.adapter, self.batch = side, steps, guidance, adapter, batch
        for pipe in (pipeline, editor):
            pipe.set_progress_bar_config(disable=True)
        self._lock = Lock()
        self._words = lru_cache(64)(self._read)

    @property
    def space(self) -> str:
        return self.shell.space

    @property
    def accepts_prompts(self) -> bool:
        return self.pipeline.text_encoder is not None

    def forget_words(self) -> None:
        """Let the text encoders go: their memory is free again, and prompts are no longer accepted."""
        _ = self._no_words
        for part in ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"):
            for pipe in (self.pipeline, self.editor):
                if part in pipe.components:
                    pipe.register_modules(**{part: None})

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
        """Make one medium per taste, a square of the model's own side unless `size` says otherwise.

        Sides are any from 16 to 4096 pixels; far from the model's own its pictures get worse. `guidance` up to 1 is
        none, and halves the work; a negative is then taken from the taste itself. `progress` counts the steps of all;
        what is not whole when it cancels is dropped.
        """
        width, height = checked_size(size or (self.side, self.side))
        order = self._order(tastes, seeds, strength, prompts, negatives, steps, guidance)
        call = {"width": _up(width), "height": _up(height), "num_inference_steps": order.steps, **self._afresh()}
        return [
            self._medium(frames[:, :height, :width], self._origin(order, i))
            for i, frames in self._make(order, order.steps, lambda rows: (self.pipeline, call), progress)
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
        """Move each medium towards its taste: noise is added, and taken away again under the taste (Meng et al. 2022).

        `amount` in [0, 1] is how far into the noise, MOST_NOISE of the way at 1; at 0 each medium comes back as it is.
        That share of `steps` is worked, one step at least. Media with more than twice or less than half of the
        pixels of the model's own square are worked at that many and brought back to their size.
        """
        if not 0 <= amount <= 1:
            raise ValueError(f"amount must be in [0, 1]; got {amount}. 0 gives the medium back.")
        if len(media) != len(tastes):
            raise ValueError(f"media and tastes go one by one; got {len(media)} and {len(tastes)}.")
        order = self._order(tastes, seeds, strength, prompts, negatives, steps, guidance)
        share = max(amount * MOST_NOISE, 1 / LONGEST)
        schedule = max(order.steps, ceil(1 / share))
        worked = max(1, int(schedule * share))
        sizes = [self._working_size(*each.size) for each in media]

        def call(rows: Sequence[int]) -> tuple[Any, dict[str, Any]]:
            source = self._source([media[i] for i in rows], sizes[rows[0]])
            # half a step more than worked, or a rounding error costs one
            return self.editor, {**source, "strength": (worked + 0.5) / schedule, "num_inference_steps": schedule}

        origins = [
            self._origin(order, i, amount=amount, of=hashlib.sha256(each.frames.tobytes()).hexdigest())
            for i, each in enumerate(media)
        ]
        if amount == 0:
            return [Media(each.frames, each.fps, origin) for each, origin in zip(media, origins)]
        return [
            self._medium(_fitted(frames, sizes[i], media[i].size), origins[i], media[i])
            for i, frames in self._make(order, worked, call, progress, sizes)
        ]

    def _order(
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
            raise ValueError(f"{self.name} runs without its text encoders. Pass prompts=None, or load it with them.")
        steps, guidance = self.steps if steps is None else steps, self.guidance if guidance is None else guidance
        return Order.of(self.shell.dim, tastes, seeds, strength, prompts, negatives, steps, guidance)

    def _origin(self, order: Order, i: int, **details: Any) -> Origin:
        details |= {"adapter": self.adapter, "shell": shell_name(self.shell)}
        if self.checkpoint:
            details["checkpoint"] = self.checkpoint
        return order.origin(i, self.name, self.space, **details)

    def _make(
        self,
        order: Order,
        worked: int,
        call: Callable[[Sequence[int]], tuple[Any, dict[str, Any]]],
        progress: Progress | None,
        alike: Sequence[object] | None = None,
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "frames height width 3"]]]:
        """Rows and their frames; a batch holds rows that are `alike`, and all with a prompt or all without one."""

        def made(rows: Sequence[int], steps: Steps) -> np.ndarray:
            def after(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                steps.after(step + 1)
                return self._between(tensors, step + 1, worked)

            pipeline, arguments = call(rows)
            weight = WITH_WORDS * min(1.0, order.strength) if order.prompts[rows[0]] else 1.0
            pipeline.set_ip_adapter_scale(self.adapter * weight)
            conditions = self._conditions(order, rows)
            return self._frames(pipeline(**arguments, **conditions, output_type="np", callback_on_step_end=after))

        kinds = [(bool(prompt), alike[i] if alike else None) for i, prompt in enumerate(order.prompts)]
        return in_batches(_runs(kinds, self.batch), len(order.seeds), worked, made, lock=self._lock, progress=progress)

    def _conditions(self, order: Order, rows: Sequence[int]) -> dict[str, Any]:
        """Tastes, words, guidance and noise of these rows, as pipelines take them."""
        import torch

        guided = order.guidance > 1
        towards, avoid = normalize(order.tastes[rows]), normalize(order.negatives[rows])
        points = self.shell.points(towards if guided else normalize(towards - AVOID * avoid), order.strength)
        away = np.where(avoid.any(axis=1, keepdims=True), self.shell.points(avoid), np.float32(0))
        embeds = torch.from_numpy(np.concatenate([away, points] if guided else [points])[:, None])
        words = [self._words(prompt) if (prompt := order.prompts[i]) else self._no_words for i in rows]
        return {
            "ip_adapter_image_embeds": [embeds.to(self.pipeline.unet.dtype)],
            "guidance_scale": order.guidance if guided else 1.0,
            "generator": noise([order.seeds[i] for i in rows]),
            **{part: torch.cat([each[part] for each in words]) for part in words[0]},
        }

    @cached_property
    def _no_words(self) -> dict[str, Any]:
        return self._read("")

    def _read(self, prompt: str) -> dict[str, Any]:
        """A prompt's embeddings and those that guidance leads away from, by the names that pipelines have for them."""
        import torch

        names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
        with torch.no_grad():
            device = self.pipeline._execution_device
            read = self.pipeline.encode_prompt(
                prompt, device=device, num_images_per_prompt=1, do_classifier_free_guidance=True
            )
        return dict(zip(names, read))

    def _working_size(self, width: int, height: int) -> tuple[int, int]:
        own = self.side**2
        scale = sqrt(float(np.clip(width * height, own / 2, own * 2)) / (width * height))
        return _up(round(width * scale)), _up(round(height * scale))

    # what videos do in another way

    def _afresh(self) -> dict[str, Any]:
        return {}

    def _source(self, media: list[Media], size: tuple[int, int]) -> dict[str, Any]:
        if any(each.kind == "video" for each in media):
            raise ValueError(f"{self.name} edits pictures; got a video. Pass one of its frames, or use animatediff.")
        return {"image": [sized(each.pixels, size) for each in media]}

    def _frames(self, made: Any) -> Float32[np.ndarray, "n frames height width 3"]:
        return np.asarray(made.images)[:, None]

    def _between(self, tensors: dict[str, Any], done: int, of: int) -> dict[str, Any]:
        return {}

    def _medium(self, frames: np.ndarray, origin: Origin, like: Media | None = None) -> Media:
        return Media(frames, None, origin)


def sized(pixels: UInt8[np.ndarray, "height width 3"], size: tuple[int, int]) -> Image.Image:
    """At a size of whole latents: what is missing to the next is filled with the edge, all else is scaled."""
    height, width = pixels.shape[:2]
    if (_up(width), _up(height)) == size:
        pixels = np.pad(pixels, ((0, size[1] - height), (0, size[0] - width), (0, 0)), "edge")
    return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)


def _fitted(frames: np.ndarray, worked: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The way back from `sized`."""
    width, height = size
    if (_up(width), _up(height)) == worked:
        return frames[:, :height, :width]
    return np.stack([np.asarray(Image.fromarray(each).resize(size, Image.Resampling.LANCZOS)) for each in frames])


def _up(side: int) -> int:
    return -(-side // GRID) * GRID


def _runs(kinds: Sequence[object], most: int) -> Iterator[list[int]]:
    """Neighbours of one kind, at most so many at a time."""
    run: list[int] = []
    for i, kind in enumerate(kinds):
        if run and (len(run) == most or kind != kinds[run[0]]):
            yield run
            run = []
        run.append(i)
    if run:
        yield run
