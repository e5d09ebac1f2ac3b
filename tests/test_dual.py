"""A dual amended by ratings that come and go against `solve_rows` over those that stay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir.interactions import Rows
from zahir.space import normalize
from zahir.taste.dual import Dual, amend
from zahir.taste.solve import solve_rows_slowly


def person(n, dim, seed=0):
    rng = np.random.default_rng(seed)
    ratings, weights = rng.choice([-1, -0.5, 0.5, 1], n), rng.uniform(0.1, 4, n)
    return normalize(rng.standard_normal((n, dim))).astype(np.float64), ratings, weights


def taste(factors, dual, first, gone, ratings, weights, strength):
    """The ridge towards zero from the dual of the first ratings, with the others added and some taken away."""
    new = factors[first:]
    corner = new @ new.T + np.diag(strength / weights[first:])
    amended = amend(dual, gone=gone, cross=new @ factors[:first].T, corner=corner, ratings=ratings[first:])
    return amended.alpha @ factors


@pytest.mark.parametrize("strength", [0.05, 1.0, 30.0])
@pytest.mark.parametrize(
    ("first", "more", "gone", "dim"),
    [(0, 1, [], 8), (1, 1, [0], 8), (20, 5, [3, 7], 8), (20, 0, [0], 8), (100, 1, [], 1280), (100, 20, [99], 200)],
)
def test_ratings_that_come_and_go_equal_a_full_solve(first, more, gone, dim, strength):
    factors, ratings, weights = person(first + more, dim)
    dual = Dual.of(factors[:first] @ factors[:first].T, strength / weights[:first], ratings[:first])
    found = taste(factors, dual, first, np.array(gone, np.int64), ratings, weights, strength)
    kept = np.delete(np.arange(first + more), gone)
    row = Rows(np.array([0, len(kept)]), kept, np.float32(ratings[kept]), np.float32(weights[kept]))
    assert_allclose(found, solve_rows_slowly(row, factors, strength=strength)[0], atol=2e-5)


def test_the_same_picture_rated_again_and_again_has_an_answer():
    factors, ratings, weights = person(1, 16)
    factors, ratings, weights = (np.repeat(a, 4, axis=0) for a in (factors, ratings, weights))
    dual = Dual.of(factors[:1] @ factors[:1].T, 1e-3 / weights[:1], ratings[:1])
    found = taste(factors, dual, 1, np.zeros(0, np.int64), ratings, weights, 1e-3)
    assert_allclose(factors[0] @ found, ratings[0], atol=1e-3)
