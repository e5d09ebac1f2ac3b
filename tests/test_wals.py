"""`TetheredWALS` against the dense Gaussian process that it is, its limits, and people planted with known tastes."""

import numpy as np
import pytest
from tables import small

from zahir.datasets.synthetic import planted
from zahir.errors import BadData, NotFitted
from zahir.interactions import History, Interactions
from zahir.space import cosine, normalize
from zahir.taste import shared
from zahir.taste.half_steps import half_steps, objective
from zahir.taste.shared import Strengths
from zahir.taste.wals import TetheredWALS

STRENGTHS = Strengths(population=0.6, own=1.1, item=3.0, level=0.9, bias=5.0)


def centred(embeddings):
    units = normalize(embeddings).astype(np.float64)
    return normalize(units - units.mean(0)).astype(np.float64)


def history_of(table, embeddings, user, *, known=True):
    mine = table.users == user
    items = table.items[mine]
    return History.of(
        embeddings[items], table.ratings[mine], user=user, items=items if known else None, weights=table.weights[mine]
    )


def dense_gp(table, c, scales):
    """Mean of the Gaussian process at every cell, written out from its covariance (row B of the design)."""
    k = scales["population"] + scales["own"] * (table.users[:, None] == table.users)
    k = k * (c[table.items] @ c[table.items].T) + scales["item"] * (table.items[:, None] == table.items)
    k += scales["level"] + scales["bias"] * (table.users[:, None] == table.users)
    alpha = np.linalg.solve(k + np.diag(scales["noise"] / table.weights), table.ratings.astype(np.float64))
    users, items = np.divmod(np.arange(table.num_users * table.num_items), table.num_items)
    same = users[:, None] == table.users
    cross = (scales["population"] + scales["own"] * same) * (c[items] @ c[table.items].T)
    cross += scales["item"] * (items[:, None] == table.items) + scales["level"] + scales["bias"] * same
    return users, items, cross @ alpha


@pytest.mark.parametrize("regularization", [0.3, 4.0])
def test_items_at_their_images_make_it_a_gaussian_process(regularization):
    table, embeddings = small()
    model = TetheredWALS(tether=np.inf, regularization=regularization, population=0.5).fit(table, embeddings)
    users, items, expected = dense_gp(table, centred(embeddings), model.scales_)
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-4)


def test_scales_and_metric_by_evidence_make_it_the_same_process():
    dataset = planted(people=12, ratings=20, shared=0.5, seed=1).dataset
    model = TetheredWALS(tether=np.inf).fit(dataset.interactions, dataset.embeddings)
    assert model.metric_.root.size, "these tastes vary as the pictures do; the evidence must say so"
    vectors = centred(dataset.embeddings) @ model.metric_.root.astype(np.float64)
    users, items, expected = dense_gp(dataset.interactions, vectors, model.scales_)
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-3)


def test_long_tables_are_solved_as_short_ones(monkeypatch):
    table, embeddings = small(ratings=80)
    settings = {"tether": 3.0, "regularization": 0.5, "population": 0.5, "iterations": 3}
    dense = TetheredWALS(**settings).fit(table, embeddings)
    monkeypatch.setattr(shared, "_DENSE", 10)
    iterative = TetheredWALS(**settings).fit(table, embeddings)
    np.testing.assert_allclose(iterative.user_embeddings_, dense.user_embeddings_, atol=1e-3)
    np.testing.assert_allclose(iterative.item_bias_, dense.item_bias_, atol=1e-3)


@pytest.mark.parametrize(("tether_form", "tether"), [("pull", 2.0), ("pseudo", 2.0), ("pull", 0.0)])
@pytest.mark.parametrize("unobserved", [0.0, 0.05])
@pytest.mark.parametrize("population", [0.6, np.inf])
def test_the_objective_falls_at_every_half_step(tether_form, tether, unobserved, population):
    table, embeddings = small(1)
    images = centred(embeddings).astype(np.float32)
    form = {
        "strengths": STRENGTHS._replace(population=population),
        "tether": tether,
        "tether_form": tether_form,
        "unobserved": unobserved,
    }
    fits = list(half_steps(table, images, iterations=8, **form))
    values = np.array([objective(table, images, fit, **form) for fit in fits])
    assert len(values) == 8 * (3 if unobserved else 2) - 1
    assert np.all(np.diff(values) <= 1e-5 * values[0])
    assert values[-1] < 0.99 * values[0]


