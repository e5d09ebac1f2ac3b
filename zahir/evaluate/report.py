"""Figures as tables for people and JSON for machines.

Knows nothing of how they were measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from zahir.evaluate.compare import Row
from zahir.evaluate.few_shot import ALL, AT, OTHERS, OWN, Point
from zahir.evaluate.metrics import Interval
from zahir.evaluate.parts import PARTS, Part
from zahir.evaluate.planted import Recovery
from zahir.interactions import Dataset

LABELS: Mapping[str, str] = {"one-taste": "one taste for all + item bias"}


def show_compared(rows: Sequence[Row], *, data: Dataset, seeds: int, folds: int, as_json: bool) -> None:
    """Print one table, warm rows and then cold ones, or JSON."""
    table = data.interactions.latest()
    people = len(np.unique(table.users))
    if as_json:
        about = {"people": people, "items": table.num_items, "ratings": len(table), "seeds": seeds, "folds": folds}
        print(_json(rows, **about, space=data.space))
        return
    graded = any(row.spearman is not None for row in rows)
    gain = any(row.gain is not None for row in rows)
    columns = ["AUC within person", "weighted by ratings", "pooled AUC"]
    columns += ["Spearman"] * graded + ["gain over one taste"] * gain + ["people alike", "fit, s"]
    out = Table("", "", *columns, box=SIMPLE_HEAD)
    for k, row in enumerate(rows):
        first = k == 0 or rows[k - 1].split != row.split
        if first and k:
            out.add_section()
        figures = [row.auc, row.auc_weighted, row.pooled, *[row.spearman] * graded, *[row.gain] * gain]
        rest = ["", ""] if row.swapped else [_short(row.cosine), f"{row.seconds:.2f}"]
        name = "  swapped person" if row.swapped else _label(row)
        out.add_row(row.split if first else "", name, *map(_with_interval, figures), *rest)
    _print(
        out,
        f"{len(table):,} ratings by {people} people, {seeds} seeds x {folds} folds; [95 % interval over people]. "
        "warm: ratings held out; cold: items held out. "
        "swapped person: each person's items by another person's taste. "
        "people alike: median cosine between two people's tastes; near 1, all are shown the same."
        + "".join(f"\n{row.model}, first {row.split} fit: {row.why}." for row in rows if row.why and not row.swapped),
    )


def show_recovered(rows: Sequence[Recovery], *, seeds: int, as_json: bool) -> None:
    """Print one table, a section per kind of population, or JSON."""
    if as_json:
        print(_json(rows, seeds=seeds))
        return
    out = Table(
        "population",
        "",
        "agreement",
        "swapped",
        "cosine to truth",
        "people alike",
        "truly",
        "shared share",
        box=SIMPLE_HEAD,
    )
    for k, row in enumerate(rows):
        first = k == 0 or rows[k - 1].population != row.population
        if first and k:
            out.add_section()
        figures = [row.swapped, row.taste, row.alike, row.truly_alike, row.shared]
        name = LABELS.get(row.model, row.model)
        out.add_row(row.population if first else "", name, _with_interval(row.agreement), *map(_short, figures))
    _print(
        out,
        f"50 people, {seeds} draws. agreement: correlation of a person's scores with their true liking of all "
        "pictures, mean over people [95 % interval]; swapped: with another person's scores. "
        "people alike: median cosine between two people's learned tastes; truly: between their true ones.",
    )


def show_few_shot(points: Sequence[Point], *, seeds: int, as_json: bool) -> None:
    """Print one table per curve, a line per model, or JSON."""
    if as_json:
        print(_json(points, seeds=seeds))
        return
    for title, split, ends, last in _CURVES:
        out = Table(title, *(name for name, _ in ends), last, box=SIMPLE_HEAD)
        found = {(point.model, point.own, point.others): point for point in points if point.split == split}
        for model in dict.fromkeys(point.model for point in points):
            line = {name: found[model, *end] for name, end in ends}
            gain = line[last.split()[2]].gain
            out.add_row(
                LABELS.get(model, model),
                *(_with_interval(each.auc_weighted) for each in line.values()),
                _with_interval(gain),
            )
        _print(out)
    print(
        f"AUC within a person, newcomers weighted by held-out ratings, {seeds} draws; [95 % interval over newcomers]. "
        "One person at a time is the newcomer, the others are known whole; the same pictures are tested along a line."
    )


_CURVES = [
    (f"{split}, own ratings:", split, [(str(own), (own, ALL)) for own in OWN], f"gain of {OWN[-1]} over 0")
    for split in ("warm", "cold")
] + [
    (
        f"cold, {AT} own ratings, others known:",
        "cold",
        [(str(others), (AT, others)) for others in OTHERS] + [("all", (AT, ALL))],
        f"gain of {OTHERS[-1]} over 0",
    )
]


def show_parts(
    rows: Sequence[Row], *, seeds: int, folds: int, as_json: bool, parts: Mapping[str, Part] = PARTS
) -> None:
    """Print a line per part, warm beside cold, or JSON."""
    if as_json:
        print(_json(rows, seeds=seeds, folds=folds))
        return
    found = {(row.split, row.model): row for row in rows if not row.swapped}
    swapped = {(row.split, row.model): row.auc_weighted.value for row in rows if row.swapped}
    columns = [f"{split}{each}" for split in ("warm", "cold") for each in ("", ", gain", ", swapped")]
    out = Table("", *columns, "people alike", "gain over", box=SIMPLE_HEAD)
    for name, part in parts.items():
        if ("warm", name) not in found:
            continue
        if part.against == name:
            out.add_section()
        cells = []
        for split in ("warm", "cold"):
            row = found[split, name]
            cells += [_with_interval(row.auc_weighted), _with_interval(row.gain), _short(swapped.get((split, name)))]
        out.add_row(name, *cells, _short(row.cosine), "" if part.against == name else part.against)
    _print(
        out,
        f"AUC within a person, weighted by ratings, {seeds} seeds x {folds} folds, and paired differences; "
        "[95 % interval over people]. swapped: each person's items by another person's taste.",
    )


def curves(points: Sequence[Point]) -> dict[str, dict[str, dict[str, Interval]]]:
    """Of each curve and model the weighted AUC at each point: what a plot shows."""
    at = {(point.split, point.model, point.own, point.others): point.auc_weighted for point in points}
    models = dict.fromkeys(point.model for point in points)
    return {
        title: {LABELS.get(model, model): {name: at[split, model, *end] for name, end in ends} for model in models}
        for title, split, ends, _ in _CURVES
    }


def weighted(rows: Sequence[Row]) -> dict[str, dict[str, Interval]]:
    """Of each split, the weighted AUC of each row by its label: what a plot shows."""
    return {
        split: {_label(row): row.auc_weighted for row in rows if row.split == split}
        for split in dict.fromkeys(row.split for row in rows)
    }


def _label(row: Row) -> str:
    name = LABELS.get(row.model, row.model)
    return f"{name}, swapped person" if row.swapped else name


def _print(table: Table, note: str = "") -> None:
    console = Console()
    if not console.is_terminal:
        console.width = 200  # whole lines in a file or a pipe
    console.print(table)
    if note:
        console.print(note, highlight=False, markup=False)


def _json(rows: Sequence[tuple[Any, ...]], **about: Any) -> str:
    """An interval is {value, low, high}; what cannot be measured is null."""
    return json.dumps({**about, "rows": [_plain(row) for row in rows]}, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def _short(value: float | None) -> str:
    """.823, and nothing for no figure."""
    return "" if value is None or not isfinite(value) else f"{value:.3f}".replace("0.", ".", 1)


def _with_interval(figure: Interval | None) -> str:
    if figure is None or not isfinite(figure.value):
        return ""
    return f"{_short(figure.value)} \\[{_short(figure.low)}, {_short(figure.high)}]"
