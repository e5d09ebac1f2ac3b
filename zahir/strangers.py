"""Named arrays and short facts out of bytes that anybody may have written: safetensors, or JSON of nested lists.

Knows nothing of what they mean. Whatever is not exactly of that form is BadData; nothing in it is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np

from zahir.errors import BadData

_MAX_HEADER = 1 << 16  # bytes
_MAX_FACT = 1000  # characters
_DTYPES = ("F32", "F16")


def unpack(
    data: bytes, *, arrays: Collection[str], facts: Collection[str], key: str
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the facts of a file; no others than those that are named may be there.

    Facts are the metadata of safetensors; in JSON they stand under `key`, beside the arrays. Arrays come finite and
    float32, in whatever shape they have.
    """
    if data[8:9] == b"{" and 8 + int.from_bytes(data[:8], "little") <= len(data):
        told, found = _from_safetensors(data, arrays)
    else:
        told, found = _from_json(data, arrays, key)
    _known(told, facts, "fact")
    for name, value in told.items():
        if not isinstance(value, str) or len(value) > _MAX_FACT:
            raise BadData(f"'{name}' must be a short text.")
    for name, array in found.items():
        with np.errstate(over="ignore"):
            found[name] = array.astype(np.float32)
        if not np.isfinite(found[name]).all():
            raise BadData(f"'{name}' holds a value that is not finite.")
    return found, told


def _from_safetensors(data: bytes, known: Collection[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    length = int.from_bytes(data[:8], "little")
    if length > _MAX_HEADER:
        raise BadData(f"a header of {length:,} bytes; expected {_MAX_HEADER:,} at most.")
    header = _object(data[8 : 8 + length])
    told = header.pop("__metadata__", None)
    _known(header, known, "tensor")
    for name, about in header.items():
        kind = about.get("dtype") if isinstance(about, dict) else None
        if kind not in _DTYPES:
            raise BadData(f"tensor '{name}' is {kind!r:.40}; expected {' or '.join(_DTYPES)}.")
    if not isinstance(told, dict):
        raise BadData("it has no metadata.")
    try:
        return told, load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadData(f"not a sound safetensors file ({error}).") from error


def _from_json(data: bytes, known: Collection[str], key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    values = _object(data)
    told = values.pop(key, None)
    if not isinstance(told, dict):
        raise BadData(f"there is no '{key}' in it.")
    _known(values, known, "key")
    found = {}
    for name, value in values.items():
        try:
            found[name] = np.array(value)  # decides by itself what it is: text stays text
        except (ValueError, OverflowError, RecursionError) as error:
            raise BadData(f"'{name}' is not a table of numbers ({error}).") from error
        if found[name].size and found[name].dtype.kind not in "if":
            raise BadData(f"'{name}' holds something that is no number.")
    return told, found


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object, strictly: no key twice, no NaN, no endless nesting."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def constant(name: str) -> float:
        raise ValueError(f"{name} is no number")

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=constant)
    except (ValueError, RecursionError) as error:  # of bad UTF-8 too
        raise BadData(f"neither safetensors nor JSON ({str(error)[:80]}).") from error
    if not isinstance(value, dict):
        raise BadData(f"a JSON {type(value).__name__}; expected an object.")
    return value


def _known(given: Collection[str], known: Collection[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise BadData(f"unknown {what} {name[:40]!r}. Known: {', '.join(known)}.")
