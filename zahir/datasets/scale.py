"""Scales of ratings: which one a file uses, and from it to [-1, 1].

Knows nothing of files or people.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64

Scale = tuple[float, float]

KNOWN: tuple[Scale, ...] = ((-1.0, 1.0), (1.0, 5.0), (1.0, 10.0))


def recognise(values: Float64[np.ndarray, "n"], *, outliers: float = 0.01) -> Scale:
    """The one known scale that fits: [-1, 1], 1 to 5 or 1 to 10; a share of `outliers` may lie outside.

    A scale fits when its ends are used: a negative value in [-1, 1]; 1 and 5; 10. Raises ValueError when
    none fits or several do: 0 and 1 alone may mean *dislike and like*, or *neither and love*.
    """
    if not len(values):
        return KNOWN[0]
    seen = (bool((values < 0).any()), bool((values == 1).any() and (values == 5).any()), bool((values == 10).any()))
    fits = [scale for scale, used in zip(KNOWN, seen) if used and np.mean(~within(values, scale)) <= outliers]
    if len(fits) == 1:
        return fits[0]
    low, high = float(values.min()), float(values.max())
    raise ValueError(
        f"ratings from {low:g} to {high:g} may be of {'several scales' if fits else 'any scale'}. "
        f"Say what the worst and the best rating are: --scale={low:g},{high:g} if these, "
        "--scale=-1,1 if 0 means neither."
    )


def within(values: Float64[np.ndarray, "n"], scale: Scale) -> Bool[np.ndarray, "n"]:
    """Which values lie on the scale."""
    return (values >= scale[0]) & (values <= scale[1])


def to_ratings(values: Float64[np.ndarray, "n"], scale: Scale) -> Float32[np.ndarray, "n"]:
    """Map the scale linearly to [-1, 1].

    >>> to_ratings(np.array([1.0, 3.0, 4.0, 5.0]), (1.0, 5.0))
    array([-1. ,  0. ,  0.5,  1. ], dtype=float32)
    """
    low, high = scale
    return np.clip(2 * (values - low) / (high - low) - 1, -1, 1).astype(np.float32)


def parse(text: str) -> Scale:
    """Read "lo,hi"; raises ValueError when it is not two numbers, the lower first."""
    low, high = (float(part) for part in text.split(","))
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"a scale is the worst and the best rating, such as 1,5; got {text!r}.")
    return low, high
