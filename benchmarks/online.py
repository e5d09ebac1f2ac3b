"""What waits for a click: a person folded in, one more rating, the best unseen of a million items.

    python benchmarks/online.py [--items 1000000] [--repeats 30]

A person has 100 ratings at width 1280; items are 768 wide, with variances that fall with the axis as
those of real embeddings do, and tastes are sums of 40 of them. Beside each time what it is checked
against: the full solve in float64, or all products sorted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from zahir.errors import MissingExtra
from zahir.interactions import Rows
from zahir.space import normalize
from zahir.taste.nearest import build_index, nearest
from zahir.taste.online import add, begin, solution
from zahir.taste.solve import solve_rows, solve_rows_slowly

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
    """Fold in 100 ratings; then one more."""
    factors = normalize(rng.standard_normal((RATINGS + 1, WIDTH)))
    ratings, weights = rng.choice(np.float32([-0.5, 0.5]), RATINGS + 1), np.ones(RATINGS + 1, np.float32)
    prior, strength = normalize(rng.standard_normal(WIDTH)), 1.0

    def row(n: int) -> Rows:
        return Rows(np.array([0, n]), np.arange(n), ratings[:n], weights[:n])

    first = row(RATINGS)
    few, many = factors[:RATINGS], solve_rows_slowly(row(RATINGS + 1), factors, prior=prior, strength=strength)[0]
    true = solve_rows_slowly(first, few, prior=prior, strength=strength)[0]
    *figures, found = timed(lambda: solve_rows(first, few, prior=prior, strength=strength)[0], repeats)
    tell("fold in, solved", figures, f"largest error {np.abs(found - true).max():.0e}")

    def fold() -> np.ndarray:
        return solution(begin(few, ratings[:RATINGS], weights[:RATINGS], prior=prior, strength=strength))

    *figures, found = timed(fold, repeats)
    tell("fold in, kept open", figures, f"largest error {np.abs(found - true).max():.0e}")
    open_ = begin(few, ratings[:RATINGS], weights[:RATINGS], prior=prior, strength=strength)
    *figures, found = timed(lambda: solution(add(open_, factors[RATINGS], float(ratings[RATINGS]))), repeats)
    tell("one more rating", figures, f"largest error {np.abs(found - many).max():.0e}")


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
    items(asked.items, asked.repeats, np.random.default_rng(1))
