"""Which weights, schedule and numbers make each generator with an image adapter, and how they are put together.

Knows nothing of tastes or of what is made of them. `place` is your own checkpoint for the base: a folder in the layout
of diffusers, or one .safetensors file as they are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from zahir import models
from zahir.device import device_of, dtype_of, load, need_torch
from zahir.errors import BadData
from zahir.generate.ip_adapter import EachItsOwn, IPAdapterGenerator
from zahir.generate.loading import Offload, settle, shell_of
from zahir.generate.video import VideoGenerator


class Variant(NamedTuple):
    """Numbers are those that the authors of the weights recommend."""

    base: str  # the catalogue's name of the pipeline,
    adapter: str  # of the image adapter, and its file
    adapter_file: str
    side: int  # pixels
    steps: int
    guidance: float  # 1: none
    scheduler: str
    schedule: dict[str, Any]  # what differs from the base's own schedule
    lora: str = ""  # the catalogue's name of a LoRA, its file and how much of it is added
    lora_file: str = ""
    lora_scale: float = 1.0
    motion: str = ""


_XL = ("ip-adapter-sdxl", "ip-adapter_sdxl.safetensors")
_15 = ("ip-adapter-sd15", "ip-adapter_sd15.safetensors")
_EULER, _LCM = "EulerDiscreteScheduler", "LCMScheduler"
_TRAILING, _LINEAR = {"timestep_spacing": "trailing"}, {"beta_schedule": "linear"}

VARIANTS = {
    "sdxl": Variant("sdxl", *_XL, 1024, 30, 5.0, _EULER, {}),
    "sdxl-turbo": Variant("sdxl-turbo", *_XL, 512, 4, 1.0, "EulerAncestralDiscreteScheduler", _TRAILING),
    "sdxl-lightning": Variant(
        "sdxl", *_XL, 1024, 4, 1.0, _EULER, _TRAILING, "sdxl-lightning", "sdxl_lightning_4step_lora.safetensors"
    ),
    "sd15": Variant("sd15", *_15, 512, 25, 6.0, _EULER, {}),
    "sd15-lcm": Variant("sd15", *_15, 512, 4, 1.0, _LCM, {}, "sd15-lcm", "pytorch_lora_weights.safetensors"),
    "animatediff": Variant("sd15", *_15, 512, 25, 7.5, _EULER, _LINEAR, motion="animatediff"),
    "animatelcm": Variant(
        "sd15",
        *_15,
        512,
        6,
        2.0,
        _LCM,
        _LINEAR,
        "animatelcm",
        "AnimateLCM_sd15_t2v_lora.safetensors",
        0.8,
        "animatelcm",
    ),
}


def make(
    name: str,
    place: Path | None = None,
    *,
    prompts: bool = True,
    device: str | None = None,
    dtype: str | None = None,
    offload: Offload | None = None,
    slices: bool | None = None,
    compile: bool = False,
    batch: int | None = None,
    **numbers: Any,
) -> IPAdapterGenerator:
    """Load a generator of VARIANTS.

    `prompts` off lets the text encoders go once the empty prompt is read, and with them 0.25 GB at half precision,
    SDXL's 1.6. `offload`, `slices` and `compile` are as in `zahir.generate.loading.settle`, `device` and `dtype` as in
    `zahir.device`. `batch` pictures are made at a time: 1 on a CPU, else 4; videos always 1 unless told. `adapter`,
    `side`, `steps`, `guidance`, a video's `loop` and `frames` go to the generator. Raises ZahirError for weights that
    are not here, BadData for such as do not fit.
    """
    need_torch(f"generator '{name}'")
    variant = VARIANTS[name]
    shell = shell_of(models.space_of(variant.adapter))
    device = device_of(device)
    numbers = {"side": variant.side, "steps": variant.steps, "guidance": variant.guidance, **numbers}
    numbers |= {"name": name, "checkpoint": place.name if place else ""}
    numbers["batch"] = batch if batch is not None else 1 if device == "cpu" or variant.motion else 4
    with _quietly():
        pipeline, editor = _pair(variant, *_base(variant, place, dtype_of(dtype, device)))
        _teach(pipeline, variant, shell.dim)
        made = (VideoGenerator if variant.motion else IPAdapterGenerator)(pipeline, editor, shell, **numbers)
        if not prompts:
            made.forget_words()
        settle(pipeline, device=device, weights=_size(pipeline), offload=offload, slices=slices, compile=compile)
    return made


sdxl, sdxl_turbo, sdxl_lightning, sd15, sd15_lcm, animatediff, animatelcm = (partial(make, name) for name in VARIANTS)


def _base(variant: Variant, place: Path | None, dtype: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of the base's pipeline with this variant's schedule, and what of its settings must be kept."""
    import diffusers

    large = variant.base.startswith("sdxl")
    kind = diffusers.StableDiffusionXLPipeline if large else diffusers.StableDiffusionPipeline
    # every picture is for the installation's own filter to judge
    less = {"add_watermarker": False} if large else {"safety_checker": None, "requires_safety_checker": False}
    if place is not None and place.is_file():
        pipeline = _single_file(kind, place, models.layout(variant.base), dtype, less)
    else:
        pipeline = load(kind, models.folder(variant.base, place), dtype=dtype, **less)
    parts = dict(pipeline.components)
    schedule = getattr(diffusers, variant.scheduler)
    parts["scheduler"] = schedule.from_config(parts["scheduler"].config, **variant.schedule)
    if variant.motion:
        parts["motion_adapter"] = load(diffusers.MotionAdapter, models.folder(variant.motion), dtype=dtype)
        del parts["safety_checker"]
        return parts, {}
    if large:
        return parts, {**less, "force_zeros_for_empty_prompt": pipeline.config.force_zeros_for_empty_prompt}
    return parts, {"requires_safety_checker": False}


