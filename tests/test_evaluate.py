"""The comparison tells models apart: who knows the truth wins, a stranger's taste loses, leaks show."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from zahir import Interactions
from zahir.cli import app
from zahir.datasets.synthetic import planted
from zahir.errors import BadData, StoreError, UnknownPlugin
from zahir.evaluate import report
from zahir.evaluate.compare import compare, histories, somebody_else
from zahir.evaluate.planted import recover
from zahir.evaluate.plot import save_plot
from zahir.interactions import Dataset
from zahir.space import normalize
from zahir.store import Store


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
    assert truth.auc.value > 0.85
    assert truth.auc.low > everybody.auc.high
    assert truth.gain.low > 0.1
    assert truth.auc.value - swapped.auc.value > 0.2
    assert swapped.gain.high < 0
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


def test_a_handful_of_ratings_is_measured_without_a_word_of_complaint():
    table = Interactions.of([0, 0, 1, 1, 1], [0, 1, 0, 1, 2], [0.5, -0.5, 0.5, -1, 0.5], num_items=4)
    vectors = np.eye(4, dtype=np.float32)
    data = Dataset(table, vectors, "four", ["a", "b"], list("wxyz"))
    for row in compare(data, {"m": lambda: Linear(vectors[:2])}, seeds=3, folds=3, baseline="m"):
        for figure in (row.auc, row.auc_weighted, row.pooled):
            assert np.isnan(figure).all() or 0 <= figure.low <= figure.value <= figure.high <= 1


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


# the commands, end to end


@pytest.fixture
def folder(tmp_path, people):
    """Eight of the planted people as a folder of files."""
    table = people.dataset.interactions.take(people.dataset.interactions.users < 8)
    rows = [f"p{u},{i},{r:g}" for u, i, r in zip(table.users, table.items, table.ratings)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]))
    np.save(tmp_path / "data" / "embeddings.npy", people.dataset.embeddings)
    return tmp_path / "data"


def run(*arguments, home=None):
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"ZAHIR_HOME": str(home)} if home else {})


def test_the_command_compares_registered_models(folder):
    done = run(
        "evaluate",
        folder,
        "--models",
        "one-taste,ridge",
        "--seeds",
        1,
        "--folds",
        2,
        "--json",
        "--plot",
        folder / "p.svg",
    )
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    assert (told["people"], told["items"], told["ratings"]) == (8, 400, 320)
    assert told["space"].startswith("data:")
    found = {(row["split"], row["model"], row["swapped"]): row for row in told["rows"]}
    assert found["cold", "one-taste", False]["gain"] is None
    assert found["cold", "ridge", False]["gain"]["value"] == pytest.approx(
        found["cold", "ridge", False]["auc_weighted"]["value"]
        - found["cold", "one-taste", False]["auc_weighted"]["value"]
    )
    assert found["cold", "ridge", True]["auc"]["value"] < found["cold", "ridge", False]["auc"]["value"] - 0.1
    assert found["warm", "one-taste", False]["cosine"] > 0.99
    assert "320 ratings by 8 people, as they are" in done.stderr
    assert (folder / "p.svg").read_text().startswith("<?xml")


def test_the_command_says_what_is_wrong(folder):
    assert isinstance(run("evaluate", folder, "--models", "rigde").exception, UnknownPlugin)
    assert "PATH of ratings or --planted" in str(run("evaluate").exception)
    assert "max-bad must be" in str(run("evaluate", folder, "--max-bad", "200%").exception)
    assert "a scale is" in str(run("evaluate", folder, "--scale", "5,1").exception)


@pytest.mark.parametrize(
    ("words", "idle"),
    [
        (
            ["--protocol", "rebeca", "--seeds", "2", "--plot", "p.png"],
            "--protocol does not listen to --seeds or --plot:",
        ),
        (["--protocol", "para", "--folds", "2"], "--protocol does not listen to --folds:"),
        (["--parts", "--models", "wals"], "--parts does not listen to --models:"),
        (["--few-shot", "--folds", "2"], "--few-shot does not listen to --folds:"),
    ],
)
def test_options_that_would_say_nothing_are_refused(folder, words, idle):
    assert idle in str(run("evaluate", folder, *words).exception)


def test_an_import_is_whole_or_not_at_all(folder, tmp_path, people):
    home = tmp_path / "home"
    with (folder / "ratings.csv").open("a") as file:
        file.write("\np0,nowhere,1\n" + "".join(f"q{k},{k},?\n" for k in range(30)))
    failed = run("import", folder, home=home)
    assert isinstance(failed.exception, BadData)
    assert "31 of 351 cannot be read" in str(failed.exception)
    assert "line 322: there is no item 'nowhere'" in failed.stderr
    assert "... and more" in failed.stderr
    assert not home.exists() or Store(home).spaces() == {}
    done = run("import", folder, "--max-bad", "31", "--name", "set", "--space", "some", home=home)
    assert done.exit_code == 0, done.exception
    assert "imported 'set': 8 people, 400 items, 320 ratings" in done.stdout
    store = Store(home)
    data = store.dataset(space="some")
    store.close()
    first = people.dataset.interactions.take(people.dataset.interactions.users < 8)
    assert sorted(zip(data.interactions.users, data.interactions.items, data.interactions.ratings)) == sorted(
        zip(first.users, first.items, first.ratings)
    )
    assert_allclose(data.embeddings, normalize(people.dataset.embeddings), atol=1e-6)
    assert isinstance(run("import", folder, "--max-bad", "31", "--name", "set", home=home).exception, StoreError)


@pytest.mark.slow
def test_the_command_plants_people():
    done = run("evaluate", "--planted", "--models", "ridge,popularity", "--seeds", 1, "--json")
    assert done.exit_code == 0, done.exception
    rows = json.loads(done.stdout)["rows"]
    found = {(row["population"], row["model"]): row for row in rows}
    assert len(found) == 20
    for shared in ("0", "0.2", "0.5", "0.8", "0.2, 5 groups"):
        few, many = (found[f"shared {shared}, {n} ratings", "ridge"]["agreement"] for n in (8, 40))
        assert 0.3 < few["value"] < few["high"] < many["low"]
        assert abs(found[f"shared {shared}, 40 ratings", "popularity"]["agreement"]["value"]) < 0.1
    truly = [found[f"shared {shared}, 8 ratings", "ridge"]["truly_alike"] for shared in ("0", "0.2", "0.5", "0.8")]
    assert_allclose(truly, [0, 0.2, 0.5, 0.8], atol=0.12)
