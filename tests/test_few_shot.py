"""Few-shot curves: what helps a newcomer shows, and nothing of what is tested is ever learned from."""

import json
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

from zahir.cli import app
from zahir.datasets.synthetic import planted
from zahir.errors import BadData
from zahir.evaluate import report
from zahir.evaluate.few_shot import ALL, AT, OTHERS, OWN, few_shot
from zahir.evaluate.plot import save_curves
from zahir.taste.directions import Ridge
from zahir.taste.wals import TetheredWALS


class Watcher:
    """Remembers what it was fitted on and what it was asked; its answers are nothing."""

    seen: list = []  # noqa: RUF012 - shared on purpose: every fit makes a new model

    def fit(self, interactions, item_embeddings):
        self.known = interactions
        return self

    def predict(self, users, items):
        Watcher.seen.append((self.known, users, items))
        return np.zeros(len(users), np.float32)


@pytest.fixture(scope="module")
def people():
    return planted(12, 40, 0.8, seed=4).dataset


@pytest.fixture(scope="module")
def points(people):
    def wals():
        return TetheredWALS(tether=np.inf, regularization=1.0, population=1.0)

    return few_shot(people, {"ridge": Ridge, "wals": wals}, seeds=1, people=8)


def figure(points, model, split, own, others=ALL):
    (found,) = [p for p in points if (p.model, p.split, p.own, p.others) == (model, split, own, others)]
    return found


@pytest.mark.parametrize("split", ["warm", "cold"])
def test_curves_rise_with_ones_own_ratings_and_others_are_worth_something_before(points, split):
    nothing, few = (figure(points, "ridge", split, own) for own in (0, 20))
    assert nothing.auc == (0.5, 0.5, 0.5)
    assert nothing.gain is None
    assert few.gain.low > 0.05
    assert few.auc.value - 0.5 == pytest.approx(few.gain.value, abs=0.01)  # equally many ratings each
    assert figure(points, "wals", split, 0).auc.value > 0.6
    assert figure(points, "wals", split, 20).auc.value > figure(points, "ridge", split, 20).auc.value


def test_more_people_known_help_only_who_learns_from_them(points):
    alone, some = (figure(points, "wals", "cold", AT, others) for others in (0, 4))
    assert some.gain.value == pytest.approx(some.auc_weighted.value - alone.auc_weighted.value)
    assert figure(points, "wals", "cold", AT).auc.value > alone.auc.value + 0.03
    assert len({figure(points, "ridge", "cold", AT, others).auc for others in OTHERS}) == 1


def test_nothing_that_is_tested_was_known_and_the_test_is_the_same_along_a_curve(people):
    Watcher.seen = []
    few_shot(people, {"watcher": Watcher}, seeds=1, people=2)
    per_person = 2 * len(OWN) + len(OTHERS)
    assert len(Watcher.seen) == 2 * per_person
    everybody = people.interactions
    for first in (0, per_person):
        warm, cold = Watcher.seen[first : first + len(OWN)], Watcher.seen[first + len(OWN) : first + per_person]
        user = warm[0][1][0]
        for split in (warm, cold):
            assert_array_equal([each[2] for each in split], np.tile(split[0][2], (len(split), 1)))
            assert [int((known.users == user).sum()) for known, *_ in split] == [*OWN, *[AT] * (len(split) - len(OWN))]
        for known, users, items in warm:
            assert set(users) == {user}
            assert len(items) == 13  # a third of forty
            assert not np.isin(items, known.items[known.users == user]).any()
            assert (known.users != user).sum() == (everybody.users != user).sum()
        for known, _, items in cold:
            assert not np.isin(items, known.items).any()
        others = [len(np.unique(known.users[known.users != user])) for known, *_ in cold]
        assert others == [11] * len(OWN) + list(OTHERS)
        for few, more in pairwise(cold[: len(OWN)]):
            cells = [set(zip(known.users, known.items)) for known, *_ in (few, more)]
            assert cells[0] < cells[1]


def test_too_few_ratings_are_said_to_be(people):
    with pytest.raises(BadData, match="0 people have 32 ratings or more"):
        few_shot(planted(5, 20, 0.5).dataset, {"ridge": Ridge})


def test_reports_for_people_and_machines(points, capsys, tmp_path):
    report.show_few_shot(points, seeds=2, as_json=False)
    text = capsys.readouterr().out
    assert "cold, 10 own ratings, others known:" in text
    assert text.count("ridge") == 3
    report.show_few_shot(points, seeds=2, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2 * (2 * len(OWN) + len(OTHERS))
    save_curves(report.curves(points), tmp_path / "a.svg", title="a")
    assert (tmp_path / "a.svg").read_text().count("ridge") >= 1


def test_the_command_draws_the_curves(people, tmp_path):
    few = people.interactions.take(people.interactions.users < 3)
    rows = [f"p{u},{i},{r:g}" for u, i, r in zip(*(getattr(few, n) for n in ("users", "items", "ratings")))]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]))
    np.save(tmp_path / "embeddings.npy", people.embeddings)
    asked = ["evaluate", tmp_path, "--few-shot", "--models", "ridge", "--seeds", 1, "--json"]
    done = CliRunner().invoke(app, [str(each) for each in asked])
    assert done.exit_code == 0, done.exception
    rows = json.loads(done.stdout)["rows"]
    assert rows[0]["auc"]["value"] == 0.5
    assert rows[4]["own"] == 20
    assert rows[4]["auc"]["value"] > 0.55
