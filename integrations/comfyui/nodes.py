"""The nodes: load a taste from input/zahir, mix two, and hand them to the nodes of ComfyUI_IPAdapter_plus as EMBEDS."""

from __future__ import annotations

import hashlib
import os

import folder_paths

from .tastes import mix, points, read

FOLDER = "zahir"


def _folder() -> str:
    return os.path.join(folder_paths.get_input_directory(), FOLDER)


def _files() -> list[str]:
    there = os.listdir(_folder()) if os.path.isdir(_folder()) else []
    return sorted(name for name in there if name.endswith(".safetensors"))


def _path(name: str) -> str:
    """Where a listed file is; a name that is not listed, such as one that leaves the folder, is refused."""
    if name not in _files():
        raise ValueError(f"there is no {name!r} in {_folder()}. Put a file of `zahir taste export` there.")
    return os.path.join(_folder(), name)


class ZahirLoadTaste:
    """A taste from a file."""

    CATEGORY = "zahir"
    DESCRIPTION = "Load a taste that `zahir taste export` wrote, from the folder input/zahir."
    RETURN_TYPES = ("ZAHIR_TASTE",)
    RETURN_NAMES = ("taste",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"file": (_files(), {"tooltip": "a .safetensors file in input/zahir"})}}

    @classmethod
    def VALIDATE_INPUTS(cls, file):
        try:
            read(_path(file))
        except (ValueError, OSError) as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, file):
        with open(_path(file), "rb") as opened:
            return hashlib.sha256(opened.read()).hexdigest()

    def load(self, file):
        return (read(_path(file)),)


class ZahirMixTastes:
    """Two tastes at once."""

    CATEGORY = "zahir"
    DESCRIPTION = "Mix two tastes of one space, such as yours and a friend's."
    RETURN_TYPES = ("ZAHIR_TASTE",)
    RETURN_NAMES = ("taste",)
    FUNCTION = "mix"

    @classmethod
    def INPUT_TYPES(cls):
        share = {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.05, "tooltip": "of the other one"}
        return {"required": {"taste": ("ZAHIR_TASTE",), "other": ("ZAHIR_TASTE",), "share": ("FLOAT", share)}}

    def mix(self, taste, other, share):
        return (mix(taste, other, share),)


class ZahirTasteEmbeds:
    """A taste as what an IP-Adapter is led by."""

    CATEGORY = "zahir"
    DESCRIPTION = "Turn a taste into embeddings. Connect both to the node IPAdapter Embeds; no image is needed."
    RETURN_TYPES = ("EMBEDS", "EMBEDS")
    RETURN_NAMES = ("pos_embed", "neg_embed")
    FUNCTION = "embeds"

    @classmethod
    def INPUT_TYPES(cls):
        dial = {"default": 1.0, "min": 0.0, "max": 2.0, "step": 0.05}
        return {
            "required": {
                "taste": ("ZAHIR_TASTE",),
                "strength": ("FLOAT", {**dial, "tooltip": "0 is the average picture, 1 the taste"}),
                "negative_strength": ("FLOAT", {**dial, "tooltip": "of the negative in the file; 0 is none"}),
            }
        }

    def embeds(self, taste, strength, negative_strength):
        return points(taste, strength, negative_strength)


NODE_CLASS_MAPPINGS = {node.__name__: node for node in (ZahirLoadTaste, ZahirMixTastes, ZahirTasteEmbeds)}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ZahirLoadTaste": "Zahir: load taste",
    "ZahirMixTastes": "Zahir: mix tastes",
    "ZahirTasteEmbeds": "Zahir: taste to embeds",
}
