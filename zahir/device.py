"""Where models run and in which precision, and how one is read from a folder: torch is loaded when this is asked.

Knows nothing of what models do. Nothing here speaks to a network; files are safetensors or refused.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zahir.errors import BadData, MissingExtra, ZahirError


def need_torch(what: str) -> None:
    """Raise MissingExtra, which says what wants it, unless everything that loads models is installed."""
    if any(find_spec(name) is None for name in ("torch", "diffusers", "transformers", "accelerate")):
        raise MissingExtra(what, "diffusion")


def device_of(device: str | None = None) -> str:
    """The one that is asked for, here or by ZAHIR_DEVICE; else the best there is: cuda, mps or cpu."""
    import torch

    asked = device or os.environ.get("ZAHIR_DEVICE")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked is None:
        return next(name for name, here in there.items() if here)
    if not there.get(asked.split(":")[0], False):
        have = ", ".join(name for name, here in there.items() if here)
        raise ZahirError(
            f"device '{asked}' is not here. Here: {have}. Set ZAHIR_DEVICE to one of them, or leave it out."
        )
    return asked


def dtype_of(dtype: str | None, device: str) -> Any:
    """float16, bfloat16 or float32 as torch has it: half precision on a GPU, full on a CPU, unless one is asked for."""
    import torch

    known = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
    name = dtype or ("float32" if device == "cpu" else "float16")
    if name not in known:
        raise ValueError(f"dtype must be one of {', '.join(known)}; got {dtype!r}.")
    return known[name]


def load(kind: Any, place: Path, *, dtype: Any, **parts: Any) -> Any:
    """A model or a whole pipeline of class `kind` from a folder, with these `parts` in place of the folder's.

    Raises BadData when the folder does not hold one, whole and in safetensors.
    """
    arguments = {"dtype": dtype, "local_files_only": True, "use_safetensors": True, **parts}
    if any(place.rglob("*.fp16.safetensors")):
        arguments["variant"] = "fp16"
    logging = import_module(f"{kind.__module__.partition('.')[0]}.utils.logging")
    logging.disable_progress_bar()  # ours tell what is made, not how files are read
    try:
        return kind.from_pretrained(str(place), **arguments)
    except (OSError, ValueError, KeyError) as error:
        raise BadData(
            f"no {kind.__name__} can be loaded from it ({str(error).strip().splitlines()[0]}). "
            "Expected a folder in the layout of diffusers, with safetensors.",
            path=place,
        ) from error


def free_memory(device: str) -> float:
    """GB that are free on a device; a CPU's and a Mac's are the machine's."""
    import psutil  # type: ignore[import-untyped]
    import torch

    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(device)[0]) / 1e9
    return float(psutil.virtual_memory().available) / 1e9