@pytest.mark.parametrize("unobserved", [0.0, 0.05])
def test_people_and_population_are_at_a_minimum(unobserved):
    table, embeddings = small(2)
    images = centred(embeddings).astype(np.float32)
    form = {"strengths": STRENGTHS, "tether": 2.0, "unobserved": unobserved}
    *_, fit = half_steps(table, images, iterations=2, **form)
    rng = np.random.default_rng(0)
    least = objective(table, images, fit, **form)
    for _ in range(20):
        moved = fit._replace(
            users=fit.users + rng.normal(0, 3e-2, fit.users.shape).astype(np.float32),
            population=fit.population + rng.normal(0, 3e-2, fit.population.shape).astype(np.float32),
        )
        assert objective(table, images, moved, **form) > least


def test_a_stiff_pull_returns_the_images_and_a_stiff_pseudo_rating_does_not():
    table, embeddings = small(3)
    settings = {"regularization": 1.0, "population": 1.0}
    images = centred(embeddings)
    pulled = TetheredWALS(tether=1e6, **settings).fit(table, embeddings)
    np.testing.assert_allclose(pulled.item_embeddings_, images, atol=1e-4)
    fixed = TetheredWALS(tether=np.inf, **settings).fit(table, embeddings)
    np.testing.assert_allclose(fixed.item_embeddings_, images, atol=1e-6)
    np.testing.assert_allclose(pulled.user_embeddings_, fixed.user_embeddings_, atol=1e-3)
    pseudo = TetheredWALS(tether=1e5, tether_form="pseudo", **settings).fit(table, embeddings)
    along = np.einsum("id,id->i", pseudo.item_embeddings_, images)
    np.testing.assert_allclose(along, 1, atol=1e-2)
    assert np.abs(pseudo.item_embeddings_ - images).max() > 0.05
    loose = [
        np.linalg.norm(TetheredWALS(tether=t, **settings).fit(table, embeddings).item_embeddings_ - images)
        for t in (1.0, 10.0, 100.0)
    ]
    assert loose[0] > loose[1] > loose[2]


@pytest.mark.parametrize("tether_form", ["pull", "pseudo"])
def test_what_nobody_rated_goes_by_image_and_population(tether_form):
    table, embeddings = small(4)
    model = TetheredWALS(tether=2.0, tether_form=tether_form, regularization=1.0, population=1.0)
    model.fit(table, embeddings)
    np.testing.assert_allclose(model.item_embeddings_[-1], centred(embeddings)[-1], atol=1e-6)
    np.testing.assert_allclose(model.user_embeddings_[-1], model.population_, atol=1e-6)
    assert model.item_bias_[-1] == 0
    assert model.user_bias_[-1] == 0


def test_without_any_tether_items_owe_nothing_to_their_images():
    table, embeddings = small(4)
    plain = TetheredWALS(tether=0.0, regularization=1.0, population=1.0).fit(table, embeddings)
    assert not np.any(plain.item_embeddings_[-1])  # nobody rated it
    rated = np.unique(table.items)
    found = np.linalg.matrix_rank(plain.item_embeddings_[rated], tol=1e-3)
    assert found <= 6  # they are mixtures of the six people's tastes


def test_parts_that_are_left_out_are_zero():
    table, embeddings = small(4)
    model = TetheredWALS(leave_out=("item", "level", "bias")).fit(table, embeddings)
    assert not np.any(model.item_bias_)
    assert not np.any(model.user_bias_)
    assert model.level_ == 0
    assert model.scales_["item"] == model.scales_["bias"] == 0 < model.scales_["own"]


BY_HAND = {"tether": np.inf, "regularization": 0.8, "population": 0.7}


@pytest.mark.parametrize(
    "settings",
    [
        BY_HAND,
        BY_HAND | {"leave_out": ("item", "bias")},
        BY_HAND | {"tether": 3.0},
        BY_HAND | {"tether": 3.0, "unobserved": 0.05},
        {},
        {"population": None},
    ],
)
def test_folding_in_the_ratings_of_the_fit_is_the_fit(settings):
    table, embeddings = small(5)
    model = TetheredWALS(**settings)
    model.fit(table, embeddings)
    for user in range(4):
        taste, bias = model._fold_in(history_of(table, embeddings, user))
        tolerance = 2e-2 if "unobserved" in settings else 1e-4  # biases and tastes take turns there
        np.testing.assert_allclose(taste, model.user_embeddings_[user], atol=tolerance)
        assert abs(bias - model.user_bias_[user]) < tolerance


