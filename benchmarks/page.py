"""The page of `modelready serve` in a real Chromium: how long who presses a key waits until he sees it."""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.served import serving
from benchmarks.timing import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from benchmarks.programs import Home

BROWSER = "MODELREADY_CHROMIUM"
_AT_WORK, _CHANGE_EVERY_S, _JOB_BYTES = 3, 0.1, 10**10  # the server looks four times a second: twelve events
_KEYS, _TIMES, _KEY_EVERY_MS, _PATIENCE_MS = ("0", "4", "2", *["Backspace"] * 3), 48, 200, 60_000
#: Notes what the browser tells of each key: the milliseconds to the next paint, which it leaves out below 16.
_NOTE = """
    window.waits = [];
    new PerformanceObserver((seen) => {
        for (const one of seen.getEntries()) if (one.name === 'keydown') waits.push(one.duration);
    }).observe({type: 'event', durationThreshold: 16});
"""
_UNNOTED_MS = 16.0


@dataclass(frozen=True)
class Looked:
    """Somebody who filters the models of *home* on the page, while others bring three of them."""

    home: Home
    models: tuple[str, ...]

    def run(self) -> Run:
        """
        Press keys; its time is the longest from a key to the next paint: Interaction to Next Paint, for so few keys.

        Raises: playwright's errors, where the page does not come to life.
        """
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this row needs a browser

        over = threading.Event()
        with serving(self.home) as server, sync_playwright() as playwright:
            telling = threading.Thread(target=self._tell, args=(over,), daemon=True)
            telling.start()
            browser = playwright.chromium.launch(executable_path=os.environ[BROWSER], args=["--no-sandbox"])
            try:
                longest_ms = _longest_ms(browser.new_page(), server.url)
            finally:
                browser.close()
                over.set()
                telling.join()
        return Run(longest_ms / 1000, server.cpu_s, server.peak_bytes)

    def _tell(self, over: threading.Event) -> None:
        """Write what runs of the suite write when they bring models."""
        from modelready.downloads.jobs import Job, Jobs  # noqa: PLC0415 - as above

        rows = Jobs(self.home.folder / "state")
        jobs = [
            Job(f"run-{name}", name, state="downloading", bytes_total=_JOB_BYTES) for name in self.models[:_AT_WORK]
        ]
        while not over.wait(_CHANGE_EVERY_S):
            jobs = [replace(one, bytes_done=(one.bytes_done + 7_000_000) % _JOB_BYTES) for one in jobs]
            rows.write(*jobs)
        rows.close()


def _longest_ms(page: Page, url: str) -> float:
    page.set_default_timeout(_PATIENCE_MS)
    page.add_init_script(_NOTE)
    page.goto(f"{url}/")
    page.locator(".model").first.wait_for()
    page.locator("#q").focus()
    for key in itertools.islice(itertools.cycle(_KEYS), _TIMES):
        page.keyboard.press(key)
        page.wait_for_timeout(_KEY_EVERY_MS)
    return max([_UNNOTED_MS, *page.evaluate("window.waits")])
