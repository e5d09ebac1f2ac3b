"""What the studio costs: milliseconds of one core per picture by size, and the first compile of all kernels.

python benchmarks/studio_speed.py            the compile is measured in a process of its own with an empty cache
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from zahir.space import normalize
from zahir.studio import StudioGenerator
from zahir.studio.genome import SLICES, random
from zahir.studio.picture import FAMILIES, parameters, render

PICTURES = {96: 96, 128: 96, 256: 48, 512: 32, 1024: 16}


def compile_all() -> None:
    """Render every family with every medium once, small, and print the seconds."""
    start = time.perf_counter()
    for n in range(len(FAMILIES)):
        genome = np.zeros(len(random(np.random.default_rng(0), 1)[0]), np.float32)
        genome[SLICES["family"].start + n] = 3
        genome[SLICES["media"]] = 3
        genome[SLICES["fold"]] = 3
        genome[SLICES["media"].start] = -3 if n % 2 else 3
        render(genome, n, 32)
    print(f"{time.perf_counter() - start:.1f}")


def first_and_cached() -> tuple[str, str]:
    """Seconds from an empty cache, and from the one just filled, start of Python not counted."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "NUMBA_CACHE_DIR": folder}
        runs = [
            subprocess.run([sys.executable, __file__, "--compile"], env=env, capture_output=True, text=True, check=True)
            for _ in range(2)
        ]
    return runs[0].stdout.strip(), runs[1].stdout.strip()


def for_a_taste(search: int, count: int = 8) -> float:
    """Median seconds of one core from a taste to its picture."""
    studio = StudioGenerator(search=search)
    tastes = normalize(np.random.default_rng(0).standard_normal((count + 1, studio.encoder.dim)))
    spent = []
    for seed in range(count + 1):
        start = time.process_time()
        studio.generate(tastes[seed : seed + 1], seeds=[seed])
        spent.append(time.process_time() - start)
    return float(np.median(spent[1:]))


def main() -> None:
    genomes = random(np.random.default_rng(0), max(PICTURES.values()))
    for seed, genome in enumerate(genomes):
        render(genome, seed, 32)
    for size, count in PICTURES.items():
        spent, painted = [], []
        for seed, genome in enumerate(genomes[:count]):
            start = time.process_time()
            render(genome, seed, size)
            spent.append(1000 * (time.process_time() - start))
            painted.append(parameters(genome, seed).media[0] > 0)
        spent_, oil = np.array(spent), np.array(painted)
        print(
            f"{size:5} px  median {np.median(spent_):6.1f} ms  95 % {np.quantile(spent_, 0.95):6.1f}"
            f"  in oil {np.median(spent_[oil]):6.1f}  without {np.median(spent_[~oil]):6.1f}"
        )
    for search in (0, 2, 8):
        print(f"for a taste, 512 px, search {search}: median {for_a_taste(search):.2f} s")
    cold, warm = first_and_cached()
    print(f"all kernels: compiled {cold} s, from the cache {warm} s")


if __name__ == "__main__":
    compile_all() if "--compile" in sys.argv else main()