def test_folding_in_more_ratings_nears_the_refit():
    """With others as fitted, a person's later ratings move their taste where a refit would."""
    truth = planted(people=30, ratings=40, shared=0.3, seed=6)
    table, embeddings = truth.dataset.interactions, truth.dataset.embeddings
    early = np.concatenate([np.flatnonzero(table.users == u)[: 10 if u == 0 else None] for u in range(30)])
    settings = {"tether": np.inf, "regularization": 1.0, "population": 1.5}
    before = TetheredWALS(**settings).fit(table.take(early), embeddings)
    after = TetheredWALS(**settings).fit(table, embeddings)
    history = history_of(table, embeddings, 0)
    rng = np.random.default_rng(0)
    folded = before.embed_user(history, rng=rng)
    refit = after.embed_user(history, rng=rng)
    stale = before.embed_user(history_of(table.take(early), embeddings, 0), rng=rng)
    assert folded @ refit > 0.99
    assert folded @ refit > stale @ refit + 0.05


def test_one_person_alone_is_plain_ridge_after_a_fit_and_without():
    truth = planted(people=1, ratings=20, seed=7)
    table, embeddings = truth.dataset.interactions, truth.dataset.embeddings
    model = TetheredWALS().fit(table, embeddings)
    assert model.scales_["population"] > 0
    more = planted(people=1, ratings=60, seed=7).dataset.interactions
    refit = TetheredWALS(regularization=STRENGTHS.own, population=STRENGTHS.population, tether=np.inf)
    few = TetheredWALS(regularization=STRENGTHS.own, population=STRENGTHS.population, tether=np.inf)
    few.fit(table, embeddings)
    refit.fit(more, embeddings)
    rng = np.random.default_rng(0)
    assert (
        few.embed_user(history_of(more, embeddings, 0), rng=rng)
        @ refit.embed_user(history_of(more, embeddings, 0), rng=rng)
        > 0.97
    )
    nothing = Interactions.of([], [], [], num_users=0, num_items=len(embeddings))
    unmet = TetheredWALS().fit(nothing, embeddings)
    root = unmet.metric_.root.astype(np.float64)
    c, r = centred(embeddings)[more.items] @ root, more.ratings.astype(np.float64)
    scales = unmet.scales_
    k = (scales["population"] + scales["own"]) * c @ c.T + scales["bias"]
    noise = scales["noise"] + scales["item"]
    expected = root @ c.T @ np.linalg.solve(k + noise * np.eye(len(r)), r)
    got = unmet.embed_user(history_of(more, embeddings, 0, known=False), rng=rng)
    np.testing.assert_allclose(got, normalize(expected), atol=1e-3)


@pytest.mark.slow
def test_the_loop_does_not_slip_once_all_that_is_shown_is_liked():
    """Five rounds of twelve pictures near one's tastes; later likes have hardly a dislike among them."""
    gains = []
    for seed in range(6):
        truth = planted(people=1, ratings=40, seed=20 + seed)
        table, pictures = truth.dataset.interactions, truth.dataset.embeddings
        rng = np.random.default_rng(seed)
        mean = normalize(pictures).mean(0)
        scores = centred(pictures) @ truth.tastes[0]
        varied = pictures - mean
        gains.append([])
        for _ in range(5):
            model = TetheredWALS().fit(table, pictures)
            tastes = model.tastes(history_of(table, pictures, 0), 12, rng=rng)
            noise = normalize(rng.standard_normal((12, len(varied))) @ varied)
            shown = normalize(mean + 0.75 * normalize(tastes + 1.5 * noise))
            liking = (normalize(shown - mean) @ truth.tastes[0] - scores.mean()) / scores.std()
            gains[-1].append(liking.mean())
            likes = rng.random(12) < 1 / (1 + np.exp(-2.5 * (liking - 0.3)))
            pictures = np.concatenate([pictures, shown])
            table = Interactions.of(
                np.zeros(len(table) + 12, int),
                np.append(table.items, len(pictures) - 12 + np.arange(12)),
                np.append(table.ratings, np.where(likes, 0.5, -0.5)),
                num_items=len(pictures),
            )
    rounds = np.mean(gains, axis=0)
    assert rounds[0] > 1.0, rounds
    assert rounds[-1] > rounds[0], rounds


