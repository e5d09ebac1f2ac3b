"""The field's protocols: who learns from what, figures against other libraries, and all of them on true layouts."""

import itertools
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_squared_error, roc_auc_score
from typer.testing import CliRunner

from zahir.datasets.synthetic import planted
from zahir.errors import BadData, SpaceMismatch, ZahirError
from zahir.evaluate import metrics
from zahir.evaluate.protocols import PROTOCOLS, newcomers, rebeca
from zahir.evaluate.protocols.result import USER_MEAN, show
from zahir.interactions import Dataset, Interactions
from zahir.taste.directions import Ridge
from zahir.taste.wals import TetheredWALS


def people(count=16, ratings=125, items=3000, dim=24, shared=0.2, seed=0):
    """Invented people in a wide store of pictures, so that two seldom rate the same one."""
    vectors = np.random.default_rng(seed).standard_normal((items, dim)).astype(np.float32)
    return planted(count, ratings, shared, seed=seed, embeddings=vectors).dataset


def graded(data, seed=0):
    """The same ratings with five levels."""
    table = data.interactions
    noise = np.random.default_rng(seed).choice([0, 0.5], len(table))
    five = Interactions.of(
        table.users,
        table.items,
        np.sign(table.ratings) * noise * 2,
        num_users=table.num_users,
        num_items=table.num_items,
    )
    return Dataset(five, data.embeddings, data.space, data.user_ids, data.item_ids)


class Watched(Ridge):
    """A ridge per person that keeps what every fit saw."""

    seen: list[Interactions] = []  # noqa: RUF012

    def fit(self, interactions, item_embeddings):
        type(self).seen.append(interactions)
        return super().fit(interactions, item_embeddings)


@pytest.fixture
def watched():
    Watched.seen = []
    return Watched


def figure(result, setting, model, name):
    return next(line.figures[name] for line in result.lines if (line.setting, line.model) == (setting, model))


# metrics


def test_correlation_and_error_within_people_agree_with_scipy_and_sklearn():
    rng = np.random.default_rng(0)
    users = rng.integers(0, 5, 200)
    ratings, scores = rng.choice([-1, -0.5, 0.5, 1], 200), rng.standard_normal(200)
    for person in range(5):
        mine = users == person
        pair = ratings[mine], scores[mine]
        assert_allclose(metrics.pearson(users, ratings, scores, num_users=6)[person], pearsonr(*pair)[0])
        assert_allclose(metrics.squared_error(users, ratings, scores, num_users=6)[person], mean_squared_error(*pair))
        told = [
            0.5 if scores[a] == scores[b] else (ratings[a] > ratings[b]) == (scores[a] > scores[b])
            for a, b in itertools.combinations(np.flatnonzero(mine), 2)
            if ratings[a] != ratings[b]
        ]
        assert_allclose(metrics.pair_accuracy(users, ratings, scores, num_users=6)[person], np.mean(told))
    for metric in (metrics.pearson, metrics.squared_error, metrics.pair_accuracy):
        assert np.isnan(metric(users, ratings, scores, num_users=6)[5])
    flat = np.full(200, 3.7)
    assert_allclose(metrics.pearson(users, ratings, flat, num_users=5), 0)
    assert_allclose(metrics.pair_accuracy(users, ratings, flat, num_users=5), 0.5)
    assert np.isnan(metrics.pearson(users, flat, scores, num_users=5)).all()


# REBECA


def test_ten_ratings_of_each_person_are_held_out_and_ten_validate():
    counts = [200, 30, 29, 9, 2, 1]
    users = np.repeat(np.arange(6), counts)
    table = Interactions.of(users, np.arange(len(users)), np.zeros(len(users)), num_users=7)
    places = rebeca.split(table)
    assert np.array_equal(np.sort(np.concatenate(places)), np.arange(len(users)))
    for part, expected in zip(places[1:], [[10, 10, 9, 3, 0, 0, 0]] * 2):
        assert np.bincount(users[part], minlength=7).tolist() == expected
    assert all(np.array_equal(a, b) for a, b in zip(places, rebeca.split(table)))
    assert not np.array_equal(places.test, rebeca.split(table, seed=1).test)


