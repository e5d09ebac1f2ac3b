"""What fraud leaves of honest people's tastes, with and without `trust`: random, always-alike and copied votes.

    python benchmarks/trust.py [--seeds 3] [--ratings 40,8] [--kinds random,alike,copies]

50 planted people, half of the taste shared by all, or five like-minded groups. A share of them is replaced by
frauds who rate as many pictures as they would have: at random; all alike (like in seven of ten cases); or exactly
what one honest person rated. Printed: the correlation of the honest people's learned scores with their true
liking of all pictures, and of the population's taste with their mean liking (what a newcomer gets), each
without trust, with it, and with the frauds taken out by hand; the mean trust of honest people and of frauds, and
that of the group of honest people that is trusted least.
"""

from __future__ import annotations

import argparse
import json
from typing import Literal

import numpy as np

from zahir.datasets.synthetic import Planted, planted
from zahir.interactions import Interactions
from zahir.space import normalize
from zahir.taste.wals import TetheredWALS

GROUPS = 5
SETTINGS: tuple[Literal["auto"] | None, ...] = (None, "auto", None)


def defraud(truth: Planted, kind: str, share: float, rng: np.random.Generator) -> tuple[Interactions, np.ndarray]:
    """The ratings with a share of people turned into frauds, and who these are."""
    table = truth.dataset.interactions
    items, ratings, people = table.items.copy(), table.ratings.copy(), table.num_users
    fraud = np.zeros(people, bool)
    fraud[rng.permutation(people)[: round(share * people)]] = True
    copied = table.users == np.flatnonzero(~fraud)[0]
    for user in np.flatnonzero(fraud):
        mine = table.users == user
        if kind == "random":
            ratings[mine] = rng.choice([-0.5, 0.5], int(mine.sum()))
        elif kind == "alike":
            ratings[mine] = rng.choice([-0.5, 0.5], p=[0.3, 0.7])
        else:
            items[mine], ratings[mine] = table.items[copied], table.ratings[copied]
    return Interactions.of(table.users, items, ratings, num_users=people, num_items=table.num_items), fraud


def figures(model: TetheredWALS, truth: Planted, honest: np.ndarray) -> tuple[float, float]:
    """Agreement of honest people's scores with their liking, and of the population's with their mean liking."""
    units = normalize(truth.dataset.embeddings)
    pictures = normalize(units - units.mean(0))
    liking = truth.liking[honest]
    told = model.user_embeddings_[honest] @ pictures.T
    agreement = float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, liking)]))
    return agreement, float(np.corrcoef(pictures @ model.population_, liking.mean(0))[0, 1])


def main(seeds: int, lengths: list[int], kinds: list[str]) -> None:
    """Print one row per population, kind and share of fraud: means over seeds."""
    print(f"{'':36} | {'honest people':^22} | {'newcomer':^22} | {'trust':^20}")
    print(f"{'ratings shared groups kind     share':36} |", end="")
    print(f"{'without':>8}{'with':>7}{'removed':>8} |" * 2 + f"{'honest':>7}{'frauds':>7}{'group':>7}")
    cases = [("none", 0.0)] + [(kind, share) for kind in kinds for share in (0.1, 0.3, 0.5)]
    for length in lengths:
        for shared, groups in ((0.5, None), (0.2, GROUPS)):
            for kind, share in cases:
                rows = []
                for seed in range(seeds):
                    truth = planted(50, length, shared, clusters=groups, seed=seed)
                    table, fraud = defraud(truth, kind, share, np.random.default_rng([seed, 77]))
                    made = [
                        TetheredWALS(trust=trust).fit(known, truth.dataset.embeddings)
                        for trust, known in zip(SETTINGS, (table, table, table.take(~fraud[table.users])))
                    ]
                    found = np.array([figures(model, truth, ~fraud) for model in made]).T.ravel()
                    weight = made[1].trust_
                    least = min(weight[~fraud & (np.arange(50) % GROUPS == group)].mean() for group in range(GROUPS))
                    rows.append([*found, weight[~fraud].mean(), weight[fraud].mean() if share else np.nan, least])
                mean = np.mean(rows, axis=0)
                print(f"{length:7d} {shared:6.1f} {groups or '-':>6} {kind:8} {share:5.1f} |", end="")
                print(
                    f"{mean[0]:8.3f}{mean[1]:7.3f}{mean[2]:8.3f} |{mean[3]:8.3f}{mean[4]:7.3f}{mean[5]:8.3f} |", end=""
                )
                print(f"{mean[6]:7.2f}{mean[7]:7.2f}{mean[8]:7.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ratings", default="40,8")
    parser.add_argument("--kinds", default="random,alike,copies")
    asked = parser.parse_args()
    print(json.dumps({"numpy": np.__version__, **vars(asked)}))
    main(asked.seeds, [int(each) for each in asked.ratings.split(",")], asked.kinds.split(","))
