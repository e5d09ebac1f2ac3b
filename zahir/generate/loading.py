"""Pipelines of diffusers from folders on disk to where they run: device, precision, memory, and the shell of a space.

Knows nothing of what a pipeline is asked for. Nothing here speaks to a network; files are safetensors or refused.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from zahir import models
from zahir.errors import BadData, MissingExtra, ZahirError
from zahir.shell import Shell, file_name

Offload = Literal["none", "model", "sequential"]
SHELLS = Path(__file__).parent / "shells"
_ROOM = 4.0  # GB beside the weights: what a picture of 1024 px takes while it is made
_TIGHT = 12.0  # GB: with less the decoder works in slices and tiles


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
    precision = "dtype" if kind.__module__.startswith("transformers.") else "torch_dtype"
    arguments = {precision: dtype, "local_files_only": True, "use_safetensors": True, **parts}
    if any(place.rglob("*.fp16.safetensors")):
        arguments["variant"] = "fp16"
    try:
        return kind.from_pretrained(str(place), **arguments)
    except (OSError, ValueError, KeyError) as error:
        raise BadData(
            f"no {kind.__name__} can be loaded from it ({str(error).strip().splitlines()[0]}). "
            "Expected a folder in the layout of diffusers, with safetensors.",
            path=place,
        ) from error


def settle(
    pipeline: Any,
    *,
    device: str,
    weights: float,
    offload: Offload | None = None,
    slices: bool | None = None,
    compile: bool = False,
) -> None:
    """Move a pipeline to where it runs.

    `weights` is its size in GB as loaded. `offload` keeps on the device everything ("none"), the part at work
    ("model", a little slower), or the layer at work ("sequential", many times slower, a few GB); None looks at what is
    free. `slices` lets the decoder work on one picture and one tile at a time: None does where memory is tight.
    `compile` takes a minute at the first picture and makes the later ones of the same size a third faster or so.
    """
    free = free_memory(device)
    if offload is None:
        offload = "none" if free >= weights + _ROOM else "model" if free >= weights * 0.75 + 1 else "sequential"
    if offload not in ("none", "model", "sequential"):
        raise ValueError(f"offload must be none, model or sequential; got {offload!r}.")
    decoder = getattr(pipeline, "vae", None)
    if decoder is not None and (free < _TIGHT if slices is None else slices):
        decoder.enable_slicing()
        decoder.enable_tiling()
    if compile and offload == "sequential":
        raise ValueError("compile and offload='sequential' exclude each other. Leave one of them out.")
    if compile:
        for part in ("unet", "prior"):
            if getattr(pipeline, part, None) is not None:
                getattr(pipeline, part).compile()
    if device == "cpu" or offload == "none":
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    pipeline.set_progress_bar_config(disable=True)


def free_memory(device: str) -> float:
    """GB that are free on a device; of a CPU's and a Mac's, three quarters of the machine's count."""
    import torch

    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(device)[0]) / 1e9
    return 0.75 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def shell_of(space: str) -> Shell:
    """The shell of a space: the one you fitted, else the package's; raises ZahirError that says how to fit one."""
    for folder in (models.root() / "shells", SHELLS):
        path = folder / file_name(space)
        if path.is_file():
            shell = Shell.load(path)
            if shell.space != space:
                raise BadData(f"it is of space '{shell.space}', not '{space}'. Fit it again.", path=path)
            return shell
    names = [each.name for each in models.CATALOGUE.values() if each.kind == "encoder" and each.space == space]
    encoder = names[0] if names else "ENCODER=FOLDER"
    raise ZahirError(
        f"where pictures lie in space '{space}' is not known here, so no point in it can be drawn. Tell it with some "
        f"hundreds of pictures of any kind: zahir models shell {encoder} --pictures FOLDER"
    )
