"""The worker as a child process: started, watched, started again when it dies, gone when its parent is.

Knows nothing of what it does. Settings travel through its standard input, which stays open: its end tells
the child that the parent is gone, however it went. One line on its standard output says that it is READY;
any other is why it cannot be, which no second start would mend.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from zahir.web.settings import Settings

log = logging.getLogger("zahir.web")

READY = "ready"
_PATIENCE = 30.0  # seconds at most between a death and the next start
_HEALTHY = 10.0  # seconds of life after which a death counts as the first


class Child:
    """One worker, kept alive; `refused` hears why it cannot work, unless it ever could."""

    def __init__(self, settings: Settings, refused: Callable[[str], None] | None = None) -> None:
        self.settings = settings
        self.ready = False  # whether it ever was
        self._refused = refused
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._watch, name="child", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it; kill it when it does not go within five seconds."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(5)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process number, while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    def _watch(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            born = time.monotonic()
            with self._start() as process:
                self._process = process
                if self._stopping.is_set():
                    process.terminate()
                said = self._listen(process)
                code = process.wait()
            if self._stopping.is_set():
                return
            if said and not self.ready and self._refused is not None:
                self._refused(said)
                return
            deaths = 1 if time.monotonic() - born > _HEALTHY else deaths + 1
            pause = min(_PATIENCE, 0.2 * 2 ** (deaths - 1))
            log.warning("the worker ended with code %s; starting it again in %.1f s. %s", code, pause, said)
            self._stopping.wait(pause)

    def _listen(self, process: subprocess.Popen[str]) -> str:
        """Hear it until it ends; returns why it refused, "" when it did not."""
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            if line.strip() == READY:
                self.ready = True
            else:
                said += line
        return said.strip()

    def _start(self) -> subprocess.Popen[str]:
        kernels = str(self.settings.home / "numba")
        environment = {"NUMBA_CACHE_DIR": kernels, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
        command = [sys.executable, "-m", "zahir.web.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdin is not None
        try:
            process.stdin.write(self.settings.model_dump_json() + "\n")
            process.stdin.flush()
        except BrokenPipeError:  # it died at once; the watch will see
            pass
        return process
