"""A studio picture's recipe, genome and seed, in the details of its origin and back.

Knows nothing of pixels. Origins come out of uploaded files: whatever is read here is checked.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
from jaxtyping import Float32

from zahir.errors import BadData
from zahir.media import Origin

NAME = "studio"


def is_studio(origin: Origin) -> bool:
    """Whether the medium says that the studio made it."""
    return origin.generator == NAME


def write(genome: Float32[np.ndarray, "genome"], seed: int) -> dict[str, Any]:
    """JSON values for `Origin.details`; the genome as base64 of little-endian float32, exact."""
    return {"genome": base64.b64encode(genome.astype("<f4").tobytes()).decode(), "seed": int(seed)}


def read(origin: Origin) -> tuple[Float32[np.ndarray, "genome"], int]:
    """The genome and seed that `write` put there; raises BadData for anything else."""
    from zahir.studio.genome import DIM

    if not is_studio(origin):
        raise BadData(f"made by {origin.generator or 'nobody here'!r}, not by the studio: it cannot be made again.")
    text, seed = origin.details.get("genome"), origin.details.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise BadData(f"the origin's seed is {seed!r}; expected a whole number from 0 to 2^63 - 1.")
    try:
        raw = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadData(f"the origin's genome is not base64: {str(text)[:40]!r}.") from error
    if len(raw) != 4 * DIM:
        raise BadData(f"the origin's genome holds {len(raw)} bytes; expected {4 * DIM} ({DIM} float32).")
    genome = np.frombuffer(raw, "<f4").astype(np.float32)
    if not np.isfinite(genome).all():
        raise BadData("the origin's genome holds numbers that are not finite.")
    return genome, seed
