"""`zahir taste`: out of one installation and into another, by hand; and what the store keeps of it."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from sqlalchemy import insert, select
from typer.testing import CliRunner

from zahir import Media, Origin
from zahir.cli import app
from zahir.errors import StoreError, ZahirError
from zahir.shell import Shell, file_name
from zahir.store import Store
from zahir.store.schema import mixes
from zahir.store.tastes import drop_taste, keep_taste, kept_tastes, taste_named
from zahir.taste.directions import Ridge
from zahir.taste.gaussian import GaussianTaste
from zahir.taste_file import TasteFile, read, to_bytes
from zahir.travel import packed

SPACE, DIM = "clip:test/24", 24


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZAHIR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZAHIR_MODELS", raising=False)
    return tmp_path / "home"


def filled(home):
    """Two people who like opposite things, in a space whose shell is known; and one more space, with less."""
    rng = np.random.default_rng(0)
    store = Store(home)
    vectors = rng.standard_normal((60, DIM)) * np.linspace(3, 0.3, DIM) + 2
    Shell.of(SPACE, vectors).save(home / "models" / "shells" / file_name(SPACE))
    media = [Media.image(rng.integers(0, 256, (4, 4, 3), np.uint8), Origin("test", SPACE)) for _ in vectors]
    ids = store.add_items(media, vectors.astype(np.float32), space=SPACE, made_for=None)
    store.embed(ids[:5], rng.standard_normal((5, 8)).astype(np.float32), space="studio-1/test")
    ann, bob = store.add_user("ann"), store.add_user("bob")
    for k, item in enumerate(ids):
        likes = 0.5 if vectors[k, 0] > 2 else -0.5
        store.rate(ann, item, likes, key=f"{k}")
        store.rate(bob, item, -likes, key=f"{k}")
    store.add_user("silent")
    return store


def run(*words):
    done = CliRunner().invoke(app, ["taste", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_a_taste_goes_out_and_comes_in(home, tmp_path, monkeypatch):
    filled(home).close()
    run("export", tmp_path / "ann.safetensors", "--user", "ann", "--negative")
    run("export", tmp_path / "bob.json", "--user", "bob", "--name", "Bob’s")
    ann, bob = read(tmp_path / "ann.safetensors"), read(tmp_path / "bob.json")
    assert (ann.name, ann.space, bob.name) == ("ann", SPACE, "Bob’s")
    assert ann.positive[0] > 0.5 > bob.positive[0], "they like opposite things"
    assert ann.positive @ bob.positive < 0
    np.testing.assert_array_equal(ann.negative, -ann.positive)
    assert not bob.negative.any()
    assert load_file(tmp_path / "ann.safetensors")["ip_adapter_image_embeds"].shape == (2, 1, DIM)
    assert "degrees" in run("show", tmp_path / "ann.safetensors")

    monkeypatch.setenv("ZAHIR_HOME", str(tmp_path / "elsewhere"))
    assert run("list") == ""
    assert "kept 'ann'" in run("import", tmp_path / "ann.safetensors")
    run("import", tmp_path / "bob.json", "--name", "my friend")
    assert [line.split("  ")[0] for line in run("list").splitlines()] == ["ann", "my friend"]
    shown = run("show", "my friend")
    assert all(each in shown for each in ("Bob’s", SPACE, "(2, 1, 24)", "none"))
    with pytest.raises(StoreError, match="'ann' is there already"):
        run("import", tmp_path / "ann.safetensors")
    run("delete", "ann")
    with pytest.raises(StoreError, match=r"no taste 'ann'\. Known: my friend"):
        run("show", "ann")
    assert [line.split("  ")[0] for line in run("list").splitlines()] == ["my friend"]


def test_what_cannot_go_out_says_why(home, tmp_path):
    filled(home).close()
    with pytest.raises(ZahirError, match="has rated nothing yet"):
        run("export", tmp_path / "x", "--user", "silent")
    with pytest.raises(ZahirError, match="has rated nothing in space 'clip:other'"):
        run("export", tmp_path / "x", "--user", "ann", "--space", "clip:other")
    assert not (tmp_path / "x").exists()
    assert "only Zahir will read it" in run("export", tmp_path / "s", "--user", "ann", "--space", "studio-1/test")
    assert read(tmp_path / "s").reach is None
    with pytest.raises(ZahirError, match="needs a name"):
        run("import", tmp_path / "s", "--name", "\n")


def test_a_model_that_knows_its_doubt_tells_it(home):
    store = filled(home)
    data = store.dataset(space=SPACE)
    rng = np.random.default_rng(0)
    sure, mute = (
        packed(store, 1, model=model.fit(data.interactions, data.embeddings), space=SPACE, name="x", rng=rng)
        for model in (GaussianTaste(), Ridge())
    )
    assert sure.doubt_spreads[0] > 0
    assert len(mute.doubt_spreads) == 0
    assert sure.positive @ mute.positive > 0.5
    store.close()


def test_the_store_keeps_tastes_apart(tmp_path):
    store = Store(tmp_path)
    ann, bob = store.add_user(), store.add_user()
    taste = TasteFile.of("warm", SPACE, np.ones(DIM))
    keep_taste(store, taste)
    keep_taste(store, taste, user=ann)
    with pytest.raises(StoreError, match="already"):
        keep_taste(store, taste)
    keep_taste(store, taste, name="warm too")
    assert [each.name for each in kept_tastes(store)] == ["warm", "warm too"]
    assert [each.name for each in kept_tastes(store, user=ann)] == ["warm"]
    assert to_bytes(taste_named(store, "warm", user=ann), "json") == to_bytes(taste, "json")
    with pytest.raises(StoreError, match="Known: none"):
        taste_named(store, "warm", user=bob)
    with store.writing() as db:
        db.execute(insert(mixes).values(user=bob, taste=1, share=0.5))
    drop_taste(store, "warm")
    with store.engine.connect() as db:
        assert db.execute(select(mixes)).all() == []
    assert [each.name for each in kept_tastes(store, user=ann)] == ["warm"]
    with pytest.raises(StoreError, match="no taste 'warm'"):
        drop_taste(store, "warm")
    store.close()
