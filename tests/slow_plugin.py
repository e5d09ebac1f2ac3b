"""A generator that takes its time, as a stranger's package would bring one; and how to put it on the path."""

import time
from pathlib import Path

import numpy as np

from zahir.media import Media, Origin
from zahir.studio.encoder import space_of

STEPS = 20


class Slow:
    """Paints one colour, which its seed chooses, in STEPS steps; `place` is a file with the seconds that each takes."""

    kind = "image"
    accepts_prompts = False

    def __init__(self, *, place: Path | None = None):
        self.place = place

    @property
    def space(self):
        return space_of()

    def generate(self, tastes, *, seeds, strength=1.0, size=None, progress=None, **_):
        made = []
        for number, (taste, seed) in enumerate(zip(tastes, seeds)):
            for k in range(STEPS):
                time.sleep(float(self.place.read_text()) if self.place else 0.1)
                if progress and not progress(number * STEPS + k + 1, len(tastes) * STEPS):
                    return made
            width, height = size or (64, 64)
            colour = np.random.default_rng(seed).integers(0, 256, 3, np.uint8)
            pixels = np.broadcast_to(colour, (height, width, 3)).copy()
            details = {"alt": "one colour"}
            made.append(Media.image(pixels, Origin("slow", self.space, taste, None, seed, strength, details)))
        return made


class Elsewhere(Slow):
    """The same, of another space."""

    space = "elsewhere/8"


def on_path(folder: Path) -> str:
    """Make a package of these in a folder; returns the PYTHONPATH with which a process finds it."""
    info = folder / "slow_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-plugin\nVersion: 1.0\n")
    entries = "[zahir.generators]\nslow = slow_plugin:Slow\nelsewhere = slow_plugin:Elsewhere\n"
    (info / "entry_points.txt").write_text(entries)
    (folder / "slow_plugin.py").write_text(Path(__file__).read_text())
    return str(folder)
