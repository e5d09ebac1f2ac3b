"""How long a rating and the next pictures take, with the whole app under load: real server, worker and SQLite.

Each person rates once a second, says what was painted, and asks for more pictures when fewer than three
wait, as the page does. Prints p50, p99 and the worst, errors, and the share of requests served with
pictures that were chosen for the person (not taken from the shelf in haste).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np


class Browser:
    """One person's connection: keep-alive HTTP/1.1 and a cookie, light enough not to be the bottleneck itself."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie, self.lock = port, "", asyncio.Lock()

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "X-Zahir: 1", f"Content-Length: {len(data)}"]
        head += [f"Cookie: {self.cookie}"] * bool(self.cookie) + [f"Idempotency-Key: {key}"] * bool(key)
        head += ["Content-Type: application/json"] * bool(data)
        self.writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        for line in lines:
            if line.lower().startswith("set-cookie: "):
                self.cookie = line.split(": ", 1)[1].split(";")[0]
        content = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return int(lines[0].split()[1]), json.loads(content) if "json" in fields.get("content-type", "") else None


async def person(browser: Browser, seconds: float, took: dict[str, list[float]], seen: Counter[str]) -> None:
    """Rate once a second."""
    await asyncio.sleep(random.random())
    queue: list[Any] = []
    end, turn = time.monotonic() + seconds, 0
    while (began := time.monotonic()) < end:
        if len(queue) < 4:
            have = ",".join(each["id"] for each in queue)
            status, answer = await timed(took["next"], browser.ask("GET", f"/api/next?n=4&shape=wide&have={have}"))
            seen[f"next {status}"] += 1
            queue += answer["items"] if status == 200 else []
        if queue:
            item = queue.pop(0)
            seen[item["slot"]] += 1
            shown = {"item": item["id"], "slot": item["slot"], "position": turn}
            status, _ = await browser.ask("POST", "/api/exposures", shown)
            seen[f"exposure {status}"] += 1
            rating = {"item": item["id"], "rating": random.choice([-0.5, 0, 0.5])}
            key = f"{turn}-{random.random()}"
            status, _ = await timed(took["rating"], browser.ask("POST", "/api/ratings", rating, key))
            seen[f"rating {status}"] += 1
        turn += 1
        await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))


async def timed(into: list[float], call: Any) -> Any:
    began = time.perf_counter()
    answer = await call
    into.append(time.perf_counter() - began)
    return answer


async def crowd(port: int, people: int, seconds: float) -> tuple[dict[str, list[float]], Counter[str]]:
    took: dict[str, list[float]] = defaultdict(list)
    seen: Counter[str] = Counter()
    browsers = [Browser(port) for _ in range(people)]
    for browser in browsers:  # people come one after the other
        await browser.open()
        await browser.ask("GET", "/welcome")
    await asyncio.gather(*(person(browser, seconds, took, seen) for browser in browsers))
    return took, seen


def cpu_seconds(pid: int) -> float:
    """What a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=100)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--warm", type=float, default=60, help="at most so many seconds for the worker to get ready")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "ZAHIR_HOME": home, "ZAHIR_VISITORS_PER_MINUTE": "100000"}
        command = [sys.executable, "-m", "zahir", "serve", "--port", "0"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline().split("http://127.0.0.1:")[1].split()[0])
            try:
                asyncio.run(crowd(port, 1, chosen.warm / 4))  # kernels are compiled, the first pictures made
                before = cpu_seconds(server.pid)
                took, seen = asyncio.run(crowd(port, chosen.people, chosen.seconds))
                spent = (cpu_seconds(server.pid) - before) / len(took["rating"]) * 1000
            finally:
                server.terminate()
    slots = {name: seen[name] for name in ("calibration", "mine", "people", "surprise", "shelf")}
    row: dict[str, Any] = {"people": chosen.people, "seconds": chosen.seconds, "python": platform.python_version()}
    print(f"{chosen.people} people, one rating a second each, {chosen.seconds:.0f} s; milliseconds")
    for name, times in sorted(took.items()):
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        row[name] = {"n": len(times), "p50": round(p50, 1), "p99": round(p99, 1)}
        print(f"{name:8} n {len(times):6}   p50 {p50:7.1f}   p99 {p99:7.1f}   worst {max(times) * 1000:7.1f}")
    wrong = {name: count for name, count in seen.items() if name[-3:].isdecimal() and name[-3] not in "2"}
    print(
        f"CPU of the web process: {spent:.1f} ms per rating, with all that goes with it; load {os.getloadavg()[0]:.1f}"
    )
    print("errors:", wrong or "none", "  slots:", slots)
    print(json.dumps({**row, "cpu_ms": round(spent, 1), "errors": wrong, "slots": slots, "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
