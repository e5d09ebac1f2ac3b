"""Two-second loops led by tastes: Stable Diffusion 1.5 with the motion of AnimateDiff or AnimateLCM.

Knows nothing of image adapters beyond `IPAdapterGenerator`, of which it says only what videos do in another way.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from zahir.generate.ip_adapter import IPAdapterGenerator, sized
from zahir.media import Media, Origin
from zahir.shell import Shell

FRAMES, FPS = 16, 8.0  # what the motion was trained on
DECODED = 4  # frames decoded at a time: they are the peak of memory
_TURN = 0.618  # of the loop, from one step to the next: no place is the seam twice


class VideoGenerator(IPAdapterGenerator):
    """A Generator of kind "video" (Guo et al. 2024) and an editor of videos; a picture given to `edit` begins to move.

    `frames` at 8 a second, 16 of them unless told: what the motion was trained on.

    With `loop` the ends meet as far as the model allows: between steps the frames are turned round in a circle, so
    that the seam, which motion does not see across, lies elsewhere at each and is worked over at the next. It costs
    nothing; the last step's own seam remains.
    """

    kind: Literal["image", "video"] = "video"

    def __init__(
        self, pipeline: Any, editor: Any, shell: Shell, *, loop: bool = True, frames: int = FRAMES, **numbers: Any
    ) -> None:
        most = pipeline.motion_adapter.config.motion_max_seq_length
        if frames not in range(2, most + 1):
            raise ValueError(f"frames must be from 2 to {most}, the most that this motion knows; got {frames}.")
        super().__init__(pipeline, editor, shell, **numbers)
        self.loop, self.frames = loop, frames

    def _afresh(self) -> dict[str, Any]:
        return {"num_frames": self.frames, "decode_chunk_size": DECODED}

    def _source(self, media: list[Media], size: tuple[int, int]) -> dict[str, Any]:
        videos = [[sized(each.frames[k], size) for k in _spread(len(each.frames), self.frames)] for each in media]
        return {"video": videos, "width": size[0], "height": size[1], "decode_chunk_size": DECODED}

    def _frames(self, made: Any) -> Float32[np.ndarray, "n frames height width 3"]:
        return np.asarray(made.frames)

    def _between(self, tensors: dict[str, Any], done: int, of: int) -> dict[str, Any]:
        if not self.loop:
            return {}
        turn = turned(done, of, self.frames) - turned(done - 1, of, self.frames)
        return {"latents": tensors["latents"].roll(turn, dims=2)}

    def _medium(self, frames: np.ndarray, origin: Origin, like: Media | None = None) -> Media:
        if like is None or like.fps is None:
            return Media(frames, FPS, origin)
        return Media(frames, like.fps * len(frames) / len(like.frames), origin)


def turned(done: int, of: int, frames: int) -> int:
    """How far the frames are turned when so many steps are done; not at all before the first and after the last."""
    return round(frames * (done * _TURN % 1)) % frames if 0 < done < of else 0


def _spread(count: int, frames: int) -> list[int]:
    """Which of so many frames stand for all, evenly, from the first."""
    return [k * count // frames for k in range(frames)]