def test_people_in_another_order_are_the_same_people():
    table, embeddings = small(8)
    turn = np.random.default_rng(1).permutation(table.num_users)
    turned = Interactions.of(
        turn[table.users], table.items, table.ratings, weights=table.weights, num_users=6, num_items=20
    )
    settings = {"tether": 4.0, "regularization": 0.5, "population": 0.5}
    one, other = TetheredWALS(**settings).fit(table, embeddings), TetheredWALS(**settings).fit(turned, embeddings)
    np.testing.assert_allclose(other.user_embeddings_[turn], one.user_embeddings_, atol=1e-4)
    np.testing.assert_allclose(other.item_embeddings_, one.item_embeddings_, atol=1e-4)


def test_the_latest_rating_counts():
    table, embeddings = small(9)
    twice = Interactions.of(
        np.append(table.users, table.users[0]),
        np.append(table.items, table.items[0]),
        np.append(table.ratings, 1.0),
        weights=np.append(table.weights, 2.0),
        num_users=6,
        num_items=20,
    )
    settings = {"tether": np.inf, "regularization": 0.5, "population": 0.5}
    assert len(twice.latest()) == len(table)
    np.testing.assert_allclose(
        TetheredWALS(**settings).fit(twice, embeddings).user_embeddings_,
        TetheredWALS(**settings).fit(twice.latest(), embeddings).user_embeddings_,
    )


def test_a_saved_fit_is_the_same_model(tmp_path):
    table, embeddings = small(10)
    model = TetheredWALS(regularization=0.5, population=0.5, tether=3.0).fit(table, embeddings)
    model.save(tmp_path / "fits" / "1")
    model.save(tmp_path / "fits" / "1")  # over an older one
    assert [p.name for p in (tmp_path / "fits").iterdir()] == ["1"]
    again = TetheredWALS.load(tmp_path / "fits" / "1")
    history = history_of(table, embeddings, 2)
    np.testing.assert_array_equal(again.predict(table.users, table.items), model.predict(table.users, table.items))
    np.testing.assert_array_equal(again.score(history, embeddings), model.score(history, embeddings))
    assert isinstance(again.user_embeddings_, np.memmap)
    (tmp_path / "fits" / "1" / "meta.json").write_text("{}")
    with pytest.raises(BadData, match="not a saved fit"):
        TetheredWALS.load(tmp_path / "fits" / "1")
    with pytest.raises(NotFitted, match="has no fit to save before fit"):
        TetheredWALS().save(tmp_path / "other")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tether": -1.0}, r"tether must be >= 0 or 'auto'; got -1.0"),
        ({"leave_out": ("items",)}, r"leave_out names parts among item, level, bias; got items"),
        ({"regularization": -1.0}, r"regularization must be > 0 or 'auto'; got -1.0"),
        ({"tether": np.inf, "tether_form": "pseudo"}, r"infinite weight has no solution"),
        ({"unobserved": -0.1}, r"unobserved must be finite and >= 0; got -0.1"),
        ({"iterations": 0}, r"iterations must be at least 1; got 0"),
    ],
)
def test_settings_without_meaning_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TetheredWALS(**settings)


def test_weights_below_those_of_unrated_cells_are_refused():
    table, embeddings = small()
    with pytest.raises(ValueError, match=r"weights must be > unobserved=0.5; got 0.5"):
        TetheredWALS(unobserved=0.5).fit(table, embeddings)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8])
def test_planted_tastes_are_found(share):
    """With 40 ratings each: as good as the better of its two halves, and the shared share is seen."""
    truth = planted(shared=share, seed=11)
    table, embeddings = truth.dataset.interactions, truth.dataset.embeddings
    model = TetheredWALS().fit(table, embeddings)

    def agreement(fit):
        told = fit.user_embeddings_ @ centred(embeddings).T
        return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, truth.liking)])

    alone = TetheredWALS(population=None).fit(table, embeddings)
    together = TetheredWALS(regularization=1e4).fit(table, embeddings)
    assert agreement(model) >= max(agreement(alone), agreement(together)) - 0.02
    assert abs(model.shared_share_ - share) <= 0.2
    if share <= 0.2:
        between = cosine(model.user_embeddings_, model.user_embeddings_)[np.triu_indices(50, 1)]
        assert np.median(between) < 0.6
