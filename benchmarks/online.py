"""What waits for a click: a person folded in, one more rating, a model's own taste, the best unseen of a million items.

    python benchmarks/online.py [--items 1000000] [--repeats 30]

A person has 100 ratings at width 1280 (50 and 500 where a model is asked); items are 768 wide, with variances
that fall with the axis as those of real embeddings do, and tastes are sums of 40 of them. Beside each time what
it is checked against: the full solve in float64, or all products sorted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from zahir.datasets.synthetic import planted
from zahir.errors import MissingExtra
from zahir.interactions import History, Rows
from zahir.space import normalize
from zahir.taste.dual import Dual, amend
from zahir.taste.nearest import build_index, nearest
from zahir.taste.solve import solve_rows, solve_rows_slowly
from zahir.taste.wals import TetheredWALS

RATINGS, WIDTH, ITEM_WIDTH, BEST, SEEN = 100, 1280, 768, 100, 200
T = TypeVar("T")


def timed(work: Callable[[], T], repeats: int) -> tuple[float, float, T]:
    """Median and worst milliseconds of one call, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        out = work()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.max(times)), out


def people(repeats: int, rng: np.random.Generator) -> None:
    """Fold in 100 ratings; then one more, by the dual of the 100 and a row beside it."""
    factors = normalize(rng.standard_normal((RATINGS + 1, WIDTH)))
    ratings, weights = rng.choice(np.float32([-0.5, 0.5]), RATINGS + 1), np.ones(RATINGS + 1, np.float32)
    few, last, strength = factors[:RATINGS], factors[RATINGS:], 1.0

    def row(n: int) -> Rows:
        return Rows(np.array([0, n]), np.arange(n), ratings[:n], weights[:n])

    true, many = (solve_rows_slowly(row(n), factors, strength=strength)[0] for n in (RATINGS, RATINGS + 1))
    *figures, found = timed(lambda: solve_rows(row(RATINGS), factors, strength=strength)[0], repeats)
    tell("fold in", figures, f"largest error {np.abs(found - true).max():.0e}")
    dual = Dual.of(few @ few.T, np.full(RATINGS, strength), ratings[:RATINGS])

    def once_more() -> np.ndarray:
        corner, nobody = last @ last.T + strength, np.zeros(0, np.int64)
        amended = amend(dual, gone=nobody, cross=last @ few.T, corner=corner, ratings=ratings[RATINGS:])
        return amended.alpha[:RATINGS] @ few + amended.alpha[RATINGS:] @ last

    *figures, found = timed(once_more, repeats)
    tell("one more rating", figures, f"largest error {np.abs(found - many).max():.0e}")


def model(repeats: int, rng: np.random.Generator) -> None:
    """The taste of somebody with 50 and 500 ratings, of pictures that the fit knows and of new ones."""
    pictures = normalize(rng.standard_normal((2000, WIDTH)) * np.arange(1, WIDTH + 1) ** -0.45)
    data = planted(people=20, ratings=50, shared=0.5, embeddings=pictures).dataset
    fitted = TetheredWALS(tether=np.inf).fit(data.interactions, data.embeddings)
    for count in (50, 500):
        items, grades = rng.permutation(2000)[:count], rng.choice([-0.5, 0.5], count)
        for kind, rows in (("known", items), ("new", None)):
            history = History.of(pictures[items], grades, items=rows)
            *figures, _ = timed(lambda history=history: fitted.embed_user(history, rng=rng), repeats)
            tell(f"taste from {count} {kind} items", figures, "TetheredWALS, scales by evidence")


def items(count: int, repeats: int, rng: np.random.Generator) -> None:
    """The best 100 that this person has not seen."""
    table = np.empty((count, ITEM_WIDTH), np.float16)
    spread = np.arange(1, ITEM_WIDTH + 1, dtype=np.float32) ** -0.55
    for first in range(0, count, 50_000):
        some = rng.standard_normal((min(50_000, count - first), ITEM_WIDTH), np.float32) * spread
        table[first : first + len(some)] = some / np.linalg.norm(some, axis=1, keepdims=True)
    tastes = [
        normalize(rng.choice([-1.0, 1.0], 40) @ table[rng.integers(0, count, 40)].astype(np.float32))
        for _ in range(repeats)
    ]
    seen = rng.permutation(count)[:SEEN]
    turn = iter(tastes * 2)
    *figures, _ = timed(lambda: nearest(table, next(turn), BEST, without=seen), repeats)
    errors = []
    for taste in tastes[:3]:
        which, _ = nearest(table, taste, BEST, without=seen)
        all_ = np.concatenate([table[a : a + 50_000].astype(np.float32) @ taste for a in range(0, count, 50_000)])
        all_[seen] = -np.inf
        errors.append(np.abs(np.sort(all_)[-BEST:] - np.sort(all_[which])).max())
    tell(f"best {BEST} of {count:,}, all looked at", figures, f"largest error {max(errors):.0e}")
    start = time.perf_counter()
    try:
        index = build_index(table, rng=rng)
    except MissingExtra as error:
        print(f"no index: {error}")
        return
    built = time.perf_counter() - start
    turn = iter(tastes)
    *figures, _ = timed(lambda: nearest(table, next(turn), BEST, without=seen, index=index), repeats)
    recall = [
        np.isin(nearest(table, t, BEST, without=seen)[0], nearest(table, t, BEST, without=seen, index=index)[0]).mean()
        for t in tastes
    ]
    note = f"recall {np.mean(recall):.3f}, least {np.min(recall):.2f}; built in {built:.0f} s"
    tell(f"best {BEST} of {count:,}, by index", figures, note)


def tell(what: str, figures: list[float], note: str) -> None:
    """One line of the table."""
    print(f"{what:38} | {figures[0]:9.2f} {figures[1]:8.2f} | {note}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=30)
    asked = parser.parse_args()
    print(f"{'what':38} | {'median ms':>9} {'worst ms':>8} |")
    people(asked.repeats, np.random.default_rng(0))
    model(asked.repeats, np.random.default_rng(2))
    items(asked.items, asked.repeats, np.random.default_rng(1))
