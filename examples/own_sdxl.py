"""Pictures in your taste from your own SDXL checkpoint: two folders of pictures in, a few new ones out.

    zahir models get clip-bigg && zahir models get ip-adapter-sdxl
    python examples/own_sdxl.py ~/models/mine.safetensors liked/ disliked/ --prompt "a quiet room"

The checkpoint is one .safetensors file, or a folder in the layout of diffusers. Without a prompt the taste alone
decides; with one, `strength` says how much of it there is (0: the prompt alone).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from zahir import History
from zahir.datasets.pictures import find_pictures
from zahir.media import Media, contact_sheet, read_image
from zahir.plugins import make
from zahir.taste.wals import TetheredWALS


def main(
    checkpoint: Path,
    liked: Path,
    disliked: Path,
    prompt: str | None = None,
    strength: float = 1.0,
    n: int = 4,
    side: int = 1024,
    steps: int | None = None,
    seed: int = 0,
    out: Path = Path("mine.png"),
) -> None:
    """Learn a taste from two folders and write a sheet of n pictures in it."""
    rng = np.random.default_rng(seed)
    eyes, hand = make("encoders", "clip-bigg"), make("generators", f"sdxl={checkpoint}")
    yes, no = (eyes.encode([read_image(path) for path in find_pictures(folder)]) for folder in (liked, disliked))
    history = History.of(np.concatenate([yes, no]), np.concatenate([np.full(len(yes), 0.5), np.full(len(no), -0.5)]))
    tastes = TetheredWALS().tastes(history, n, rng=rng)
    prompts = [prompt] * n if prompt else None
    made = hand.generate(
        tastes, seeds=range(seed, seed + n), prompts=prompts, strength=strength, size=(side, side), steps=steps
    )
    Media.image(contact_sheet(made, columns=min(n, 4), side=min(side, 512)), made[0].origin).to_png(out)
    print(f"look at {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("liked", type=Path)
    parser.add_argument("disliked", type=Path)
    parser.add_argument("--prompt")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("mine.png"))
    for name, default in (("n", 4), ("side", 1024), ("steps", None), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    main(**vars(parser.parse_args()))
