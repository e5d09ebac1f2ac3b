"""Paint the contact sheet of the welcome page: twenty pictures of the studio, chosen by eye among seeds 0 to 83.

python runs/welcome_sheet.py --out zahir/web/static/pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from zahir.studio import genome, picture

SIDE = 400  # pixels: the sheet hangs at about 180, on sharp screens twice that
SEEDS = (49, 37, 40, 5, 69, 59, 52, 50, 41, 7, 66, 23, 0, 65, 8, 67, 14, 57, 9, 22)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=Path("zahir/web/static/pictures"))
    out = arguments.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(SEEDS, start=1):
        pixels = picture.render(genome.random(np.random.default_rng(seed), 1)[0], seed, 2 * SIDE)
        Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(
            out / f"{place:02d}.webp", quality=72, method=6
        )


if __name__ == "__main__":
    main()
