"""`GaussianTaste` against the process written out, a refit, explicit Bayesian regression, and planted people."""

import numpy as np
import pytest
import tables
from scipy.stats import norm

from zahir.datasets.synthetic import planted
from zahir.errors import BadData, NotFitted
from zahir.evaluate.compare import compare, histories
from zahir.evaluate.report import show_compared
from zahir.interactions import History, Interactions, Rows
from zahir.space import cosine, normalize
from zahir.taste import gaussian
from zahir.taste.alike import likeness, place
from zahir.taste.baselines import MeanOfLiked, OneTaste, UserItemMeans
from zahir.taste.directions import LinearSVM, Ridge
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.solve import solve_rows
from zahir.taste.wals import TetheredWALS
from zahir.testing import check_taste_model


def small(seed=0, people=7, ratings=80):
    return tables.small(seed, people=people, ratings=ratings)


def history_of(table, embeddings, user, *, known=True, met=True):
    mine = table.users == user
    items = table.items[mine]
    return History.of(
        embeddings[items],
        table.ratings[mine],
        user=user if met else None,
        items=items if known else None,
        weights=table.weights[mine],
    )


def without(table, user):
    return table.take(table.users != user)


def correlations(table):
    """S written as its formula says, pair by pair."""
    people = table.num_users
    x = np.full((people, table.num_items), np.nan)
    for u in range(people):
        mine = table.users == u
        x[u, table.items[mine]] = table.ratings[mine] - table.ratings[mine].sum() / (mine.sum() + 5)
    typical, s = np.nanmean(x**2), np.eye(people)
    for u in range(people):
        for v in range(people):
            both = np.isfinite(x[u]) & np.isfinite(x[v])
            a, b = x[u, both], x[v, both]
            if u != v:
                s[u, v] = a @ b / (np.sqrt((a @ a) * (b @ b)) + 5 * typical)
    return s


def written_out(table, model, process):
    """Covariance of all cells of the table's grid, and the numbers of those that were rated."""
    scales = process.scales
    features = process.kernel.features(model.units_).astype(np.float64)
    k = process.kernel.between(*2 * [features.astype(np.float32)]).astype(np.float64)
    s = model.positions_ @ model.positions_.T
    np.fill_diagonal(s, 1)
    one, people, items = np.ones, len(s), len(k)
    tastes = scales.population + scales.own * np.eye(people) + scales.like * s
    ties = scales.item + scales.tie * s
    levels = scales.level + scales.bias * np.eye(people)
    full = np.kron(tastes, k) + np.kron(ties, np.eye(items)) + np.kron(levels, one((items, items)))
    return full, table.users * items + table.items


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("alike", [False, True])
def test_it_is_the_process_of_its_docstring(curved, alike):
    table, embeddings = small()
    model = GaussianTaste(alike=alike, curved=curved).fit(table, embeddings)
    process = model.curve_ if curved else model.line_
    full, rated = written_out(table, model, process)
    system = full[np.ix_(rated, rated)] + np.diag(process.scales.noise / table.weights)
    expected = full[:, rated] @ np.linalg.solve(system, table.ratings)
    users, items = np.divmod(np.arange(len(full)), table.num_items)
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-4)


def test_people_are_as_alike_as_their_ratings_correlate():
    table, _ = small(1)
    positions = likeness(table.users, table.items, table.ratings, num_users=7, num_items=20)
    values, axes = np.linalg.eigh(correlations(table))
    expected = (axes * np.clip(values, 0, None)) @ axes.T
    expected /= np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    got = positions @ positions.T
    np.testing.assert_allclose(got[:6, :6], expected[:6, :6], atol=1e-6)
    assert not positions[6].any(), "somebody without ratings is like nobody"


def test_a_newcomer_is_placed_near_whom_they_copy():
    table, _ = small(2, people=9, ratings=120)
    among = table.users, table.items, table.ratings
    positions = likeness(*among, num_users=9, num_items=20)
    for user in range(8):
        mine = table.users == user
        position = place(table.items[mine], table.ratings[mine], among=among, positions=positions, num_items=20)
        assert np.linalg.norm(position) <= 1 + 1e-9
        assert np.argmax(positions @ position) == user
        joined = np.append(positions, position[None], axis=0)
        both = joined @ joined.T
        np.fill_diagonal(both, 1)
        assert np.linalg.eigvalsh(both).min() > -1e-9


