"""Pictures of compared models: one dot and its interval each, or one line each.

Knows nothing of how they were measured. The only module that draws with matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zahir.errors import MissingExtra
from zahir.evaluate.metrics import Interval


def save_plot(figures: Mapping[str, Mapping[str, Interval]], path: Path, *, title: str) -> None:
    """Write one panel per split, one line per model, as PNG, SVG or PDF by the suffix of `path`."""
    lines = max(len(models) for models in figures.values())
    figure = _figure(4.5 * len(figures) + 1.5, 0.34 * lines + 1.2)
    panels = figure.subplots(1, len(figures), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (split, models) in zip(panels, figures.items()):
        for place, interval in enumerate(models.values()):
            panel.plot([interval.low, interval.high], [place, place], color="#8a8378", lw=2, solid_capstyle="round")
            panel.plot(interval.value, place, "o", color="#2c2a26")
        panel.axvline(0.5, color="#c9c2b6", lw=1, ls=":")
        panel.set_title(split)
        panel.set_yticks(range(len(models)), list(models))
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
    panels[0].invert_yaxis()
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def save_curves(figures: Mapping[str, Mapping[str, Mapping[str, Interval]]], path: Path, *, title: str) -> None:
    """Write one panel per curve, one line per model over named points; its 95 % interval at the last."""
    figure = _figure(4.5 * len(figures) + 1.5, 4.2)
    panels = figure.subplots(1, len(figures), sharey=True, squeeze=False)[0]
    for panel, (name, models) in zip(panels, figures.items()):
        for model, points in models.items():
            (line,) = panel.plot([each.value for each in points.values()], "o-", ms=3, label=model)
            last = list(points.values())[-1]
            panel.plot([len(points) - 1] * 2, [last.low, last.high], color=line.get_color(), alpha=0.35, lw=3)
            panel.set_xticks(range(len(points)), list(points))
        panel.axhline(0.5, color="#c9c2b6", lw=1, ls=":")
        panel.set_title(name, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("--plot", "plot") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
