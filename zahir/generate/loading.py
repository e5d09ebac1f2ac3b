"""Pipelines of diffusers settled where they run, within its memory; and the shell of the space they read.

Knows nothing of what a pipeline is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from zahir import models
from zahir.device import free_memory
from zahir.errors import BadData, ZahirError
from zahir.shell import Shell, file_name

Offload = Literal["none", "model", "sequential"]
SHELLS = Path(__file__).parent / "shells"
_ROOM = 4.0  # GB beside the weights: what a picture of 1024 px takes while it is made
_TIGHT = 12.0  # GB: with less the decoder works in slices and tiles


def settle(
    pipeline: Any,
    *,
    device: str,
    weights: float | None = None,
    offload: Offload | None = None,
    slices: bool | None = None,
    compile: bool = False,
) -> Any:
    """Move a pipeline to where it runs, and return it.

    `offload` keeps on the device everything ("none"), the part at work
    ("model", a little slower), or the layer at work ("sequential", many times slower, a few GB); None looks at what is
    free. `slices` lets the decoder work on one picture and one tile at a time: None does where memory is tight.
    `compile` takes a minute at the first picture and makes the later ones of the same size a third faster or so.
    """
    free = free_memory(device)
    if offload is None:
        offload = "none" if device == "cpu" else what_fits(size_of(pipeline) if weights is None else weights, free)
    if offload not in ("none", "model", "sequential"):
        raise ValueError(f"offload must be none, model or sequential; got {offload!r}.")
    decoder = getattr(pipeline, "vae", None)
    if decoder is not None and (free < _TIGHT if slices is None else slices):
        decoder.enable_slicing()
        decoder.enable_tiling()
    if offload == "sequential" and (compile or device == "cpu"):
        raise ValueError("offload='sequential' needs a GPU to offload from, and excludes compile. Leave one out.")
    if compile:
        for part in ("unet", "prior"):
            if getattr(pipeline, part, None) is not None:
                getattr(pipeline, part).compile()
    if offload == "none":
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def what_fits(weights: float, free: float) -> Offload:
    """What of models of so many GB is kept on a device with so many free, so that there is room to make a picture."""
    return "none" if free >= weights + _ROOM else "model" if free >= 0.75 * weights + 1 else "sequential"


def size_of(pipeline: Any) -> float:
    """GB of all weights of a pipeline, as loaded."""
    models = [part for part in pipeline.components.values() if hasattr(part, "parameters")]
    return sum(each.numel() * each.element_size() for model in models for each in model.parameters()) / 1e9


def find_shell(space: str) -> Shell | None:
    """The shell of a space: yours, else the package's, or None; raises BadData for a file of another space."""
    for folder in (models.root() / "shells", SHELLS):
        path = folder / file_name(space)
        if path.is_file():
            shell = Shell.load(path)
            if shell.space != space:
                raise BadData(f"it is of space '{shell.space}', not '{space}'. Fit it again.", path=path)
            return shell
    return None


def shell_of(space: str) -> Shell:
    """The shell of a space; raises ZahirError that says how to fit one where there is none."""
    shell = find_shell(space)
    if shell is not None:
        return shell
    names = [each.name for each in models.CATALOGUE.values() if each.kind == "encoder" and each.space == space]
    encoder = names[0] if names else "ENCODER=FOLDER"
    raise ZahirError(
        f"where pictures lie in space '{space}' is not known here, so no point in it can be drawn. Tell it with some "
        f"hundreds of pictures of any kind: zahir models shell {encoder} --pictures FOLDER"
    )