def test_people_one_after_another_reach_the_dual():
    """Row by row with priors from the precision of people's tastes, `solve_rows` is the same model."""
    table, embeddings = small(3)
    model = GaussianTaste(alike=True, curved=False).fit(table, embeddings)
    scales = model.line_.scales._replace(item=1e-9, tie=0.0, level=1e-9, bias=1e-9)
    process = gaussian.Process.of(model.line_.rated, model.units_, model.line_.kernel, scales)
    exact, _ = gaussian.vectors(process, model.positions_)
    factors = process.kernel.features(model.units_)
    s = model.positions_ @ model.positions_.T
    np.fill_diagonal(s, 1)
    precision = np.linalg.inv(scales.population + scales.own * np.eye(7) + scales.like * s)
    tastes, rows = np.zeros((7, factors.shape[1])), table.by_user()
    for _ in range(60):
        for u in range(7):
            prior = tastes[u] - precision[u] @ tastes / precision[u, u]
            items, ratings, weights = rows.row(u)
            row = Rows(np.array([0, len(items)]), items, ratings, weights)
            strength = float(scales.noise * precision[u, u])
            tastes[u] = solve_rows(row, factors, prior=prior.astype(np.float32), strength=strength)[0]
    found = process.kernel.metric.factors(tastes.astype(np.float32))
    np.testing.assert_allclose(found, exact, atol=2e-4 * np.abs(exact).max())


def test_without_people_like_me_it_is_tethered_wals_at_a_stiff_tether():
    dataset = planted(people=12, ratings=20, shared=0.5, seed=1).dataset
    table, embeddings = dataset.interactions, dataset.embeddings
    model = GaussianTaste(alike=False, curved=False).fit(table, embeddings)
    wals = TetheredWALS(tether=np.inf).fit(table, embeddings)
    assert model.scales_ == pytest.approx(wals.scales_)
    np.testing.assert_allclose(
        model.predict(table.users, table.items), wals.predict(table.users, table.items), atol=1e-3
    )


def test_long_tables_are_left_to_tethered_wals(monkeypatch, tmp_path):
    table, embeddings = small(4)
    monkeypatch.setattr(gaussian, "DENSE", 50)
    model = GaussianTaste().fit(table, embeddings)
    assert "off, 80 ratings are more than 50" in model.why_
    history, rng = history_of(table, embeddings, 0), np.random.default_rng(0)
    wals = TetheredWALS(tether=np.inf).fit(table, embeddings)
    np.testing.assert_allclose(model.score(history, embeddings), wals.score(history, embeddings))
    np.testing.assert_allclose(model.embed_user(history, rng=rng), wals.embed_user(history, rng=rng), atol=1e-6)
    model.save(tmp_path / "fit")
    again = GaussianTaste.load(tmp_path / "fit")
    np.testing.assert_array_equal(again.posterior(history, embeddings), model.posterior(history, embeddings))
    check_taste_model(GaussianTaste)


def refit_of(model, table, embeddings, positions):
    """The same scales, kernel and likeness, solved for another table."""
    process = model.curve_ or model.line_
    rated = gaussian.Rated.of(table, positions)
    return gaussian.Process.of(rated, model.units_, process.kernel, process.scales)


@pytest.mark.parametrize("curved", [False, True])
def test_a_history_amends_the_fit_as_a_refit_would(curved):
    """Ratings that came, changed and went; of somebody in the fit, and of a newcomer."""
    table, embeddings = small(5)
    model = GaussianTaste(alike=True, curved=curved).fit(table, embeddings)
    mine = np.flatnonzero(table.users == 1)
    ratings = table.ratings.copy()
    ratings[mine[0]] = -ratings[mine[0]] or np.float32(1)
    kept = np.delete(np.arange(len(table)), mine[1:3])
    other = np.setdiff1d(np.arange(20), table.items[mine])[:2]
    changed = Interactions.of(
        np.append(table.users[kept], [1, 1]),
        np.append(table.items[kept], other),
        np.append(ratings[kept], [0.5, -1]),
        weights=np.append(table.weights[kept], [1, 2]),
        num_users=7,
        num_items=20,
    )
    process = refit_of(model, changed, embeddings, model.positions_)
    refit = gaussian.Person.of(
        process, gaussian.changes(process.rated, model.positions_, history_of(changed, embeddings, 1))
    )
    assert len(refit.features) == 0, "nothing in this history is new to the refit"
    units = normalize(np.random.default_rng(0).standard_normal((9, 8)) + 1)
    mean, variance = model.posterior(history_of(changed, embeddings, 1), units)
    np.testing.assert_allclose(mean, refit.mean(units), atol=1e-4)
    np.testing.assert_allclose(variance, refit.variance(units), atol=1e-4)
    np.testing.assert_allclose(model.score(history_of(changed, embeddings, 1), units), mean)

    others = without(table, 1)
    alone = GaussianTaste(alike=False, curved=curved).fit(others, embeddings)
    everybody = refit_of(alone, table, embeddings, alone.positions_)
    refit = gaussian.Person.of(
        everybody, gaussian.changes(everybody.rated, alone.positions_, history_of(table, embeddings, 1))
    )
    newcomer = history_of(table, embeddings, 1, met=False)
    np.testing.assert_allclose(alone.score(newcomer, units), refit.mean(units), atol=1e-4)


