"""Sweeps of alternating least squares: ours beside implicit, Spark and the article's dense algorithm.

    python benchmarks/als.py [--size a b c d] [--scale 1] [--solver NAME ...] [--minutes 8]
    python benchmarks/als.py --linear [--plot docs/scaling.svg]    CPU seconds per sweep over two decades of ratings
    python benchmarks/als.py --disk          a million by a million at --scale, float16 tables on disk

Every solver runs in a process of its own, on the same ratings, from the same start and with the same
number of threads; its peak memory is what it adds to the loaded data. A rival is judged on its own
objective, and ours runs on the same:

- implicit: every cell without a rating asks for 0 with weight 1 (Hu, Koren & Volinsky 2008). "leaping" is
  our `factorise`, "unrated" our exact half-steps with an overshoot.
- Spark: ratings only, strength times the number of a row's ratings (Zhou et al. 2008).
- dense: what the article's code does, re-written: no strength, one tensor of a width x width system per
  row, and one pseudo-rating between an item and its own image.

"to .1 %" is when the objective came within a thousandth of the least that any solver of it reached.
A sweep of more than five minutes is timed on 2 % of the rows (.5 % for the dense one, a hundred rows for
Spark, whose cost is mostly width^3 a row) and scaled: marked ~. CPU seconds are of all threads together:
where the machine is shared, they are the safer figures. Share of peak: the operations of an exact solve,
m k dim + m^3 / 3 + 4 k dim for k ratings and m = min(k, dim), in a CPU second, over what a large matrix
product does in one; more than all of it means that most rows went by conjugate gradients.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from als_rivals import SPARK_STRENGTH, STRENGTH, THREADS, Problem, article, dense, implicit, spark

from zahir.interactions import Interactions, Rows
from zahir.space import normalize
from zahir.taste.factorise import factorise
from zahir.taste.half_steps import paired
from zahir.taste.solve import solve_rows
from zahir.taste.threads import gram

OVERSHOOT, FRACTION = 0.5, {"dense": 0.005}
TOO_SLOW = {("exact", "b"), ("exact", "c"), ("exact", "d")}


class Size(NamedTuple):
    items: int
    people: int
    ratings: int
    width: int
    solvers: tuple[str, ...]


SIZES = {
    "a": Size(1000, 210, 4714, 1280, ("tethered", "dense")),
    "b": Size(40_988, 210, 193_208, 1280, ("tethered", "leaping", "unrated", "cg", "exact", "explicit", "spark")),
    "c": Size(100_000, 100_000, 3_000_000, 768, ("leaping", "unrated", "cg", "exact", "explicit", "spark")),
    "d": Size(20_000, 140_000, 20_000_000, 128, ("leaping", "unrated", "cg", "exact")),
}
OBJECTIVE = {"tethered": "dense", "dense": "dense", "explicit": "spark", "spark": "spark"}


def make(size: Size, scale: float, rng: np.random.Generator) -> Problem:
    """Ratings of people and items in 40 groups, who mostly meet their own; popularity falls as rank^-.5."""
    people, items = max(2, int(size.people * scale)), max(40, int(size.items * scale))
    if size.people < 1000:  # FLICKR-AES has 210 people at any scale of the items
        people = size.people
    n = int(size.ratings * scale)
    user, item = np.zeros(0, np.int64), np.zeros(0, np.int64)
    while len(user) < n:  # drawn again where a cell was drawn before
        more = int(1.2 * (n - len(user))) + 10
        u = rng.integers(0, people, more)
        i = np.minimum((items * rng.random(more) ** 2).astype(np.int64), items - 1)
        own = rng.random(more) < 0.7
        i = np.where(own, np.minimum(i // 40 * 40 + u % 40, items - 1), i)
        cells = np.unique(np.concatenate([user * items + item, u * items + i]))
        user, item = cells // items, cells % items
    kept = rng.permutation(len(user))[:n]
    user, item = user[kept], rng.permutation(items)[item[kept]]
    images = normalize(rng.standard_normal((items, size.width), np.float32))
    ratings = rng.choice(np.float32([0.2, 0.4, 0.6, 0.8, 1.0]), n)
    table = Interactions.of(user, item, ratings, weights=rng.uniform(1.5, 4, n), num_users=people, num_items=items)
    return Problem(table.by_user(), table.by_item(), images)


def lifted(rows: Rows) -> Rows:
    """Ratings of 1 whose weights are less the 1 that all cells have."""
    return rows._replace(ratings=rows.weights / (rows.weights - 1), weights=rows.weights - 1)


# solvers: yield both tables after every sweep


def unrated(problem: Problem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ours on implicit's objective, each half-step exact; items overshoot by half of their last step."""
    y, people, items = problem.images, lifted(problem.people), lifted(problem.items)
    before = None
    while True:
        x = solve_rows(people, y, gram=gram(y), strength=STRENGTH)
        found = solve_rows(items, x, gram=gram(x), strength=STRENGTH)
        yield x, found
        y = found if before is None else found + np.float32(OVERSHOOT) * (found - before)
        before = found


