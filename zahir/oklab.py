"""OKLab (Ottosson 2020) of pictures, for whoever measures or develops them. Knows nothing of palettes or settings."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Integer

LMS = np.array(  # linear sRGB to the responses of three cones
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(  # cube roots of those to lightness and two axes of colour
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_TO_LMS, _TO_LAB = LMS.T.astype(np.float32), LAB.T.astype(np.float32)  # as products from the right take them


@cache
def linear_light(largest: int) -> Float[np.ndarray, "values"]:
    """Linear light, in [0, 1], of each value of a channel that ends at `largest`; sRGB's curve (IEC 61966-2-1)."""
    x = np.arange(largest + 1) / largest
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def oklab(pixels: Integer[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width 3"]:
    """A picture of 8 or 16 bits a channel in OKLab: lightness in [0, 1], red against green, yellow against blue."""
    return np.cbrt(linear_light(np.iinfo(pixels.dtype).max)[pixels] @ _TO_LMS) @ _TO_LAB
