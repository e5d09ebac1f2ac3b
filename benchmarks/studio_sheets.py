"""Contact sheets of the studio: seeds 0 to 179 on five sheets in docs/studio, and how often each family leads.

python benchmarks/studio_sheets.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from zahir.studio.genome import random
from zahir.studio.picture import FAMILIES, family, render

SIDE, GAP, COLUMNS, SHEETS = 240, 6, 6, 5


def sheet(seeds: range) -> Image.Image:
    """The pictures of these seeds, row by row; seed k also draws the genome of picture k."""
    step = SIDE + GAP
    rows = -(-len(seeds) // COLUMNS)
    page = np.full((rows * step + GAP, COLUMNS * step + GAP, 3), 18, np.uint8)
    for n, seed in enumerate(seeds):
        y, x = GAP + n // COLUMNS * step, GAP + n % COLUMNS * step
        genome = random(np.random.default_rng(seed), 1)[0]
        page[y : y + SIDE, x : x + SIDE] = render(genome, seed, SIDE)
    return Image.fromarray(page)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(SHEETS):
        path = folder / f"sheet-{n + 1}.webp"
        sheet(range(36 * n, 36 * n + 36)).save(path, quality=82, method=6)
        print(f"{path}: seeds {36 * n} to {36 * n + 35}, {path.stat().st_size // 1000} kB")
    leading = [family(genome, 0) for genome in random(np.random.default_rng(0), 5000)]
    for name in FAMILIES:
        print(f"{name:10} {100 * leading.count(name) / len(leading):4.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "studio")
