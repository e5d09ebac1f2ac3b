"""Weights of other people's models: what each is, under which licence, where it lies here, and how it is had.

Knows nothing of how weights are loaded. Only `get` speaks to a network, and nothing calls it but `zahir models get`.
"""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple

from zahir.errors import BadData, MissingExtra, ZahirError

BIGG = "clip:ViT-bigG-14/laion2b_s39b_b160k"  # 1280 wide; Kandinsky 2.2 and IP-Adapter for SDXL share it
VIT_H = "clip:ViT-H-14/laion2b_s32b_b79k"  # 1024 wide; IP-Adapter for SD 1.5
VIT_L = "clip:ViT-L-14/openai"  # 768 wide

_UNSAFE = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.py", "*.onnx*"]


class Weights(NamedTuple):
    """One set of weights. `files` are the only ones that are fetched: patterns, each of which must match."""

    name: str
    title: str
    kind: Literal["encoder", "generator", "part"]
    repository: str
    files: tuple[str, ...]
    space: str
    dim: int
    licence: str
    size: float  # of the download, in GB (10^9 bytes), as far as is known
    inside: str = ""  # the folder of the repository that is loaded
    needs: tuple[str, ...] = ()  # what it cannot work without
    helps: tuple[str, ...] = ()  # what adds prompts, or words
    full: bool = False  # whether its files are in full precision, and take half of their size on a GPU

    @property
    def memory(self) -> float:
        """GB that it takes in half precision."""
        return self.size / 2 if self.full else self.size


def _pipeline(unet: str, *parts: str) -> tuple[str, ...]:
    """The files of a diffusers pipeline: index, scheduler, one file of weights per model."""
    models = [f"{part}/model.fp16.safetensors" for part in parts if part.startswith("text")]
    configs = [f"{part}/config.json" for part in (*parts, "unet") if not part.startswith("tokenizer")]
    tokenizers = [f"{part}/*" for part in parts if part.startswith("tokenizer")]
    vae = ["vae/diffusion_pytorch_model.fp16.safetensors"]
    return ("model_index.json", "scheduler/*.json", f"unet/{unet}", *models, *vae, *configs, *tokenizers)


def _without_weights(files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in files if not each.endswith(".safetensors"))