def test_rebeca_finds_taste_and_shows_what_the_user_mean_is_worth(watched):
    data = planted(40, 40, 0.2, seed=0).dataset
    result = rebeca.rebeca(data, {"wals": TetheredWALS, "watched": watched}, parts={}, width=16)
    places = rebeca.split(data.interactions.latest())
    assert len(watched.seen[0]) == len(places.train) == 40 * 20
    setting = "held-out ratings"
    assert figure(result, setting, "wals", "AUC within person").value > 0.58
    assert figure(result, setting, rebeca.JUDGE, "pooled AUC").value > 0.5
    assert figure(result, setting, USER_MEAN, "AUC within person").value == 0.5
    model = TetheredWALS().fit(data.interactions.take(places.train), data.embeddings)
    test = data.interactions.take(places.test)
    area = roc_auc_score(test.ratings > 0, model.predict(test.users, test.items))
    pooled = figure(result, setting, "wals", "pooled AUC")
    assert_allclose(pooled.value, area)
    assert pooled.low < area < pooled.high
    assert 0.03 < pooled.high - pooled.low < 0.2


def test_generous_people_raise_the_pooled_area_alone():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(40), 60)
    liked = rng.random(len(users)) < np.where(users % 2 == 0, 0.9, 0.1)
    items = np.concatenate([rng.choice(300, 60, replace=False) for _ in range(40)])
    table = Interactions.of(users, items, np.where(liked, 0.5, -0.5), num_items=300)
    vectors = rng.standard_normal((300, 8)).astype(np.float32)
    data = Dataset(table, vectors, "s", [str(k) for k in range(40)], [str(k) for k in range(300)])
    result = rebeca.rebeca(data, {}, parts={}, width=8)
    assert figure(result, "held-out ratings", USER_MEAN, "pooled AUC").value > 0.85
    assert figure(result, "held-out ratings", rebeca.JUDGE, "pooled AUC").value > 0.7
    assert abs(figure(result, "held-out ratings", rebeca.JUDGE, "AUC within person").value - 0.5) < 0.12


def test_likes_alone_are_refused():
    table = Interactions.of(np.zeros(40, int), np.arange(40), np.ones(40))
    data = Dataset(table, np.ones((40, 3), np.float32), "s", ["a"], [str(k) for k in range(40)])
    with pytest.raises(BadData, match="10 test ratings, 10 of them likes"):
        rebeca.rebeca(data, {}, parts={}, width=8)


@pytest.mark.slow
def test_made_pictures_please_those_they_were_made_for():
    from zahir.evaluate.protocols.simulated import crowd
    from zahir.studio import StudioEncoder, StudioGenerator

    eyes, studio = StudioEncoder(), StudioGenerator()
    some = crowd(6, 60, encoder=eyes, generator=studio, library=120)
    assert len(some.dataset.interactions) == 360
    assert some.truth(some.dataset.embeddings[:5], []).shape == (6, 5)
    arguments = {"encoder": eyes, "generator": studio, "truth": some.truth, "pictures": 5, "width": 16}
    result = rebeca.rebeca_made(some.dataset, {"ridge": Ridge}, **arguments)
    truth = "made pictures, by the truth"
    assert figure(result, truth, "ridge", "own over others'").low > 0.3
    assert figure(result, truth, "ridge", "p").value < 0.01
    for k in (1, 5):
        near = f"nearest {k} of the held-out pictures"
        assert 0 < figure(result, near, "ridge", "recall").value <= 1
    data = some.dataset
    other = Dataset(data.interactions, data.embeddings, "other", data.user_ids, data.item_ids)
    with pytest.raises(SpaceMismatch):
        rebeca.rebeca_made(other, {"ridge": Ridge}, **arguments)
    with pytest.raises(ValueError, match="ratings must be from 1 to the 20 pictures"):
        crowd(2, 21, encoder=eyes, generator=studio, library=20)


# Ren et al.


