"""Downloads against a real server on this machine: whole, in pieces, cut off, changed, and wrong."""

import hashlib
import json
import re
import shutil
import socket
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from typer.testing import CliRunner

from zahir.datasets import public
from zahir.datasets.download import NotDownloaded, download
from zahir.errors import BadData

BODY = np.random.default_rng(0).bytes(300_000)
SUM = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves `files`; `cut` bytes of each answer at most, `ranges` or not; `asked` keeps the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.asked, self.cut, self.links = {"/file.bin": BODY}, [], [], {}
        self.ranges, self.off = True, 0

    def url(self, name="/file.bin"):
        return f"http://127.0.0.1:{self.server_port}{name}"


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        if self.path not in server.files:
            self.send_error(404)
            return
        body = server.files[self.path]
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = 0
        if wanted and server.ranges and self.headers.get("If-Range", tag) == tag:
            start = int(wanted[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + server.off}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", tag)
        if self.path in server.links:
            self.send_header("Link", f'<{server.url(server.links[self.path])}>; rel="next"')
        self.end_headers()
        most = server.cut.pop(0) if server.cut else None
        self.wfile.write(body[start:] if most is None else body[start : start + most])
        self.close_connection = True


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_comes_whole_and_only_once(server, tmp_path):
    steps = []
    path = tmp_path / "deep" / "file.bin"
    for _ in range(2):
        download(server.url(), path, checksum=SUM, size=len(BODY), progress=lambda *step: not steps.append(step))
    assert path.read_bytes() == BODY
    assert len(server.asked) == 1
    assert steps[-1] == (len(BODY), len(BODY))
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cut = [100_000, 50_000]
    download(server.url(), tmp_path / "file.bin", checksum=SUM)
    assert (tmp_path / "file.bin").read_bytes() == BODY
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_what_had_come_is_kept_for_the_next_time(server, tmp_path):
    server.cut = [70_000, 0]
    with pytest.raises(NotDownloaded, match=r"cut off at 70,000 of 300,000.*70,000 bytes have come.*same command"):
        download(server.url(), tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()
    download(server.url(), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=70000-"


def test_another_part_than_the_one_asked_for_is_never_appended(server, tmp_path):
    server.cut, server.off = [70_000], 1
    with pytest.raises(NotDownloaded, match="another part than the one from byte 70,000 on"):
        download(server.url(), tmp_path / "file.bin")
    server.off = 0
    download(server.url(), tmp_path / "file.bin", checksum=SUM)


def test_cancelling_keeps_what_has_come(server, tmp_path):
    server.files["/large"] = large = BODY * 10
    with pytest.raises(NotDownloaded, match="cancelled"):
        download(server.url("/large"), tmp_path / "large", progress=lambda done, of: False)
    assert 0 < (tmp_path / "large.part").stat().st_size < len(large)
    download(server.url("/large"), tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == large


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_changed_meanwhile_comes_anew(server, tmp_path, ranges):
    server.cut = [70_000, 0]
    with pytest.raises(NotDownloaded):
        download(server.url(), tmp_path / "file.bin")
    server.files["/file.bin"] = changed = BODY[::-1]
    server.ranges = ranges
    download(server.url(), tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == changed


def test_a_part_that_is_whole_already_is_taken_and_one_too_long_comes_anew(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY)
    download(server.url(), tmp_path / "file.bin", checksum=SUM)
    assert (tmp_path / "file.bin").read_bytes() == BODY
    (tmp_path / "other.bin.part").write_bytes(BODY + b"more")
    with pytest.raises(NotDownloaded, match="shorter"):
        download(server.url(), tmp_path / "other.bin", checksum=SUM)
    download(server.url(), tmp_path / "other.bin", checksum=SUM)
    assert (tmp_path / "other.bin").read_bytes() == BODY


def test_a_wrong_sum_or_size_leaves_nothing_behind(server, tmp_path):
    for wrong in ({"checksum": f"sha256:{'0' * 64}"}, {"checksum": f"md5:{'0' * 32}"}, {"size": 5}):
        with pytest.raises(BadData, match=r"Expected (0{32,64}|5)\. Delete it"):
            download(server.url(), tmp_path / "file.bin", **wrong)
        assert list(tmp_path.iterdir()) == []


def test_without_a_known_sum_the_first_one_is_kept_and_checked_after(server, tmp_path):
    path = tmp_path / "file.bin"
    download(server.url(), path)
    assert (tmp_path / "file.bin.sum").read_text().split() == [SUM, str(len(BODY))]
    download(server.url(), path)
    path.write_bytes(BODY[:-1] + b"?")
    with pytest.raises(BadData, match=r"its sha256 is \w{64}. Expected"):
        download(server.url(), path)
    assert len(server.asked) == 1


def test_refusals_and_no_network_say_so(server, tmp_path):
    with pytest.raises(NotDownloaded, match="answers 404 Not Found"):
        download(server.url("/none"), tmp_path / "none")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with pytest.raises(NotDownloaded, match=r"refused.*Is there a network\?"):
        download(f"http://127.0.0.1:{free}/file.bin", tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()


def test_a_full_disk_is_told_before_it_is_full(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(NotDownloaded, match=r"300,000 bytes are still to come, 1,000 are free"):
        download(server.url(), tmp_path / "file.bin")


# sets


def test_every_set_says_what_it_is_and_how_it_is_had():
    for name, each in public.SETS.items():
        assert all([each.title, each.what, each.size, each.licence, each.home.startswith("https://")]), name
        assert bool(each.how) != bool(each.files or each.listing), name
        assert all(file.url.startswith("https://") for file in each.files + each.pictures), name
        for file in each.files:
            kind, _, hexes = (file.checksum or "").partition(":")
            assert (kind, len(hexes)) in {("sha256", 64), ("md5", 32), ("", 0)}, name


def test_archives_are_unpacked_once_and_nothing_leaves_the_folder(server, tmp_path):
    inside, outside = tmp_path / "in.txt", tmp_path / "set" / ".." / "out.txt"
    inside.write_text("fine")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(inside, "ml/in.txt")
        archive.write(inside, "../out.txt")
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.add(inside, "../out.txt")
    for name in ("a.zip", "b.tar"):
        server.files[f"/{name}"] = (tmp_path / name).read_bytes()
    folder = tmp_path / "set"
    zipped = public.File(server.url("/a.zip"), "a.zip")
    public.get([zipped], folder)
    assert (folder / "ml" / "in.txt").read_text() == "fine"
    assert not outside.exists()
    (folder / "ml" / "in.txt").write_text("mine")
    public.get([zipped], folder)
    assert (folder / "ml" / "in.txt").read_text() == "mine"
    with pytest.raises(BadData, match="archive"):
        public.get([public.File(server.url("/b.tar"), "b.tar")], folder)
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(BadData, match="leads out"):
            public.get([public.File(server.url(), name)], folder)
    assert not outside.exists()


def test_a_hub_lists_its_files_page_by_page(server, tmp_path):
    sum_ = hashlib.sha256(BODY).hexdigest()
    entries = [
        {"type": "file", "path": ".gitattributes", "size": 3},
        {"type": "directory", "path": "images", "size": 0},
        {"type": "file", "path": "images/a b.png", "size": len(BODY), "lfs": {"oid": sum_, "size": len(BODY)}},
        {"type": "file", "path": "pamela_train.json", "size": 2},
    ]
    server.files |= {
        "/tree": json.dumps(entries[:3]).encode(),
        "/tree2": json.dumps(entries[3:]).encode(),
        "/home/resolve/main/images/a%20b.png": BODY,
        "/home/resolve/main/pamela_train.json": b"[]",
    }
    server.links = {"/tree": "/tree2"}
    hub = public.PublicSet("Hub", "", "", "", server.url("/home"), listing=server.url("/tree"))
    wanted = public.files(hub, pictures=False)
    assert [(file.name, file.size, file.checksum) for file in wanted] == [
        ("images/a b.png", len(BODY), SUM),
        ("pamela_train.json", 2, None),
    ]
    public.get(wanted, tmp_path)
    assert (tmp_path / "images" / "a b.png").read_bytes() == BODY
    server.files["/tree"] = b'{"error": "gone"}'
    with pytest.raises(BadData, match="not as expected"):
        public.files(hub, pictures=False)


@pytest.fixture
def one_set(server, monkeypatch):
    body = b"1\t10\t5\t881250949\n2\t10\t1\t881250949\n1\t20\t3\t881250950\n"
    server.files["/u.data"] = body
    sum_ = f"md5:{hashlib.md5(body).hexdigest()}"
    file = public.File(server.url("/u.data"), "u.data", len(body), sum_)
    monkeypatch.setitem(public.SETS, "small", public.PublicSet("Small", "films", "1 kB", "CC0", "https://x", (file,)))
    return server


def run(*words, answer=""):
    from zahir.cli import app

    return CliRunner().invoke(app, ["datasets", *map(str, words)], input=answer)


def test_get_shows_the_licence_and_asks_before_anything_is_asked_of_the_network(one_set, tmp_path):
    refused = run("get", "small", "--to", tmp_path / "s", answer="n\n")
    assert refused.exit_code == 1
    assert "licence: CC0" in refused.output
    assert one_set.asked == []
    assert not (tmp_path / "s").exists()
    done = run("get", "small", "--to", tmp_path / "s", "--yes")
    assert done.exit_code == 0, done.output
    checked = run("check", tmp_path / "s")
    assert checked.exit_code == 0, checked.output
    assert "layout of MovieLens" in checked.output
    assert "2 people, 2 items, 3 ratings" in checked.output
    assert "0 bad rows" in checked.output


def test_sets_on_request_say_whom_to_ask():
    for name in ("flickr-aes", "para", "lapis"):
        told = run("get", name)
        assert told.exit_code == 1
        assert "licence:" in told.output
        assert "zahir datasets check FOLDER" in told.output
    listed = run("list").output
    assert all(name in listed for name in public.SETS)


def test_check_tells_of_bad_rows_and_exits_with_1(tmp_path):
    (tmp_path / "u.data").write_text("1\t10\t5\t881250949\n1\t10\t9\t881250999\nnonsense\n")
    told = run("check", tmp_path / "u.data")
    assert told.exit_code == 1
    assert "rating 9 is out of range" in told.output
    assert "2 bad rows" in told.output
