"""The store: one effect per key, undo as an event, rows that never move, imports whole or not at all."""

import threading
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sqlalchemy import create_engine

from zahir import Interactions, Media, Origin
from zahir.errors import BadData, StoreError
from zahir.interactions import Dataset
from zahir.store import NewRating, Pick, Store, database
from zahir.store.schema import metadata

SPACE = "test/3"


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def pictures(n, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Media.image(
            rng.integers(0, 256, (8, 8, 3), np.uint8), Origin("test", SPACE, seed=k, details={"alt": f"no. {k}"})
        )
        for k in range(n)
    ]


def filled(store, n=3):
    user = store.add_user()
    return user, store.add_items(pictures(n), np.eye(n, 3, dtype=np.float32) * 2, space=SPACE, made_for=user)


def test_migrations_make_the_schema(store):
    with store.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_an_older_database_is_brought_up_to_date_with_all_that_is_in_it(tmp_path):
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{tmp_path / 'zahir.db'}")
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.exec_driver_sql("INSERT INTO users (name, strength, surprise, created) VALUES ('ann', 0.5, 0.25, 1)")
    engine.dispose()
    store = Store(tmp_path)
    assert store.dials(store.user_named("ann")) == (0.5, 0.25)
    with store.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    store.close()


def test_a_newer_database_is_refused(store, tmp_path):
    with store.writing() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="schema 9999"):
        Store(tmp_path)


def test_every_commit_reaches_the_disk(store):
    with store.engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_items_come_back_with_their_origin(store):
    user, ids = filled(store)
    item = store.item(ids[1])
    assert (item.made_for, item.alt, item.origin.seed, item.kind) == (user, "no. 1", 1, "image")
    assert store.item(item.token).id == ids[1]
    assert store.media(ids[1]).size == (8, 8)
    assert_allclose(store.vectors(SPACE), np.eye(3), atol=1e-7)
    more = store.add_items(pictures(1, 5), np.float32([[0, 1, 1]]), space=SPACE, made_for=None)
    assert_allclose(store.vectors(SPACE)[3], [0, 0.5**0.5, 0.5**0.5], atol=1e-6)
    assert store.spaces() == {SPACE: 4}
    assert store.item(more[0]).made_for is None


def test_widths_of_one_space_never_mix(store):
    filled(store)
    with pytest.raises(StoreError, match="width 3; got 4"):
        store.add_items(pictures(1), np.ones((1, 4), np.float32), space=SPACE, made_for=None)
    assert store.spaces() == {SPACE: 3}


def test_the_same_key_twice_has_one_effect(store):
    user, ids = filled(store)
    first = store.rate(user, ids[0], 0.5, key="k")
    assert store.rate(user, ids[0], 0.5, key="k") == first
    assert store.count_ratings(SPACE) == 1
    with pytest.raises(StoreError, match="another item"):
        store.rate(user, ids[1], 0.5, key="k")


def test_undo_is_an_event_and_the_earlier_rating_stands_again(store):
    user, ids = filled(store)
    store.rate(user, ids[0], 0.5, key="a")
    later = store.rate(user, ids[0], -0.5, key="b")
    assert store.history(user, space=SPACE).ratings.tolist() == [-0.5]
    store.retract(user, later)
    store.retract(user, later)
    assert store.history(user, space=SPACE).ratings.tolist() == [0.5]
    with pytest.raises(StoreError, match="has no rating"):
        store.retract(store.add_user(), later)


def test_neither_counts_half(store):
    user, ids = filled(store)
    store.rate(user, ids[0], 0.0, key="a")
    store.rate(user, ids[1], 1.0, key="b")
    assert store.history(user, space=SPACE).weights.tolist() == [0.5, 1.0]


