"""The studio: the embedded generator of pictures and its encoder. Knows nothing of people or their ratings.

Importing this loads no compiler: kernels come with the first picture.
"""

from __future__ import annotations

from zahir.studio.encoder import StudioEncoder
from zahir.studio.generator import StudioGenerator, remake

__all__ = ["StudioEncoder", "StudioGenerator", "remake", "video_generator"]


def video_generator() -> StudioGenerator:
    """The studio as a generator of seamless loops, three seconds each, some ten seconds of work."""
    return StudioGenerator(kind="video")
