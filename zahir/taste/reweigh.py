"""How much each rating counts: less with age, less for items that many were shown.

Knows when and of what ratings are; nothing of what they say. Both are off by default: on real ratings neither helped.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

_LEAST = 1e-3  # of its weight that a rating keeps, however old


def check(half_life: float | None, exposure: float) -> None:
    """Raise ValueError for settings that weigh nothing."""
    if not (half_life is None or half_life > 0) or not 0 <= exposure < np.inf:
        raise ValueError(
            f"half_life must be None or > 0 and exposure finite and >= 0; got {half_life!r} and {exposure!r}."
        )


def by_age(
    users: Int64[np.ndarray, "n"], times: Int64[np.ndarray, "n"], half_life: float | None
) -> Float32[np.ndarray, "n"]:
    """2^(-age / half_life), where a rating's age is how long before the person's latest one it was given; 1 for None.

    Ages and `half_life` are in the unit of `times`: seconds, or ratings where times are their order. So
    somebody who stops rating does not fade.
    """
    if half_life is None:
        return np.ones(len(users), np.float32)
    latest = np.zeros(int(users.max(initial=-1)) + 1, np.int64)
    if len(users):
        latest[:] = times.min()
        np.maximum.at(latest, users, times)
    age = (latest[users] - times).astype(np.float64)
    return np.maximum(np.exp2(-age / half_life), _LEAST).astype(np.float32)


def by_exposure(items: Int64[np.ndarray, "n"], num_items: int, power: float) -> Float32[np.ndarray, "items"]:
    """count^-power of each item's ratings, scaled so that the mean over ratings is 1; 1 for unrated items.

    With power 1 every rated item counts alike, as it would had all been shown equally often: the inverse
    propensity (Schnabel et al. 2016) where how often an item was shown is known from its ratings
    alone. Propensities that are known go into `Interactions.weights` instead.
    """
    counts = np.bincount(items, minlength=num_items).astype(np.float64)
    weight = np.where(counts > 0, np.maximum(counts, 1) ** -power, 1.0)
    total = counts @ weight
    return np.where(counts > 0, weight * (counts.sum() / total if total else 1.0), 1.0).astype(np.float32)
