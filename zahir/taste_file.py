"""A taste as a file that other tools can use: one safetensors file, or the same as JSON.

Knows nothing of people, models or the store. What it reads may come from anybody: sizes, names, types, shapes and
values are all checked, and whatever is wrong is BadData.
"""

from __future__ import annotations

import json
import math
import os
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from zahir.errors import BadData, ZahirError
from zahir.shell import Shell
from zahir.space import normalize
from zahir.strangers import unpack

Format = Literal["safetensors", "json"]

VERSION = "1"
_KEY = "zahir_taste"  # of the facts, in JSON
MAX_BYTES = 4 << 20
_MAX_DIM, _MAX_AXES, _MAX_NAME, _MAX_SPACE = 8192, 64, 80, 200
_AXES = 16  # of the doubt that are kept
_FACTS = ("version", "name", "space", "created", "doubt_rest", "norm", "radius")
_TENSORS = ("positive", "negative", "doubt_axes", "doubt_spreads", "mean", "ways", "ip_adapter_image_embeds")


@dataclass(frozen=True, eq=False)
class Reach:
    """What it takes to send a decoder to a taste: enough to turn the strength later, or to mix it with another taste.

    From `mean`, the mean of real embeddings, `ways` (the negative's, then the positive's) lead to where pictures of the
    taste lie: C^1/2 taste, C the covariance of real embeddings. See `zahir.shell.Shell`, which `points` agrees with.
    """

    mean: Float32[np.ndarray, "dim"]
    ways: Float32[np.ndarray, "2 dim"]
    norm: float  # how long real embeddings are
    radius: float  # how far from their mean they lie

    def points(self, strength: float = 1.0) -> Float32[np.ndarray, "2 dim"]:
        """Raw embeddings for the negative and the positive taste, as `Shell.points` of this strength has them.

        Where there is no negative, its row is zeros: what IP-Adapter pipelines are given for "nothing".
        """
        ways = self.ways.astype(np.float64)
        lengths = np.linalg.norm(ways, axis=1, keepdims=True)
        steps = ways * np.minimum(self.radius / np.maximum(lengths, 1e-12), np.sqrt(ways.shape[1]))
        return normalize(self.mean + strength * steps) * np.float32(self.norm) * (lengths > 0)


@dataclass(frozen=True, eq=False)
class TasteFile:
    """A taste that travels. Tastes are unit directions of `space`; a `negative` of zeros is none.

    The doubt about the taste is a Gaussian around it: standard deviation `doubt_spreads[j]` along `doubt_axes[j]`
    (orthonormal), `doubt_rest` along every direction across them; all 0 where nothing is known of it.
    """

    name: str
    space: str
    positive: Float32[np.ndarray, "dim"]
    negative: Float32[np.ndarray, "dim"]
    doubt_axes: Float32[np.ndarray, "k dim"]
    doubt_spreads: Float32[np.ndarray, "k"]
    doubt_rest: float
    created: int  # seconds since 1970, UTC
    reach: Reach | None = None  # of spaces that decoders read; the studio's has none

    @staticmethod
    def of(
        name: str,
        space: str,
        positive: Float[np.ndarray, "dim"],
        *,
        negative: Float[np.ndarray, "dim"] | None = None,
        draws: Float[np.ndarray, "n dim"] | None = None,
        shell: Shell | None = None,
        created: int | None = None,
    ) -> TasteFile:
        """Put a taste into a file's form.

        `draws` from its posterior (64 or more, in the model's own length) say how sure it is; `shell` is the space's,
        where decoders read it. Raises ValueError for a taste of zeros, for a name without a letter, and for a shell of
        another space.
        """
        taste = normalize(np.stack([positive, np.zeros_like(positive) if negative is None else negative]))
        if not taste[0].any() or not np.isfinite(taste).all():
            raise ValueError("a taste must be finite and not all zeros. Rate something first.")
        if not cleaned(name):
            raise ValueError(f"a taste needs a name with something to read; got {name!r}.")
        axes, spreads, rest = _doubt(np.zeros((0, taste.shape[1])) if draws is None else draws)
        reach = None
        if shell is not None:
            if shell.space != space:
                raise ValueError(f"the shell is of space '{shell.space}', the taste of '{space}'. Give the same.")
            reach = Reach(shell.mean, shell.ways(taste[::-1]), shell.norm, shell.radius)
        when = int(time.time()) if created is None else created
        return TasteFile(cleaned(name), space, taste[0], taste[1], axes, spreads, rest, when, reach)

    @property
    def dim(self) -> int:
        return len(self.positive)


