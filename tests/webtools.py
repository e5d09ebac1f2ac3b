"""An app on a store with pictures and without a worker; visitors; what a page sends."""

import itertools
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
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
    none = {"encoder": "none", "generator_stand_in": "none", "worker": False}
    return Settings(**{"home": home, **none, "ratings_per_second": 1e6, **chosen})


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


class Serving:
    """`zahir serve` as a process of its own, with a home that outlives it."""

    def __init__(self, home, **environment):
        self.home, self.environment, self.process, self.port = home, environment, None, 0
        self.browsers = []
        home.mkdir(exist_ok=True)

    def start(self):
        """Start, on the port it had before, and wait until it answers."""
        kernels = {
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir(), "zahir-numba")))
        }
        environment = {**os.environ, **kernels, "ZAHIR_HOME": str(self.home), **self.environment}
        command = [sys.executable, "-m", "zahir", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        self.port = int(said.split("http://127.0.0.1:")[1].split()[0])
        httpx2.get(f"http://127.0.0.1:{self.port}/healthz", timeout=30)

    def visit(self):
        """A new visitor."""
        browser = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=OURS, timeout=30)
        self.browsers.append(browser)
        assert browser.get("/welcome").status_code == 200
        return browser

    def worker(self):
        """The worker's process number; None while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        numbers = [number for each in (children, *threads) if each.exists() for number in each.read_text().split()]
        return int(numbers[0]) if numbers else None

    def kill(self):
        """As the kernel does when memory runs out."""
        self.process.kill()
        self._gone()

    def stop(self):
        """As Ctrl-C does."""
        for browser in self.browsers:
            browser.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self._gone()

    def _gone(self):
        self.process.wait(20)
        self.process.stdout.close()

    def rows(self, query):
        """What the database holds."""
        with closing(sqlite3.connect(self.home / "zahir.db")) as db:
            return db.execute(query).fetchall()