def leaping(problem: Problem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ours on implicit's objective, as `factorise` goes about it: rows improved, and a leap."""
    people, items = (rows._replace(ratings=np.ones_like(rows.ratings)) for rows in (problem.people, problem.items))
    yield from factorise(people, items, problem.images, strength=STRENGTH)


def explicit(problem: Problem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ours on Spark's objective."""
    y = problem.images
    strengths = [SPARK_STRENGTH * np.maximum(np.diff(rows.indptr), 1.0) for rows in (problem.people, problem.items)]
    while True:
        x = solve_rows(problem.people, y, strength=strengths[0])
        y = solve_rows(problem.items, x, strength=strengths[1])
        yield x, y


def tethered(problem: Problem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ours on the article's objective; strength 1e-4 stands for the least norm that its solver takes."""
    images, (people, items) = problem.images, article(problem)
    y = images
    while True:
        x = solve_rows(people, y, strength=1e-4)
        y = solve_rows(items, np.concatenate([x, images]), strength=1e-4)
        yield x, y


# objectives


def objective(problem: Problem, x: np.ndarray, y: np.ndarray, name: str) -> float:
    """What a solver minimises."""
    row, column, ratings, weights = problem.entries
    told = paired(x, row, y, column).astype(np.float64)
    if name == "dense":
        return float(((ratings - told) ** 2).sum())  # all that the article's code prints
    if name == "spark":
        often = [np.diff(rows.indptr) for rows in (problem.people, problem.items)]
        lengths = [np.einsum("nd,nd->n", table, table) for table in (x, y)]
        return float(((ratings - told) ** 2).sum() + SPARK_STRENGTH * sum(n @ s for n, s in zip(often, lengths)))
    everywhere = float(np.sum(gram(x) * gram(y)) - told @ told)
    return everywhere + float(weights @ (1 - told) ** 2) + STRENGTH * float(np.vdot(x, x) + np.vdot(y, y))


# one solver in a process of its own


def run(folder: Path, solver: str, minutes: float, part: float) -> dict[str, object]:
    """Sweep until the objective stands still or time is up; whatever a part of the rows takes, scaled."""
    problem = load(folder)
    before = peak_bytes()
    if solver == "spark":
        return spark(problem)
    kinds: dict[str, Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]] = {
        "unrated": lambda: unrated(problem),
        "leaping": lambda: leaping(problem),
        "cg": lambda: implicit(problem, exact=False, part=part),
        "exact": lambda: implicit(problem, exact=True, part=part),
        "explicit": lambda: explicit(problem),
        "tethered": lambda: tethered(problem),
        "dense": lambda: dense(problem, part=part),
    }
    warm = first_rows(problem, 70)
    ours = {"unrated": unrated, "leaping": leaping, "explicit": explicit, "tethered": tethered}
    if solver in ours:  # kernels are compiled and loaded once
        sweeps = ours[solver](warm)
        for _ in range(3):
            next(sweeps)
    seconds, cpu, values, peak = [], [], [], 0
    turns, start = kinds[solver](), time.perf_counter()
    while time.perf_counter() - start < 60 * minutes and len(seconds) < 25:
        begun, used = time.perf_counter(), time.process_time()
        x, y = next(turns)
        seconds.append((time.perf_counter() - begun) / part)
        cpu.append((time.process_time() - used) / part)
        peak = max(peak, peak_bytes() - before)
        if part < 1:
            break
        values.append(objective(problem, x, y, OBJECTIVE.get(solver, "implicit")))
        print(f"{solver} {len(values)}: {sum(cpu):.1f} CPU s, {values[-1]:.6g}", file=sys.stderr, flush=True)
        if len(values) > 2 and values[-2] - values[-1] < 2e-5 * values[-1]:
            break
    if solver == "dense" and part < 1:  # its tensors, were they whole
        width, rows = problem.images.shape[1], problem.items.num_rows
        peak = 4 * rows * width * (problem.people.num_rows + rows + width)
    return {"seconds": seconds, "cpu": cpu, "values": values, "bytes": peak, "part": part}


def first_rows(problem: Problem, count: int) -> Problem:
    """A small problem of the same kinds of rows."""
    row, column, ratings, weights = problem.entries
    few = (row < count) & (column < count)
    table = Interactions.of(row[few], column[few], ratings[few], weights=weights[few], num_users=count, num_items=count)
    return Problem(table.by_user(), table.by_item(), problem.images[:count])


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def save(problem: Problem, folder: Path) -> None:
    for name, rows in (("people", problem.people), ("items", problem.items)):
        for field, values in rows._asdict().items():
            np.save(folder / f"{name}_{field}.npy", values)
    np.save(folder / "images.npy", problem.images)


def load(folder: Path) -> Problem:
    people, items = (
        Rows(*(np.load(folder / f"{name}_{field}.npy") for field in Rows._fields)) for name in ("people", "items")
    )
    return Problem(people, items, np.load(folder / "images.npy"))


# the table


def peak_rate() -> float:
    """Operations of a large matrix product in a second of CPU time."""
    code = (
        "import numpy as np, time; a = np.random.rand(3072, 3072).astype('f'); a @ a; t = []\n"
        "for _ in range(3): s = time.process_time(); a @ a; t.append(time.process_time() - s)\n"
        "print(2 * 3072**3 / min(t))"
    )
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return float(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)


def operations(problem: Problem) -> float:
    """Of one sweep of exact solves, ratings only."""
    total, dim = 0.0, problem.images.shape[1]
    for rows in (problem.people, problem.items):
        k = np.diff(rows.indptr).astype(np.float64)
        m = np.minimum(k, dim)
        total += float((m * k * dim + m**3 / 3 + 4 * k * dim).sum())
    return total


def child(folder: Path, solver: str, minutes: float, part: float) -> dict[str, object]:
    command = [sys.executable, __file__, "--child", solver, str(folder), str(part), "--minutes", str(minutes)]
    blas = str(THREADS) if solver == "dense" else "1"  # the others have threads of their own
    env = os.environ | {"OMP_NUM_THREADS": blas}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60 * (minutes + 2))
    except subprocess.TimeoutExpired:
        return {"failed": f"not one sweep in {minutes + 2:.0f} minutes"}
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:100] if done.stderr.strip() else "killed"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(name: str, scale: float, asked: list[str] | None, minutes: float) -> None:
    """Print one line per solver of this size."""
    size, peak = SIZES[name], peak_rate()
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        problem = make(size, scale, np.random.default_rng(0))
        save(problem, folder)
        work = operations(problem)
        counts = f"{problem.items.num_rows:,} items, {problem.people.num_rows:,} people, {len(problem.items.indices):,}"
        machine = f"peak {peak / 1e9:.0f} GFLOPS a core, load {os.getloadavg()[0]:.1f}"
        print(f"\n({name}) {counts} ratings, width {size.width}; {machine}")
        print(
            "    solver |  s / sweep |     CPU s |   to .1 % (CPU s) | sweeps |  MB more | of peak | objective",
            flush=True,
        )
        found: dict[str, dict] = {}
        for solver in [s for s in size.solvers if asked is None or s in asked]:
            slow = solver in ("dense", "spark") or (scale * size.ratings > 1e5 and (solver, name) in TOO_SLOW)
            part = FRACTION.get(solver, 0.02) if slow else 1.0
            found[solver] = child(folder, solver, minutes, part)
        for solver, out in found.items():
            if "failed" in out:
                print(f"{solver:>10} | failed: {out['failed']}")
                continue
            kind = OBJECTIVE.get(solver, "implicit")
            others = [o["values"] for s, o in found.items() if OBJECTIVE.get(s, "implicit") == kind and o.get("values")]
            best = min((min(v) for v in others), default=np.nan)
            near = [i for i, v in enumerate(out["values"]) if v <= 1.001 * best]
            until = " " * 18
            if near:
                until = f"{sum(out['seconds'][: near[0] + 1]):8.2f} {sum(out['cpu'][: near[0] + 1]):9.2f}"
            sweep, cpu = (float(np.median(out[what])) if out[what] else np.nan for what in ("seconds", "cpu"))
            scaled, last = "~" if out["part"] < 1 else " ", f"{out['values'][-1]:.6g}" if out["values"] else ""
            figures = f"{scaled}{sweep:9.3f} | {scaled}{cpu:8.3f} | {until} | {len(out['seconds']):6d}"
            figures += f" | {out['bytes'] / 2**20:8.0f}"
            rate = " " * 7 if solver in ("cg", "leaping") else f"{100 * work / cpu / peak:6.1f}%"
            print(f"{solver:>10} | {figures} | {rate} | {last}", flush=True)