def test_ren2017_trains_on_other_people_and_other_pictures(watched):
    data = people()
    published = {"test_users": np.array([3, 7, 11])}
    result = PROTOCOLS["ren2017"](data, {"watched": watched, "wals": TetheredWALS}, parts=published)
    table = data.interactions
    theirs = np.isin(table.users, published["test_users"])
    (seen,) = watched.seen
    assert not np.isin(seen.users, published["test_users"]).any()
    assert not np.isin(seen.items, table.items[theirs]).any()
    assert len(seen) == (~theirs & ~np.isin(table.items, table.items[theirs])).sum()
    rho = [figure(result, f"{k} ratings shown", "wals", "Spearman's rho").value for k in (0, 10, 100)]
    assert rho[0] < rho[1] < rho[2]
    assert rho[2] > 0.25
    assert figure(result, "10 ratings shown", USER_MEAN, "Spearman's rho").value == 0
    assert figure(result, "10 ratings shown", "wals", "sd of draws").value > 0
    assert "3 test people (as published) with 125 to 125 ratings" in result.notes[0]


def test_ren2017_draws_its_people_where_none_are_published():
    data = people(count=20, ratings=30)
    result = PROTOCOLS["ren2017"](data, {"ridge": Ridge}, parts={})
    assert "4 test people (drawn from those with 15 ratings or more" in result.notes[0]
    assert "only 0 of them have 100 ratings to show" in result.notes[1]
    assert np.isnan(figure(result, "100 ratings shown", "ridge", "Spearman's rho").value)
    assert np.isfinite(figure(result, "10 ratings shown", "ridge", "Spearman's rho").value)
    with pytest.raises(BadData, match="people have 15 ratings or more"):
        PROTOCOLS["ren2017"](people(count=20, ratings=8), {"ridge": Ridge}, parts={})


def test_what_is_shown_is_not_ranked_and_draws_are_the_same_for_every_model():
    data = people(count=3, ratings=20)
    asked = []

    def score(history, embeddings):
        shown = {row.tobytes() for row in history.embeddings}
        rest = {row.tobytes() for row in embeddings}
        asked.append((len(shown), len(rest), len(shown & rest), sorted(shown)))
        return embeddings[:, 0]

    measures = [metrics.spearman]
    table = data.interactions
    both = [
        newcomers.folded_in(score, data, table, np.array([0, 2]), shots=12, draws=4, seed=1, measures=measures)
        for _ in range(2)
    ]
    assert both[0].shape == (1, 4, 2)
    assert_allclose(both[0], both[1])
    assert {each[:3] for each in asked} == {(12, 8, 0)}
    assert len({tuple(each[3]) for each in asked}) == 8  # 2 people x 4 draws
    mine = np.flatnonzero(table.users == 0)
    whole = newcomers.folded_in(score, data, table, np.array([0]), shots=0, draws=2, seed=1, measures=measures)
    assert_allclose(whole[0, :, 0], spearmanr(table.ratings[mine], data.embeddings[table.items[mine], 0])[0], atol=1e-6)


# PARA and LAPIS


