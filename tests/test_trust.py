"""Trust: frauds are told by densities written out by hand; the honest keep their say, all keep their taste."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from zahir.datasets.synthetic import planted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste import trust
from zahir.taste.evidence import Scales
from zahir.taste.gaussian import GaussianTaste
from zahir.taste.process import Process, Rated, expected, vectors
from zahir.taste.wals import TetheredWALS


def with_ratings(table, ratings, items=None):
    return Interactions.of(
        table.users,
        table.items if items is None else items,
        ratings,
        num_users=table.num_users,
        num_items=table.num_items,
    )


def centred(embeddings):
    units = normalize(embeddings)
    return normalize(units - units.mean(0))


@pytest.fixture(scope="module")
def people():
    return planted(30, 40, 0.5, seed=5)


@pytest.fixture(scope="module")
def random_voters(people):
    """The first ten people vote at random."""
    table = people.dataset.interactions
    ratings = table.ratings.copy()
    ratings[table.users < 10] = np.random.default_rng(0).choice([-0.5, 0.5], int((table.users < 10).sum()))
    return with_ratings(table, ratings)


@pytest.fixture(scope="module")
def copies(people):
    """The first ten people say what the last one says."""
    table = people.dataset.interactions
    ratings, items, last = table.ratings.copy(), table.items.copy(), table.users == 29
    for user in range(10):
        ratings[table.users == user], items[table.users == user] = table.ratings[last], table.items[last]
    return with_ratings(table, ratings, items)


def agreement(model, people, who):
    told = model.user_embeddings_[who] @ centred(people.dataset.embeddings).T
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told, people.liking[who])])


def test_the_density_of_ones_ratings_given_all_others_is_the_conditional_one():
    rng = np.random.default_rng(1)
    users, items = np.repeat(np.arange(3), 4), rng.permutation(12) % 7
    vectors, scales = normalize(rng.standard_normal((7, 5))), Scales(0.3, 0.2, 0.1, 0.15, 0.05, 0.2)
    ratings, weights = rng.uniform(-1, 1, 12).astype(np.float32), rng.choice([0.5, 1, 2], 12).astype(np.float32)
    found = trust._log_ratios(users, items, ratings, weights, vectors, scales)
    same, alike = users[:, None] == users, vectors[items] @ vectors[items].T
    whole = (0.3 + 0.2 * same) * alike + 0.1 * (items[:, None] == items) + 0.15 + 0.05 * same + np.diag(0.2 / weights)
    blind = (0.3 + 0.2) * np.diag(alike) + 0.1 + 0.2 / weights
    weight = 1 / (blind + 0.05 * 4)
    level = weight @ ratings / (weight.sum() + 1 / 0.15)
    for user in range(3):
        me, rest = users == user, users != user
        gain = whole[np.ix_(me, rest)] @ np.linalg.inv(whole[np.ix_(rest, rest)])
        mean, spread = gain @ ratings[rest], whole[np.ix_(me, me)] - gain @ whole[np.ix_(rest, me)]
        with_taste = multivariate_normal(mean, spread).logpdf(ratings[me])
        without = multivariate_normal(np.full(4, level), np.diag(blind[me]) + 0.05).logpdf(ratings[me])
        assert found[user] == pytest.approx(with_taste - without, abs=1e-4)


def test_who_votes_at_random_is_doubted_and_who_has_a_taste_of_their_own_is_not(people, random_voters):
    table = random_voters
    model = TetheredWALS(tether=np.inf).fit(table, people.dataset.embeddings)
    weight = trust.looks(
        table.users,
        table.items,
        table.ratings,
        table.weights,
        factors=model.metric_.factors(centred(people.dataset.embeddings)),
        scales=Scales(**model.scales_),
        num_users=30,
        rng=np.random.default_rng(0),
    )
    assert weight[:10].mean() < 0.75
    assert weight[10:].mean() > 0.95


def test_who_always_says_the_same_is_doubted_the_more_often_they_do():
    users = np.concatenate([np.repeat(0, 3), np.repeat(1, 12), np.repeat(2, 60), np.repeat(3, 200)])
    ratings = np.full(len(users), 0.5, np.float32)
    ratings[-160:] = -0.5
    some, more, most, picky, nobody = trust.varies(users, ratings, num_users=5)
    assert some > 0.6
    assert some > more > most
    assert most < 0.3
    assert (picky, nobody) == pytest.approx((1, 1))


def test_a_group_of_copies_counts_as_about_one_person_and_like_minded_people_as_many(copies, people):
    table = people.dataset.interactions
    weight = trust.unique(copies.users, copies.items, copies.ratings, num_users=30)
    np.testing.assert_allclose(weight[[*range(10), 29]], 1 / 11, rtol=0.3)
    assert weight[10:29].mean() > 0.95
    dense = planted(
        12, 30, 1.0, seed=1, embeddings=np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    )
    same = dense.dataset.interactions  # one taste, everybody rated everything
    assert trust.unique(same.users, same.items, same.ratings, num_users=12).min() == 1
    few = table.take(np.concatenate([np.flatnonzero(copies.users == user)[:4] for user in range(30)]))
    np.testing.assert_allclose(trust.unique(few.users, few.items, few.ratings, num_users=30), 1)


@pytest.mark.slow
def test_honest_people_are_as_well_served_with_as_without(people):
    table, embeddings = people.dataset.interactions, people.dataset.embeddings
    plain, told = (TetheredWALS(trust=each).fit(table, embeddings) for each in (None, "auto"))
    assert told.trust_.mean() > 0.95
    everybody = np.arange(30)
    assert agreement(told, people, everybody) > agreement(plain, people, everybody) - 0.005
    np.testing.assert_array_equal(plain.trust_, 1)


@pytest.mark.slow
@pytest.mark.parametrize("fraud", ["random_voters", "copies"])
def test_frauds_steer_others_less(people, fraud, request):
    table, embeddings = request.getfixturevalue(fraud), people.dataset.embeddings
    plain, told = (TetheredWALS(trust=each).fit(table, embeddings) for each in (None, "auto"))
    honest = np.arange(10, 29)
    assert told.trust_[honest].mean() > 0.9
    assert told.trust_[:10].mean() < told.trust_[honest].mean() - 0.2
    assert agreement(told, people, honest) > agreement(plain, people, honest)


def test_ones_own_taste_is_made_of_all_of_ones_ratings(people, copies):
    embeddings = people.dataset.embeddings
    model = TetheredWALS(trust="auto", tether=np.inf).fit(copies, embeddings)
    assert model.trust_[0] < 0.15
    for user in (0, 15):
        mine = copies.users == user
        items = copies.items[mine]
        history = History.of(embeddings[items], copies.ratings[mine], user=user, items=items)
        taste, bias = model._fold_in(history)
        assert normalize(taste) @ normalize(model.user_embeddings_[user]) > 0.999
        assert abs(bias - model.user_bias_[user]) < 0.02
    alone = np.corrcoef(model.predict(copies.users[mine], items), copies.ratings[mine])[0, 1]
    assert alone > 0.5


@pytest.mark.parametrize("curved", [False, True])
def test_in_the_process_a_fraud_is_heard_in_full_by_themself_alone(people, copies, curved):
    embeddings = people.dataset.embeddings
    model = GaussianTaste(trust="auto", alike=True, curved=curved).fit(copies, embeddings)
    assert model.trust_[0] < 0.15
    weights = np.maximum(model.trust_, 1e-3)[copies.users]
    weights[copies.users == 0] = 1  # the same process, solved anew as the first person should see it
    heard = Interactions.of(
        copies.users, copies.items, copies.ratings, weights=weights, num_users=30, num_items=copies.num_items
    )
    rated = Rated.of(heard, model.positions_)
    anew = Process.of(rated, model.units_, model.line_.kernel, model.line_.scales)
    seen = vectors(anew, model.positions_)[0][0]
    np.testing.assert_allclose(model.user_embeddings_[0], seen, atol=1e-3)
    mine = copies.users == 0
    items = copies.items[mine]
    history = History.of(embeddings[items], copies.ratings[mine], user=0, items=items)
    assert model.embed_user(history, rng=np.random.default_rng(0)) @ normalize(seen) > 0.999
    ranking = model.curve_ or model.line_
    anew = Process.of(rated, model.units_, ranking.kernel, ranking.scales)
    told = expected(anew, model.positions_, model.units_, copies.users[mine], items)
    np.testing.assert_allclose(model.predict(copies.users[mine], items), told, atol=1e-3)


@pytest.mark.slow
def test_in_the_process_frauds_steer_others_less(people, copies):
    embeddings, honest = people.dataset.embeddings, np.arange(10, 29)
    plain, told = (
        GaussianTaste(trust=each, alike=False, curved=False).fit(copies, embeddings) for each in (None, "auto")
    )
    assert agreement(told, people, honest) > agreement(plain, people, honest)
    np.testing.assert_array_equal(plain.trust_, 1)


def test_few_ratings_are_all_believed_and_bad_settings_refused():
    table = Interactions.of([0, 0, 1, 1], [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(TetheredWALS(trust="auto").fit(table, np.eye(2, dtype=np.float32)).trust_, 1)
    with pytest.raises(ValueError, match="trust must be 'auto' or None"):
        TetheredWALS(trust="auto", unobserved=0.1)
