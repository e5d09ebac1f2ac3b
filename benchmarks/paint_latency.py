"""From the key to the next picture on the screen: real server, real Chromium, one person who rates by keyboard.

The browser's own Event Timing says how long each key took until the next frame was painted (in steps of 8 ms;
16 ms or less count as 16). Prints p50, p95 and the worst, and how often no next picture was ready.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from playwright.sync_api import Page, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """() => {
    window.painted = [];
    window.empty = 0;
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) if (each.name === "keydown") window.painted.push(each.duration);
    }).observe({type: "event", durationThreshold: 16});
    let before = null;
    addEventListener("keydown", () => {
        const now = document.querySelector("#now").src;
        if (now === before) window.empty += 1;  // the last key changed nothing: no next picture was ready
        before = now;
    }, {capture: true});
}"""


def rate(page: Page, ratings: int, pause: float) -> tuple[list[float], int]:
    """Milliseconds from key to paint, and how often the wall had nothing new."""
    page.evaluate(WATCH)
    for k in range(ratings):
        page.keyboard.press("la"[k % 2])
        page.wait_for_timeout(1000 * pause)
    slow = page.evaluate("() => window.painted")
    return [16.0] * (ratings - len(slow)) + slow, page.evaluate("() => window.empty")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ratings", type=int, default=60)
    arguments.add_argument("--pause", type=float, default=1.0, help="seconds between two ratings")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "zahir", "serve", "--port", "0"]
        environment = {**os.environ, "ZAHIR_HOME": home}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split()[3]
            try:
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    page.goto(address)
                    page.get_by_role("link", name="Show me the first").click()
                    page.locator("#now").wait_for()
                    page.wait_for_load_state("networkidle")
                    times, empty = rate(page, chosen.ratings, chosen.pause)
                    browser.close()
            finally:
                server.terminate()
    p50, p95 = np.percentile(times, [50, 95])
    print(f"{chosen.ratings} ratings, one every {chosen.pause} s; milliseconds from key to paint")
    print(f"p50 {p50:.0f}   p95 {p95:.0f}   worst {max(times):.0f}   nothing ready {empty} times")
    figures = {"ratings": chosen.ratings, "p50": p50, "p95": p95, "worst": max(times), "empty": empty}
    print(json.dumps({**figures, "python": platform.python_version(), "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
