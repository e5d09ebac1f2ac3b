"""`solve_rows` against least squares on the stacked system, in every regime."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zahir.interactions import Rows
from zahir.taste import solve
from zahir.taste.solve import solve_rows, solve_rows_slowly


def unit(rng, n, dim):
    vectors = rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def table(rng, lengths, cols, *, low=0.01, high=100.0):
    """Rows of these lengths with distinct columns and weights log-uniform in [low, high]."""
    indices = [rng.permutation(cols)[:k] for k in lengths]
    n = sum(lengths)
    return Rows(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([*indices, np.zeros(0)]).astype(np.int64),
        rng.uniform(-1, 1, n).astype(np.float32),
        np.exp(rng.uniform(np.log(low), np.log(high), n)).astype(np.float32),
    )


@pytest.fixture(params=["lapack", "kernels"])
def way(request, monkeypatch):
    """Both ways of solving short rows, whatever their number."""
    monkeypatch.setattr(solve, "_FEW", 0 if request.param == "kernels" else 10**9)


@pytest.mark.parametrize("dim", [1, 8, 64])
@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("with_prior", ["none", "one", "each"])
@pytest.mark.parametrize("with_gram", [False, True])
def test_equals_least_squares_on_the_stacked_system(dim, strength, with_prior, with_gram, way):
    rng = np.random.default_rng(dim)
    rows, factors = table(rng, [0, 1, 5, 63, 64, 65, 200], 300), unit(rng, 300, dim)
    prior = {"none": None, "one": unit(rng, 1, dim)[0], "each": unit(rng, 7, dim)}[with_prior]
    gram = 0.1 * (factors.T @ factors).astype(np.float64) if with_gram else None
    fast = solve_rows(rows, factors, prior=prior, gram=gram, strength=strength)
    slow = solve_rows_slowly(rows, factors, prior=prior, gram=gram, strength=strength)
    np.testing.assert_allclose(fast, slow, atol=1e-4)


def test_errors_stay_small_where_rows_are_long():
    rng = np.random.default_rng(0)
    rows, factors = table(rng, [1000, 400], 1500), unit(rng, 1500, 256)
    fast = solve_rows(rows, factors, strength=0.01)
    np.testing.assert_allclose(fast, solve_rows_slowly(rows, factors, strength=0.01), atol=1e-4)


@pytest.mark.parametrize("strength", [0.01, 3.0])
def test_conjugate_gradients_equal_the_direct_solve(monkeypatch, strength):
    rng = np.random.default_rng(1)
    factors = unit(rng, 900, 700)
    rows = table(rng, [700, 900], 900, low=0.5, high=2.0)
    took = []
    real = solve._conjugate_gradients
    monkeypatch.setattr(solve, "_conjugate_gradients", lambda *a: took.append(real(*a)) or took[-1])
    fast = solve_rows(rows, factors, strength=strength)
    assert len(took) == 2
    assert any(found is None for found in took) == (strength == 0.01), "the badly conditioned row must fall back"
    np.testing.assert_allclose(fast, solve_rows_slowly(rows, factors, strength=strength), atol=1e-4)


def test_one_strength_per_row_equals_one_call_per_row(way):
    rng = np.random.default_rng(2)
    rows, factors, prior = table(rng, [3, 0, 40, 7], 50), unit(rng, 50, 12), unit(rng, 4, 12)
    gram = np.eye(12) * 0.3
    strengths = np.array([0.1, 1.0, 2.0, 0.1])
    for extra in (None, gram):
        together = solve_rows(rows, factors, prior=prior, gram=extra, strength=strengths)
        for i, s in enumerate(strengths):
            alone = solve_rows(rows, factors, prior=prior, gram=extra, strength=float(s))
            np.testing.assert_allclose(together[i], alone[i], atol=1e-6)


@pytest.mark.parametrize("dim", [24, 400])
@pytest.mark.parametrize("with_gram", [False, True])
def test_long_rows_and_float16_tables(dim, with_gram, way):
    """Rows of several segments, rows at the border of the kernels' reach, and factors of half the size."""
    rng = np.random.default_rng(dim)
    lengths = [1200, 513, 512, 320, 330, 23, 24, 25, 3, 0]
    rows, factors = table(rng, lengths, 1300, low=0.5, high=1.0), unit(rng, 1300, dim).astype(np.float16)
    gram = 0.1 * factors.T.astype(np.float64) @ factors.astype(np.float64) if with_gram else None
    fast = solve_rows(rows, factors, gram=gram, strength=3.0)
    np.testing.assert_allclose(fast, solve_rows_slowly(rows, factors, gram=gram, strength=3.0), atol=1e-5)


