"""Where the embeddings of real pictures lie in a space: their mean, how they vary, and the shell of their lengths.

Decoders were trained on such points and on nothing else. Knows nothing of decoders, nor of whose taste it is given.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from zahir.errors import BadData
from zahir.space import normalize

_AXES = 64  # by likelihood of held-out pictures of the 713 that the package's own was fitted on; 32 and 96 are worse
_EACH = 8  # pictures an axis at least: fewer and its spread is their chance
_FEW = 16
_LARGEST = 64 << 20  # bytes of a file that is read


@dataclass(frozen=True, eq=False)
class Shell:
    """The cloud of raw (not normalised) embeddings of real pictures.

    A Gaussian of mean `mean` and standard deviation `spreads[j]` along `axes[j]` (orthonormal), `rest` along every
    direction across them (probabilistic principal components, Tipping and Bishop 1999); lengths are `norm` +-
    `norm_spread`.
    """

    space: str
    mean: Float32[np.ndarray, "dim"]
    axes: Float32[np.ndarray, "k dim"]
    spreads: Float32[np.ndarray, "k"]
    rest: float
    norm: float
    norm_spread: float

    @staticmethod
    def of(space: str, embeddings: Float[np.ndarray, "n dim"]) -> Shell:
        """Fit to raw embeddings of real pictures: 16 at least, some thousands for a good one.

        Raises ValueError for fewer, for values that are not finite, and for unit rows, which have lost their lengths.
        """
        rows = np.asarray(embeddings, np.float64)
        if rows.ndim != 2 or len(rows) < _FEW or not np.isfinite(rows).all():
            raise ValueError(f"a shell needs {_FEW} finite embeddings or more; got shape {rows.shape}.")
        lengths = np.linalg.norm(rows, axis=1)
        if lengths.std() < 1e-4 * lengths.mean():
            raise ValueError("all embeddings have the same length. Expected raw ones, before they are normalised.")
        mean, (n, dim) = rows.mean(axis=0), rows.shape
        _, singular, directions = np.linalg.svd(rows - mean, full_matrices=False)
        variances = singular**2 / (n - 1)
        k = max(1, min(_AXES, n // _EACH, dim - 1))
        rest = np.sqrt(max(variances[k:].sum() / (dim - k), 1e-12 * variances[0]))
        return Shell(
            space,
            mean.astype(np.float32),
            directions[:k].astype(np.float32),
            np.sqrt(variances[:k]).astype(np.float32),
            float(rest),
            float(lengths.mean()),
            float(lengths.std()),
        )

    @property
    def dim(self) -> int:
        return len(self.mean)

    @property
    def radius(self) -> float:
        """How far from the mean a picture lies, typically."""
        return float(np.sqrt(np.sum(np.float64(self.spreads) ** 2) + (self.dim - len(self.spreads)) * self.rest**2))

    def ways(self, tastes: Float[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        """C^1/2 taste, C the cloud's covariance: where the unit taste points and pictures vary. Linear in the taste."""
        unit = normalize(tastes).astype(np.float64)
        along = unit @ self.axes.T.astype(np.float64)
        return (self.rest * unit + (along * (self.spreads - self.rest)) @ self.axes).astype(np.float32)

    def steps(self, tastes: Float[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        """From the mean to where a picture of each taste lies.

        Along `ways`, as long as pictures are far from the mean (`radius`), or shorter where that would be rarer than a
        typical picture is: sqrt(dim) standard deviations. A row of zeros makes no step.
        """
        ways = self.ways(tastes).astype(np.float64)
        lengths = np.linalg.norm(ways, axis=1, keepdims=True)
        longest = np.minimum(self.radius / np.maximum(lengths, 1e-12), np.sqrt(self.dim))
        return (ways * longest).astype(np.float32)

    def points(
        self,
        tastes: Float[np.ndarray, "n dim"],
        strength: float = 1.0,
        *,
        start: Float[np.ndarray, "n dim"] | None = None,
    ) -> Float32[np.ndarray, "n dim"]:
        """Where decoders can be sent for these tastes: start + strength x step, brought to the shell of lengths.

        `start` is the mean, or raw embeddings (of a prompt's prior, say) that are to be moved. `strength` 0 gives the
        start itself, 1 the point as far out as pictures are; the tastes' own lengths do not matter.
        """
        if tastes.ndim != 2 or tastes.shape[1] != self.dim:
            raise ValueError(f"tastes must have shape (n, {self.dim}) in space '{self.space}'; got {tastes.shape}.")
        origin = self.mean[None] if start is None else start
        return normalize(origin + strength * self.steps(tastes)) * np.float32(self.norm)

    def save(self, path: Path) -> None:
        """Write one safetensors file, vectors as float16, aside first and then renamed into place."""
        from safetensors.numpy import save

        half = {
            "mean": self.mean.astype(np.float16),
            "axes": self.axes.astype(np.float16),
            "spreads": self.spreads.astype(np.float16),
        }
        facts = {"space": self.space, **{k: repr(getattr(self, k)) for k in ("rest", "norm", "norm_spread")}}
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}.part")
        aside.write_bytes(save(half, metadata=facts))
        os.replace(aside, path)

    @staticmethod
    def load(path: Path) -> Shell:
        """Read what `save` wrote; raises BadData for anything else."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            if path.stat().st_size > _LARGEST:
                raise BadData(f"{path.stat().st_size:,} bytes. Expected a shell, {_LARGEST:,} at most.", path=path)
            data = path.read_bytes()
            arrays = {name: array.astype(np.float32) for name, array in load(data).items()}
            facts: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
            shell = Shell(
                str(facts["space"]),
                arrays["mean"],
                arrays["axes"],
                arrays["spreads"],
                *(float(facts[name]) for name in ("rest", "norm", "norm_spread")),
            )
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise BadData(
                f"not a shell ({type(error).__name__}: {error}). Make one: zahir models shell NAME --pictures FOLDER",
                path=path,
            ) from error
        if shell.axes.shape != (len(shell.spreads), shell.dim) or not _sane(shell):
            raise BadData("its parts do not fit together. Make it again: zahir models shell", path=path)
        return shell


def file_name(space: str) -> str:
    """What the shell of a space is called where shells are kept."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", space).strip("-.") + ".safetensors"


def _sane(shell: Shell) -> bool:
    arrays = (shell.mean, shell.axes, shell.spreads, np.array([shell.rest, shell.norm, shell.norm_spread]))
    return all(np.isfinite(array).all() for array in arrays) and min(shell.rest, shell.norm, *shell.spreads) > 0
