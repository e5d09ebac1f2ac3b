"""Ratings one by one against `solve_rows` over all of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir.interactions import Rows
from zahir.space import normalize
from zahir.taste.online import add, begin, solution
from zahir.taste.solve import solve_rows, solve_rows_slowly


def person(n, dim, seed=0):
    rng = np.random.default_rng(seed)
    factors = normalize(rng.standard_normal((n, dim)))
    ratings, weights = rng.choice(np.float32([-1, -0.5, 0.5, 1]), n), rng.uniform(0.1, 4, n).astype(np.float32)
    return factors, ratings, weights, normalize(rng.standard_normal(dim))


@pytest.mark.parametrize("strength", [0.05, 1.0, 30.0])
@pytest.mark.parametrize(("n", "dim"), [(1, 8), (20, 8), (100, 1280)])
def test_one_rating_after_another_equals_the_full_solve(n, dim, strength):
    factors, ratings, weights, prior = person(n, dim)
    open_ = begin(factors[:0], ratings[:0], weights[:0], prior=prior, strength=strength)
    assert_allclose(solution(open_), prior)
    for k in range(n):
        open_ = add(open_, factors[k], float(ratings[k]), float(weights[k]))
    row = Rows(np.array([0, n]), np.arange(n), ratings, weights)
    assert_allclose(solution(open_), solve_rows(row, factors, prior=prior, strength=strength)[0], atol=1e-5)
    exact = solve_rows_slowly(row, factors, prior=prior, strength=strength)[0]
    assert_allclose(solution(open_), exact, atol=1e-6)


def test_a_begun_person_equals_the_full_solve_and_goes_on():
    factors, ratings, weights, prior = person(101, 1280)
    open_ = begin(factors[:100], ratings[:100], weights[:100], prior=prior, strength=0.5)
    for n in (100, 101):
        row = Rows(np.array([0, n]), np.arange(n), ratings[:n], weights[:n])
        full = solve_rows(row, factors[:n], prior=prior, strength=0.5)[0]
        assert_allclose(solution(open_), full, atol=1e-5)
        open_ = add(open_, factors[100], float(ratings[100]), float(weights[100]))


def test_the_same_picture_rated_twice_has_an_answer():
    factors, ratings, weights, prior = person(1, 16)
    open_ = begin(factors, ratings, weights, prior=prior, strength=1e-6)
    for _ in range(3):
        open_ = add(open_, factors[0], float(ratings[0]), float(weights[0]))
    assert_allclose(factors[0] @ solution(open_), ratings[0], atol=1e-4)


def test_a_strength_that_says_nothing_is_refused():
    factors, ratings, weights, prior = person(3, 4)
    with pytest.raises(ValueError, match=r"strength must be > 0; got 0.0"):
        begin(factors, ratings, weights, prior=prior, strength=0.0)
