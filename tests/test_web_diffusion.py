"""The app on tiny models of the true classes: rated pictures become a taste, which becomes a picture by SDXL."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
from test_crash import wait_for
from webtools import Serving, rate, upcoming

from zahir.media import read_image

pytestmark = pytest.mark.slow
CHOSEN = {"ZAHIR_ENCODER": "clip-bigg", "ZAHIR_GENERATOR": "sdxl-turbo", "ZAHIR_DEVICE": "cpu"}


def test_rated_pictures_become_one_made_by_sdxl(tmp_path):
    models = tiny.weights("sdxl-turbo", "sdxl", "ip-adapter-sdxl", "clip-bigg")
    server = Serving(tmp_path / "home", **CHOSEN, ZAHIR_MODELS=str(models), ZAHIR_READY="1", ZAHIR_SHELF="2")
    server.start()
    try:
        browser = server.visit()
        for _ in range(13):
            rate(browser, wait_for(lambda: upcoming(browser, 1), 60)[0]["id"])
        token = "SELECT token, kind FROM items WHERE maker = 'sdxl-turbo' AND made_for = 1"
        (name, kind), *_ = wait_for(lambda: server.rows(token), 300)
        assert kind == "image"
        made = read_image(io.BytesIO(browser.get(f"/media/{name}.webp").content))
        assert min(made.size) >= 512
        assert browser.get(f"/api/why/{name}").json()["made"]["generator"] == "sdxl-turbo"
        wait_for(lambda: server.rows("SELECT 1 FROM picks WHERE slot IN ('mine', 'surprise')"), 120)
        seen = f"SELECT count(*) FROM embeddings WHERE space = '{tiny.BIGG}'"
        wait_for(lambda: server.rows(seen)[0][0] >= 49, 120)  # the calibration set is seen by CLIP, too
        children = [pid for pid in (server.process.pid, server.worker()) if pid]
        loaded = ["libtorch" in Path(f"/proc/{pid}/maps").read_text() for pid in children]
        assert loaded == [False, True], "only the worker loads torch"
        exported = browser.get("/api/taste/file")
        assert exported.status_code == 200
        assert b"ip_adapter_image_embeds" in exported.content[:4096]
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"ZAHIR_GENERATOR": "studio"}, "generator 'studio' reads space 'studio-1/"),
        ({"ZAHIR_MODELS": "/nowhere"}, "zahir models get"),
    ],
)
def test_what_is_missing_ends_the_server_with_the_way_to_mend_it(tmp_path, chosen, said):
    models = tiny.weights("sdxl-turbo", "sdxl", "ip-adapter-sdxl", "clip-bigg")
    environment = {**os.environ, "ZAHIR_HOME": str(tmp_path), "ZAHIR_MODELS": str(models), **CHOSEN, **chosen}
    command = [sys.executable, "-m", "zahir", "serve", "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