def explicit(table, model, user):
    """Mean and covariance of one taste by regression in the space of all weights, item by item, written out."""
    scales, dim = model.line_.scales, model.units_.shape[1]
    c = model.line_.kernel.features(model.units_).astype(np.float64)
    people, items, n = table.num_users, table.num_items, len(table)
    design = np.zeros((n, dim * (1 + people) + items + 1 + people))
    rows = np.arange(n)
    for d in range(dim):
        design[rows, d] = design[rows, dim * (1 + table.users) + d] = c[table.items, d]
    after = dim * (1 + people)
    design[rows, after + table.items] = design[:, after + items] = design[rows, after + items + 1 + table.users] = 1
    parts = [(scales.population, dim), (scales.own, dim * people), (scales.item, items), (scales.level, 1)]
    prior = np.concatenate([np.full(size, scale) for scale, size in [*parts, (scales.bias, people)]])
    precision = design.T @ (design * (table.weights / scales.noise)[:, None]) + np.diag(1 / prior)
    covariance = np.linalg.inv(precision)
    mean = covariance @ design.T @ (table.weights / scales.noise * table.ratings)
    taste = np.zeros((dim, design.shape[1]))
    taste[:, :dim] = taste[:, dim * (1 + user) : dim * (2 + user)] = np.eye(dim)
    level = np.zeros(design.shape[1])
    level[after + items] = level[after + items + 1 + user] = 1
    return taste, level, mean, covariance


def test_the_posterior_is_that_of_explicit_regression():
    table, embeddings = small(6)
    model = GaussianTaste(alike=False, curved=False).fit(table, embeddings)
    taste, level, weights, covariance = explicit(table, model, 2)
    units = normalize(np.random.default_rng(1).standard_normal((12, 8)) + 1)
    along = model.line_.kernel.features(units).astype(np.float64) @ taste + level
    mean, variance = model.posterior(history_of(table, embeddings, 2), units)
    np.testing.assert_allclose(mean, along @ weights, atol=1e-4)
    np.testing.assert_allclose(variance, np.einsum("md,de,me->m", along, covariance, along), atol=1e-4)

    root = model.line_.kernel.metric.factors(np.eye(8, dtype=np.float32)).astype(np.float64)
    drawn = model.sample_tastes(history_of(table, embeddings, 2), 1500, rng=np.random.default_rng(2))
    expected, spread = root @ taste @ weights, root @ taste @ covariance @ taste.T @ root.T
    deviation = np.sqrt(np.diag(spread))
    np.testing.assert_allclose(drawn.mean(0), expected, atol=5 * deviation.max() / np.sqrt(1500))
    np.testing.assert_allclose(np.cov(drawn.T), spread, atol=0.12 * deviation.max() ** 2)


@pytest.mark.parametrize("met", [True, False])
def test_samples_vary_as_the_posterior_does_when_people_are_alike(met):
    table, embeddings = small(7)
    model = GaussianTaste(alike=True, curved=False).fit(table, embeddings)
    history = history_of(table, embeddings, 3, met=met, known=met)
    units = normalize(np.random.default_rng(3).standard_normal((6, 8)) + 1)
    level = model.line_.scales._replace(level=1e-12, bias=1e-12)
    model.line_ = gaussian.Process.of(model.line_.rated, model.units_, model.line_.kernel, level)
    mean, variance = model.posterior(history, units)
    drawn = model.sample_tastes(history, 1500, rng=np.random.default_rng(4)) @ normalize(units - model.mean_).T
    np.testing.assert_allclose(drawn.mean(0), mean, atol=5 * np.sqrt(variance.max() / 1500))
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.1)


