"""The comparison tells models apart: who knows the truth wins, a stranger's taste loses, leaks show."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from zahir import Interactions
from zahir.datasets.synthetic import planted
from zahir.errors import BadData
from zahir.evaluate import report
from zahir.evaluate.compare import compare, histories, somebody_else
from zahir.evaluate.planted import recover
from zahir.evaluate.plot import save_plot
from zahir.interactions import Dataset
from zahir.space import normalize


class Linear:
    """Scores by given tastes, one row per person: what each test decides them to be."""

    def __init__(self, tastes):
        self.truth = tastes

    def fit(self, interactions, item_embeddings):
        self.pictures = normalize(item_embeddings - item_embeddings.mean(0))
        return self

    def predict(self, users, items):
        return np.sum(self.truth[users] * self.pictures[items], axis=1)

    def score(self, history, embeddings):
        return normalize(embeddings - embeddings.mean(0)) @ self.truth[history.user]

    def embed_user(self, history, *, rng):
        return normalize(self.truth[history.user])

    def tastes(self, history, n, *, rng):
        raise NotImplementedError("comparing models makes no pictures")


class Rememberer(Linear):
    """Knows exactly the ratings that it was shown, and nothing else."""

    def fit(self, interactions, item_embeddings):
        self.shown = {(u, i): r for u, i, r in zip(interactions.users, interactions.items, interactions.ratings)}
        self.rated = set(interactions.items.tolist())
        return self

    def predict(self, users, items):
        return np.array([self.shown.get(cell, 0.0) for cell in zip(users, items)], np.float32)


@pytest.fixture(scope="module")
def people():
    return planted(20, 40, 0.2, seed=3)


@pytest.fixture(scope="module")
def rows(people):
    truth = people.tastes
    blind = np.broadcast_to(truth.mean(0), truth.shape).astype(np.float32)
    models = {
        "truth": lambda: Linear(truth),
        "same for all": lambda: Linear(blind),
        "remembers": lambda: Rememberer(truth),
    }
    found = compare(people.dataset, models, seeds=2, folds=3, baseline="same for all", jobs=2)
    return {(row.split, row.model, row.swapped): row for row in found}


@pytest.mark.parametrize("split", ["warm", "cold"])
def test_who_knows_the_truth_wins_and_a_strangers_taste_loses(rows, split):
    truth, swapped = rows[split, "truth", False], rows[split, "truth", True]
    everybody = rows[split, "same for all", False]
    assert truth.auc.value > 0.9
    assert truth.auc.low > everybody.auc.high
    assert truth.gain.low > 0.1
    assert truth.auc.value - swapped.auc.value > 0.2
    assert swapped.auc.low - 0.1 < 0.5 + 0.2 < truth.auc.low  # a fifth is shared, so a little is left
    assert truth.auc.low < truth.auc.value < truth.auc.high


def test_a_model_without_persons_has_no_swapped_row_and_one_taste(rows):
    assert ("warm", "same for all", True) not in rows
    assert rows["warm", "same for all", False].cosine == pytest.approx(1)
    assert rows["warm", "same for all", False].gain is None
    assert abs(rows["warm", "truth", False].cosine - 0.2) < 0.15


@pytest.mark.parametrize("split", ["warm", "cold"])
def test_nothing_that_is_held_out_was_shown(rows, split):
    assert rows[split, "remembers", False].auc == (0.5, 0.5, 0.5)


def test_the_figure_is_that_of_the_plain_definition(people, rows):
    """The truth needs no fit, so its pairs within folds can be counted by hand."""
    from zahir.evaluate.split import warm

    table, pictures = people.dataset.interactions, normalize(people.dataset.embeddings)
    pictures = normalize(pictures - pictures.mean(0))
    good, of = np.zeros(20), np.zeros(20)
    for seed in range(2):
        for _, test in warm(table, folds=3, seed=seed):
            for user in range(20):
                mine = test[table.users[test] == user]
                scores = pictures[table.items[mine]] @ people.tastes[user]
                liked = table.ratings[mine] > 0
                good[user] += (scores[liked][:, None] > scores[~liked][None]).sum()
                of[user] += liked.sum() * (~liked).sum()
    assert_allclose(rows["warm", "truth", False].auc.value, np.nanmean(good / of), atol=0.005)


def test_the_same_call_gives_the_same_figures(people):
    once, again = (compare(people.dataset, {"m": lambda: Linear(people.tastes)}, seeds=1, jobs=j) for j in (1, 2))
    assert [row._replace(seconds=0) for row in once] == [row._replace(seconds=0) for row in again]


def test_repeated_ratings_count_once_and_graded_ones_have_a_rank_correlation(people):
    table = people.dataset.interactions
    rng = np.random.default_rng(0)
    liking = people.liking[table.users, table.items]
    graded = np.clip(np.round(liking * 2) / 4 + rng.normal(0, 0.05, len(liking)), -1, 1)
    twice = Interactions.of(
        np.tile(table.users, 2), np.tile(table.items, 2), np.concatenate([-graded, graded]), num_items=table.num_items
    )
    data = Dataset(twice, people.dataset.embeddings, "planted", people.dataset.user_ids, people.dataset.item_ids)
    row = compare(data, {"m": lambda: Linear(people.tastes)}, seeds=1)[0]
    assert row.spearman.value > 0.9
    assert row.auc.value > 0.95


def test_ratings_that_are_all_alike_cannot_be_measured(people):
    table = people.dataset.interactions
    likes = Interactions.of(table.users, table.items, np.ones(len(table)), num_items=table.num_items)
    data = Dataset(likes, people.dataset.embeddings, "planted", people.dataset.user_ids, people.dataset.item_ids)
    with pytest.raises(BadData, match="800 of them likes"):
        compare(data, {"m": lambda: Linear(people.tastes)})


def test_recovery_knows_the_truth_from_its_mean(people):
    truth = people.tastes
    blind = np.broadcast_to(truth.mean(0), truth.shape).astype(np.float32)
    both = recover({"a": [people]}, {"truth": lambda: Linear(truth), "mean": lambda: Linear(blind)})
    exact, mean = both
    assert exact.agreement.value > 0.999
    assert exact.taste == pytest.approx(1)
    assert exact.alike == pytest.approx(exact.truly_alike)
    assert exact.swapped < 0.5
    assert 0.3 < mean.agreement.value < 0.7
    assert mean.swapped == pytest.approx(mean.agreement.value)
    assert mean.alike == pytest.approx(1)
    assert mean.shared is None


def test_histories_hold_everybody_once_in_the_order_of_time():
    table = Interactions.of([2, 0, 2, 2], [0, 1, 1, 2], [1, -1, 0.5, 0], times=[9, 5, 3, 6], num_users=4)
    vectors = np.eye(3, dtype=np.float32)
    first, second = histories(table, vectors)
    assert (first.user, first.items.tolist()) == (0, [1])
    assert (second.user, second.items.tolist(), second.ratings.tolist()) == (2, [1, 2, 0], [0.5, 0, 1])
    assert_allclose(second.embeddings, vectors[[1, 2, 0]])
    assert not list(histories(table.take(np.zeros(0, np.int64)), vectors))


def test_somebody_else_is_never_oneself():
    other = somebody_else(9, seed=1)
    assert sorted(other) == list(range(9))
    assert (other != np.arange(9)).all()


def test_reports_for_people_and_machines(people, rows, capsys, tmp_path):
    about = {"data": people.dataset, "seeds": 2, "folds": 3}
    report.show_compared(list(rows.values()), **about, as_json=False)
    text = capsys.readouterr().out
    assert "swapped person" in text
    assert "800 ratings by 20 people, 2 seeds x 3 folds" in text
    report.show_compared(list(rows.values()), **about, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["ratings"] == 800
    assert told["rows"][0]["auc"]["value"] == rows["warm", "truth", False].auc.value
    assert "truth, swapped person" in report.weighted(list(rows.values()))["cold"]
    save_plot(report.weighted(list(rows.values())), tmp_path / "a.png", title="a")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
