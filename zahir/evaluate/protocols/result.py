"""What a protocol finds: a line of figures for each model and setting, and what to bear in mind; and its table.

Knows nothing of any one protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from jaxtyping import Float64, Int64
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from zahir.errors import BadData
from zahir.evaluate import metrics
from zahir.evaluate.metrics import Interval
from zahir.interactions import Dataset
from zahir.protocols import Progress, TasteModel

USER_MEAN = "user mean"  # the baseline that knows a person's level and nothing of pictures
Models = Mapping[str, Callable[[], TasteModel]]
Parts = Mapping[str, Int64[np.ndarray, "_"]]
T = TypeVar("T")


class Line(NamedTuple):
    """One model in one setting."""

    setting: str
    model: str
    figures: dict[str, Interval]


class Result(NamedTuple):
    """All lines, with notes on the protocol's weak points and on where this run departs from it."""

    protocol: str
    lines: list[Line]
    notes: list[str]


class Run(Protocol):
    """A protocol: taste models on a data set, with its published split (see `zahir.datasets.parts`), if any."""

    def __call__(
        self, data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None
    ) -> Result: ...


def over_people(values: Float64[np.ndarray, "people"]) -> Interval:
    """Mean over people, NaN left out, with its 95 % bootstrap interval over people."""
    return metrics.over_people(values, metrics.resample(len(values)))


def spread(values: Float64[np.ndarray, "n"]) -> Interval:
    """Standard deviation, without an interval; NaN left out."""
    known = values[np.isfinite(values)]
    return exact(float(known.std(ddof=1)) if len(known) > 1 else np.nan)


def exact(value: float) -> Interval:
    """A figure without an interval."""
    return Interval(value, np.nan, np.nan)


def each_model(
    models: Models,
    work: Callable[[str, Callable[[], TasteModel]], T],
    *,
    jobs: int,
    progress: Progress | None,
) -> list[T]:
    """The work of every model, `jobs` at once, each on one core, in the models' order."""
    done: list[T] = []
    with threadpool_limits(1), ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(work, name, make) for name, make in models.items()]
        try:
            for future in waiting:
                done.append(future.result())
                if progress is not None and not progress(len(done), len(waiting)):
                    raise BadData("the evaluation was cancelled.")
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def show(results: Sequence[Result], *, labels: Mapping[str, str], as_json: bool) -> None:
    """Print a section per setting, then the notes; or JSON, a list of results."""
    if as_json:
        print(json.dumps([_as_json(result) for result in results], indent=1))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 200  # whole lines in a file or a pipe
    for result in results:
        for setting in dict.fromkeys(line.setting for line in result.lines):
            mine = [line for line in result.lines if line.setting == setting]
            columns = list(dict.fromkeys(name for line in mine for name in line.figures))
            table = Table(setting, *columns, box=SIMPLE_HEAD)
            for line in mine:
                cells = [_cell(line.figures.get(name)) for name in columns]
                table.add_row(labels.get(line.model, line.model), *cells)
            console.print(table)
        console.print("\n".join(f"- {note}" for note in result.notes), highlight=False, markup=False)


def _as_json(result: Result) -> dict[str, Any]:
    lines = [{"setting": line.setting, "model": line.model, **_plain(line.figures)} for line in result.lines]
    return {"protocol": result.protocol, "lines": lines, "notes": result.notes}


def _plain(figures: Mapping[str, Interval]) -> dict[str, Any]:
    """Null where nothing could be measured; an interval is {value, low, high}, a figure without one a number."""

    def number(value: float) -> float | None:
        return float(value) if isfinite(value) else None

    return {
        name: number(each.value) if not isfinite(each.low) else {k: number(v) for k, v in each._asdict().items()}
        for name, each in figures.items()
    }


def _cell(figure: Interval | None) -> str:
    if figure is None or not isfinite(figure.value):
        return ""
    shown = [f"{value:.3f}" for value in _known(figure)]
    return shown[0] if len(shown) == 1 else f"{shown[0]} \\[{shown[1]}, {shown[2]}]"


def _known(figure: Interval) -> Sequence[float]:
    return figure if isfinite(figure.low) else figure[:1]
