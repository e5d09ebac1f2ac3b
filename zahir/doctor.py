"""What works on this machine: every part is tried, not just looked for.

Knows nothing of how to mend it beyond one sentence each.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

if TYPE_CHECKING:
    from zahir.models import Weights

MIN_FREE = 500 * 2**20  # bytes: a few thousand pictures


class Check(NamedTuple):
    """One part: whether it works, what was found, and what to do when it does not."""

    part: str
    state: Literal["works", "missing", "broken"]  # missing: only something optional needs it
    found: str
    advice: str = ""


class _BrokenError(Exception):
    """What a check found, and what to do about it."""


def examine(home: Path, *, port: int) -> Iterator[Check]:
    """Try every part that `zahir serve` needs, then the optional ones."""
    needed: dict[str, Callable[[], str]] = {
        "Python": _python,
        "home": lambda: _home(home),
        "SQLite": lambda: _sqlite(home),
        "numba": _numba,
        "onnxruntime": _onnxruntime,
        "weights": _weights,
        "a picture": _picture,
        "video": _video,
        "port": lambda: _port(port),
    }
    for part, try_it in needed.items():
        try:
            yield Check(part, "works", try_it())
        except _BrokenError as error:
            found, advice = error.args
            yield Check(part, "broken", found.rstrip(".") + ".", advice)
    yield _torch()
    yield from _generators()
    yield _package("matplotlib", "pip install 'zahir[plot]': draws evaluate --plot")


def _python() -> str:
    return f"{sys.version.split()[0]} ({sys.executable})"


def _home(home: Path) -> str:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"zahir")
    except OSError as error:
        raise _BrokenError(f"{home}: {error.strerror}", "Set ZAHIR_HOME to a folder that can be written.") from error
    free = shutil.disk_usage(home).free
    found = f"{home}, {free / 2**30:.1f} GiB free"
    if free < MIN_FREE:
        raise _BrokenError(found, f"Make room: pictures need {MIN_FREE // 2**20} MiB at least.")
    return found


def _sqlite(home: Path) -> str:
    found = sqlite3.sqlite_version
    try:
        with tempfile.TemporaryDirectory(dir=home) as folder:
            database = sqlite3.connect(Path(folder) / "try.db", isolation_level=None)
            try:
                mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
                database.execute("CREATE TABLE t (x)")
                database.execute("BEGIN IMMEDIATE")
                database.execute("INSERT INTO t VALUES (1)")
                database.execute("COMMIT")
            finally:
                database.close()
    except (OSError, sqlite3.Error) as error:
        raise _BrokenError(f"{found}: {error}", "Set ZAHIR_HOME to a folder on a local disk.") from error
    if mode != "wal":
        raise _BrokenError(
            f"{found}: journal mode {mode}", "Network folders have no WAL: set ZAHIR_HOME to a local one."
        )
    return f"{found}, WAL"


def _numba() -> str:
    cache = os.environ.get("NUMBA_CACHE_DIR", "")
    try:
        numba = importlib.import_module("numba")
        if cache:
            Path(cache).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache):
                pass
    except (ImportError, OSError) as error:
        advice = "Install zahir again, and set NUMBA_CACHE_DIR to a folder that can be written."
        raise _BrokenError(str(error), advice) from error
    return f"{numba.__version__}, kernels kept in {cache or 'the package'}"


def _onnxruntime() -> str:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise _BrokenError(str(error), "Install it again: pip install onnxruntime") from error
    return f"{runtime.__version__}, {', '.join(runtime.get_available_providers())}"


def _weights() -> str:
    folder = Path(__file__).parent / "studio" / "weights"
    files = sorted(path for path in folder.glob("*") if path.suffix in {".onnx", ".safetensors"})
    if not files:
        raise _BrokenError(f"none in {folder}", "The installation is not whole: install zahir again.")
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    notice = _notice()
    if strange := [name for name, digest in sums.items() if name in notice and digest not in notice]:
        raise _BrokenError(f"{', '.join(strange)} not as in NOTICE", "A file is damaged: install zahir again.")
    return ", ".join(f"{name} {digest[:8]}" for name, digest in sums.items())


def _notice() -> str:
    """The text beside the package in a checkout, or among its licences when it is installed."""
    beside = Path(__file__).parents[1] / "NOTICE"
    if beside.is_file():
        return beside.read_text()
    try:
        return distribution("zahir").read_text("licenses/NOTICE") or ""
    except PackageNotFoundError:
        return ""


def _picture() -> str:
    from zahir.errors import ZahirError
    from zahir.plugins import make

    start = time.perf_counter()
    try:
        encoder, generator = make("encoders", "studio"), make("generators", "studio")
        taste = np.zeros((1, encoder.dim), np.float32)
        taste[0, 0] = 1
        media = generator.generate(taste, seeds=[0], size=(128, 128))
        encoder.encode(media)
    except (ZahirError, ImportError, OSError) as error:
        raise _BrokenError(str(error), "Install zahir again.") from error
    return f"made and looked at in {time.perf_counter() - start:.1f} s ({encoder.space})"


def _video() -> str:
    import io

    from zahir.errors import BadData
    from zahir.media import Media, read_video, to_bytes

    frames = np.zeros((2, 32, 32, 3), np.uint8)
    try:
        for container in ("webm", "mp4"):
            read_video(io.BytesIO(to_bytes(Media(frames, 8.0), container)))
    except (ImportError, OSError, ValueError, BadData) as error:
        raise _BrokenError(str(error), "Install it again: pip install av") from error
    return f"WebM and MP4 written and read, PyAV {version('av')}"


def _port(port: int) -> str:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            return f"{port} is free"
        except OSError as error:
            reason = str(error.strerror)
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
            return f"{port}: a server with /healthz runs there already"
    except (URLError, OSError) as error:
        raise _BrokenError(f"{port}: {reason}", "Choose another: zahir serve --port 8001, or PORT=8001.") from error


def _torch() -> Check:
    if find_spec("torch") is None:
        return Check("torch", "missing", "not installed:", "pip install 'zahir[diffusion]': diffusion models and CLIP")
    torch = importlib.import_module("torch")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return Check("torch", "works", f"{torch.__version__}, {gpu}")


def _generators() -> Iterator[Check]:
    """Diffusion models whose weights are here, and how much of each the device holds at once; else how to get some."""
    from zahir import models
    from zahir.errors import ZahirError

    if any(find_spec(name) is None for name in ("torch", "diffusers", "transformers", "accelerate")):
        return
    begun = [
        each for each in models.CATALOGUE.values() if each.kind == "generator" and (models.root() / each.name).exists()
    ]
    if not begun:
        yield Check(
            "models", "missing", f"no weights in {models.root()}:", "zahir models list: diffusion models and CLIP"
        )
    for each in begun:
        absent = [name for name in models.with_needs(each.name) if models.missing(name)]
        if absent:
            yield Check(
                each.name, "missing", f"not whole without {', '.join(absent)}:", f"zahir models get {each.name}"
            )
            continue
        try:
            yield Check(each.name, "works", _fit(each))
        except ZahirError as error:
            yield Check(each.name, "missing", "weights are here:", str(error))


def _fit(which: Weights) -> str:
    from zahir import models
    from zahir.device import device_of, free_memory
    from zahir.generate.loading import shell_of, what_fits

    device = device_of()
    shell_of(models.space_of(which.name))
    free, full = free_memory(device), 2 if device == "cpu" else 1
    parts = {models.find(name) for name in models.with_needs(which.name)}
    needed = full * sum(part.memory for part in parts if part.kind != "encoder")
    how = {
        "none": "fits whole",
        "model": "fits a part at a time (offload='model')",
        "sequential": "fits a layer at a time, slowly (offload='sequential')",
    }
    if device == "cpu":
        fits = "fits, minutes a picture" if needed < free else "does not fit"
    else:
        fits = how[what_fits(needed, free)]
    return f"{fits}: {needed:.1f} of {free:.0f} GB free on {device}"


def _package(name: str, advice: str) -> Check:
    if find_spec(name) is None:
        return Check(name, "missing", "not installed:", advice)
    return Check(name, "works", version(name))
