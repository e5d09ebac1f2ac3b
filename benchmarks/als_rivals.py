"""What als.py sets beside our solvers: implicit, the article's dense algorithm, Spark.

Each yields both tables after every sweep, but Spark, which has to be timed from outside.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from zahir.interactions import Rows

STRENGTH, SPARK_STRENGTH = 5.0, 0.1
THREADS = os.cpu_count() or 1


class Problem(NamedTuple):
    people: Rows  # one row per person, whose columns are items
    items: Rows
    images: np.ndarray  # also where every solver starts

    @property
    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Person, item, rating and weight of every rating."""
        row = np.repeat(np.arange(self.people.num_rows), np.diff(self.people.indptr))
        return row, self.people.indices, self.people.ratings, self.people.weights


def implicit(problem: Problem, *, exact: bool, part: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=problem.images.shape[1], use_cg=not exact, num_threads=THREADS)
    tables = []
    for rows, cols in ((problem.people, problem.items), (problem.items, problem.people)):
        some = max(2, int(part * rows.num_rows))
        end = rows.indptr[some]
        shape = (some, cols.num_rows)
        tables.append(sparse.csr_matrix((rows.weights[:end], rows.indices[:end], rows.indptr[: some + 1]), shape=shape))
    y = problem.images.copy()
    x = np.zeros((problem.people.num_rows, y.shape[1]), np.float32)
    while True:
        model.solver(tables[0], x[: tables[0].shape[0]], y, STRENGTH, num_threads=THREADS)
        model.solver(tables[1], y[: tables[1].shape[0]], x, STRENGTH, num_threads=THREADS)
        yield x, y


def dense(problem: Problem, *, part: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The article's: for every row a width x width system over all columns, masked, by least squares."""
    images, (people, items) = problem.images, article(problem)
    x, y = np.zeros((people.num_rows, images.shape[1]), np.float32), images.copy()
    while True:
        for out, rows, factors in ((x, people, y), (y, items, np.concatenate([x, images]))):
            some = max(2, int(part * rows.num_rows))
            mask, wanted = (np.zeros((some, len(factors)), np.float32) for _ in range(2))
            for i in range(some):
                indices, ratings, weights = rows.row(i)
                mask[i, indices], wanted[i, indices] = weights, ratings
            sides = (mask * wanted) @ factors
            systems = factors.T[None] @ (mask[:, :, None] * factors[None])
            for i in range(some):
                out[i] = linalg.lstsq(systems[i], sides[i], lapack_driver="gelsy", check_finite=False)[0]
        yield x, y


def article(problem: Problem) -> tuple[Rows, Rows]:
    """People's ratings of weight 1; items' of 1 / a person's number of ratings, and one of their own image."""
    people, items = problem.people, problem.items
    ones = people._replace(weights=np.ones_like(people.weights))
    ends, count = items.indptr[1:], items.num_rows
    often = np.maximum(np.diff(people.indptr), 1), np.maximum(np.diff(items.indptr), 1)
    return ones, Rows(
        items.indptr + np.arange(count + 1),
        np.insert(items.indices, ends, people.num_rows + np.arange(count)),
        np.insert(items.ratings, ends, np.float32(1)),
        np.insert((1 / often[0][items.indices]).astype(np.float32), ends, (1 / often[1]).astype(np.float32)),
    )


def spark(problem: Problem) -> dict[str, object]:
    """Two fits of one and three sweeps: half the difference is a sweep, without what Spark needs to start."""
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.driver.memory", "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    row, column, ratings, _ = problem.entries
    counts = np.diff(problem.items.indptr)
    kept = column < 1 + np.searchsorted(np.cumsum(counts + 1), 100)  # about a hundred rows of both sides
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(
            pa.table({"user": row[kept].astype(np.int32), "item": column[kept].astype(np.int32), "r": ratings[kept]}),
            f"{folder}/r.parquet",
        )
        frame = session.read.parquet(f"{folder}/r.parquet").cache()
        frame.count()
        times = []
        for sweeps in (1, 3):
            als = ALS(rank=problem.images.shape[1], maxIter=sweeps, regParam=SPARK_STRENGTH, userCol="user",
                      itemCol="item", ratingCol="r", numUserBlocks=THREADS, numItemBlocks=THREADS, seed=0)  # fmt: skip
            start = time.perf_counter()
            als.fit(frame)
            times.append(time.perf_counter() - start)
    done = len(np.unique(row[kept])) + len(np.unique(column[kept]))
    share = done / (len(np.unique(row)) + len(np.unique(column)))
    session.stop()
    return {"seconds": [(times[1] - times[0]) / 2 / share], "cpu": [], "values": [], "bytes": 0, "part": share}
