"""The one way kernels are compiled: cached on disk, without the GIL. Does not know where the cache lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function of scalars and arrays on its first call."""
    return njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
