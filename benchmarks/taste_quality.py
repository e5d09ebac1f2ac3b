"""How well tastes are learned: held-out ratings of real people, and people planted with known tastes.

    python benchmarks/taste_quality.py [--data FOLDER] [--seeds 5] [--real-pictures] [planted|ratings ...]

`planted`: for each shared share and number of ratings, the correlation of the learned linear score with
the true liking of all pictures (mean over people), for `wals`, for no population and for nothing
but the population; its estimate of the share; the median cosine between two learned tastes.
`ratings`: the folder's people, 3 folds over ratings (warm) or over items (cold) per seed; area under
the ROC curve within a person, averaged over people by their held-out ratings.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zahir.datasets.synthetic import Planted, planted
from zahir.interactions import Interactions
from zahir.protocols import TasteModel
from zahir.space import cosine, normalize
from zahir.taste.baselines import OneTaste, UserItemMeans
from zahir.taste.directions import LinearSVM, Ridge
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.wals import TetheredWALS

SHARES, LENGTHS = (0.0, 0.2, 0.5, 0.8), (8, 40)


def agreement(model: TetheredWALS, truth: Planted) -> float:
    """Mean over people of the correlation between learned and true liking of all pictures."""
    units = normalize(truth.dataset.embeddings)
    told = model.user_embeddings_ @ normalize(units - units.mean(0)).T
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, truth.liking)]))


def on_planted(seeds: int, pictures: np.ndarray | None) -> None:
    """Print one row per shared share and number of ratings, with the worst seed beside the mean."""
    print(f"{'shared':>6} {'ratings':>7} | {'wals':>7} {'no pop.':>7} {'only p.':>7} {'least margin':>12} |", end=" ")
    print(f"{'share':>5} {'from':>5} {'to':>5} | {'cosine':>6} {'planted':>7} | {'seconds':>7}")
    for shared in SHARES:
        for length in LENGTHS:
            rows, seconds = [], 0.0
            for seed in range(seeds):
                some = None
                if pictures is not None:
                    some = pictures[np.random.default_rng(seed).permutation(len(pictures))[:387]]
                truth = planted(ratings=length, shared=shared, seed=seed, embeddings=some)
                table, embeddings = truth.dataset.interactions, truth.dataset.embeddings
                start = time.perf_counter()
                model = TetheredWALS().fit(table, embeddings)
                seconds += (time.perf_counter() - start) / seeds
                told = [model, TetheredWALS(population=None).fit(table, embeddings), OneTaste().fit(table, embeddings)]
                pairs = np.triu_indices(len(truth.tastes), 1)
                between = [np.median(cosine(t, t)[pairs]) for t in (model.user_embeddings_, truth.tastes)]
                rows.append([*(agreement(m, truth) for m in told), model.shared_share_, *between])
            found = np.array(rows)
            mean, margin = found.mean(0), (found[:, 0] - found[:, 1:3].max(1)).min()
            print(f"{shared:6.1f} {length:7d} | {mean[0]:7.3f} {mean[1]:7.3f} {mean[2]:7.3f} {margin:12.3f} |", end=" ")
            print(f"{mean[3]:5.2f} {found[:, 3].min():5.2f} {found[:, 3].max():5.2f} |", end=" ")
            print(f"{mean[4]:6.2f} {mean[5]:7.2f} | {seconds:7.2f}", flush=True)


def on_ratings(folder: Path, seeds: int) -> None:
    """Print one row per model: warm and cold area under the curve, with bootstrap intervals over people."""
    table, embeddings = read(folder)
    models: dict[str, Callable[[], TasteModel]] = {
        "wals": TetheredWALS,
        "direction head": lambda: GaussianTaste(curved=False),
        "ranking head": GaussianTaste,
        "all parts on": lambda: GaussianTaste(alike=True, curved=True),
        "tether=inf": lambda: TetheredWALS(tether=np.inf),
        "article (10, 3, 1)": lambda: TetheredWALS(tether=10.0, regularization=3.0, population=1.0),
        "no population": lambda: TetheredWALS(population=None),
        "one taste": OneTaste,
        "means": UserItemMeans,
        "ridge": Ridge,
        "svm": LinearSVM,
    }
    print(f"{'model':18} | {'warm':>5} {'interval':>14} | {'cold':>5} {'interval':>14} | {'seconds/fit':>11}")
    found: dict[str, list[np.ndarray]] = {}
    weights: list[np.ndarray] = []
    for name, make in models.items():
        start, weights, found[name] = time.perf_counter(), [], []
        for split in ("warm", "cold"):
            areas, held = _areas(make, table, embeddings, split, seeds)
            found[name].append(areas)
            weights.append(held)
        seconds = (time.perf_counter() - start) / (6 * seeds)
        cells = [f"{_mean(a, w):5.3f} {_interval(a, w)}" for a, w in zip(found[name], weights)]
        print(f"{name:18} | {cells[0]} | {cells[1]} | {seconds:11.2f}", flush=True)
    for first, second in (("wals", "one taste"), ("direction head", "wals"), ("ranking head", "wals")):
        for split, (mine, other, held) in enumerate(zip(found[first], found[second], weights)):
            print(f"{first} - {second}, {('warm', 'cold')[split]}: {_mean(mine - other, held):+.3f}", end=" ")
            print(_interval(mine - other, held))


def read(folder: Path) -> tuple[Interactions, np.ndarray]:
    """The folder's ratings, users numbered from 0, and its embeddings."""
    rows = list(csv.DictReader((folder / "ratings.csv").read_text().splitlines()))
    embeddings = np.load(folder / "item_embeddings.npz")["embeddings"].astype(np.float32)
    _, users = np.unique([row["user"] for row in rows], return_inverse=True)
    items, ratings = [int(row["item"]) for row in rows], [float(row["rating"]) for row in rows]
    return Interactions.of(users, items, ratings, num_items=len(embeddings)).latest(), embeddings


