"""Fit the shell that the package brings, of the space of CLIP ViT-bigG/14, to the embeddings of Blue Tigers.

    python runs/shell.py FOLDER

FOLDER has item_embeddings.npz, as the layout of `zahir.datasets.blue_tigers` says: raw embeddings of 713 middle frames
of generated clips. What is kept are statistics: the mean, 64 axes and their spreads, and the spread of lengths. It
prints what the shell is worth: how likely and how far out pictures held out are, and where tastes are sent.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from zahir.generate.loading import SHELLS
from zahir.models import BIGG
from zahir.shell import Shell, file_name
from zahir.space import normalize


def distance(shell: Shell, rows: np.ndarray) -> np.ndarray:
    """Mahalanobis distance under the shell, divided by sqrt(dim): a typical picture is at 1."""
    apart = np.asarray(rows, np.float64) - shell.mean
    along = apart @ shell.axes.T
    across = np.maximum(np.sum(apart**2, axis=1) - np.sum(along**2, axis=1), 0)
    return np.sqrt((np.sum((along / shell.spreads) ** 2, axis=1) + across / shell.rest**2) / shell.dim)


def likelihood(shell: Shell, rows: np.ndarray) -> float:
    """Mean log likelihood of rows, in nats per dimension, without its constant."""
    logs = 2 * np.log(shell.spreads).sum() + 2 * (shell.dim - len(shell.spreads)) * np.log(shell.rest)
    return float(np.mean(-0.5 * (distance(shell, rows) ** 2 + logs / shell.dim)))


def main(folder: Path) -> None:
    with np.load(folder / "item_embeddings.npz") as file:
        rows = file["embeddings"].astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1)
    print(f"{len(rows)} embeddings, lengths {lengths.mean():.2f} +- {lengths.std():.2f}")
    order = np.random.default_rng(0).permutation(len(rows))
    seen, held = rows[order[: len(rows) * 3 // 4]], rows[order[len(rows) * 3 // 4 :]]
    shell = Shell.of(BIGG, seen)
    print(f"held out: likelihood {likelihood(shell, held):.4f}, distance (5, 50, 95 %)", _three(distance(shell, held)))
    rng = np.random.default_rng(1)
    some = rng.standard_normal((200, len(held))) * (rng.random((200, len(held))) < 0.1)
    kinds = {
        "what some pictures share": normalize(some @ (held - held.mean(axis=0))),
        "any direction": normalize(rng.standard_normal((200, shell.dim))),
    }
    for kind, tastes in kinds.items():
        for strength in (0.0, 0.5, 1.0, 2.0):
            points = shell.points(tastes, strength)
            near = np.median(np.sum(normalize(points) * tastes, axis=1))
            print(f"{kind}, strength {strength}: distance {_three(distance(shell, points))}, cosine {near:.3f}")
    path = SHELLS / file_name(BIGG)
    Shell.of(BIGG, rows).save(path)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def _three(values: np.ndarray) -> str:
    return " ".join(f"{value:.2f}" for value in np.quantile(values, [0.05, 0.5, 0.95]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
