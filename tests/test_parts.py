"""Which part helps: each variant lacks just its part, and planted people show what the part was for."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from zahir.cli import app
from zahir.datasets.synthetic import planted
from zahir.evaluate import report
from zahir.evaluate.parts import ALL, BOTH, PARTS, which_part_helps
from zahir.plugins import installed

SOME = {name: PARTS[name] for name in (ALL, "nothing but the population", BOTH, "tether only", "collaboration only")}


@pytest.fixture(scope="module")
def rows():
    """Two groups of like-minded people whose pictures overlap: both the pictures and the others tell much."""
    rng = np.random.default_rng(0)
    people = planted(16, 36, 0.0, clusters=2, seed=2, embeddings=rng.standard_normal((60, 32)).astype(np.float32))
    return which_part_helps(people.dataset, SOME, seeds=1, folds=2)


def figure(rows, split, model, *, swapped=False):
    (row,) = [row for row in rows if (row.split, row.model, row.swapped) == (split, model, swapped)]
    return row


def test_every_part_can_be_made_and_is_measured_against_one_that_is_there():
    for part in PARTS.values():
        assert PARTS[part.against].against == part.against
        assert part.plugin == "gaussian" or part.plugin in installed("taste_models")


def test_collaboration_knows_nothing_of_new_pictures_and_much_of_old_ones(rows):
    cold, warm = (figure(rows, split, "collaboration only") for split in ("cold", "warm"))
    assert cold.auc.value == 0.5
    assert warm.auc.low > 0.6
    assert figure(rows, "warm", "collaboration only", swapped=True).auc.value < warm.auc.value - 0.1


def test_the_tether_alone_knows_new_pictures_and_others_help_with_old_ones(rows):
    assert figure(rows, "cold", "tether only").auc.low > 0.55
    alone, both = (figure(rows, "warm", name) for name in ("tether only", BOTH))
    assert alone.gain.high < 0
    assert alone.gain.value == pytest.approx(alone.auc_weighted.value - both.auc_weighted.value)
    assert both.gain is None


def test_groups_need_more_than_a_population(rows):
    assert figure(rows, "cold", "nothing but the population").gain.high < -0.03
    assert figure(rows, "cold", ALL).gain is None


def test_reports_for_people_and_machines(rows, capsys):
    report.show_parts(rows, seeds=1, folds=3, as_json=False)
    text = capsys.readouterr().out
    assert [name for name in SOME if name not in text] == []
    assert "tether 0" not in text  # it was not asked for
    report.show_parts(rows, seeds=1, folds=3, as_json=True)
    told = json.loads(capsys.readouterr().out)["rows"]
    assert_allclose(told[0]["auc"]["value"], rows[0].auc.value)


@pytest.mark.slow
def test_the_command_tries_every_part(tmp_path):
    people = planted(4, 20, 0.5).dataset
    table = people.interactions
    lines = [f"p{u},{i},{r:g}" for u, i, r in zip(table.users, table.items, table.ratings)]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *lines]))
    np.save(tmp_path / "embeddings.npy", people.embeddings)
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--parts", "--seeds", "1", "--folds", "2", "--json"])
    assert done.exit_code == 0, done.exception
    rows = json.loads(done.stdout)["rows"]
    here = {name for name, part in PARTS.items() if part.plugin in installed("taste_models")}
    assert {row["model"] for row in rows} == here
