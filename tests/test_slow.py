"""A slow generator behind the app: steps, cancelling, stand-ins meanwhile; another encoder; parts that do not fit."""

import os
import signal
import subprocess
import sys

import pytest
import slow_plugin
from test_crash import wait_for
from webtools import OURS, Serving, fill, rate, upcoming

pytestmark = pytest.mark.slow


def start(tmp_path, pace="0.1", **environment):
    """A server whose pictures for people come from the slow generator, which takes `pace` seconds a step."""
    (tmp_path / "pace").write_text(pace)
    path = slow_plugin.on_path(tmp_path / "site")
    chosen = {"ZAHIR_GENERATOR": f"slow={tmp_path / 'pace'}", "ZAHIR_SHELF": "4", "PYTHONPATH": path, **environment}
    chosen["ZAHIR_RATINGS_PER_SECOND"] = "1000"
    serving = Serving(tmp_path / "home", **chosen)
    serving.start()
    return serving


def making(browser):
    return browser.get("/api/making").json()


def test_others_get_stand_ins_while_a_slow_one_works(tmp_path):
    server = start(tmp_path, pace="0.6")
    try:
        one, other = server.visit(), server.visit()
        assert making(one)["slow"]
        assert making(one)["state"] == "none"
        for _ in range(9):
            rate(one, upcoming(one, 1)[0]["id"])
        wait_for(lambda: making(one)["state"] == "working" and making(one)["done"], 60)
        before = making(one)
        assert (before["of"], before["generator"]) == (slow_plugin.STEPS, "slow")
        for _ in range(70):  # more than the calibration set holds, while the first picture is still being made
            item = wait_for(lambda: upcoming(other, 1), 60)[0]
            assert other.get(item["url"]).status_code == 200
            rate(other, item["id"], -0.5)
            if making(one)["state"] != "working":
                break
        assert server.rows("SELECT count(*) FROM ratings")[0][0] > 20
        wait_for(lambda: server.rows("SELECT 1 FROM items WHERE maker LIKE 'slow%'"), 60)
        for _ in range(4):
            rate(one, upcoming(one, 1)[0]["id"])
        wait_for(lambda: server.rows("SELECT 1 FROM picks WHERE slot = 'mine'"), 60)
        shelf = server.rows("SELECT count(*) FROM items WHERE maker = 'studio' AND made_for IS NULL")[0][0]
        assert shelf >= 4
        assert not server.rows("SELECT 1 FROM items WHERE maker = 'studio' AND made_for IS NOT NULL")
    finally:
        server.stop()


def test_what_is_being_made_can_be_cancelled_without_harm(tmp_path):
    server = start(tmp_path, pace="1")
    try:
        browser = server.visit()
        for _ in range(9):
            rate(browser, upcoming(browser, 1)[0]["id"])
        wait_for(lambda: making(browser)["state"] == "working", 60)
        assert browser.request("DELETE", "/api/making", headers={"X-Zahir": "2"}).status_code == 403
        assert browser.delete("/api/making").status_code == 204
        assert browser.delete("/api/making").status_code == 204
        wait_for(lambda: making(browser)["state"] == "none", 20)
        ended = "SELECT state, error FROM jobs WHERE kind = 'make'"
        wait_for(lambda: server.rows(ended) == [("done", None)], 20)
        assert server.rows("SELECT count(*) FROM items WHERE maker LIKE 'slow%'") == [(0,)]
        (tmp_path / "pace").write_text("0.01")
        rate(browser, upcoming(browser, 1)[0]["id"])  # the next one is made as ever
        wait_for(lambda: server.rows("SELECT 1 FROM items WHERE maker LIKE 'slow%'"), 60)
    finally:
        server.stop()


def test_a_stranger_has_nothing_to_cancel(tmp_path):
    server = start(tmp_path)
    try:
        import httpx2

        with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers=OURS) as stranger:
            assert stranger.get("/api/making").status_code == 401
            assert stranger.delete("/api/making").status_code == 401
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"ZAHIR_GENERATOR": "elsewhere"}, "the generator 'elsewhere' reads space 'elsewhere/8', but the encoder"),
        ({"ZAHIR_GENERATOR": "stduio"}, "No generator named 'stduio'. Did you mean 'studio'?"),
        ({"ZAHIR_ENCODER": "none"}, "No encoder named 'none'"),
        ({"ZAHIR_GENERATOR": "studio,nearest"}, "'nearest' finds what is there, which the shelf does already"),
        ({"ZAHIR_GENERATOR": "studio,,slow"}, "expected names with commas between"),
    ],
)
def test_parts_that_do_not_fit_end_the_server_at_once_with_the_reason(tmp_path, chosen, said):
    environment = {**os.environ, "ZAHIR_HOME": str(tmp_path), "PYTHONPATH": slow_plugin.on_path(tmp_path / "site")}
    command = [sys.executable, "-m", "zahir", "serve", "--port", "0"]
    done = subprocess.run(command, env={**environment, **chosen}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_encoder_looks_at_the_library_anew_and_goes_on_where_it_was_killed(tmp_path):
    fill(tmp_path / "home", 120)  # in a space of their own
    server = Serving(tmp_path / "home", ZAHIR_SHELF="0")
    server.start()
    try:
        browser = server.visit()
        counted = "SELECT count(*) FROM embeddings WHERE space LIKE 'studio%'"
        wait_for(lambda: server.rows(counted)[0][0] > 48 + 16, 60)
        worker = wait_for(server.worker)
        os.kill(worker, signal.SIGKILL)
        at = server.rows(counted)[0][0]
        library = making(browser)["library"]
        assert library is None or 48 < library["done"] <= library["of"] == 168
        wait_for(lambda: server.rows(counted)[0][0] == 168, 60)
        assert 64 < at <= 168
        assert server.rows("SELECT count(*), count(DISTINCT item) FROM embeddings WHERE space LIKE 'studio%'") == [
            (168, 168)
        ]
        wait_for(lambda: making(browser)["library"] is None)
        assert browser.get("/healthz").json()["library"] == {"done": 168, "of": 168}
        assert server.rows("SELECT count(*) FROM embeddings WHERE space = 'test/8'") == [(120,)]
    finally:
        server.stop()
