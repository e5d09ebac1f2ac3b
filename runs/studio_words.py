"""Fit the studio's words: a direction of its space for each of some forty attributes of pictures.

python runs/studio_words.py --out zahir/studio/weights/words.safetensors --sheets build/words

What a word means is known apart from the encoder: measured on pixels, or read from the genome that a picture was
painted from. Each direction is a ridge regression of that on the embeddings of random pictures. A word stays if
pictures made along it differ from pictures made against it, from the same tastes and seeds, in what it means.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from safetensors.numpy import save

from zahir.media import Media, contact_sheet
from zahir.oklab import oklab
from zahir.space import normalize
from zahir.steer import towards
from zahir.studio import StudioEncoder, StudioGenerator, recipe
from zahir.studio.encoder import SIDE
from zahir.studio.families import FAMILIES
from zahir.studio.genome import random
from zahir.studio.picture import family, parameters, render

RIDGE = 0.3  # of the mean variance of the space along an axis
LEAST = 0.8  # effect size below which a word does not stay
MOST = 20.0  # beyond it every picture has it on one side and none on the other
TURN = 0.5  # how far pictures are led along a word, and against it
FROM = 100_000  # seeds of the checks start here, so that no picture of the fit is among them


class Seen(NamedTuple):
    """A picture and the recipe it was painted from."""

    pixels: np.ndarray
    lab: np.ndarray  # OKLab of the pixels
    genome: np.ndarray
    seed: int


Measure = Callable[[Seen], float]


def lightness(seen: Seen) -> float:
    return float(seen.lab[..., 0].mean())


def warmth(seen: Seen) -> float:
    return float((0.6 * seen.lab[..., 1] + seen.lab[..., 2]).mean())


def chroma(seen: Seen) -> float:
    return float(np.hypot(seen.lab[..., 1], seen.lab[..., 2]).mean())


def contrast(seen: Seen) -> float:
    return float(seen.lab[..., 0].std())


def edges(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    light = seen.lab[..., 0]
    return np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1]


def busyness(seen: Seen) -> float:
    return float(np.log(np.hypot(*edges(seen)).mean() + 1e-3))


def lying(seen: Seen) -> float:
    """How much more lightness changes going down than going across, as a log ratio."""
    across, down = edges(seen)
    return float(np.log((np.abs(down).mean() + 1e-4) / (np.abs(across).mean() + 1e-4)))


def symmetry(seen: Seen) -> float:
    light = seen.lab[..., 0]
    return 0.0 if light.std() < 1e-3 else float(np.corrcoef(light.ravel(), light[:, ::-1].ravel())[0, 1])


def glow(seen: Seen) -> float:
    """How far the brightest parts stand above the rest, the darker that is."""
    low, high = np.percentile(seen.lab[..., 0], [60, 98])
    return float(high - 1.5 * low)


def variety(seen: Seen) -> float:
    """How far the hues lie apart: the circular variance, weighted by chroma (Mardia & Jupp 2000)."""
    colour = seen.lab[..., 1] + 1j * seen.lab[..., 2]
    return float(1 - abs(colour.sum()) / (np.abs(colour).sum() + 1e-6)) * min(1.0, float(np.abs(colour).mean()) / 0.05)


def hue(degrees: float, width: float, seen: Seen) -> float:
    """Chroma near a hue of OKLab, per pixel."""
    a, b = seen.lab[..., 1], seen.lab[..., 2]
    off = np.abs((np.degrees(np.arctan2(b, a)) - degrees + 180) % 360 - 180)
    return float((np.hypot(a, b) * (off < width)).mean())


def of_family(names: tuple[str, ...], seen: Seen) -> float:
    return float(family(seen.genome, seen.seed) in names)


def medium(which: int, seen: Seen) -> float:
    return float(parameters(seen.genome, seen.seed).media[which])


def folded(seen: Seen) -> float:
    return float(parameters(seen.genome, seen.seed).fold[1])


def closeness(seen: Seen) -> float:
    read = parameters(seen.genome, seen.seed)
    return float(np.log(read.layout[2] / read.crop))


def pattern(seen: Seen) -> float:
    return float(parameters(seen.genome, seen.seed).layout[4])


MEANS: dict[str, tuple[float, Measure]] = {
    "warm": (1, warmth),
    "cool": (-1, warmth),
    "light": (1, lightness),
    "dark": (-1, lightness),
    "saturated": (1, chroma),
    "muted": (-1, chroma),
    "contrasting": (1, contrast),
    "soft": (-1, contrast),
    "busy": (1, busyness),
    "calm": (-1, busyness),
    "colourful": (1, variety),
    "monochrome": (-1, variety),
    "glowing": (1, glow),
    "symmetric": (1, symmetry),
    "horizontal": (1, lying),
    "vertical": (-1, lying),
    "close": (1, closeness),
    "distant": (-1, closeness),
    "red": (1, partial(hue, 28, 18)),
    "orange": (1, partial(hue, 60, 15)),
    "yellow": (1, partial(hue, 95, 18)),
    "green": (1, partial(hue, 140, 27)),
    "teal": (1, partial(hue, 195, 25)),
    "blue": (1, partial(hue, 255, 25)),
    "violet": (1, partial(hue, 305, 22)),
    "pink": (1, partial(hue, 355, 20)),
    "painterly": (1, partial(medium, 0)),
    "flat": (1, partial(medium, 1)),
    "mosaic": (1, partial(medium, 2)),
    "linocut": (1, partial(medium, 3)),
    "outlined": (1, partial(medium, 4)),
    "worn": (1, partial(medium, 5)),
    "watercolour": (1, partial(medium, 6)),
    "glass": (1, partial(medium, 7)),
    "kaleidoscope": (1, folded),
    "patterned": (1, pattern),
    "geometric": (1, partial(of_family, ("tiles", "rings", "fields", "paper", "arches"))),
    "organic": (1, partial(of_family, ("bloom", "leaves", "agate", "ink", "forest"))),
    "landscape": (1, partial(of_family, ("hills", "mountains", "sea", "forest"))),
    "abstract": (1, partial(of_family, ("tiles", "rings", "fields", "agate", "ink", "paper"))),
    "watery": (1, partial(of_family, ("sea", "ink"))),
    **{name: (1, partial(of_family, (name,))) for name in FAMILIES},
}
"""Word to the sign with which it goes with a measure."""


def main() -> None:
    args = arguments()
    print(f"painting and looking at {args.pictures} random pictures")
    vectors, values = random_pictures(args.pictures, args.procs)
    directions = fit(vectors, values)
    effects = check(directions, args.seeds, args.sheets)
    words = [word for word in MEANS if effects[word] >= LEAST]
    print("dropped:", ", ".join(word for word in MEANS if word not in words) or "none")
    rows = np.stack([directions[list(MEANS).index(word)] for word in words]).astype(np.float16)
    about = {"space": eyes().space, "words": words, "effects": {w: round(effects[w], 2) for w in words}}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(save({"directions": rows}, {"zahir": json.dumps(about)}))
    print(f"{len(words)} words in {args.out}, {args.out.stat().st_size / 1e3:.0f} kB")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/words.safetensors"))
    parser.add_argument("--sheets", type=Path, help="a folder for a sheet of each word: against it, and along it below")
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=8, help="pairs of pictures on which a word is tried")
    parser.add_argument("--procs", type=int, default=1)
    return parser.parse_args()


def random_pictures(n: int, procs: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, dim) of random pictures and what each word means of them (n, words)."""
    random_picture(0)  # compiles once, or every process would
    with get_context("spawn").Pool(procs) as pool:  # a forked session of the encoder would wait for ever
        rows = pool.map(random_picture, range(n), chunksize=64)
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


