"""What is made for people of two tastes, and what drawing from several costs people of one: the studio's loop.

    python benchmarks/several_tastes.py [--people 4] [--calibration 100] [--rounds 2] [--library 400]

People of two tastes like the tenth of the library nearest to either of two pictures that lie in opposite
directions, and little else; people of one like what lies along a hidden direction. Each rates `calibration` random
pictures, then rounds of twelve made for them, by the default and by the same model without several tastes (its one
taste, leaned on liked items). Printed for two tastes: the shares of pictures near each kind (nearer than nine in ten of
the library), near neither but near the middle of both, the least share of any batch; for all: the mean chance that a
picture is liked, by round.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np

from zahir.evaluate.raters import Rater, direction_rater
from zahir.evaluate.simulate import Library, Outcome, random_library, simulate
from zahir.interactions import History
from zahir.media import Media
from zahir.space import normalize
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.lean import lean


class OneDirection(GaussianTaste):
    """The default without several tastes."""

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """The one taste, leaned on liked items."""
        liked = normalize(history.embeddings[history.ratings > 0]) - self.mean_
        return lean(self.embed_user(history, rng=rng), normalize(liked), n, rng=rng)


def two_kinds(library: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two pictures, centred, that lie in opposite directions."""
    pictures = normalize(library - library.mean(0))
    while True:
        kinds = pictures[rng.choice(len(pictures), 2, replace=False)]
        if kinds[0] @ kinds[1] < -0.2:
            return kinds


def kinds_rater(kinds: np.ndarray, library: np.ndarray) -> Rater:
    """Likes the tenth of the library that is nearest to either kind, and one in a hundred of the rest."""
    near = _near(library, library, kinds)
    mean, spread = near.mean(0), near.std(0)

    def liking(_media: Sequence[Media], vectors: np.ndarray) -> np.ndarray:
        nearest = ((_near(vectors, library, kinds) - mean) / spread).max(1)
        return 3 / (1 + np.exp((1.28 - nearest) / 0.25)) - 1.5

    return Rater("two kinds", liking)


def _near(vectors: np.ndarray, library: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    return normalize(vectors - library.mean(0)) @ kinds.T


def shares(outcome: Outcome, everybody: list[np.ndarray], library: np.ndarray, encoder: StudioEncoder) -> list[float]:
    """Of the last round: near the first kind, near the second, only between, and the least share of any person."""
    found = []
    for media, kinds in zip(outcome.shown, everybody):
        places = np.concatenate([kinds, normalize(kinds.sum(0))[None]])
        bars = np.quantile(_near(library, library, places), 0.9, axis=0)
        close = _near(encoder.encode(media), library, places) > bars
        found.append([*close[:, :2].mean(0), (close[:, 2] & ~close[:, :2].any(1)).mean()])
    rows = np.array(found)
    return [*rows.mean(0), float(rows[:, :2].min())]


def main(people: int, calibration: int, rounds: int, library: int) -> None:
    """Print one line per kind of people and model."""
    generator, encoder = StudioGenerator(), StudioEncoder()
    pool: Library = random_library(generator, encoder, library, seed=0)
    rng = np.random.default_rng(1)
    everybody = [two_kinds(pool.embeddings, rng) for _ in range(people)]
    several = [kinds_rater(kinds, pool.embeddings) for kinds in everybody]
    alone = [direction_rater(pool.embeddings, rng) for _ in range(people)]
    for raters in (several, alone):
        for model in (GaussianTaste, OneDirection):
            outcome = simulate(
                raters,
                encoder=encoder,
                generator=generator,
                model=model,
                library=pool,
                calibration=calibration,
                rounds=rounds,
                seed=2,
            )
            told = " ".join(f"{gain:5.2f}" for gain in outcome.gain.mean(0))
            print(f"{raters[0].taste:10} {model.__name__:13} liking by round {told}", end="")
            if raters is several:
                first, second, between, least = shares(outcome, everybody, pool.embeddings, encoder)
                print(
                    f" | near one {first:.2f}, the other {second:.2f}, only between {between:.2f}; least {least:.2f}",
                    end="",
                )
            print(f" | cosine within a batch {np.nanmean(outcome.within[:, -1]):.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--calibration", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--library", type=int, default=400)
    asked = parser.parse_args()
    print(json.dumps({"numpy": np.__version__, **vars(asked)}))
    main(asked.people, asked.calibration, asked.rounds, asked.library)