@pytest.mark.parametrize("name", ["para", pytest.param("lapis", marks=pytest.mark.slow)])
def test_new_pictures_and_new_people_are_in_no_fit(watched, name):
    data = graded(people(count=12, ratings=60, items=200))
    table = data.interactions
    parts = {"test_items": np.arange(40), "validation_items": np.arange(40, 60)}
    parts |= {f"users_{fold}": np.arange(12)[fold - 1 :: 4] for fold in (1, 2, 3, 4)}
    result = PROTOCOLS[name](data, {"watched": watched, "wals": TetheredWALS}, parts=parts)
    pictures, *folds = watched.seen[:5]
    for seen in (pictures, *folds):
        assert seen.items.min() == 60
    assert len(pictures) == (table.items >= 60).sum()
    for fold, seen in enumerate(folds, 1):
        assert not np.isin(seen.users, parts[f"users_{fold}"]).any()
        assert len(np.unique(seen.users)) == 9
    assert any("show" in line.setting for line in result.lines) == (name == "para")
    if name == "para":
        (showing,) = watched.seen[5:]
        assert len(np.unique(showing.users)) == 9
        assert any("the 3 with most show 12 each instead" in note for note in result.notes)

    test = table.take(table.items < 40)
    model = TetheredWALS().fit(table.take(table.items >= 60), data.embeddings)
    told = model.predict(test.users, test.items).astype(float)
    each = [spearmanr(test.ratings[test.users == k], told[test.users == k])[0] for k in range(12)]
    points = 2 if name == "para" else 50
    errors = [points**2 * np.mean((test.ratings - told)[test.users == k] ** 2) for k in range(12)]
    assert_allclose(figure(result, "new pictures", "wals", "SROCC").value, np.mean(each), rtol=1e-6)
    assert_allclose(figure(result, "new pictures", "wals", "MSE").value, np.mean(errors), rtol=1e-5)
    means = [(test.ratings[test.items == k].mean(), told[test.items == k].mean()) for k in np.unique(test.items)]
    assert_allclose(
        figure(result, "new pictures", "wals", "pictures' PLCC").value, pearsonr(*zip(*means))[0], rtol=1e-5
    )
    assert figure(result, "new pictures", USER_MEAN, "SROCC").value == 0
    assert figure(result, "new pictures", "wals", "SROCC").value > 0.1


def test_without_published_lists_they_are_drawn_in_the_published_proportions(watched):
    data = people(count=8, ratings=100, items=1000)
    result = PROTOCOLS["lapis"](data, {"watched": watched}, parts={})
    rated = len(np.unique(data.interactions.items))
    assert f"{round(rated * 2345 / 11723)} test pictures drawn" in result.notes[0]
    assert f"{round(rated * 1173 / 11723)} validation pictures drawn" in result.notes[1]
    kept = len(np.unique(watched.seen[0].items))
    assert abs(kept / rated - 8205 / 11723) < 0.01


# PAMELA


def test_pamela_knows_seen_people_and_asks_unseen_ones(watched):
    data = people(count=10, ratings=80, items=300)
    table = data.interactions
    new = table.users >= 8
    held = table.items < 60
    parts = {
        name: np.flatnonzero(mask)
        for name, mask in {"train": ~new & ~held, "test_seen": ~new & held, "test_unseen": new}.items()
    }
    result = PROTOCOLS["pamela"](data, {"watched": watched, "wals": TetheredWALS}, parts=parts)
    (seen,) = watched.seen
    assert np.array_equal(np.sort(seen.items), np.sort(table.items[parts["train"]]))
    order = "pairs in order"
    assert figure(result, "seen people, new pictures", "wals", order).value > 0.6
    shown = [figure(result, f"unseen people, {k} ratings shown", "wals", order).value for k in (0, 10)]
    assert shown[1] > 0.5
    assert figure(result, "unseen people, 10 ratings shown", USER_MEAN, order).value == 0.5
    drawn = PROTOCOLS["pamela"](data, {"wals": TetheredWALS}, parts={})
    assert "drawn with seed 42" in drawn.notes[0]


# in their true layouts, by the command


def tables(folder, data, scale):
    """People, pictures and scores of a planted set, each picture a file of its own colour."""
    low, high = scale
    table = data.interactions
    scores = low + (table.ratings + 1) / 2 * (high - low)
    return [(f"p{u}", f"{i}.png", float(s)) for u, i, s in zip(table.users, table.items, scores)]


def paint(folder, count):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for k in range(count):
        Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((32, 32)).save(folder / f"{k}.png")


LAYOUTS = {
    "rebeca": (1, 5),
    "ren2017": (1, 5),
    "para": (1, 5),
    "pamela": (1, 5),
    "lapis": (0, 100),
}


