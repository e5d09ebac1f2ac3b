"""When exposure weights and a half-life help: planted people who are shown what most like, and whose tastes drift.

    python benchmarks/reweigh.py [--seeds 3] [drift|exposure ...]

`drift`: 10 people rate 90 pictures one after another while their taste turns by an angle in all; correlation of
the learned scores with their liking of all pictures at the end, for half-lives counted in ratings.
`exposure`: 25 people rate 30 pictures each; picture i is shown with odds exp(bias * its mean liking in standard
deviations), or a rating is given at all with odds exp(bias * its own size); correlation with the true liking of all
pictures without weights, with item popularity to the power of 1/2 and 1, and with the known inverse propensities.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from zahir.datasets.synthetic import planted
from zahir.interactions import Interactions
from zahir.space import normalize
from zahir.taste.wals import TetheredWALS

STEEPNESS = 2.5  # P(like) = sigmoid(2.5 liking), as planted people have it


def drift(seeds: int, people: int = 10, ratings: int = 90) -> None:
    """Print one row per angle, a column per half-life."""
    half_lives = (None, 40.0, 20.0, 10.0)
    print("turn | " + " ".join(f"{'never' if h is None else h:>6}" for h in half_lives))
    for angle in (0, 45, 90, 180):
        rows = []
        for seed in range(seeds):
            truth = planted(people, 0, 0.2, seed=seed)
            rng = np.random.default_rng([seed, 5])
            pictures = _pictures(truth.dataset.embeddings)
            away = normalize(rng.standard_normal((people, len(pictures))) @ pictures).astype(np.float64)
            start = truth.tastes.astype(np.float64)
            away = normalize(away - np.sum(away * start, axis=1, keepdims=True) * start).astype(np.float64)
            turns = np.linspace(0, np.radians(angle), ratings)
            items = rng.permuted(np.tile(np.arange(len(pictures)), (people, 1)), axis=1)[:, :ratings]
            tastes = np.cos(turns)[:, None, None] * start + np.sin(turns)[:, None, None] * away
            liking = np.einsum("tpd,ptd->pt", tastes, pictures[items])
            liking /= (tastes[-1] @ pictures.T).std(1, keepdims=True)
            table = _table(items, _votes(liking, rng), len(pictures))
            end = tastes[-1] @ pictures.T
            rows.append(
                [_agreement(TetheredWALS(half_life=h), table, truth.dataset.embeddings, end) for h in half_lives]
            )
        print(f"{angle:4d} | " + " ".join(f"{value:6.3f}" for value in np.mean(rows, axis=0)), flush=True)


def exposure(seeds: int, people: int = 25, ratings: int = 30) -> None:
    """Print one row per kind and size of bias, a column per weighting."""
    print(f"{'shown by':10} {'bias':>4} | {'none':>6} {'pop 1/2':>7} {'pop 1':>6} {'known':>6}")
    for kind, bias in (
        ("nothing", 0.0),
        ("popularity", 1.0),
        ("popularity", 2.0),
        ("own liking", 1.0),
        ("own liking", 2.0),
    ):
        rows = []
        for seed in range(seeds):
            truth = planted(people, 0, 0.5, seed=seed)
            rng = np.random.default_rng([seed, 6])
            mean = truth.liking.mean(0)
            drawn = np.tile(mean / mean.std(), (people, 1)) if kind == "popularity" else truth.liking
            odds = bias * drawn
            items = np.argsort(-(odds + rng.gumbel(size=odds.shape)), axis=1)[:, :ratings]
            votes = _votes(np.take_along_axis(truth.liking, items, axis=1), rng)
            # of a draw without replacement; nearly the odds as long as few of many are drawn
            known = np.exp(-np.take_along_axis(odds, items, axis=1))
            known = np.clip(known / known.mean(1, keepdims=True), 0.05, 20)
            plain = _table(items, votes, truth.liking.shape[1])
            weighed = _table(items, votes, truth.liking.shape[1], known.ravel())
            tries = [(TetheredWALS(exposure=power), plain) for power in (0.0, 0.5, 1.0)] + [(TetheredWALS(), weighed)]
            rows.append([_agreement(model, table, truth.dataset.embeddings, truth.liking) for model, table in tries])
        print(f"{kind:10} {bias:4.1f} | " + " ".join(f"{value:6.3f}" for value in np.mean(rows, axis=0)), flush=True)


def _pictures(embeddings: np.ndarray) -> np.ndarray:
    units = normalize(embeddings)
    return normalize(units - units.mean(0)).astype(np.float64)


def _votes(liking: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(liking.shape) < 1 / (1 + np.exp(-STEEPNESS * liking)), 0.5, -0.5)


def _table(items: np.ndarray, votes: np.ndarray, pictures: int, weights: np.ndarray | None = None) -> Interactions:
    people, ratings = items.shape
    users, times = np.repeat(np.arange(people), ratings), np.tile(np.arange(ratings), people)
    return Interactions.of(users, items.ravel(), votes.ravel(), weights=weights, times=times, num_items=pictures)


def _agreement(model: TetheredWALS, table: Interactions, embeddings: np.ndarray, liking: np.ndarray) -> float:
    told = model.fit(table, embeddings).user_embeddings_ @ _pictures(embeddings).T
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, liking)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", default=["drift", "exposure"])
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print(json.dumps({"numpy": np.__version__, **vars(asked)}))
    if "drift" in asked.what:
        drift(asked.seeds)
    if "exposure" in asked.what:
        exposure(asked.seeds)
