"""The items that a taste points to most: every item looked at, or a compressed shortlist and then the real ones.

Knows vectors and their inner products; nothing of who rated what.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from zahir.errors import MissingExtra
from zahir.taste.kernels import HALF, dots_half
from zahir.taste.threads import share

_BLOCK = 1 << 14  # items scored by one thread at a time
_AXES, _SAMPLE, _DEPTH = 96, 50_000, 5


class Index(NamedTuple):
    """Items in four bits along each of a few axes, to be looked through in cache."""

    axes: Float32[np.ndarray, "dim kept"]
    codes: Any  # a faiss index


def nearest(
    items: Float[np.ndarray, "items dim"],
    taste: Float32[np.ndarray, "dim"],
    n: int,
    *,
    without: Int64[np.ndarray, "seen"] | None = None,
    index: Index | None = None,
    threads: int | None = None,
) -> tuple[Int64[np.ndarray, "found"], Float32[np.ndarray, "found"]]:
    """The n rows of `items`, float32 or float16 and maybe memory-mapped, with the largest inner products.

    Best first, with their products; rows in `without` are left out, and fewer come back when fewer there
    are. Without an `index` the answer is exact, and as fast as memory: float16 takes half as long. With
    one (from `build_index`) the best 5 n by the compressed products are compared exactly.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}.")
    if taste.shape != (items.shape[1],):
        raise ValueError(f"a taste of width {len(taste)} cannot be compared with items of width {items.shape[1]}.")
    seen = np.zeros(0, np.int64) if without is None else without
    if index is None:
        which, scores = np.arange(len(items)), _all_dots(items, taste, threads)
        scores[seen] = -np.inf
        found = min(n, len(items) - len(np.unique(seen)))
    else:
        depth = min(_DEPTH * n + len(seen), len(items))
        _, close = index.codes.search((taste @ index.axes)[None], depth)
        which = np.setdiff1d(close[0], np.append(seen, -1))
        scores = items[which].astype(np.float32) @ taste
        found = min(n, len(which))
    if found == 0:
        return which[:0], scores[:0]
    best = np.argpartition(scores, -found)[-found:]
    best = best[np.argsort(-scores[best], kind="stable")]
    return which[best], scores[best]


def build_index(items: Float[np.ndarray, "items dim"], *, rng: np.random.Generator) -> Index:
    """Compress items for `nearest`: 96 axes of most variance, turned at random, four bits each (Andre et al. 2015).

    Tastes are sums of items, so that they lie in these axes more than items do. Takes minutes for a
    million items and 48 bytes of memory each. Raises MissingExtra without faiss.
    """
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("an index of items", "faiss") from error
    some = items[np.sort(rng.permutation(len(items))[:_SAMPLE])].astype(np.float32)
    kept = min(_AXES, items.shape[1])
    _, directions = np.linalg.eigh(some.T @ some)
    turn, _ = np.linalg.qr(rng.standard_normal((kept, kept)))
    axes = (directions[:, -kept:] @ turn).astype(np.float32)
    codes = faiss.index_factory(kept, f"PQ{kept}x4fs", faiss.METRIC_INNER_PRODUCT)
    codes.train(some @ axes)
    for first in range(0, len(items), _BLOCK):
        codes.add(items[first : first + _BLOCK].astype(np.float32) @ axes)
    return Index(axes, codes)


def _all_dots(items: np.ndarray, taste: np.ndarray, threads: int | None) -> np.ndarray:
    out = np.empty(len(items), np.float32)
    half = items.dtype == np.float16
    scaled = taste * HALF if half else taste

    def dots(first: int) -> None:
        block = items[first : first + _BLOCK]
        if half:
            dots_half(block.view(np.uint16), scaled, out[first : first + _BLOCK])
        else:
            np.dot(block, taste, out=out[first : first + _BLOCK])

    share(dots, range(0, len(items), _BLOCK), threads)
    return out
