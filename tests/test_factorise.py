"""`factorise` against gradients written out, exact half-steps, and the singular values of what it solves."""

import numpy as np
import pytest

from zahir.interactions import Interactions
from zahir.taste import half_steps
from zahir.taste.factorise import factorise
from zahir.taste.shared import Strengths
from zahir.taste.solve import solve_rows
from zahir.taste.threads import gram


def ratings(rng, people, items, n):
    cells = rng.permutation(people * items)[:n]
    return Interactions.of(
        cells // items, cells % items, rng.uniform(0.2, 1, n), weights=rng.uniform(1.5, 4, n),
        num_users=people, num_items=items,
    )  # fmt: skip


def objective(table, x, y, strength, unobserved):
    """Over the whole dense matrix, in float64."""
    weights, wanted = np.full((table.num_users, table.num_items), unobserved), np.zeros((len(x), len(y)))
    weights[table.users, table.items], wanted[table.users, table.items] = table.weights, table.ratings
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float((weights * (wanted - x @ y.T) ** 2).sum() + strength * ((x**2).sum() + (y**2).sum()))


def exact_sweeps(table, y, strength, unobserved, count):
    """Alternating half-steps that are each solved."""

    def lifted(rows):
        weights = rows.weights - np.float32(unobserved)
        return rows._replace(ratings=rows.weights * rows.ratings / weights, weights=weights)

    people, items = lifted(table.by_user()), lifted(table.by_item())
    for _ in range(count):
        x = solve_rows(people, y, gram=unobserved * gram(y), strength=strength)
        y = solve_rows(items, x, gram=unobserved * gram(x), strength=strength)
    return x, y


@pytest.mark.parametrize(("unobserved", "count"), [(1.0, 8), (0.3, 16)])
def test_a_few_sweeps_reach_what_many_exact_ones_reach(unobserved, count):
    rng = np.random.default_rng(0)
    table, strength = ratings(rng, 300, 350, 5000), 2.0
    start = (rng.standard_normal((350, 20)) / 5).astype(np.float32)
    settled = objective(table, *exact_sweeps(table, start, strength, unobserved, 150), strength, unobserved)
    sweeps = factorise(table.by_user(), table.by_item(), start, strength=strength, unobserved=unobserved)
    values = [objective(table, *next(sweeps), strength, unobserved) for _ in range(count)]
    few = objective(table, *exact_sweeps(table, start, strength, unobserved, count), strength, unobserved)
    assert values[-1] < settled * 1.002 < few
    assert values[-1] > settled * 0.99


def test_it_settles_where_the_gradient_is_zero():
    rng = np.random.default_rng(1)
    table, strength = ratings(rng, 30, 40, 300), 1.5
    sweeps = factorise(
        table.by_user(), table.by_item(), rng.standard_normal((40, 4)).astype(np.float32), strength=strength
    )
    for _ in range(150):
        x, y = next(sweeps)
    weights, wanted = np.ones((30, 40)), np.zeros((30, 40))
    weights[table.users, table.items], wanted[table.users, table.items] = table.weights, table.ratings
    left = weights * (wanted - x @ y.T)
    np.testing.assert_allclose(left @ y, strength * x, atol=2e-3)
    np.testing.assert_allclose(left.T @ x, strength * y, atol=2e-3)


def test_singular_values_are_those_of_the_ratings_lowered_by_the_strength():
    """With nearly equal weights the minimum is known: soft-thresholded singular values (Cai, Candes & Shen 2010)."""
    rng = np.random.default_rng(2)
    cells = rng.permutation(60 * 50)[:600]
    table = Interactions.of(
        cells // 50, cells % 50, rng.uniform(0.2, 1, 600), weights=np.full(600, 1.0001), num_users=60, num_items=50
    )
    wanted = np.zeros((60, 50))
    wanted[table.users, table.items] = table.ratings
    expected = np.linalg.svd(wanted, compute_uv=False)[:6] - 1.0
    sweeps = factorise(table.by_user(), table.by_item(), rng.standard_normal((50, 6)).astype(np.float32), strength=1.0)
    for _ in range(40):
        x, y = next(sweeps)
    np.testing.assert_allclose(np.linalg.svd(x @ y.T, compute_uv=False)[:6], expected, atol=2e-3)


@pytest.mark.parametrize("dim", [3, 80])
def test_more_dimensions_than_items_and_items_that_nobody_rated(dim):
    rng = np.random.default_rng(3)
    table = ratings(rng, 25, 30, 60)
    table = Interactions.of(table.users, table.items, table.ratings, weights=table.weights, num_users=40, num_items=45)
    start = rng.standard_normal((45, dim)).astype(np.float32)
    sweeps = factorise(table.by_user(), table.by_item(), start, strength=0.5)
    values = []
    for _ in range(6):
        x, y = next(sweeps)
        values.append(objective(table, x, y, 0.5, 1.0))
    assert np.all(np.isfinite(values))
    assert values[-1] < values[0]
    assert not x[25:].any()
    assert not y[30:].any()


def test_half_steps_that_hold_nothing_leap_and_still_fall(monkeypatch):
    rng = np.random.default_rng(5)
    table, images = ratings(rng, 120, 150, 2000), (rng.standard_normal((150, 10)) / 3).astype(np.float32)
    form = {
        "strengths": Strengths(population=np.inf, own=2.0, item=1.0, level=1.0, bias=1.0),
        "tether": 0.0,
        "unobserved": 1.0,
    }

    def values():
        fits = half_steps.half_steps(table, images, iterations=6, **form)
        return [half_steps.objective(table, images, fit, **form) for fit in fits]

    leaping = values()
    monkeypatch.setattr(half_steps, "LEAP_AFTER", 100)
    walking = values()
    assert np.all(np.diff(leaping) <= 1e-5 * leaping[0])
    assert leaping[:6] == walking[:6]
    assert leaping[6] < walking[9], "the first half-step after the leap is worth a sweep"
    assert leaping[-1] < walking[-1]


def test_cells_that_count_for_nothing_or_too_much_are_refused():
    table = ratings(np.random.default_rng(4), 5, 6, 10)
    for unobserved in (0.0, 4.0):
        with pytest.raises(ValueError, match=r"unobserved must be > 0 and less than every weight; got "):
            next(
                factorise(
                    table.by_user(), table.by_item(), np.ones((6, 2), np.float32), strength=1.0, unobserved=unobserved
                )
            )
