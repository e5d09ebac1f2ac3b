"""The studio's encoder: a picture to a unit embedding, on the CPU, with weights from this package.

Knows nothing of people, nor how its weights were made (runs/train_studio.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from zahir.errors import BadData
from zahir.media import Media
from zahir.studio import recipe
from zahir.studio.words import directions as word_directions

SIDE = 128  # pixels of the square that is looked at
WEIGHTS = Path(__file__).parent / "weights" / "encoder.onnx"
_BATCH = 4  # more fall out of the cache: 32 at once take up to twice the time each
_SAME_PICTURE = 0.5  # other pictures are at 0.00 +- 0.13, the same one at another size above 0.75


@cache
def space_of(weights: Path = WEIGHTS) -> str:
    """The space's name: other weights are another space."""
    return f"studio-1/{hashlib.sha256(weights.read_bytes()).hexdigest()[:8]}"


def square(pixels: UInt8[np.ndarray, "height width 3"], side: int = SIDE) -> UInt8[np.ndarray, "side side 3"]:
    """The middle square, resized to side x side by Lanczos."""
    height, width, _ = pixels.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    if edge == side:
        return np.ascontiguousarray(pixels[top : top + edge, left : left + edge])
    box = (left, top, left + edge, top + edge)
    return np.array(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS, box=box))


class StudioEncoder:
    """An Encoder for the studio's pictures and for photographs. About 6 ms a picture on one core."""

    def __init__(self, weights: Path = WEIGHTS, *, threads: int = 1) -> None:
        self.weights, self.threads = weights, threads

    @property
    def space(self) -> str:
        return space_of(self.weights)

    @property
    def dim(self) -> int:
        return int(self._session.get_outputs()[0].shape[1])

    def encode(self, media: Sequence[Media]) -> Float32[np.ndarray, "n dim"]:
        """One unit row per medium: of its middle square, or of the canonical picture of the studio's own.

        A picture whose origin holds a studio recipe is made again at 128 px, so that its embedding does
        not depend on the size and the file format it came in. The origin is only believed if the pixels
        agree with it; a video goes by its middle frame.
        """
        if not media:
            return np.zeros((0, self.dim), np.float32)
        seen = self.encode_pixels(np.stack([square(medium.pixels) for medium in media]))
        claims = [(row, made) for row, made in enumerate(map(_canonical, media)) if made is not None]
        if claims:
            rows = np.array([row for row, _ in claims])
            canonical = self.encode_pixels(np.stack([made for _, made in claims]))
            believed = np.sum(seen[rows] * canonical, axis=1) > _SAME_PICTURE
            seen[rows[believed]] = canonical[believed]
        return seen

    def encode_pixels(self, pixels: UInt8[np.ndarray, "n 128 128 3"]) -> Float32[np.ndarray, "n dim"]:
        """Unit rows of squares of 128 px, in [0, 255]."""
        if pixels.ndim != 4 or pixels.shape[1:] != (SIDE, SIDE, 3) or pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be uint8 (n, {SIDE}, {SIDE}, 3); got {pixels.dtype} {pixels.shape}.")
        batches = [pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH)]
        return np.concatenate([self._session.run(None, {"pixels": batch})[0] for batch in batches])

    def directions(self, words: Sequence[str]) -> Float32[np.ndarray, "n dim"]:
        """A unit direction for each word of `studio.words.vocabulary`: more of it lies that way."""
        return word_directions(words, space=self.space)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.weights, options, providers=["CPUExecutionProvider"])


def _canonical(medium: Media) -> np.ndarray | None:
    """The picture that a studio origin tells of, at 128 px; None where there is no such claim."""
    if medium.kind != "image" or not recipe.is_studio(medium.origin):
        return None
    from zahir.studio.picture import render  # compiles kernels: only the studio's own pictures pay that

    try:
        genome, seed = recipe.read(medium.origin)
    except BadData:
        return None  # anybody can write an origin into a file; the pixels are there to go by
    return render(genome, seed, SIDE)
