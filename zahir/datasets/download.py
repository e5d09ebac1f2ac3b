"""One file from a URL to a path: resumed where it was cut off, and checked before it counts as there.

Knows nothing of data sets. What is not whole yet is called NAME.part; where no checksum is known, that of the
first download is kept in NAME.sum and every later look is checked against it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from zahir.errors import BadData, ZahirError
from zahir.protocols import Progress

_BLOCK = 1 << 20
_TRIES = 5  # as long as each brings something
_WHO = {"User-Agent": "zahir"}
_PATIENCE = 30.0  # seconds without a byte


class NotDownloaded(ZahirError):
    """There is no network, the server refuses, or the connection broke: what came so far is kept."""


def download(
    url: str,
    path: Path,
    *,
    checksum: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    patience: float = _PATIENCE,
) -> None:
    """Fetch `url` into `path`, unless it is there already.

    `checksum` is "sha256:..." or "md5:...", in hex; `size` in bytes. A connection that breaks is taken up again,
    five times as long as something comes, and by the next call after that. Raises BadData when the file is
    not what it should be, NotDownloaded when it cannot be had.
    """
    if path.exists():
        _check(path, path, checksum or _kept(path), size)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path, ".part")
    for attempt in range(_TRIES):
        before = part.stat().st_size if part.exists() else 0
        try:
            _fetch(url, part, size, progress, patience)
            break
        except HTTPError as error:
            raise NotDownloaded(f"{url}: the server answers {error.code} {error.reason}. Try again later.") from error
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            come = part.stat().st_size if part.exists() else 0
            if come <= before or attempt == _TRIES - 1:
                raise NotDownloaded(
                    f"{url}: {_why(error)}. {come:,} bytes have come so far. "
                    "Is there a network? Give the same command again to go on from there."
                ) from error
    try:
        found = _check(part, path, checksum, size)
    except BadData:
        part.unlink()
        _tag(part).unlink(missing_ok=True)
        raise
    if checksum is None:
        _beside(path, ".sum").write_text(f"{found} {part.stat().st_size}\n")
    os.replace(part, path)
    _tag(part).unlink(missing_ok=True)


def read_json(url: str, *, patience: float = _PATIENCE) -> Iterator[Any]:
    """The JSON at an address, and at those that its "next" links lead to; raises NotDownloaded."""
    page: str | None = url
    while page:
        try:
            with urlopen(Request(page, headers=_WHO), timeout=patience) as answer:
                body, links = answer.read(), answer.headers.get("Link") or ""
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            raise NotDownloaded(f"{page}: {_why(error)}. Is there a network? Try again later.") from error
        yield json.loads(body)
        follows = re.search(r'<([^>]+)>; *rel="next"', links)
        page = follows[1] if follows else None


def _fetch(url: str, part: Path, size: int | None, progress: Progress | None, patience: float) -> None:
    """Append what is missing; a server whose file has changed since, or that knows no ranges, sends all of it."""
    have = part.stat().st_size if part.exists() else 0
    tag = _tag(part).read_text() if have and _tag(part).exists() else ""
    asked = {"Range": f"bytes={have}-", **({"If-Range": tag} if tag else {})} if have else {}
    try:
        answer = urlopen(Request(url, headers=_WHO | asked), timeout=patience)
    except HTTPError as error:
        if error.code == 416 and have:  # nothing beyond: it is whole, or not what it was
            if _total(error.headers.get("Content-Range")) != have:
                part.unlink()
                raise ConnectionError("the file on the server is shorter than what had come") from error
            return
        raise
    with answer:
        follows = answer.status == 206
        if follows and _start(answer.headers.get("Content-Range")) != have:
            raise ConnectionError(f"the server sent another part than the one from byte {have:,} on")
        _tag(part).write_text(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        length = answer.headers.get("Content-Length")
        total = None if length is None else int(length) + (have if follows else 0)
        _room(part, (total or size or 0) - (have if follows else 0))
        _write(answer, part, have if follows else 0, total, progress)


def _write(answer: HTTPResponse, part: Path, done: int, total: int | None, progress: Progress | None) -> None:
    with part.open("ab" if done else "wb") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
            done += len(block)
            if progress is not None and not progress(done, total or done):
                raise NotDownloaded("cancelled; what has come is kept.")
    if total is not None and done < total:
        raise ConnectionError(f"cut off at {done:,} of {total:,} bytes")


def _room(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted > free:
        raise NotDownloaded(f"{wanted:,} bytes are still to come, {free:,} are free at {part.parent}. Make room.")


def _check(file: Path, path: Path, checksum: str | None, size: int | None) -> str:
    """The sum of what is in the file, as "sha256:..."; raises BadData when it is not what was expected."""
    have = file.stat().st_size
    if size is not None and have != size:
        raise BadData(f"{have:,} bytes. Expected {size:,}. Delete it and get it again.", path=path)
    kind, _, wanted = (checksum or "sha256:").partition(":")
    found = _sum(file, kind)
    if wanted and found != wanted:
        raise BadData(f"its {kind} is {found}. Expected {wanted}. Delete it and get it again.", path=path)
    return f"{kind}:{found}"


def _why(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def _sum(file: Path, kind: str) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, kind).hexdigest()


def _kept(path: Path) -> str | None:
    kept = _beside(path, ".sum")
    return kept.read_text().split()[0] if kept.exists() else None


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _tag(part: Path) -> Path:
    return _beside(part, ".tag")


def _start(content_range: str | None) -> int | None:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found[1]) if found else None


def _total(content_range: str | None) -> int | None:
    found = re.match(r"bytes .*/(\d+)$", content_range or "")
    return int(found[1]) if found else None
