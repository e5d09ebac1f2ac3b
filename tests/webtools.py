"""An app on a store with pictures and without a worker; visitors; what a page sends."""

import itertools
from contextlib import contextmanager

import numpy as np
from fastapi.testclient import TestClient

from zahir.media import Media, Origin
from zahir.space import normalize
from zahir.store import Store
from zahir.web.app import create_app
from zahir.web.settings import Settings

SPACE = "test/8"
OURS = {"X-Zahir": "1"}
_keys = itertools.count()


def settings(home, **chosen):
    """No studio and no worker, unless asked for."""
    return Settings(**{"home": home, "encoder": "none", "worker": False, "ratings_per_second": 1e6, **chosen})


def fill(home, n=30, seed=0):
    """Put n small pictures with made-up embeddings into a store; returns their ids."""
    rng = np.random.default_rng(seed)
    media = [
        Media.image(
            rng.integers(0, 256, (16, 16, 3), np.uint8),
            Origin("test", SPACE, seed=k, strength=1.0, details={"alt": f"picture {k}"}),
        )
        for k in range(n)
    ]
    store = Store(home)
    ids = store.add_items(media, normalize(rng.standard_normal((n, 8))), space=SPACE, made_for=None)
    store.close()
    return ids


@contextmanager
def running(home, n=30, **chosen):
    """The app, started, with n pictures in its store."""
    if n:
        fill(home, n)
    app = create_app(settings(home, **chosen))
    with TestClient(app):
        yield app


def visit(app, **chosen):
    """A new visitor: a browser with a cookie of its own."""
    browser = TestClient(app, headers=OURS, raise_server_exceptions=False, **chosen)
    assert browser.get("/welcome").status_code == 200
    return browser


def key():
    """A new idempotency key."""
    return {"Idempotency-Key": f"test-{next(_keys)}"}


def upcoming(browser, n=4, **query):
    """The next pictures."""
    reply = browser.get("/api/next", params={"n": n, **query})
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def rate(browser, item, rating=0.5):
    """Rate one picture; returns the answer."""
    reply = browser.post("/api/ratings", json={"item": item, "rating": rating}, headers=key())
    assert reply.status_code == 200, reply.text
    return reply.json()
