"""A local server that speaks as much of the Hugging Face hub's protocol as fetching a snapshot needs."""

import hashlib
import json
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repositories: ClassVar[dict] = {}  # repository -> {path: bytes}
    asked: ClassVar[list] = []  # (method, path, range) of every request for a file
    cut: ClassVar[dict] = {}  # path -> bytes after which the connection breaks, once

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/[^/]+)?/?", path):
            return self.about(found[1], found[2])
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)
        files = self.repositories.get(found[1], {}) if found else {}
        if not found or found[2] not in files:
            return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        data, name = files[found[2]], found[2]
        self.asked.append((self.command, name, self.headers.get("Range")))
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"', "Accept-Ranges": "bytes"}
        if start := re.match(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            first = int(start[1])
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            return self.answer(206, data[first:], headers)
        if self.command == "GET" and name in self.cut:
            return self.answer(200, data, headers, upto=self.cut.pop(name))
        return self.answer(200, data, headers)

    def about(self, repository, what):
        if repository not in self.repositories:
            return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        files = self.repositories[repository]
        if what == "tree":
            said = [
                {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for path, data in files.items()
            ]
        else:
            said = {
                "id": repository, "sha": COMMIT, "private": False, "tags": [], "downloads": 0,
                "siblings": [{"rfilename": path} for path in files],
            }  # fmt: skip
        return self.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def answer(self, code, body, headers, upto=None):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:upto])
        if upto is not None:
            self.close_connection = True

    def log_message(self, *args):
        pass


@contextmanager
def hub(repositories, cut=None):
    """Serve these repositories; yields the address and the list of what was asked for."""
    served = type("Served", (Hub,), {"repositories": repositories, "asked": [], "cut": dict(cut or {})})
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", served.asked
    finally:
        server.shutdown()
        server.server_close()
