"""Work dealt to threads, with BLAS kept to one thread of its own beside them; large products dealt the same way.

Does not know what the work is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Float32, Float64
from threadpoolctl import ThreadpoolController

_ROWS, _BAND = 1024, 128  # rows and columns of a product at a time
_SUMMED = 4096  # rows of a gram at a time
T = TypeVar("T")


def share(work: Callable[[T], object], parts: Iterable[T], threads: int | None = None) -> None:
    """Do the work for every part, on as many threads as there are cores; a single part is done here."""
    todo = list(parts)
    if len(todo) < 2:
        for part in todo:
            work(part)
        return
    with one_blas_thread(), ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(work, todo))


def product(
    table: Float[np.ndarray, "rows dim"], matrix: Float[np.ndarray, "dim wide"], threads: int | None = None
) -> Float32[np.ndarray, "rows wide"]:
    """table @ matrix in float32; a triangular matrix costs little more than half of a full one."""
    out, narrow = np.empty((len(table), matrix.shape[1]), np.float32), matrix.astype(np.float32)
    bands = []
    for first in range(0, matrix.shape[1], _BAND):
        used = np.flatnonzero(np.any(matrix[:, first : first + _BAND], axis=1))
        inner = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
        bands.append((inner, slice(first, first + _BAND)))

    def multiply(span: slice) -> None:
        block = table[span].astype(np.float32, copy=False)
        for inner, outer in bands:
            np.matmul(block[:, inner], narrow[inner, outer], out=out[span, outer])

    share(multiply, _spans(len(table), _ROWS), threads)
    return out


def gram(vectors: Float[np.ndarray, "n dim"], threads: int | None = None) -> Float64[np.ndarray, "dim dim"]:
    """Sum of v v' over all rows: float32 products of a few thousand rows each, added up in float64."""
    count = threads or os.cpu_count() or 1
    sums = np.zeros((count, vectors.shape[1], vectors.shape[1]))

    def add(thread: int) -> None:
        for span in _spans(len(vectors), _SUMMED)[thread::count]:
            block = vectors[span].astype(np.float32, copy=False)
            sums[thread] += block.T @ block

    share(add, range(count), threads)
    return sums.sum(0)


def one_blas_thread() -> AbstractContextManager[object]:
    """BLAS threads beside our own only get in the way."""
    return _blas().limit(limits=1)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _spans(rows: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, rows, size)]
