"""One half-step over all people: `solve_rows` beside implicit's solvers, on the same matrix and factors.

    python benchmarks/als.py [--rows 2000] [--length 30] [--widths 128 768 1280]

implicit solves with every cell weighing at least 1 (Hu, Koren & Volinsky 2008); so does ours here, by
`gram` and weights w - 1. `exact` is implicit's Cholesky solver, `cg 3` its default, three steps of
conjugate gradients, here from zero. `no gram` is what tastes need: cells without a rating
weigh nothing, which implicit has no counterpart for. Quality beside speed: the largest error of a
factor against a float64 solve of the first rows.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from zahir.interactions import Rows
from zahir.space import normalize
from zahir.taste.solve import solve_rows, solve_rows_slowly

STRENGTH, CHECKED = 1.0, 20


def best_of(work: Callable[[], np.ndarray], repeats: int = 2) -> tuple[float, np.ndarray]:
    """Least time of a few runs, and the result."""
    times, out = [], np.zeros(0)
    for _ in range(repeats):
        start = time.perf_counter()
        out = work()
        times.append(time.perf_counter() - start)
    return min(times), out


def implicit_half_step(table: sparse.csr_matrix, factors: np.ndarray, *, exact: bool, threads: int) -> np.ndarray:
    """All people's factors from these item factors, by the solver that implicit's `fit` would use."""
    model = AlternatingLeastSquares(factors=factors.shape[1], use_cg=not exact, num_threads=threads)
    out = np.zeros((table.shape[0], factors.shape[1]), np.float32)
    model.solver(table, out, factors, STRENGTH, num_threads=threads)
    return out


def compare(rows: Rows, table: sparse.csr_matrix, factors: np.ndarray, threads: int) -> None:
    """Print one line per solver."""
    wide, weights = factors.astype(np.float64), rows.weights
    gram = wide.T @ wide
    lifted = rows._replace(ratings=weights / (weights - 1), weights=weights - 1)
    true = solve_rows_slowly(first(lifted, CHECKED), wide, gram=gram, strength=STRENGTH)
    true_without = solve_rows_slowly(first(rows, CHECKED), wide, strength=STRENGTH)
    jobs: dict[str, tuple[Callable[[], np.ndarray], np.ndarray]] = {
        "ours": (lambda: solve_rows(lifted, factors, gram=gram, strength=STRENGTH), true),
        "exact": (lambda: implicit_half_step(table, factors, exact=True, threads=threads), true),
        "cg 3": (lambda: implicit_half_step(table, factors, exact=False, threads=threads), true),
        "no gram": (lambda: solve_rows(rows, factors, strength=STRENGTH), true_without),
    }
    base = 0.0
    for name, (work, truth) in jobs.items():
        with threadpool_limits(limits=1):
            seconds, found = best_of(work)
        base = base or seconds
        error = np.abs(found[:CHECKED] - truth).max()
        print(f"{factors.shape[1]:5d} {name:>8} | {seconds:7.3f} {seconds / base:6.2f} | {error:8.1e}", flush=True)


def first(rows: Rows, count: int) -> Rows:
    """The first `count` rows."""
    end = rows.indptr[count]
    return Rows(rows.indptr[: count + 1], rows.indices[:end], rows.ratings[:end], rows.weights[:end])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--length", type=int, default=30)
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 768, 1280])
    asked = parser.parse_args()
    threads = os.cpu_count() or 1
    rng = np.random.default_rng(0)
    lengths = rng.poisson(asked.length, asked.rows)
    indices = np.concatenate([rng.permutation(asked.rows)[:k] for k in lengths])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    weights = rng.uniform(2, 4, len(indices)).astype(np.float32)
    ones = np.ones(len(indices), np.float32)
    table = sparse.csr_matrix((weights, indices, indptr), shape=(asked.rows, asked.rows))
    rows = Rows(indptr, indices, ones, weights)
    print(f"{asked.rows} rows of {asked.length} entries, {threads} threads")
    print(f"{'width':>5} {'solver':>8} | {'seconds':>7} {'ratio':>6} | {'error':>8}")
    for width in asked.widths:
        compare(rows, table, normalize(rng.standard_normal((asked.rows, width))), threads)