_FP16 = "diffusion_pytorch_model.fp16.safetensors"
_SDXL = _pipeline(_FP16, "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "vae")
_SD15 = (*_pipeline(_FP16, "text_encoder", "tokenizer", "vae"), "feature_extractor/*.json")
_OWN = "what a checkpoint of your own in one file needs beside it: "
_CHECK = " (check before use)"

CATALOGUE: dict[str, Weights] = {
    each.name: each
    for each in (
        Weights(
            "clip-bigg", "CLIP ViT-bigG/14, the image tower of IP-Adapter SDXL", "encoder", "h94/IP-Adapter",
            ("sdxl_models/image_encoder/config.json", "sdxl_models/image_encoder/model.safetensors"),
            BIGG, 1280, "MIT (LAION), Apache-2.0 (IP-Adapter)", 3.7, "sdxl_models/image_encoder",
            helps=("clip-bigg-words",),
        ),
        Weights(
            "clip-bigg-words", "CLIP ViT-bigG/14, the text tower, from SDXL", "part",
            "stabilityai/stable-diffusion-xl-base-1.0",
            ("text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors", "tokenizer_2/*"),
            BIGG, 1280, "CreativeML Open RAIL++-M", 1.4,
        ),
        Weights(
            "clip-h", "CLIP ViT-H/14, the image tower of IP-Adapter SD 1.5", "encoder", "h94/IP-Adapter",
            ("models/image_encoder/config.json", "models/image_encoder/model.safetensors"),
            VIT_H, 1024, "MIT (LAION), Apache-2.0 (IP-Adapter)", 2.5, "models/image_encoder",
            helps=("clip-h-words",), full=True,
        ),
        Weights(
            "clip-h-words", "CLIP ViT-H/14, whole, for its text tower", "part",
            "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
            ("config.json", "model.safetensors", "tokenizer*"),
            VIT_H, 1024, "MIT", 3.9, full=True,
        ),
        Weights(
            "clip-l", "OpenAI's CLIP ViT-L/14, both towers", "encoder", "openai/clip-vit-large-patch14",
            ("config.json", "model.safetensors", "tokenizer*"),
            VIT_L, 768, "MIT for the code; its model card asks for research use" + _CHECK, 1.7, full=True,
        ),
        Weights(
            "kandinsky", "Kandinsky 2.2, the decoder of image embeddings", "generator",
            "kandinsky-community/kandinsky-2-2-decoder",
            ("model_index.json", "scheduler/*.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
             "movq/config.json", "movq/diffusion_pytorch_model.safetensors"),
            BIGG, 1280, "Apache-2.0", 5.3, needs=("clip-bigg",), helps=("kandinsky-prior",), full=True,
        ),
        Weights(
            "kandinsky-prior", "Kandinsky 2.2, the prior: prompts to image embeddings", "part",
            "kandinsky-community/kandinsky-2-2-prior",
            ("model_index.json", "scheduler/*.json", "prior/config.json", "prior/diffusion_pytorch_model.safetensors",
             "text_encoder/config.json", "text_encoder/model.safetensors", "tokenizer/*"),
            BIGG, 1280, "Apache-2.0", 6.9, needs=("clip-bigg",), full=True,
        ),
        Weights(
            "sdxl", "Stable Diffusion XL 1.0", "generator", "stabilityai/stable-diffusion-xl-base-1.0", _SDXL,
            BIGG, 1280, "CreativeML Open RAIL++-M", 7.0, needs=("clip-bigg", "ip-adapter-sdxl"),
        ),
        Weights(
            "sdxl-turbo", "SDXL Turbo, one to four steps", "generator", "stabilityai/sdxl-turbo", _SDXL,
            BIGG, 1280, "Stability AI's own, not for every commercial use" + _CHECK, 7.0,
            needs=("clip-bigg", "ip-adapter-sdxl"),
        ),
        Weights(
            "sdxl-lightning", "SDXL-Lightning, a LoRA for four steps on SDXL", "generator", "ByteDance/SDXL-Lightning",
            ("sdxl_lightning_4step_lora.safetensors",),
            BIGG, 1280, "CreativeML Open RAIL++-M" + _CHECK, 0.4, needs=("sdxl", "clip-bigg", "ip-adapter-sdxl"),
        ),
        Weights(
            "sd15", "Stable Diffusion 1.5", "generator", "stable-diffusion-v1-5/stable-diffusion-v1-5", _SD15,
            VIT_H, 1024, "CreativeML Open RAIL-M", 2.2, needs=("clip-h", "ip-adapter-sd15"),
        ),
        Weights(
            "sd15-lcm", "LCM-LoRA, four steps on Stable Diffusion 1.5", "generator",
            "latent-consistency/lcm-lora-sdv1-5", ("pytorch_lora_weights.safetensors",),
            VIT_H, 1024, "CreativeML Open RAIL++-M" + _CHECK, 0.14, needs=("sd15", "clip-h", "ip-adapter-sd15"),
        ),
        Weights(
            "animatediff", "AnimateDiff 1.5.2, motion for Stable Diffusion 1.5", "generator",
            "guoyww/animatediff-motion-adapter-v1-5-2", ("config.json", "diffusion_pytorch_model.fp16.safetensors"),
            VIT_H, 1024, "Apache-2.0" + _CHECK, 0.9, needs=("sd15", "clip-h", "ip-adapter-sd15"),
        ),
        Weights(
            "animatelcm", "AnimateLCM, motion in four to eight steps", "generator", "wangfu/AnimateLCM",
            ("config.json", "diffusion_pytorch_model.fp16.safetensors", "AnimateLCM_sd15_t2v_lora.safetensors"),
            VIT_H, 1024, "its model card says MIT" + _CHECK, 1.1, needs=("sd15", "clip-h", "ip-adapter-sd15"),
        ),
        Weights(
            "sdxl-own", _OWN + "SDXL's configuration and tokenizers", "part",
            "stabilityai/stable-diffusion-xl-base-1.0", _without_weights(_SDXL),
            BIGG, 1280, "CreativeML Open RAIL++-M", 0.01, needs=("clip-bigg", "ip-adapter-sdxl"),
        ),
        Weights(
            "sd15-own", _OWN + "SD 1.5's configuration and tokenizer", "part",
            "stable-diffusion-v1-5/stable-diffusion-v1-5", _without_weights(_SD15),
            VIT_H, 1024, "CreativeML Open RAIL-M", 0.01, needs=("clip-h", "ip-adapter-sd15"),
        ),
        Weights(
            "ip-adapter-sdxl", "IP-Adapter for SDXL on ViT-bigG", "part", "h94/IP-Adapter",
            ("sdxl_models/ip-adapter_sdxl.safetensors",), BIGG, 1280, "Apache-2.0", 0.7, "sdxl_models",
        ),
        Weights(
            "ip-adapter-sd15", "IP-Adapter for Stable Diffusion 1.5 on ViT-H", "part", "h94/IP-Adapter",
            ("models/ip-adapter_sd15.safetensors",), VIT_H, 1024, "Apache-2.0", 0.05, "models",
        ),
    )
}  # fmt: skip


def root() -> Path:
    """Where weights lie, a folder each by its name: ZAHIR_MODELS, else `models` in ZAHIR_HOME or in ~/.zahir."""
    if given := os.environ.get("ZAHIR_MODELS"):
        return Path(given).expanduser()
    return Path(os.environ.get("ZAHIR_HOME") or Path.home() / ".zahir") / "models"


def find(name: str) -> Weights:
    """The catalogue's entry; raises ZahirError with the nearest name."""
    if name not in CATALOGUE:
        close = get_close_matches(name, CATALOGUE, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise ZahirError(f"no weights are named '{name}'.{hint} Known: {', '.join(sorted(CATALOGUE))}.")
    return CATALOGUE[name]


def missing(name: str) -> list[str]:
    """Those of its files that are not here."""
    return [pattern for pattern in find(name).files if not any((root() / name).glob(pattern))]


def folder(name: str, place: Path | None = None) -> Path:
    """The folder that these weights are loaded from, or `place` where one is given; raises ZahirError where none is."""
    which = find(name)
    if place is not None:
        if not place.exists():
            raise ZahirError(f"{place}: there is no such file or folder. Expected {which.title}.")
        return place
    if absent := missing(name):
        some = f"{absent[0]} and {len(absent) - 1} more are" if len(absent) > 1 else f"{absent[0]} is"
        raise ZahirError(
            f"the weights of '{name}' ({which.title}) are not here: {some} missing in {root() / name}. "
            f"Get them: zahir models get {name}"
        )
    return root() / name / which.inside


def layout(name: str) -> Path:
    """A folder with the configuration and tokenizers of these weights: their own, or that of NAME-own, without any."""
    return folder(name) if not missing(name) or f"{name}-own" not in CATALOGUE else folder(f"{name}-own")


def space_of(name: str, place: Path | None = None) -> str:
    """The embedding space of these weights: what `zahir.json` beside them says, else the catalogue.

    Weights that somebody changed are another space than those they came from: {"space": "clip:mine"} says so.
    """
    where = place if place is not None else root() / name / find(name).inside
    note = (where if where.is_dir() else where.parent) / "zahir.json"
    if not note.is_file():
        return find(name).space
    try:
        space = json.loads(note.read_text())["space"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(f'it says no space ({error!r}). Expected {{"space": "a name"}}.', path=note) from error
    if not isinstance(space, str) or not space:
        raise BadData(f"space must be a name; got {space!r}.", path=note)
    return space


def with_needs(name: str) -> list[str]:
    """It, and all that it cannot work without, each once, in the order in which they are got."""
    order: dict[str, None] = {}
    for need in find(name).needs:
        order.update(dict.fromkeys(with_needs(need)))
    return [*order, *([] if name in order else [name])]


def get(name: str) -> Path:
    """Download what is missing of these weights, safetensors and small text files alone, and return their folder.

    Resumed where it broke off. Raises ZahirError when they cannot be had, with what to do.
    """
    which = find(name)
    try:
        from huggingface_hub import errors, snapshot_download

        broken = vars(errors)["HTTPError"]  # of whichever HTTP library it stands on
    except ImportError as error:
        raise MissingExtra("downloading weights", "diffusion") from error
    page = f"https://huggingface.co/{which.repository}"
    try:
        snapshot_download(
            which.repository, local_dir=root() / name, allow_patterns=list(which.files), ignore_patterns=_UNSAFE
        )
    except errors.GatedRepoError as error:
        raise ZahirError(
            f"{which.repository} wants its licence accepted: open {page}, accept it, then: hf auth login"
        ) from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, broken, OSError) as error:
        raise ZahirError(
            f"{which.repository}: {str(error).splitlines()[0]} Is there a network? What has come is kept; "
            f"give the same command again to go on, or copy the files of {page} to {root() / name}."
        ) from error
    return folder(name)