def linear(picture: Path | None, width: int = 256) -> None:
    """CPU seconds per sweep over two decades of ratings, 30 for every person and every item."""
    counts = [30_000, 100_000, 300_000, 1_000_000, 3_000_000]
    kinds = {"ratings only, solved": explicit, "every cell, improved": leaping}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for n in counts:
        problem = make(Size(n // 30, n // 30, n, width, ()), 1.0, np.random.default_rng(0))
        for kind, solver in kinds.items():
            turns, times = solver(problem), []
            for sweep in range(6):
                start = time.process_time()
                next(turns)
                if sweep > 2:  # kernels are loaded, and the leap is behind
                    times.append(time.process_time() - start)
            seconds[kind].append(min(times))
            rate = 1e6 * seconds[kind][-1] / n
            print(
                f"{kind} | {n:9,} ratings | {seconds[kind][-1]:8.3f} CPU s / sweep | {rate:6.2f} us a rating",
                flush=True,
            )
    for kind, all_ in seconds.items():
        print(f"{kind}: exponent {np.polyfit(np.log(counts), np.log(all_), 1)[0]:.3f}")
    if picture is not None:
        plot(counts, seconds, picture)


def plot(counts: list[int], seconds: dict[str, list[float]], path: Path) -> None:
    """Both kinds of sweep against the number of ratings, and a line of exponent 1."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.4), layout="constrained")
    for kind, all_ in seconds.items():
        axes.loglog(counts, all_, "o-", label=kind)
    first = min(all_[0] for all_ in seconds.values())
    axes.loglog(counts, first * np.array(counts) / counts[0], "k:", label="exponent 1")
    axes.set(xlabel="ratings", ylabel="CPU seconds per sweep")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def disk(scale: float) -> None:
    """One sweep of items held near their images, every table float16 and on disk."""
    count, n, width = int(1_000_000 * scale), int(30_000_000 * scale), 768
    rng = np.random.default_rng(0)
    table = make(Size(count, count, n, 1, ()), 1.0, rng)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as where:

        def mapped(name: str) -> np.ndarray:
            path = f"{where}/{name}.npy"
            return np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, width))

        images, people, items = mapped("images"), mapped("people"), mapped("items")
        for first in range(0, count, 50_000):
            span = slice(first, min(first + 50_000, count))
            images[span] = items[span] = normalize(rng.standard_normal((span.stop - first, width), np.float32))
        print(f"{count:,} by {count:,}, {n:,} ratings, width {width}: three tables of {images.nbytes / 2**30:.2f} GiB")
        for sweep in range(2):
            start = time.perf_counter()
            solve_rows(table.people, items, strength=1.0, out=people)
            solve_rows(table.items, people, prior=images, strength=3.0, out=items)
            seconds = time.perf_counter() - start
            row, column, ratings, _ = first_rows(table, 3000).entries
            left = ratings - paired(people[:3000].astype(np.float32), row, items[:3000].astype(np.float32), column)
            error = np.mean(left**2) if len(left) else np.nan
            print(
                f"sweep {sweep + 1}: {seconds:.1f} s, peak {peak_bytes() / 2**30:.2f} GiB, left {error:.4f}", flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--solver", nargs="+")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--plot", type=Path, help="write the picture of --linear here")
    parser.add_argument("--disk", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.child:
        print(json.dumps(run(Path(told.child[1]), told.child[0], told.minutes, float(told.child[2]))))
    elif told.linear:
        linear(told.plot)
    elif told.disk:
        disk(told.scale)
    else:
        for one in told.size:
            compare(one, told.scale, told.solver, told.minutes)
