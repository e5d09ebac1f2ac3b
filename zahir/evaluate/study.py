"""The simulation's table: the loop beside what it must beat, on hidden directions and on tastes of pixels.

Parts are found by their plugin names, so that each row can run in a process of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from zahir.errors import ZahirError
from zahir.evaluate.raters import PIXEL_TASTES, Rater, direction_rater, pixel_rater
from zahir.evaluate.simulate import Library, Outcome, Source, random_library, simulate
from zahir.media import Media, contact_sheet
from zahir.plugins import make

ROWS: dict[str, tuple[Source, str]] = {
    "loop": ("loop", "gaussian"),
    "stopped after calibration": ("stopped", "gaussian"),
    "best of random": ("random", "gaussian"),
    "retrieval": ("library", "gaussian"),
    "SVM direction": ("loop", "svm"),
    "mean-difference direction": ("loop", "mean-difference"),
    "principal components": ("loop", "principal-components"),
}
KINDS = ("direction", "pixels")


@dataclass(frozen=True)
class Line:
    """One row of the table for one taste; gains in standard deviations of random pictures, by round."""

    taste: str
    row: str
    gain: list[float]
    error: float  # standard error of the last round's gain, over people
    within: list[float]  # mean cosine between the pictures of one batch, by round
    between: float  # mean cosine between two people's pictures of the last round, all tastes of this kind


def study(
    *,
    people: int = 10,
    rounds: int = 5,
    per_round: int = 12,
    calibration: int = 40,
    library: int = 1000,
    tastes: Sequence[str] = KINDS,
    rows: Sequence[str] | None = None,
    seed: int = 0,
    jobs: int = 1,
    sheets: Path | None = None,
    generator: str = "studio",
    encoder: str = "studio",
) -> list[Line]:
    """Run every row on every kind of taste; `jobs` processes share the work."""
    chosen = list(ROWS) if rows is None else [_known(row, ROWS) for row in rows]
    kinds = [_known(kind, KINDS) for kind in tastes]
    if calibration >= library:
        raise ZahirError(
            f"calibration {calibration} needs a larger library than {library}: each picture is rated once."
        )
    pool = random_library(make("generators", generator), make("encoders", encoder), library, seed=seed)
    plan: dict[str, Any] = {"rounds": rounds, "per_round": per_round, "calibration": calibration, "seed": seed}
    tasks = [(kind, row, people, pool, plan, generator, encoder, sheets) for kind in kinds for row in chosen]
    if jobs == 1:
        return [line for task in tasks for line in _run(*task)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_one_thread) as pools:
        return [line for lines in pools.map(_run, *zip(*tasks)) for line in lines]


def print_study(lines: Sequence[Line], *, as_json: bool = False) -> None:
    """One table per taste for people, one JSON list for machines."""
    if as_json:
        print(json.dumps([vars(line) for line in lines], indent=1))
        return
    console = Console(width=140)
    for taste in dict.fromkeys(line.taste for line in lines):
        mine = [line for line in lines if line.taste == taste]
        table = Table(title=f"taste: {taste} (gain in standard deviations of random pictures)", title_justify="left")
        for name in (
            "row",
            *(f"round {k + 1}" for k in range(len(mine[0].gain))),
            "± error",
            "cosine in a batch",
            "between people",
        ):
            table.add_column(name, justify="left" if name == "row" else "right")
        for line in mine:
            gains = [f"{value:.2f}" for value in line.gain]
            table.add_row(line.row, *gains, f"{line.error:.2f}", f"{line.within[-1]:.2f}", f"{line.between:.2f}")
        console.print(table)


def _known(name: str, names: Any) -> str:
    if name not in names:
        raise ZahirError(f"no '{name}' here. Known: {', '.join(names)}.")
    return name


def _run(
    kind: str,
    row: str,
    people: int,
    pool: Library,
    plan: dict[str, Any],
    generator: str,
    encoder: str,
    sheets: Path | None,
) -> list[Line]:
    source, model = ROWS[row]
    raters = _raters(kind, people, pool, plan["seed"])
    outcome = simulate(
        raters,
        encoder=make("encoders", encoder),
        generator=make("generators", generator),
        model=lambda: make("taste_models", model),
        library=pool,
        source=source,
        **plan,
    )
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        _sheet(outcome, raters).to_png(sheets / f"{kind}-{row.replace(' ', '-')}.png")
    lines = []
    for taste in dict.fromkeys(rater.taste for rater in raters):
        mine = [k for k, rater in enumerate(raters) if rater.taste == taste]
        gain, within = outcome.gain[mine], outcome.within[mine]
        error = float(gain[:, -1].std(ddof=1) / np.sqrt(len(mine))) if len(mine) > 1 else float("nan")
        lines.append(Line(taste, row, gain.mean(axis=0).tolist(), error, within.mean(axis=0).tolist(), outcome.between))
    return lines


def _raters(kind: str, people: int, pool: Library, seed: int) -> list[Rater]:
    if kind == "direction":
        rng = np.random.default_rng(seed + 1)
        return [direction_rater(pool.embeddings, rng) for _ in range(people)]
    return [rater for taste in PIXEL_TASTES for rater in [pixel_rater(taste, pool.media)] * people]


def _sheet(outcome: Outcome, raters: Sequence[Rater]) -> Media:
    """One row of pictures for the first person of each taste, or for ten people of one."""
    tastes = list(dict.fromkeys(rater.taste for rater in raters))
    first = [[rater.taste for rater in raters].index(taste) for taste in tastes]
    which = first if len(tastes) > 1 else list(range(min(10, len(raters))))
    media = [each for k in which for each in outcome.shown[k]]
    return Media.image(contact_sheet(media, columns=len(outcome.shown[0]), side=128, gap=4))


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