def test_wals_knows_the_posterior_of_one_person_given_the_others():
    table, embeddings = small(8)
    model = TetheredWALS(tether=np.inf, regularization=0.8, population=0.7).fit(table, embeddings)
    history = history_of(table, embeddings, 1)
    units = normalize(np.random.default_rng(5).standard_normal((6, 8)) + 1)
    centred = normalize(units - model.mean_)
    mean, variance = model.posterior(history, units)
    noise, own = model.scales_["noise"], model.scales_["own"]
    population = model.scales_["population"]
    others = 5
    prior = own * (own + (others + 1) * population) / (own + others * population)
    images = normalize(normalize(embeddings) - model.mean_)[history.items].astype(np.float64)
    wide = np.concatenate([images, np.ones((len(images), 1))], axis=1)
    precision = np.diag(np.append(np.full(8, 1 / prior), 1 / model.scales_["bias"]))
    precision += wide.T @ (wide * (history.weights / noise)[:, None])
    covariance = np.linalg.inv(precision)
    along = np.concatenate([centred, np.ones((6, 1))], axis=1)
    np.testing.assert_allclose(variance, np.einsum("md,de,me->m", along, covariance, along), rtol=1e-3)
    np.testing.assert_allclose(mean, model.score(history, units))
    drawn = model.sample_tastes(history, 1500, rng=np.random.default_rng(6))
    expected = covariance[:8, :8]
    np.testing.assert_allclose(np.cov(drawn.T), expected, atol=0.12 * expected.max())
    np.testing.assert_allclose(drawn.mean(0), model.vector(history), atol=5 * np.sqrt(expected.max() / 1500))


def test_amplified_tastes_move_away_from_the_population():
    truth = planted(people=20, ratings=20, shared=0.5, seed=8).dataset
    table, embeddings = truth.interactions, truth.embeddings
    rng, alike = np.random.default_rng(0), []
    for amplify in (0.0, 0.5, 1.0, 2.0, "share"):
        model = GaussianTaste(amplify=amplify, alike=False, curved=False).fit(table, embeddings)
        tastes = np.stack([model.embed_user(history_of(table, embeddings, u), rng=rng) for u in range(20)])
        alike.append(np.median(cosine(tastes, tastes)[np.triu_indices(20, 1)]))
    assert alike[0] > 0.999
    assert alike[0] > alike[1] > alike[2] > alike[3]
    assert alike[4] == pytest.approx(model.shared_share_, abs=1e-3)
    assert model.amplify_ > 1


def test_a_saved_fit_is_the_same_model(tmp_path):
    table, embeddings = small(10)
    model = GaussianTaste(alike=True, curved=True, amplify="share").fit(table, embeddings)
    model.save(tmp_path / "fits" / "1")
    model.save(tmp_path / "fits" / "1")  # over an older one
    assert [p.name for p in (tmp_path / "fits").iterdir()] == ["1"]
    again = GaussianTaste.load(tmp_path / "fits" / "1")
    history, rng = history_of(table, embeddings, 2, met=False), np.random.default_rng(0)
    np.testing.assert_array_equal(again.predict(table.users, table.items), model.predict(table.users, table.items))
    np.testing.assert_array_equal(again.posterior(history, embeddings), model.posterior(history, embeddings))
    np.testing.assert_array_equal(again.embed_user(history, rng=rng), model.embed_user(history, rng=rng))
    assert (again.why_, again.scales_, again.shared_share_) == (model.why_, model.scales_, model.shared_share_)
    assert isinstance(again.line_.dual.low, np.memmap)
    (tmp_path / "fits" / "1" / "meta.json").write_text("{}")
    with pytest.raises(BadData, match="not a saved fit"):
        GaussianTaste.load(tmp_path / "fits" / "1")
    with pytest.raises(NotFitted, match="has no fit to save before fit"):
        GaussianTaste().save(tmp_path / "other")


@pytest.mark.parametrize(
    "settings", [{"alike": True, "curved": True}, {"alike": True, "curved": False}, {"curved": True}]
)
def test_the_contract_holds_with_every_part_on(settings):
    check_taste_model(lambda: GaussianTaste(**settings))


