"""Whatever people and encoders do wrong, a taste model answers with numbers or says what is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zahir.interactions import History, Interactions
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.wals import TetheredWALS

MODELS = {
    "gaussian": GaussianTaste,
    "gaussian, all parts": lambda: GaussianTaste(alike=True, curved=True),
    "wals": TetheredWALS,
}
DIM = 4
GRADES = [-1.0, -0.5, 0.0, 0.5, 1.0]


@st.composite
def worlds(draw):
    """Few people and pictures, repeated ratings, equal or zero embeddings; a history with ids of nobody and nothing."""
    people, pictures = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rows = draw(st.lists(st.tuples(*map(st.sampled_from, (range(people), range(pictures), GRADES))), max_size=60))
    coordinate = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
    embeddings = np.array(draw(st.lists(st.tuples(*[coordinate] * DIM), min_size=pictures, max_size=pictures)))
    columns = np.array(rows, np.float64).reshape(-1, 3).T
    table = Interactions.of(*columns, num_users=people, num_items=pictures)
    shown = draw(st.lists(st.tuples(st.integers(-3, pictures + 2), st.sampled_from(GRADES)), max_size=8))
    items = np.array([i for i, _ in shown], np.int64)
    vectors = np.array([embeddings[i] if 0 <= i < pictures else draw(st.tuples(*[coordinate] * DIM)) for i in items])
    user = draw(st.one_of(st.none(), st.integers(-2, people + 2)))
    history = History.of(vectors.reshape(-1, DIM), [r for _, r in shown], user=user, items=items)
    return table, embeddings.astype(np.float32), history


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(world=worlds())
def test_any_ratings_get_an_answer(name, world):
    table, embeddings, history = world
    model = MODELS[name]().fit(table, embeddings)
    users, items = np.divmod(np.arange(table.num_users * table.num_items), table.num_items)
    told = [model.predict(users, items), model.score(history, embeddings), *model.posterior(history, embeddings)]
    rng = np.random.default_rng(0)
    taste, several = model.embed_user(history, rng=rng), model.tastes(history, 3, rng=rng)
    assert all(np.all(np.isfinite(values)) for values in [*told, model.sample_tastes(history, 2, rng=rng)])
    assert np.all(told[-1] >= 0), "a variance is not negative"
    np.testing.assert_allclose(np.linalg.norm([taste, *several], axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "gaussian, all parts"])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(world=worlds(), seed=st.integers(0, 99))
def test_of_repeated_ratings_the_latest_counts(name, world, seed):
    table, embeddings, history = world
    known = (history.items >= 0) & (history.items < table.num_items)
    kept = [k for k in range(len(history)) if not known[k] or history.items[k] not in history.items[k + 1 :]]
    once = History(
        history.user,
        *(getattr(history, name)[kept] for name in ("items", "embeddings", "ratings", "weights", "times")),
    )
    model = MODELS[name]().fit(table, embeddings)
    np.testing.assert_allclose(model.score(history, embeddings), model.score(once, embeddings), atol=1e-4)
    again = MODELS[name]().fit(table.latest(), embeddings)
    np.testing.assert_allclose(again.score(history, embeddings), model.score(history, embeddings), atol=1e-4)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    table = Interactions.of([0, 1, 1], [0, 1, 2], [0.5, -0.5, 1], num_items=3)
    good = np.eye(3, DIM, dtype=np.float32)
    broken = good.copy()
    broken[1, 2] = bad
    with pytest.raises(ValueError, match=r"embeddings must be finite; got nan or infinity in row 1"):
        GaussianTaste().fit(table, broken)
    with pytest.raises(ValueError, match=r"ratings must be in \[-1, 1\]; got"):
        Interactions.of([0], [0], [bad])
    with pytest.raises(ValueError, match=r"weights must be finite and > 0; got"):
        Interactions.of([0], [0], [0.5], weights=[bad])
    for model in (GaussianTaste(), GaussianTaste().fit(table, good)):
        for ask in (model.score, model.posterior):
            with pytest.raises(ValueError, match=r"embeddings must be finite"):
                ask(History.of(good, [0.5, 0.5, 0.5]), broken)
            with pytest.raises(ValueError, match=r"embeddings must be finite"):
                ask(History.of(broken, [0.5, 0.5, 0.5]), good)
        for ask in (model.tastes, model.sample_tastes):
            with pytest.raises(ValueError, match=r"embeddings must be finite"):
                ask(History.of(broken, [0.5, 0.5, 0.5]), 2, rng=np.random.default_rng(0))


@pytest.mark.usefixtures("unchecked")
def test_widths_and_rows_that_do_not_fit_are_refused():
    table = Interactions.of([0, 1, 1], [0, 1, 2], [0.5, -0.5, 1], num_items=3)
    good = np.eye(3, DIM, dtype=np.float32)
    model = GaussianTaste().fit(table, good)
    wide = np.eye(3, 5, dtype=np.float32)
    with pytest.raises(ValueError, match=r"embeddings are 5 wide, the fit is 4 wide. Encode again"):
        model.score(History.of(good, [0.5, 0.5, 0.5]), wide)
    with pytest.raises(ValueError, match=r"history: embeddings are 5 wide, the fit is 4 wide"):
        model.embed_user(History.of(wide, [0.5, 0.5, 0.5]), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"3 items, but 2 embeddings"):
        GaussianTaste().fit(table, good[:2])
    with pytest.raises(ValueError, match=r"users must be in \[0, 2\), the rows of the fit; got 0 to 2"):
        model.predict(np.array([0, 2]), np.array([0, 0]))
    with pytest.raises(ValueError, match=r"items must be in \[0, 3\), the rows of the fit; got -1 to 0"):
        model.predict(np.array([0, 1]), np.array([-1, 0]))
