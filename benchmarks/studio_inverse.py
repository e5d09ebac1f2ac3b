"""How near the studio's pictures come to the embeddings they are made for, and how different they stay.

    python benchmarks/studio_inverse.py --pairs build/studio/pairs-0a1b2c3d

Prints one table (mean cosine of the reached embedding with its target), then the sweep of guidance, the
ceiling, robustness and diversity. Targets are pictures that training never saw: shard 1 of the pairs. The
column of stored pictures needs the shards of runs/train_studio.py; without them fewer are rendered here.
Several files of --inverse are compared under the one encoder.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from zahir.space import normalize
from zahir.studio.encoder import SIDE, StudioEncoder, square
from zahir.studio.genome import random as random_genomes
from zahir.studio.inverse import WEIGHTS, Inverse, climb
from zahir.studio.picture import render

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina", "hubble_deep_field")

Sample = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
Look = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inverse", type=Path, nargs="+", default=[WEIGHTS])
    parser.add_argument("--pairs", type=Path, help="shards of runs/train_studio.py")
    parser.add_argument("--targets", type=int, default=40, help="held-out pictures in the first row")
    parser.add_argument("--stored", type=int, default=20_000, help="pictures in the column of retrieval")
    args = parser.parse_args()
    encoder = StudioEncoder()

    def look(genomes: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return encoder.encode_pixels(np.stack([render(g, int(s), SIDE) for g, s in zip(genomes, seeds)]))

    genomes, seeds = held_out()
    pictures = look(genomes, seeds)
    stored = from_shards(args.pairs, args.stored) if args.pairs else look(*drawn(9, 0, min(args.stored, 2000)))
    rows = targets(pictures, args.targets, photos(encoder))
    for path in args.inverse:
        inverse = Inverse(path)
        print(f"\n{path}, space {encoder.space}, {len(stored)} stored pictures")
        table(rows, lambda e, n, rng, inverse=inverse: inverse.sample(e, n, rng=rng), look, stored)
        for guidance in (0.0, 1.0, 1.4, 1.8, 2.4, 3.2):
            reached, alike = sweep(pictures[:20], inverse, guidance, look)
            print(f"guidance {guidance}: cosine {reached:.3f}, of samples with each other {alike:.3f}")
        started = time.perf_counter()
        inverse.sample(pictures[0], 6, rng=np.random.default_rng(0))
        print(f"sampling 6 genomes: {1e3 * (time.perf_counter() - started):.0f} ms")

    other_seed = np.sum(look(genomes[:60], seeds[:60] + 9) * pictures[:60], axis=1)
    print(f"\nceiling, the true genome with another seed: {other_seed.mean():.3f}")
    alike = pictures @ pictures.T
    print(f"random pairs: {alike[np.triu_indices(len(pictures), 1)].mean():.3f}, Vendi score {vendi(pictures):.1f}")
    robustness(encoder, genomes[:30], seeds[:30], pictures[:30])


def drawn(stream: int, shard: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([stream, shard])
    return random_genomes(rng, n), rng.integers(2**31, size=n)


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """The second shard of the pairs' stream in runs/train_studio.py."""
    return drawn(1, 1, 1000)


