"""Zahir's tastes in ComfyUI: load a file of `zahir taste export`, mix two, lead an IP-Adapter by them."""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