def _areas(
    make: Callable[[], TasteModel], table: Interactions, embeddings: np.ndarray, split: str, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per person: area under the curve over all folds and seeds (nan without pairs), held-out ratings."""
    right, pairs, held = np.zeros((3, table.num_users))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        fold = rng.integers(0, 3, len(table)) if split == "warm" else rng.integers(0, 3, table.num_items)[table.items]
        for k in range(3):
            test = table.take(fold == k)
            scores = make().fit(table.take(fold != k), embeddings).predict(test.users, test.items)
            for user in np.unique(test.users):
                mine = test.users == user
                liked, rest = scores[mine & (test.ratings > 0)], scores[mine & (test.ratings <= 0)]
                above = liked[:, None] - rest
                right[user] += np.sum(above > 0) + 0.5 * np.sum(above == 0)
                pairs[user] += above.size
                held[user] += mine.sum()
    return np.where(pairs > 0, right / np.maximum(pairs, 1), np.nan), held


def _mean(areas: np.ndarray, weights: np.ndarray) -> float:
    known = np.isfinite(areas)
    return float(np.average(areas[known], weights=weights[known]))


def _interval(areas: np.ndarray, weights: np.ndarray) -> str:
    rng = np.random.default_rng(0)
    known = np.flatnonzero(np.isfinite(areas))
    draws = [_mean(areas[some], weights[some]) for some in rng.choice(known, (2000, len(known)))]
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"[{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", default=["planted", "ratings"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "blue_tigers")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--real-pictures", action="store_true", help="plant tastes on the folder's embeddings")
    asked = parser.parse_args()
    print(json.dumps({"numpy": np.__version__, "seeds": asked.seeds, "real_pictures": asked.real_pictures}))
    if "planted" in asked.what:
        on_planted(asked.seeds, read(asked.data)[1] if asked.real_pictures else None)
    if "ratings" in asked.what:
        on_ratings(asked.data, asked.seeds)