def to_bytes(taste: TasteFile, kind: Format = "safetensors") -> bytes:
    """The file's content. Tensors are float32; `ip_adapter_image_embeds` (2, 1, dim) is there where `reach` is."""
    from safetensors.numpy import save

    tensors = {name: getattr(taste, name) for name in ("positive", "negative", "doubt_axes", "doubt_spreads")}
    facts = {
        "version": VERSION, "name": taste.name, "space": taste.space, "created": str(taste.created),
        "doubt_rest": repr(float(taste.doubt_rest)),
    }  # fmt: skip
    if taste.reach is not None:
        tensors |= {"mean": taste.reach.mean, "ways": taste.reach.ways}
        tensors["ip_adapter_image_embeds"] = taste.reach.points()[:, None]
        facts |= {"norm": repr(float(taste.reach.norm)), "radius": repr(float(taste.reach.radius))}
    tensors = {name: np.ascontiguousarray(array, "<f4") for name, array in tensors.items()}
    if kind == "safetensors":
        return save(tensors, metadata=facts)
    # by way of text: the shortest decimals that are this float32 again
    lists = {name: array.astype(str).astype(float).tolist() for name, array in tensors.items()}
    return (json.dumps({_KEY: facts, **lists}, ensure_ascii=False) + "\n").encode()


def write(path: Path, taste: TasteFile, kind: Format = "safetensors") -> None:
    """Write the file, aside first and then renamed into place."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(to_bytes(taste, kind))
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ZahirError(
            f"{path} cannot be written ({error.strerror}). Name a file in a folder that is there."
        ) from error


def read(path: Path) -> TasteFile:
    """Read a taste of either form, whoever wrote it; raises BadData for everything that is none."""
    if not path.is_file():  # nor anything that never ends
        raise BadData("there is no such file.", path=path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return from_bytes(data)
    except BadData as error:
        raise BadData(str(error), path=path) from error


def from_bytes(data: bytes) -> TasteFile:
    """What `read` makes of a file's content."""
    if len(data) > MAX_BYTES:
        raise BadData(f"more than {MAX_BYTES:,} bytes. A taste is smaller: export it again.")
    arrays, facts = unpack(data, arrays=_TENSORS, facts=_FACTS, key=_KEY)
    if facts.get("version") != VERSION:
        raise BadData(f"a taste of version {facts.get('version')!r:.20}; this Zahir reads {VERSION}. Update it.")
    name, space = cleaned(facts.get("name", "")), facts.get("space", "")
    if not name:
        raise BadData("the taste has no name that can be read.")
    if not 0 < len(space) <= _MAX_SPACE or not space.isascii() or not space.isprintable() or " " in space:
        raise BadData(f"no name of a space: {space[:40]!r}.")
    arrays = _shaped(arrays)
    return TasteFile(
        name,
        space,
        arrays["positive"],
        arrays["negative"],
        arrays["doubt_axes"],
        arrays["doubt_spreads"],
        _number(facts, "doubt_rest", 0.0, 1e6),
        int(_number(facts, "created", 0.0, 2.0**40)),
        _reach(facts, arrays),
    )


def cleaned(name: str) -> str:
    """A name that does no harm on a terminal or a page: one line of printable characters, 80 at most."""
    kept = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in unicodedata.normalize("NFC", name))
    return " ".join(kept.split())[:_MAX_NAME].strip()


