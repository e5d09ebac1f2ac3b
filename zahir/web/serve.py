"""Listen, say where, and serve until told to stop. Knows nothing of what is served."""

from __future__ import annotations

import logging
import os
import socket
import sys

import uvicorn
from threadpoolctl import threadpool_limits

from zahir.errors import ZahirError
from zahir.web.app import create_app
from zahir.web.settings import Settings

_LATE = 5  # seconds that open requests get to end
_IDLE = 30  # seconds that a connection stays open between two requests: a person looks at a picture longer than 5


def serve(settings: Settings) -> None:
    """Run the web app; raises ZahirError when the address cannot be had, or when the worker cannot work."""
    listening = _listen(settings.host, settings.port)
    # the writer gives the interpreter's lock up at each statement, and would get it back only after 5 ms
    sys.setswitchinterval(0.0005)
    threadpool_limits(1)  # small products only: more threads would take the worker's cores for nothing
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:     %(message)s")
    port = listening.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"Zahir is at http://{host}:{port} and keeps everything in {settings.home}. Ctrl-C stops it.", flush=True)
    reasons: list[str] = []

    def give_up(reason: str) -> None:
        reasons.append(reason)
        running.should_exit = True

    config = uvicorn.Config(
        create_app(settings, give_up),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_LATE,
    )
    running = uvicorn.Server(config)
    running.run(sockets=[listening])
    if reasons:
        raise ZahirError(reasons[0])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise ZahirError(
            f"cannot listen on {host} port {port} ({why}). Choose another: zahir serve --port {port + 1}"
        ) from error
