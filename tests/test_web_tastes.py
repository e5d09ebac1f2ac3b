"""Tastes through the app: out as a file, in from anybody's, mixed; what is hostile, too large or not one's own."""

import json

import numpy as np
import pytest
from webtools import SPACE, rate, running, upcoming, visit

from zahir.space import normalize
from zahir.store import Store
from zahir.store.tastes import kept_tastes
from zahir.taste_file import MAX_BYTES, TasteFile, from_bytes, to_bytes
from zahir.web import library, mixes


@pytest.fixture
def app(tmp_path):
    with running(tmp_path, 40) as started:
        library.choose_space(started.state.server.store, SPACE)
        yield started


@pytest.fixture
def store(app, tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def taste(name="Anna", space=SPACE, seed=0):
    return TasteFile.of(name, space, np.random.default_rng(seed).standard_normal(8).astype(np.float32))


def send(browser, data):
    return browser.post("/api/tastes", content=data, headers={"Content-Type": "application/octet-stream"})


def test_a_taste_goes_out_in_both_forms_and_comes_back_in(app):
    browser, friend = visit(app), visit(app)
    assert browser.get("/api/taste/file").status_code == 409
    for k, item in enumerate(upcoming(browser, 8)):
        rate(browser, item["id"], 0.5 if k % 2 else -0.5)
    one = browser.get("/api/taste/file", params={"name": 'Väinö ../x"\r\n'})
    assert one.headers["content-disposition"] == 'attachment; filename="v-in-x.safetensors"'
    found = from_bytes(one.content)
    assert (found.space, found.name) == (SPACE, 'Väinö ../x"')
    other = browser.get("/api/taste/file", params={"format": "json", "name": "Väinö"})
    np.testing.assert_allclose(from_bytes(other.content).positive, found.positive, atol=1e-6)
    for answer, name in ((one, 'Väinö ../x"'), (other, "Väinö")):
        assert send(friend, answer.content).status_code == 201
        assert friend.get("/api/tastes").json()["kept"][-1]["name"] == name
    assert browser.get("/api/tastes").json() == {"kept": [], "mix": {"taste": None, "share": 0}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 40,
        b"{" * 100_000,
        b'{"zahir_taste": {"version": "1"}}',
        to_bytes(taste())[:-7],
        json.dumps({"zahir_taste": {"version": "2", "name": "x", "space": SPACE}}).encode(),
        to_bytes(taste(), "json").replace(b'"positive": [', b'"positive": [1e400, '),
    ],
)
def test_what_is_no_taste_is_refused_and_nothing_is_kept(app, store, data):
    browser = visit(app)
    answer = send(browser, data)
    assert answer.status_code == 422
    assert "no taste that can be read" in answer.json()["error"]
    assert browser.get("/api/tastes").json()["kept"] == []


def test_sizes_counts_and_names_have_limits(app):
    browser = visit(app)
    assert send(browser, b"x" * (MAX_BYTES + 1)).status_code == 413
    assert browser.post("/api/dials", content=b"x" * 20_000).status_code == 413  # others stay small
    assert send(browser, to_bytes(taste())).status_code == 201
    assert send(browser, to_bytes(taste(seed=1))).status_code == 409
    for k in range(23):
        assert send(browser, to_bytes(taste(f"friend {k}"))).status_code == 201
    assert send(browser, to_bytes(taste("one more"))).status_code == 409


def test_a_friends_taste_is_mixed_in_and_out_again(app, store):
    browser, other = visit(app), visit(app)
    assert send(browser, to_bytes(taste("Anna"))).json()["usable"]
    assert not send(browser, to_bytes(taste("Far", "elsewhere/8"))).json()["usable"]
    assert other.put("/api/mix", json={"taste": "Anna", "share": 30}).status_code == 404  # not theirs
    assert browser.put("/api/mix", json={"taste": "Anna", "share": 101}).status_code == 422
    assert browser.put("/api/mix", json={"taste": "Anna", "share": 30}).status_code == 204
    assert browser.get("/api/tastes").json()["mix"] == {"taste": "Anna", "share": 30}
    user = 1
    own = normalize(np.random.default_rng(5).standard_normal((3, 8)))
    turned = mixes.steer(store, user, SPACE)(own)
    np.testing.assert_allclose(turned, normalize(0.7 * own + 0.3 * taste("Anna").positive), atol=1e-6)
    assert mixes.steer(store, user, "elsewhere/8") is None
    assert mixes.steer(store, 2, SPACE) is None
    assert browser.delete("/api/tastes/Anna").status_code == 204
    assert browser.delete("/api/tastes/Anna").status_code == 404
    assert mixes.mixed(store, user) is None
    assert [each.name for each in kept_tastes(store, user=user)] == ["Far"]
    assert browser.put("/api/mix", json={"taste": None, "share": 0}).status_code == 204
