"""What the web asks of the store: shared transactions, and media files that nobody names."""

import os
import time

import numpy as np
import pytest

from zahir.media import Media
from zahir.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def picture(seed):
    return Media.image(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8))


def test_verbs_inside_a_transaction_are_kept_or_lost_together(store):
    def both_then_fail():
        with store.writing():
            store.add_user("lost")
            store.add_user("lost too")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        both_then_fail()
    with store.writing():
        first, second = store.add_user("kept"), store.add_user("kept too")
    assert store.user_named("kept") == first
    assert store.user_named("kept too") == second
    assert (first, second) == (1, 2)


def test_only_old_files_that_no_row_names_are_swept(store):
    (item,) = store.add_items([picture(0)], np.ones((1, 3), np.float32), space="s", made_for=None)
    orphan, young = store.files.add(picture(1)), store.files.add(picture(2))
    part = store.files.folder / orphan[:2] / "tmp123.part"
    part.write_bytes(b"half")
    hours_ago = time.time() - 7200
    for path in (store.files.path(store.item(item).file), store.files.path(orphan), part):
        os.utime(path, (hours_ago, hours_ago))
    assert sorted(store.sweep(older_than=3600)) == sorted([orphan, f"{orphan[:2]}/tmp123.part"])
    assert store.media(item).size == (8, 8)
    assert store.files.path(young).exists()
    assert store.sweep(older_than=3600) == []


def test_files_that_are_there_are_not_written_again(store):
    name = store.files.keep(b"RIFFxxxx", "webp")
    ids = store.add_items([picture(3)], np.ones((1, 3), np.float32), space="s", made_for=None, files=[name])
    assert store.item(ids[0]).file == name
    assert store.files.path(name).read_bytes() == b"RIFFxxxx"


def test_a_new_space_is_filled_from_the_pictures_that_are_there(store):
    ids = store.add_items([picture(0), picture(1)], np.eye(2, 3, dtype=np.float32), space="old", made_for=None)
    user = store.add_user()
    store.rate(user, ids[1], 0.5, key="a")
    assert store.unembedded("old", 9) == []
    assert store.unembedded("new", 1) == ids[:1]
    store.embed(ids, np.eye(2, 5, dtype=np.float32), space="new")
    assert store.unembedded("new", 9) == []
    assert store.spaces() == {"old": 2, "new": 2}
    assert store.history(user, space="new").embeddings.tolist() == [[0, 1, 0, 0, 0]]