def write(folder, name, rows, pictures):
    """A set in its own layout; returns what to give to the command."""
    if name in ("rebeca", "ren2017"):
        text = "\n".join([" worker, imagePair, score", *(f"{u},{i},{s:g}" for u, i, s in rows)])
        (folder / "FLICKR-AES_image_labeled_by_each_worker.csv").write_text(text)
        (folder / "test_workers.txt").write_text("p0\np1\n")
        paint(folder / "40K", pictures)
    elif name == "para":
        (folder / "annotation").mkdir()
        lines = [f"s1,{i},{u},{s:g}" for u, i, s in rows]
        (folder / "annotation" / "PARA-Images.csv").write_text(
            "\n".join(["sessionId,imageName,userId,aestheticScore", *lines])
        )
        (folder / "annotation" / "PARA-GiaaTest.csv").write_text("imageName\n0.png\n1.png\n2.png\n3.png\n")
        paint(folder / "imgs" / "s1", pictures)
    elif name == "lapis":
        (folder / "annotation").mkdir()
        lines = [f"{u},Cubism/{i},{s:g}" for u, i, s in rows]
        (folder / "annotation" / "LAPIS_individualratings_metaANDdemodata.csv").write_text(
            "\n".join(["participant_id,image_filename,response", *lines])
        )
        (folder / "imageset").mkdir()
        (folder / "imageset" / "TestImageSet.txt").write_text("0.png\n1.png\n2.png\n3.png\n")
        paint(folder / "images", pictures)
    else:
        parts = {"train": [], "test_seen": [], "test_unseen": []}
        for u, i, s in rows:
            part = "test_unseen" if u in ("p0", "p1") else "test_seen" if int(i[:-4]) < 6 else "train"
            parts[part].append({"participant_id": u, "image_path": f"images/{i}", "original_score": s})
        for part, entries in parts.items():
            (folder / f"pamela_{part}.json").write_text(json.dumps(entries))
        paint(folder / "images", pictures)
    return folder


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("ren2017", "pamela") else pytest.mark.slow) for name in LAYOUTS]
)
def test_every_protocol_runs_on_its_set_in_its_layout(tmp_path, name):
    from zahir.cli import app

    # ren2017 needs pictures that nobody but the test people rated: two people rate the first half, six the rest
    rng = np.random.default_rng(0)
    own = [rng.permutation(20) if person < 2 and name == "ren2017" else rng.permutation(40)[:24] for person in range(8)]
    if name == "ren2017":
        own[2:] = [20 + rng.permutation(20) for _ in range(6)]
    users = np.concatenate([np.full(len(items), person) for person, items in enumerate(own)])
    ratings = rng.choice([-1, -0.5, 0, 0.5, 1], len(users))
    table = Interactions.of(users, np.concatenate(own), ratings, num_items=40)
    data = Dataset(table, np.ones((40, 1), np.float32), "s", [str(k) for k in range(8)], [str(k) for k in range(40)])
    folder = write(tmp_path, name, tables(tmp_path, data, LAYOUTS[name]), 40)
    words = ["evaluate", str(folder), "--protocol", name, "--models", "ridge,means", "--json"]
    run = CliRunner().invoke(app, words, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    (found,) = json.loads(run.stdout)
    assert found["protocol"] == name
    assert {line["model"] for line in found["lines"]} >= {"ridge", "means", USER_MEAN}
    assert len(found["notes"]) >= 3
    if name != "rebeca":
        assert any("as published" in note for note in found["notes"]) or "published split: " in run.stderr


def test_figures_as_a_table(capsys):
    data = people(count=6, ratings=30)
    show([PROTOCOLS["ren2017"](data, {"ridge": Ridge}, parts={})], labels={"ridge": "a ridge"}, as_json=False)
    out = capsys.readouterr().out
    assert "10 ratings shown" in out
    assert "a ridge" in out
    assert "- 0 ratings: everybody's taste" in out


def test_an_unknown_protocol_is_told():
    from zahir.cli import app

    words = ["evaluate", "x", "--protocol", "nope"]
    with pytest.raises(ZahirError, match=r"no protocol 'nope'\. Known: rebeca"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    with pytest.raises(ZahirError, match=r"protocol 'para' of what\? Give the PATH"):
        CliRunner().invoke(app, ["evaluate", "--protocol", "para"], catch_exceptions=False)
