"""A picture of compared models: one dot and its interval each.

Knows nothing of how they were measured. The only module that draws with matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zahir.errors import MissingExtra
from zahir.evaluate.metrics import Interval


def save_plot(figures: Mapping[str, Mapping[str, Interval]], path: Path, *, title: str) -> None:
    """Write one panel per split, one line per model, as PNG, SVG or PDF by the suffix of `path`."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("--plot", "plot") from error
    lines = max(len(models) for models in figures.values())
    figure = Figure(figsize=(4.5 * len(figures) + 1.5, 0.34 * lines + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
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