@pytest.mark.parametrize("with_gram", [False, True])
def test_tables_on_disk_and_parts_change_nothing(tmp_path, monkeypatch, with_gram, way):
    rng = np.random.default_rng(9)
    rows, factors, prior = table(rng, list(rng.integers(0, 30, 50)), 60, low=0.5), unit(rng, 60, 16), unit(rng, 50, 16)
    gram = 0.3 * factors.T.astype(np.float64) @ factors if with_gram else None
    strengths = rng.choice([0.5, 2.0], 50)

    def mapped(name, like):
        made = np.lib.format.open_memmap(tmp_path / name, mode="w+", dtype=np.float16, shape=like.shape)
        made[:] = like
        return made

    disk = mapped("factors.npy", factors), mapped("prior.npy", prior), mapped("out.npy", prior)
    whole = solve_rows(rows, np.array(disk[0]), prior=np.array(disk[1]), gram=gram, strength=strengths)
    monkeypatch.setattr(solve, "_PART", 7)
    found = solve_rows(rows, disk[0], prior=disk[1], gram=gram, strength=strengths, out=disk[2])
    assert found is disk[2]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), whole, atol=2e-3)
    in_parts = solve_rows(rows, disk[0], prior=disk[1], gram=gram, strength=strengths)
    np.testing.assert_allclose(in_parts, whole, atol=2e-5)


@pytest.mark.parametrize("with_gram", [False, True])
@pytest.mark.parametrize("prior_of", ["none", "one", "each"])
def test_steps_from_a_guess_lead_to_the_solution(with_gram, prior_of):
    rng = np.random.default_rng(8)
    rows, factors = table(rng, [5, 0, 40, 90, 300], 300, low=0.5, high=2.0), unit(rng, 300, 20)
    prior = {"none": None, "one": unit(rng, 1, 20)[0], "each": unit(rng, 5, 20)}[prior_of]
    gram = 0.2 * (factors.T @ factors).astype(np.float64) if with_gram else None
    exact = solve_rows_slowly(rows, factors, prior=prior, gram=gram, strength=0.7)
    start = unit(rng, 5, 20)
    away = [np.abs(start - exact)]
    for steps in (1, 3, 60):
        found = solve.improve_rows(rows, factors, start, prior=prior, gram=gram, strength=0.7, steps=steps)
        away.append(np.abs(found - exact))
    assert away[0].max() > away[1].max() > away[2].max()
    np.testing.assert_allclose(away[3], 0, atol=5e-5)
    cold = solve.improve_rows(rows, factors, prior=prior, gram=gram, strength=0.7, steps=60)
    np.testing.assert_allclose(cold, exact, atol=5e-5)
    nearly = solve.improve_rows(rows, factors, prior=prior, gram=gram, strength=0.7, steps=60, near=0.05)
    assert 1e-4 < np.abs(nearly - exact).max() < 0.1


def test_gram_is_the_objective_over_unrated_cells():
    """Every cell of the dense matrix written out: rated ones with weight w, the others ask for 0 with w0."""
    rng = np.random.default_rng(3)
    w0, strength = 0.05, 0.4
    rows, factors, prior = table(rng, [2, 9, 0], 15, low=0.2, high=3.0), unit(rng, 15, 6), unit(rng, 3, 6)
    lifted = rows._replace(weights=rows.weights - w0, ratings=rows.weights * rows.ratings / (rows.weights - w0))
    fast = solve_rows(
        lifted, factors, prior=prior, gram=w0 * (factors.T @ factors).astype(np.float64), strength=strength
    )
    for i in range(3):
        indices, ratings, weights = rows.row(i)
        weight, target = np.full(15, w0), np.zeros(15)
        weight[indices], target[indices] = weights, ratings
        wide = factors.astype(np.float64)
        expected = np.linalg.solve(
            (wide.T * weight) @ wide + strength * np.eye(6), (wide.T * weight) @ target + strength * prior[i]
        )
        np.testing.assert_allclose(fast[i], expected, atol=1e-5)