def test_bad_ratings_say_why_and_do_not_stop_the_others(store):
    user, ids = filled(store)
    answers = store.rate_many(
        [NewRating(user, ids[0], 0.5, "a"), NewRating(user, 99, 0.5, "b"), NewRating(user, ids[1], 7, "c")]
    )
    assert isinstance(answers[0], int)
    assert [str(answer) for answer in answers[1:]] == ["no item 99.", "a rating must be in [-1, 1]; got 7."]
    assert store.count_ratings(SPACE) == 1


def test_history_speaks_to_the_current_fit(store):
    user, ids = filled(store)
    store.rate(user, ids[0], 0.5, key="a")
    assert store.history(user, space=SPACE).user is None
    store.record_fit("one", space=SPACE, users_known=1, items_known=3, ratings_used=1)
    late = store.add_items(pictures(1, 3), np.ones((1, 3), np.float32), space=SPACE, made_for=user)
    store.rate(user, late[0], -0.5, key="b")
    seen = store.history(user, space=SPACE)
    assert seen.user == 0
    assert seen.items.tolist() == [0, -1]
    data = store.dataset(space=SPACE)
    assert data.interactions.num_items == 4
    assert data.item_ids[3] == str(late[0])
    assert store.current_fit(SPACE) == ("one", 1)


def test_two_people_never_mix(store):
    user, ids = filled(store)
    other = store.add_user()
    for k in range(3):
        store.rate(user, ids[k], 0.5, key=f"{k}")
        store.rate(other, ids[k], -0.5, key=f"{k}")
    assert store.history(user, space=SPACE).ratings.tolist() == [0.5] * 3
    assert store.history(other, space=SPACE).ratings.tolist() == [-0.5] * 3


def test_writers_wait_for_each_other(store, tmp_path):
    user, ids = filled(store)
    second = Store(tmp_path)
    errors = []

    def many(which, name):
        try:
            for k in range(20):
                which.rate(user, ids[k % 3], 0.5, key=f"{name}{k}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=many, args=(each, name)) for name, each in (("a", store), ("b", second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    assert errors == []
    with store.engine.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM ratings").scalar() == 40


def test_exposures_keep_slot_and_propensity(store):
    user, ids = filled(store)
    store.expose(user, Pick(ids[0], "surprise", "A surprise.", 0.25, "v1"), position=2)
    with store.engine.connect() as db:
        row = db.exec_driver_sql("SELECT item, slot, position, propensity, policy FROM exposures").one()
    assert tuple(row) == (ids[0], "surprise", 2, 0.25, "v1")


def dataset(folder, broken=False):
    paths = []
    for k in range(2):
        path = folder / f"{k}.png"
        Image.fromarray(np.full((20, 30, 3), 50 * k, np.uint8)).save(path)
        paths.append(path)
    if broken:
        paths[1].write_bytes(b"no picture")
    table = Interactions.of([0, 1, 1], [0, 0, 1], [1, -0.5, 0.5], times=[30, 20, 10])
    return Dataset(table, np.eye(2, 3, dtype=np.float32), SPACE, ["ann", "bob"], ["x", "y"], paths)


def test_imported_people_stand_beside_visitors(store, tmp_path):
    filled(store)
    users, items = store.import_dataset(dataset(tmp_path), name="set")
    assert store.user_named("set/bob") == users[1]
    assert store.history(users[1], space=SPACE).ratings.tolist() == [0.5, -0.5]
    assert_array_equal(store.vectors(SPACE)[3:], np.eye(2, 3, dtype=np.float32))
    assert store.media(items[1]).size == (30, 20)
    with pytest.raises(StoreError, match="already"):
        store.import_dataset(dataset(tmp_path), name="set")
    with pytest.raises(StoreError, match=r"set/ann"):
        store.user_named("carl")


def test_a_broken_import_leaves_nothing(store, tmp_path):
    with pytest.raises(BadData, match=r"1\.png"):
        store.import_dataset(dataset(tmp_path, broken=True), name="set")
    assert store.spaces() == {}
    with store.engine.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM users").scalar() == 0
