"""What `GaussianTaste` recovers of planted tastes, what amplifying costs, and how sure it may be of itself.

    python benchmarks/gaussian_taste.py [--seeds 3] [--data FOLDER] [rivals|amplify|coverage ...]

`rivals`: agreement (correlation of a person's scores with their true liking of all pictures, mean over people)
of each model, and the paired difference to the best of the others with a 95 % bootstrap interval over people.
`amplify`: agreement of population + a (taste - population) with the true liking, and how alike people's tastes
are, for each a. `coverage`: on the folder's people, how many ratings of pictures held out from everybody lie in
the 50 and 90 % intervals, how often pictures of a given chance are liked, and the log loss of those chances.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import norm
from taste_quality import read

from zahir.datasets.synthetic import Planted, planted
from zahir.evaluate.compare import histories
from zahir.protocols import TasteModel
from zahir.space import cosine, normalize
from zahir.taste.baselines import MeanOfLiked, OneTaste, UserItemMeans
from zahir.taste.directions import LinearSVM, Ridge
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.wals import TetheredWALS

POPULATIONS = {f"{share} x {n}": {"shared": share, "ratings": n} for share in (0.0, 0.2, 0.5, 0.8) for n in (8, 40)}
POPULATIONS |= {f"4 clusters x {n}": {"shared": 0.2, "ratings": n, "clusters": 4} for n in (8, 40)}
POPULATIONS |= {"all alike x 8": {"shared": 1.0, "ratings": 8}, "all alike x 40": {"shared": 1.0, "ratings": 40}}
RIVALS: dict[str, Callable[[], TasteModel]] = {
    "svm": LinearSVM,
    "ridge": Ridge,
    "mean of liked": MeanOfLiked,
    "means": UserItemMeans,
    "one taste": OneTaste,
    "wals": TetheredWALS,
}
AMPLIFIED = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


def rivals(seeds: int) -> None:
    """One row per population: every model's agreement, ours less the best of them."""
    print(f"{'population':16}", *(f"{name:>13}" for name in (*RIVALS, "gaussian")), f"{'- best':>8} interval, seconds")
    for kind, form in POPULATIONS.items():
        found: dict[str, list[np.ndarray]] = {name: [] for name in (*RIVALS, "gaussian")}
        seconds = 0.0
        for seed in range(seeds):
            truth = planted(seed=seed, **form)
            for name, make in (RIVALS | {"gaussian": GaussianTaste}).items():
                start = time.process_time()
                model = make().fit(truth.dataset.interactions, truth.dataset.embeddings)
                seconds += (time.process_time() - start) * (name == "gaussian") / seeds
                people = histories(truth.dataset.interactions, truth.dataset.embeddings)
                scores = np.stack([model.score(person, truth.dataset.embeddings) for person in people])
                found[name].append(correlations(scores, truth.liking))
        agreement = {name: np.concatenate(values) for name, values in found.items()}
        best = max(RIVALS, key=lambda name: agreement[name].mean())
        print(f"{kind:16}", *(f"{values.mean():13.3f}" for values in agreement.values()), end=" ")
        print(f"{best:>14}", apart(agreement["gaussian"] - agreement[best]), f"{seconds:.1f}", flush=True)


def amplify(seeds: int) -> None:
    """Two rows per population: agreement, and the median cosine between two people, for each a."""
    print(f"{'population':16} {'':9}", *(f"a={a:<5}" for a in AMPLIFIED), "share ->a  truly alike")
    for kind, form in POPULATIONS.items():
        right, alike = np.zeros((2, seeds, len(AMPLIFIED) + 1))
        chosen, truly = [], []
        for seed in range(seeds):
            truth = planted(seed=seed, **form)
            model = GaussianTaste(amplify="share", curved=False)
            model.fit(truth.dataset.interactions, truth.dataset.embeddings)
            chosen.append(model.amplify_)
            truly.append(between(truth.tastes))
            for k, a in enumerate((*AMPLIFIED, model.amplify_)):
                model.amplify_ = a
                tastes = steered(model, truth)
                units = normalize(truth.dataset.embeddings)
                scores = tastes @ normalize(units - units.mean(0)).T
                right[seed, k], alike[seed, k] = correlations(scores, truth.liking).mean(), between(tastes)
        for name, rows in (("agreement", right), ("alike", alike)):
            cells = " ".join(f"{value:7.3f}" for value in rows.mean(0))
            print(f"{kind:16} {name:9} {cells} ({np.mean(chosen):.2f}) {np.mean(truly):.2f}", flush=True)


def coverage(folder: Path, seeds: int) -> None:
    """Of the linear and the ranking head, on pictures held out from everybody."""
    table, embeddings = read(folder)
    for name, make in (("direction head", lambda: GaussianTaste(curved=False)), ("ranking head", GaussianTaste)):
        away, chances, liked = [], [], []
        for seed in range(seeds):
            fold = np.random.default_rng(seed).integers(0, 3, table.num_items)[table.items]
            for k in range(3):
                known, held = table.take(fold != k), table.take(fold == k)
                model = make().fit(known, embeddings)
                for person in histories(known, embeddings):
                    mine = held.users == person.user
                    shown = embeddings[held.items[mine]]
                    mean, variance = model.posterior(person, shown)
                    away.append((held.ratings[mine] - mean) / np.sqrt(variance + model.noise_))
                    chances.append(model.chance(person, shown))
                    liked.append(held.ratings[mine] > 0)
        off, chance, like = np.abs(np.concatenate(away)), np.concatenate(chances), np.concatenate(liked)
        inside = [np.mean(off < norm.ppf(0.5 + level / 2)) for level in (0.5, 0.9)]
        loss = -np.mean(np.log(np.where(like, chance, 1 - chance)))
        print(f"{name}: {inside[0]:.3f} of 50 %, {inside[1]:.3f} of 90 %, log loss {loss:.3f}; said and came:", end=" ")
        for part in np.array_split(np.argsort(chance), 4):
            print(f"{chance[part].mean():.2f} {like[part].mean():.2f}", end="; ")
        print(flush=True)


def steered(model: GaussianTaste, truth: Planted) -> np.ndarray:
    """The taste of everybody, as generators get it."""
    people = histories(truth.dataset.interactions, truth.dataset.embeddings)
    return np.stack([model.embed_user(person, rng=np.random.default_rng(0)) for person in people])


def correlations(scores: np.ndarray, liking: np.ndarray) -> np.ndarray:
    """Row by row; 0 where a row orders nothing."""
    a, b = (rows - rows.mean(1, keepdims=True, dtype=np.float64) for rows in (scores, liking))
    sizes = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.where(sizes > 1e-9, (a * b).sum(1) / np.maximum(sizes, 1e-9), 0.0)


def between(tastes: np.ndarray) -> float:
    """Median cosine between two people."""
    return float(np.median(cosine(tastes, tastes)[np.triu_indices(len(tastes), 1)]))


def apart(difference: np.ndarray) -> str:
    """Mean and bootstrap interval over people."""
    rng = np.random.default_rng(0)
    draws = rng.choice(difference, (2000, len(difference))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", default=["rivals", "amplify", "coverage"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "blue_tigers")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print(json.dumps({"numpy": np.__version__, "seeds": asked.seeds}))
    if "rivals" in asked.what:
        rivals(asked.seeds)
    if "amplify" in asked.what:
        amplify(asked.seeds)
    if "coverage" in asked.what:
        coverage(asked.data, asked.seeds)