def test_parts_are_judged_only_where_enough_people_can_tell():
    table, embeddings = small(11)
    model = GaussianTaste().fit(table.take(table.users < 3), embeddings)
    assert model.why_.count("5 are needed") == 2
    assert model.curve_ is None
    assert model.positions_.shape == (7, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alike": "yes"}, r"alike must be True, False or 'auto'; got 'yes'"),
        ({"amplify": -1.0}, r"amplify must be finite and >= 0, or 'share'; got -1.0"),
        ({"amplify": np.inf}, r"amplify must be finite"),
        ({"trust": True}, r"trust must be 'auto' or None; got True"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_settings_without_meaning_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        GaussianTaste(**settings)


def test_the_comparison_tells_what_was_chosen_and_why(capsys):
    data = planted(people=6, ratings=12, shared=0.5, seed=12).dataset
    rows = compare(data, {"gaussian": GaussianTaste, "svm": LinearSVM}, seeds=1, folds=2)
    assert [bool(row.why) for row in rows if not row.swapped] == [True, False] * 2
    show_compared(rows, data=data, seeds=1, folds=2, as_json=False)
    said = capsys.readouterr().out
    assert "gaussian, first cold fit: people like me: off, " in said
    assert said.count("first warm fit") == 1


def drawn_from_the_model(seed, people=20, ratings=30, pictures=120, dim=12):
    """Ratings whose parts have the variances of the scales that come with them, small enough to stay in [-1, 1]."""
    rng = np.random.default_rng(seed)
    embeddings = (rng.standard_normal((pictures, dim)) * np.arange(dim, 0, -1) + 2).astype(np.float32)
    units = normalize(embeddings)
    c = normalize(units - units.mean(0)).astype(np.float64)
    scales = {"population": 0.03, "own": 0.03, "item": 0.004, "level": 0.005, "bias": 0.004, "noise": 0.02}
    deviation = {name: np.sqrt(value) for name, value in scales.items()}
    tastes = deviation["population"] * rng.standard_normal(dim) + deviation["own"] * rng.standard_normal((people, dim))
    users = np.repeat(np.arange(people), ratings)
    items = np.concatenate([rng.permutation(pictures)[:ratings] for _ in range(people)])
    told = np.einsum("nd,nd->n", tastes[users], c[items]) + deviation["level"] * rng.standard_normal()
    told += (deviation["item"] * rng.standard_normal(pictures))[items]
    told += (deviation["bias"] * rng.standard_normal(people))[users]
    told += deviation["noise"] * rng.standard_normal(len(told))
    return Interactions.of(users, items, np.clip(told, -1, 1), num_users=people, num_items=pictures), embeddings


@pytest.mark.slow
def test_intervals_cover_as_many_held_out_ratings_as_they_say():
    """On ratings drawn from the model, for people of the fit and for newcomers, whose pictures nobody has rated."""
    away = {"met": [], "newcomer": []}
    for seed in range(8):
        table, embeddings = drawn_from_the_model(seed)
        cold = np.random.default_rng(seed).random(table.num_items)[table.items] < 0.3
        known, held = table.take(~cold), table.take(cold)
        for who, fitted in (("met", known), ("newcomer", known.take(known.users >= 10))):
            model = GaussianTaste(alike=False, curved=False).fit(fitted, embeddings)
            for user in range(10):
                history = history_of(known, embeddings, user, met=who == "met")
                mine = held.users == user
                mean, variance = model.posterior(history, embeddings[held.items[mine]])
                away[who].append((held.ratings[mine] - mean) / np.sqrt(variance + model.noise_))
                chance = model.chance(history, embeddings[held.items[mine]])
                np.testing.assert_allclose(chance, norm.cdf(mean / np.sqrt(variance + model.noise_)), atol=1e-5)
    for who, values in away.items():
        off = np.abs(np.concatenate(values))
        for level in (0.5, 0.9):
            inside = np.mean(off < norm.ppf(0.5 + level / 2))
            assert abs(inside - level) < 0.05, (who, level, inside, len(off))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_never_below_the_best_of_simple_models_where_tastes_were_planted(shared):
    rivals = (LinearSVM, Ridge, MeanOfLiked, UserItemMeans, OneTaste, TetheredWALS)
    apart = {make.__name__: [] for make in rivals}
    for seed in range(2):
        truth = planted(people=25, ratings=12, shared=shared, seed=30 + seed)
        data = truth.dataset
        agreement = {}
        for make in (*rivals, GaussianTaste):
            model = make().fit(data.interactions, data.embeddings)
            scores = [model.score(person, data.embeddings) for person in histories(data.interactions, data.embeddings)]
            agreement[make.__name__] = correlation(np.stack(scores), truth.liking)
        for name in apart:
            apart[name].append(agreement["GaussianTaste"] - agreement[name])
    for name, values in apart.items():
        difference = np.concatenate(values)
        error = difference.std() / np.sqrt(len(difference))
        # a hundredth or so is what it costs to find out that all are alike, which one taste for all need not
        assert difference.mean() > -2 * error - 0.01, (name, difference.mean(), error)


def correlation(a, b):
    a, b = (rows - rows.mean(1, keepdims=True) for rows in (a.astype(np.float64), b.astype(np.float64)))
    return (a * b).sum(1) / np.maximum(np.sqrt((a * a).sum(1) * (b * b).sum(1)), 1e-9)