def from_shards(folder: Path, n: int) -> np.ndarray:
    paths = sorted(folder.glob("[0-9]*.npz"))[2 : 2 + -(-n // 1000)]
    return np.concatenate([np.load(path)["embeddings"] for path in paths])[:n]


def photos(encoder: StudioEncoder) -> np.ndarray:
    """Embeddings of scikit-image's photographs; none when it is not installed."""
    try:
        from skimage import data
    except ImportError:
        print("scikit-image is not installed: no row of photographs")
        return np.zeros((0, encoder.dim), np.float32)
    return encoder.encode_pixels(
        np.stack([square(np.ascontiguousarray(getattr(data, name)()[..., :3])) for name in PHOTOS])
    )


def targets(pictures: np.ndarray, n: int, photographs: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
    """Name to embeddings and how many of them are searched for."""
    rng = np.random.default_rng(0)
    tastes, leaned = [], []
    for _ in range(15):  # what 40 likes and dislikes of a hidden mixture tell a ridge regression
        hidden = pictures[rng.choice(len(pictures), 3)].sum(axis=0)
        seen = pictures[rng.choice(len(pictures), 40, replace=False)]
        liked = (seen @ hidden > np.quantile(pictures @ hidden, 0.7)).astype(np.float64)
        taste = normalize(seen.T @ np.linalg.solve(seen @ seen.T + 4 * np.eye(40), liked - liked.mean()))
        anchor = pictures[rng.choice(np.argsort(-(pictures @ taste))[:20])]
        tastes.append(taste)
        leaned.append(normalize(taste + 0.55 * anchor))
    return {
        f"{n} held-out pictures": (pictures[100 : 100 + n], 10),
        "15 bare tastes": (np.stack(tastes), 5),
        "15 tastes + liked anchor": (np.stack(leaned), 0),
        f"{len(photographs)} photographs": (photographs, len(photographs)),
    }


def table(rows: dict[str, tuple[np.ndarray, int]], sample: Sample, look: Look, stored: np.ndarray) -> None:
    """Print the figures of one decoder; `sample(embedding, n, rng)` are its genomes."""
    print(f"{'target':26} {'one':>6} {'of 8':>6} {'of 16':>6} {'+ 96':>6} {'stored':>6} {'alike':>6}")
    rng = np.random.default_rng(1)
    for name, (embeddings, searched) in rows.items():
        one, eight, sixteen, climbed, nearest, alike = ([] for _ in range(6))
        for number, target in enumerate(embeddings):
            genomes, seeds = sample(target, 16, rng), rng.integers(2**31, size=16)
            reached = look(genomes, seeds)
            near = reached @ target
            one.append(near.mean())
            eight.append(near[:8].max())
            sixteen.append(near.max())
            nearest.append((stored @ target).max())
            alike.append((reached @ reached.T)[np.triu_indices(16, 1)].mean())
            if number < searched:
                judge = lambda g, s, target=target: look(g, s) @ target  # noqa: E731
                climbed.append(climb(genomes, seeds, near, judge, rng=rng)[2])
        values = [np.mean(column) if column else np.nan for column in (one, eight, sixteen, climbed, nearest, alike)]
        print(f"{name:26} " + " ".join(f"{value:6.3f}" for value in values), flush=True)


def sweep(pictures: np.ndarray, inverse: Inverse, guidance: float, look: Look) -> tuple[float, float]:
    rng = np.random.default_rng(2)
    reached, alike = [], []
    for target in pictures:
        found = look(inverse.sample(target, 6, rng=rng, guidance=guidance), rng.integers(2**31, size=6))
        reached.append((found @ target).mean())
        alike.append((found @ found.T)[np.triu_indices(6, 1)].mean())
    return float(np.mean(reached)), float(np.mean(alike))


def robustness(encoder: StudioEncoder, genomes: np.ndarray, seeds: np.ndarray, pictures: np.ndarray) -> None:
    """How far pixels alone move an embedding; an origin that tells the recipe makes all of these 1."""
    variants: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        "384 px, shrunk": lambda g, s: square(render(g, s, 384)),
        "512 px, shrunk": lambda g, s: square(render(g, s, 512)),
        "512 x 384, middle square": lambda g, s: square(render(g, s, 512, 384)),
        "128 px, JPEG quality 60": lambda g, s: as_jpeg(render(g, s, SIDE), 60),
    }
    for name, variant in variants.items():
        again = encoder.encode_pixels(np.stack([variant(g, int(s)) for g, s in zip(genomes, seeds)]))
        same = np.sum(again * pictures, axis=1)
        print(f"{name}: cosine {same.mean():.3f}, worst {same.min():.3f}")


def as_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def vendi(embeddings: np.ndarray) -> float:
    """Effective number of different pictures (Friedman & Dieng 2023, eq. 1, cosine kernel)."""
    values = np.linalg.eigvalsh(embeddings.T @ embeddings / len(embeddings))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


if __name__ == "__main__":
    main()
