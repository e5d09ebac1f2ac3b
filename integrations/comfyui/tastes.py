"""Taste files, and the points that they lead a decoder to; PyTorch and safetensors alone.

Knows nothing of ComfyUI. The file may come from anybody: its size, names, shapes and values are checked.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open

MAX_BYTES = 4 << 20
VERSION = "1"


class Taste(NamedTuple):
    """The negative (first) and the positive taste of a space, and what leads from them to embeddings."""

    space: str
    tastes: torch.Tensor  # (2, dim): unit rows; zeros where there is no negative
    ways: torch.Tensor  # (2, dim): C^1/2 taste, C the covariance of real pictures' embeddings
    mean: torch.Tensor  # (dim,): of real pictures' embeddings
    norm: float  # how long these are
    radius: float  # how far from their mean they lie


def read(path: str) -> Taste:
    """Read a file of `zahir taste export`; raises ValueError that says what is wrong with it."""
    if os.path.getsize(path) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes: this is no taste.")
    try:
        with safe_open(path, framework="pt") as file:
            facts, names = file.metadata() or {}, set(file.keys())
            if facts.get("version") != VERSION or "positive" not in names:
                raise ValueError("no taste that this node reads. Export it again: zahir taste export.")
            if not {"mean", "ways", "negative"} <= names:
                raise ValueError(f"a taste of space '{facts.get('space')}', which no IP-Adapter reads.")
            parts = {name: file.get_tensor(name).float() for name in ("positive", "negative", "ways", "mean")}
            norm, radius = float(facts.get("norm", "nan")), float(facts.get("radius", "nan"))
    except SafetensorError as error:
        raise ValueError(f"not a safetensors file ({error}).") from error
    dim = parts["mean"].numel()
    shapes = {"positive": (dim,), "negative": (dim,), "ways": (2, dim), "mean": (dim,)}
    sound = all(parts[name].shape == shape and parts[name].isfinite().all() for name, shape in shapes.items())
    if not sound or not (0 < norm < math.inf and 0 < radius < math.inf) or not parts["ways"][1].any():
        raise ValueError("its parts do not fit together. Export it again: zahir taste export.")
    both = torch.stack([parts["negative"], parts["positive"]])
    return Taste(str(facts.get("space")), both, parts["ways"], parts["mean"], norm, radius)


def mix(one: Taste, other: Taste, share: float) -> Taste:
    """Both tastes at once, with this share in [0, 1] of the other; raises ValueError where they cannot be mixed."""
    if one.space != other.space or one.mean.shape != other.mean.shape:
        raise ValueError(f"tastes of '{one.space}' and of '{other.space}' cannot be mixed. Export both of one space.")
    tastes = (1 - share) * one.tastes + share * other.tastes
    ways = (1 - share) * one.ways + share * other.ways  # they are linear in the tastes
    lengths = tastes.norm(dim=1, keepdim=True)
    if lengths[1] < 1e-3:
        raise ValueError("these tastes are opposites: half of each is nothing. Take another share.")
    scale = torch.where(lengths > 1e-3, 1 / lengths.clamp_min(1e-3), torch.zeros_like(lengths))
    return one._replace(tastes=tastes * scale, ways=ways * scale)


def points(taste: Taste, strength: float, negative_strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (1, dim) for the positive and the negative taste, as long as real ones are.

    Strength 0 is the mean of real pictures, 1 as far out as these are. No negative, or one of strength 0, is zeros:
    what an IP-Adapter was trained to take for nothing.
    """
    ways = taste.ways.double()
    lengths = ways.norm(dim=1, keepdim=True)
    steps = ways * (taste.radius / lengths.clamp_min(1e-12)).clamp_max(math.sqrt(ways.shape[1]))
    strengths = torch.tensor([[negative_strength], [strength]], dtype=torch.float64)
    both = torch.nn.functional.normalize(taste.mean.double() + strengths * steps, dim=1) * taste.norm
    if negative_strength == 0 or not taste.ways[0].any():
        both[0] = 0
    return both[1:].float(), both[:1].float()