def random_picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    genome = random(np.random.default_rng(seed), 1)[0]
    pixels = render(genome, seed, SIDE)
    seen = Seen(pixels, oklab(pixels), genome, seed)
    return eyes().encode_pixels(pixels[None])[0], meant(seen)


@cache
def eyes() -> StudioEncoder:
    """One of each process."""
    return StudioEncoder()


def meant(seen: Seen) -> np.ndarray:
    """How much of every word is in a picture, in the order of MEANS."""
    return np.array([sign * measure(seen) for sign, measure in MEANS.values()])


def fit(vectors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Unit directions (words, dim) along which what is meant rises: ridge regression on offsets from the mean."""
    offsets = vectors - vectors.mean(axis=0, dtype=np.float64)
    covariance = offsets.T @ offsets / len(offsets)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    wanted = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)
    return normalize(np.linalg.solve(covariance, offsets.T @ wanted / len(offsets)).T)


def check(directions: np.ndarray, seeds: int, sheets: Path | None) -> dict[str, float]:
    """Word to effect size (Cohen's d) between pictures made along it and against it, from the same tastes and seeds."""
    hand = StudioGenerator(eyes(), pool=4, search=0)
    rng = np.random.default_rng(1)
    tastes = normalize(rng.standard_normal((seeds, directions.shape[1])))
    effects: dict[str, float] = {}
    for k, (word, (_, measure)) in enumerate(MEANS.items()):
        opposite = next((other for other in effects if MEANS[other][1] is measure), None)
        if opposite:  # the same pictures the other way round
            effects[word] = effects[opposite]
            continue
        halves = [
            hand.generate(
                towards(tastes, directions[k : k + 1], [turn]), seeds=range(FROM, FROM + seeds), size=(192, 192)
            )
            for turn in (-TURN, TURN)
        ]
        against, along = (np.array([meant(seen_of(each))[k] for each in half]) for half in halves)
        spread = np.sqrt((along.var() + against.var()) / 2)
        effects[word] = min(MOST, float((along.mean() - against.mean()) / (spread + 1e-6)))
        if sheets:
            sheets.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet([*halves[0], *halves[1]], columns=seeds, side=128)
            Image.fromarray(sheet).save(sheets / f"{word}.png")
        print(f"{word:12s} {effects[word]:6.2f}  from {against.mean():.3f} to {along.mean():.3f}", flush=True)
    return effects


def seen_of(media: Media) -> Seen:
    small = np.asarray(Image.fromarray(media.pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return Seen(small, oklab(small), *recipe.read(media.origin))


if __name__ == "__main__":
    main()