def _doubt(draws: Float[np.ndarray, "n dim"]) -> tuple[np.ndarray, np.ndarray, float]:
    """Axes, spreads and the rest of a cloud of tastes, in units of the length of its mean."""
    rows = np.asarray(draws, np.float64)
    n, dim = rows.shape
    if n < 2:
        return np.zeros((0, dim), np.float32), np.zeros(0, np.float32), 0.0
    mean = rows.mean(axis=0)
    _, singular, directions = np.linalg.svd((rows - mean) / max(np.linalg.norm(mean), 1e-12), full_matrices=False)
    variances = singular**2 / (n - 1)
    k = min(_AXES, n - 1, dim - 1)
    rest = math.sqrt(variances[k:].sum() / (dim - k))
    return directions[:k].astype(np.float32), np.sqrt(variances[:k]).astype(np.float32), rest


def _shaped(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All that a taste must have, of shapes that fit together; tastes of unit length, spreads of none below zero."""
    missing = [name for name in ("positive", "negative", "doubt_axes", "doubt_spreads") if name not in arrays]
    if missing:
        raise BadData(f"no {' and no '.join(missing)}.")
    dim, k = arrays["positive"].size, arrays["doubt_spreads"].size
    if not 2 <= dim <= _MAX_DIM:
        raise BadData(f"a taste {dim} numbers wide; expected 2 to {_MAX_DIM}.")
    if k > min(_MAX_AXES, dim):
        raise BadData(f"{k} axes of doubt; expected {min(_MAX_AXES, dim)} at most.")
    if k == 0 == arrays["doubt_axes"].size:  # of no axes, JSON cannot say how wide they would be
        arrays["doubt_axes"] = np.zeros((0, dim), np.float32)
    shapes = {
        "positive": (dim,), "negative": (dim,), "doubt_axes": (k, dim), "doubt_spreads": (k,), "mean": (dim,),
        "ways": (2, dim), "ip_adapter_image_embeds": (2, 1, dim),
    }  # fmt: skip
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise BadData(f"'{name}' has shape {array.shape}; expected {shapes[name]}.")
    for name, lengths in (("positive", (1.0,)), ("negative", (0.0, 1.0))):
        length = float(np.linalg.norm(arrays[name].astype(np.float64)))
        if min(abs(length - each) for each in lengths) > 0.01:
            raise BadData(f"'{name}' has length {length:.3g}; expected {' or '.join(map(str, lengths))}.")
    if (arrays["doubt_spreads"] < 0).any():
        raise BadData("a spread of doubt is negative.")
    return arrays


def _reach(facts: dict[str, str], arrays: dict[str, np.ndarray]) -> Reach | None:
    wanted = ("mean", "ways", "ip_adapter_image_embeds")
    there = [name for name in wanted if name in arrays] + [name for name in ("norm", "radius") if name in facts]
    if not there:
        return None
    if len(there) < 5:
        raise BadData(f"of mean, ways, embeddings, norm and radius it has only {', '.join(there)}. Export it again.")
    norm, radius = (_number(facts, name, 1e-6, 1e6) for name in ("norm", "radius"))
    reach = Reach(arrays["mean"], arrays["ways"], norm, radius)
    if reach.ways[1].any() and bool(reach.ways[0].any()) == bool(arrays["negative"].any()):
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(reach.points() - arrays["ip_adapter_image_embeds"][:, 0]).max()
        if apart <= 1e-2 * norm:
            return reach
    raise BadData("its embeddings are not where its taste leads. Export it again.")


def _number(facts: dict[str, str], name: str, least: float, most: float) -> float:
    try:
        value = float(facts.get(name, ""))
    except ValueError as error:
        raise BadData(f"'{name}' is {facts.get(name)!r:.40}; expected a number.") from error
    if not least <= value <= most:
        raise BadData(f"'{name}' is {value:g}; expected {least:g} to {most:g}.")
    return value
