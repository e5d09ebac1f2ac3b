"""A taste leaned on single liked items, so that what is made for one person is not all alike.

Knows nothing of how the taste was learned.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from zahir.space import normalize

_LEAN = 0.25  # of the liked item, beside 1 of the taste
_SHARPNESS = 4.0  # liked items near the taste are drawn more often: exp(4 cosine)


def lean(
    taste: Float32[np.ndarray, "dim"], liked: Float[np.ndarray, "m dim"], n: int, *, rng: np.random.Generator
) -> Float32[np.ndarray, "n dim"]:
    """n unit directions: the taste plus 0.25 of one liked item each, no item twice before all were used.

    `liked` are unit or zero vectors about the same origin as the taste. Items are drawn by
    exp(4 cosine to the taste); without any, all rows are the taste.
    """
    if len(liked) == 0 or n == 0:
        return np.tile(normalize(taste), (n, 1))
    odds = _SHARPNESS * (liked @ taste)
    # the largest of log-odds plus Gumbel noise are draws without replacement
    rounds = [np.argsort(-(odds + rng.gumbel(size=len(liked)))) for _ in range(-(-n // len(liked)))]
    return normalize(taste + _LEAN * liked[np.concatenate(rounds)[:n]])


def random_direction(dim: int, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
    """A unit vector uniform on the sphere: the taste of somebody about whom nothing is known."""
    return normalize(rng.standard_normal(dim))