def _single_file(kind: Any, place: Path, layout: Path, dtype: Any, parts: dict[str, Any]) -> Any:
    """A checkpoint as it is shared, read as `layout`, the folder of the model that it was trained from, tells."""
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    if place.suffix != ".safetensors":
        raise BadData("only .safetensors are loaded: other formats can run code. Ask for it in that.", path=place)
    try:
        return kind.from_single_file(str(place), config=str(layout), local_files_only=True, dtype=dtype, **parts)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError, SingleFileComponentError) as error:
        raise BadData(
            f"it cannot be read as {layout.name} ({str(error).strip().splitlines()[0]}). "
            "Expected a checkpoint of that model's kind.",
            path=place,
        ) from error


def _pair(variant: Variant, parts: dict[str, Any], kept: dict[str, Any]) -> tuple[Any, Any]:
    """The pipeline that makes anew and the one that edits, of the same parts, exact in batches."""
    import diffusers

    if variant.motion:
        names = ("AnimateDiffPipeline", "AnimateDiffVideoToVideoPipeline")
    elif variant.base.startswith("sdxl"):
        names = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
    else:
        names = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
    anew, edits = (type(name, (EachItsOwn, getattr(diffusers, name)), {}) for name in names)
    pipeline = anew(**parts, **kept)
    # trailing: the last step of a schedule that is cut short then starts from as much noise as was asked for
    schedule = type(parts["scheduler"]).from_config(parts["scheduler"].config, timestep_spacing="trailing")
    return pipeline, edits(**{**pipeline.components, "scheduler": schedule}, **kept)


def _teach(pipeline: Any, variant: Variant, dim: int) -> None:
    """Add the variant's LoRA, melted into the weights, and its image adapter."""
    from diffusers.models.embeddings import ImageProjection

    if variant.lora:
        lora = str(models.folder(variant.lora))
        pipeline.load_lora_weights(lora, weight_name=variant.lora_file, local_files_only=True)
        pipeline.fuse_lora(lora_scale=variant.lora_scale)
        pipeline.unload_lora_weights()
    folder = models.folder(variant.adapter)
    pipeline.load_ip_adapter(
        str(folder), subfolder="", weight_name=variant.adapter_file, image_encoder_folder=None, local_files_only=True
    )
    reads = pipeline.unet.encoder_hid_proj.image_projection_layers[0]
    if not isinstance(reads, ImageProjection):
        raise BadData("this adapter reads patches, not embeddings. Expected a plain IP-Adapter.", path=folder)
    if reads.image_embeds.in_features != dim:
        raise BadData(f"it reads {reads.image_embeds.in_features} numbers; its space has {dim}.", path=folder)


def _size(pipeline: Any) -> float:
    """GB of its weights, as loaded."""
    parts = [part for part in pipeline.components.values() if hasattr(part, "parameters")]
    return float(sum(p.numel() * p.element_size() for part in parts for p in part.parameters()) / 1e9)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the bars of what is read, and the warnings about parts that are left out on purpose."""
    from diffusers.utils import logging
    from transformers.utils import logging as theirs

    levels = [(library, library.get_verbosity()) for library in (logging, theirs)]
    for library, _ in levels:
        library.disable_progress_bar()
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, level in levels:
            library.set_verbosity(level)