def test_a_row_without_entries_returns_its_prior(way):
    rng = np.random.default_rng(4)
    rows, factors, prior = table(rng, [0, 2, 0], 5), unit(rng, 5, 3), unit(rng, 3, 3)
    np.testing.assert_array_equal(solve_rows(rows, factors, prior=prior, strength=1.0)[[0, 2]], prior[[0, 2]])
    np.testing.assert_array_equal(solve_rows(rows, factors, strength=1.0)[[0, 2]], 0)


def test_threads_and_blocks_change_nothing(monkeypatch, way):
    rng = np.random.default_rng(5)
    rows, factors = table(rng, list(rng.integers(0, 60, 200)), 100), unit(rng, 100, 32)
    whole = solve_rows(rows, factors, strength=0.5, threads=1)
    monkeypatch.setattr(solve, "_BLOCK", 5000)
    monkeypatch.setattr(solve, "_WORK", 50000)
    np.testing.assert_allclose(solve_rows(rows, factors, strength=0.5, threads=3), whole, atol=2e-5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    dim=st.integers(1, 9),
    strength=st.floats(0.01, 100),
    seed=st.integers(0, 10**6),
)
def test_the_answer_is_a_minimum_and_follows_the_order_of_rows(way, lengths, dim, strength, seed):
    rng = np.random.default_rng(seed)
    rows, factors, prior = table(rng, lengths, 12), unit(rng, 12, dim), unit(rng, len(lengths), dim)
    x = solve_rows(rows, factors, prior=prior, strength=strength).astype(np.float64)
    for i in range(len(lengths)):
        indices, ratings, weights = rows.row(i)
        wide = factors[indices].astype(np.float64)
        slope = wide.T @ (weights * (wide @ x[i] - ratings)) + strength * (x[i] - prior[i])
        scale = strength + weights.sum()
        assert np.abs(slope).max() < 1e-5 * scale
    backwards = np.arange(len(lengths))[::-1]
    turned = solve_rows(solve._take(rows, backwards), factors, prior=prior[::-1].copy(), strength=strength)
    np.testing.assert_allclose(turned[::-1], x, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.floats(0.01, 5), factor=st.floats(1, 50))
def test_a_stronger_pull_never_moves_a_row_further_from_its_prior(seed, low, factor):
    rng = np.random.default_rng(seed)
    rows, factors, prior = table(rng, [4, 8], 12), unit(rng, 12, 5), unit(rng, 2, 5)
    away = [
        np.linalg.norm(solve_rows(rows, factors, prior=prior, strength=s) - prior, axis=1) for s in (low, low * factor)
    ]
    assert np.all(away[1] <= away[0] + 1e-5)


def test_wrong_arguments_are_named(unchecked):
    rng = np.random.default_rng(6)
    rows, factors = table(rng, [2], 5), unit(rng, 5, 3)
    for arguments, message in (
        ({"strength": 0.0}, r"strength must be finite and > 0; got 0.0"),
        ({"strength": np.ones(2)}, r"strength has shape \(2,\)"),
        ({"strength": 1.0, "prior": np.zeros(4, np.float32)}, r"prior has shape \(4,\); expected \(3,\) or \(1, 3\)"),
        ({"strength": 1.0, "gram": np.eye(4)}, r"gram has shape \(4, 4\); expected \(3, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            solve_rows(rows, factors, **arguments)
    with pytest.raises(ValueError, match=r"indices must be in \[0, 1\)"):
        solve_rows(rows._replace(indices=np.array([0, 1])), factors[:1], strength=1.0)
    with pytest.raises(ValueError, match=r"weights must be >= 0; got -1.0"):
        solve_rows(rows._replace(weights=np.float32([1, -1])), factors, strength=1.0)
    with pytest.raises(ValueError, match="factors must be finite"):
        solve_rows(rows, np.full((5, 3), np.nan, np.float32), strength=1.0)
