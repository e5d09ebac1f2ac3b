"""The studio: the embedded generator of pictures and its encoder. Knows nothing of people or their ratings.

Importing this loads no compiler: kernels come with the first picture.
"""

from __future__ import annotations

from zahir.studio.encoder import StudioEncoder
from zahir.studio.generator import StudioGenerator, remake

__all__ = ["StudioEncoder", "StudioGenerator", "remake"]
