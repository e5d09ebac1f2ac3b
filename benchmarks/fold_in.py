"""How long one more rating takes: `embed_user` at width 1280, with 50 and 500 ratings of one's own.

python benchmarks/fold_in.py [--width 1280] [--repeats 50]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from zahir.datasets.synthetic import planted
from zahir.interactions import History
from zahir.space import normalize
from zahir.taste.wals import TetheredWALS


def milliseconds(model: TetheredWALS, history: History, repeats: int) -> tuple[float, float]:
    """Median and worst time of one call."""
    rng, times = np.random.default_rng(0), []
    for _ in range(repeats):
        start = time.perf_counter()
        model.embed_user(history, rng=rng)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.max(times))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--repeats", type=int, default=50)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    pictures = normalize(rng.standard_normal((2000, asked.width)) * np.arange(1, asked.width + 1) ** -0.45)
    data = planted(people=20, ratings=50, shared=0.5, embeddings=pictures).dataset
    models = {
        "scales by hand": TetheredWALS(tether=np.inf, regularization=1.0, population=1.0),
        "by evidence": TetheredWALS(tether=np.inf),
    }
    print(f"{'model':15} {'ratings':>7} {'items':>7} | {'median ms':>9} {'worst ms':>8}")
    for name, model in models.items():
        model.fit(data.interactions, data.embeddings)
        for count in (50, 500):
            items = rng.permutation(2000)[:count]
            grades = rng.choice([-0.5, 0.5], count)
            for kind, rows in (("known", items), ("new", None)):
                history = History.of(pictures[items], grades, items=rows)
                median, worst = milliseconds(model, history, asked.repeats)
                print(f"{name:15} {count:7d} {kind:>7} | {median:9.2f} {worst:8.2f}")
