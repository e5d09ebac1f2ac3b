"""Embeddings in .npz, .npy, Parquet and safetensors files -> names and rows.

Knows nothing of ratings. Nothing here unpickles.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32

from zahir.datasets.ratings import NAMES
from zahir.datasets.rows import Rejects
from zahir.errors import BadData

SUFFIXES = (".npz", ".npy", ".parquet", ".safetensors")


def read_embeddings(path: Path, rejects: Rejects) -> tuple[list[str], Float32[np.ndarray, "items dim"]]:
    """The items' names and their embeddings, as they are written and of any length.

    A file names its items by a one-dimensional array beside the two-dimensional one (a text or id column
    in Parquet); without it, item i is named "i". A row that is not finite, or zero, goes to `rejects`.
    """
    readers = {".npz": _npz, ".npy": _npy, ".parquet": _parquet, ".safetensors": _safetensors}
    reader = readers.get(path.suffix.casefold())
    if reader is None:
        raise BadData(f"no file of embeddings. Expected one of {', '.join(SUFFIXES)}.", path=path)
    try:
        names, rows = reader(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, MemoryError) as error:
        raise BadData(f"these embeddings cannot be read ({error}).", path=path) from error
    if rows.ndim != 2 or rows.dtype.kind not in "fiu" or 0 in rows.shape:
        raise BadData(f"an array of {rows.dtype} {rows.shape}. Expected numbers, (items, width).", path=path)
    ids = [str(row) for row in range(len(rows))] if names is None else [str(name).strip() for name in names]
    if len(ids) != len(rows) or len(set(ids)) != len(ids):
        raise BadData(f"{len(rows)} embeddings, but {len(set(ids))} different names. Expected as many.", path=path)
    with np.errstate(over="ignore"):
        embeddings = rows.astype(np.float32)
    good = np.isfinite(embeddings).all(axis=1) & (embeddings != 0).any(axis=1)
    for row in np.flatnonzero(~good).tolist():
        rejects.reject(
            f"row {row}: the embedding of {ids[row]!r} is zero or not finite. Expected a direction.", path=path
        )
    rejects.settle(int(good.sum()), path=path)
    return [name for name, ok in zip(ids, good) if ok], embeddings[good]


def own_space(path: Path) -> str:
    """A name for the space of a file of embeddings whose encoder is not told: its own, by its content."""
    with path.open("rb") as file:
        return f"data:{hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"


Read = tuple["np.ndarray | None", np.ndarray]


def _npz(path: Path) -> Read:
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        return _pick({name: file[name] for name in file.files})


def _npy(path: Path) -> Read:
    return None, np.load(path, allow_pickle=False, mmap_mode="r")


def _safetensors(path: Path) -> Read:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told = (file.metadata() or {}).get("ids")
            names, rows = _pick({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(error) from error
    return (np.array(json.loads(told)) if told else names), rows


def _pick(arrays: dict[str, np.ndarray]) -> Read:
    wide = {name: array for name, array in arrays.items() if array.ndim == 2}
    flat = {name: array for name, array in arrays.items() if array.ndim == 1}
    if not wide and flat and "embeddings" not in flat and len({array.shape for array in flat.values()}) == 1:
        return np.array(list(flat)), np.stack(list(flat.values()))  # one tensor per item
    rows = wide.get("embeddings", next(iter(wide.values())) if len(wide) == 1 else None)
    if rows is None:
        raise ValueError(f"arrays {', '.join(arrays) or 'none'}; expected 'embeddings' of shape (items, width)")
    names = [flat[name] for name in ("ids", "items", "item_ids", "names") if name in flat]
    return (names[0] if names else None), rows


def _parquet(path: Path) -> Read:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            lists = [field.name for field in schema if _is_list(field.type)]
            if len(lists) != 1:
                raise ValueError(f"columns {', '.join(schema.names)}; expected one whose values are lists of numbers")
            ids = [name for name in schema.names if name.casefold() in {*NAMES["item"], "id", "name"}]
            table = file.read(columns=[*ids[:1], lists[0]])
    except pa.ArrowException as error:
        raise ValueError(error) from error
    column = table.column(lists[0]).combine_chunks()
    lengths = set(pc.list_value_length(column).to_pylist())
    if len(lengths) != 1 or None in lengths:
        raise ValueError(f"lists of lengths {sorted(map(str, lengths))[:5]}; expected one length")
    rows = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return (np.array(table.column(ids[0]).to_pylist()) if ids else None), rows


def _is_list(kind: object) -> bool:
    import pyarrow as pa

    return any(check(kind) for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))
