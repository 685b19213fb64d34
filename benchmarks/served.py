"""Downloads that `modelready serve` is asked for: how long they take, and how long its answers take meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.hub import address
from benchmarks.timing import ProgramFailed, Run, used_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.programs import Home

_CALLS = (
    "/api/model-download-status/model",
    "/api/model-download-queue-status",
    "/api/models",
    "/api/disk",
    "/metrics",
    "/readyz",
)
_EVERY_S, _SELDOM_S, _LONGEST_S = 0.05, 0.5, 30.0


@dataclass(frozen=True)
class Served:
    """A model of the catalog, called ``model``, brought by a server that is started for it in an empty *home*."""

    home: Home
    listeners: int = 0  # who follow the events
    asks: bool = False  # what is measured is the answers, not the download

    def run(self) -> Run:
        """
        Start a server, let it bring the model, and stop it.

        Its time is that of the download, as the server tells it, or the median of its answers while bytes travelled.
        Raises: ProgramFailed, when the model did not arrive.
        """
        with serving(self.home) as server:
            listening = [threading.Thread(target=server.listen, daemon=True) for _ in range(self.listeners)]
            for one in listening:
                one.start()
            server.ask("/api/model-download/model/start", method="POST")
            answers_s = list(server.answers(_EVERY_S if self.asks else _SELDOM_S))
            status = server.ask(_CALLS[0])
            if status["status"] != "completed":
                raise ProgramFailed(f"the server did not bring the model: {status['error']}")
        took_s = _seconds(status["started_at"], status["finished_at"])
        return Run(statistics.median(answers_s) if self.asks else took_s, server.cpu_s, server.peak_bytes)


class Server:
    """A server that runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cpu_s, self.peak_bytes = 0.0, 0
        self._connection = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, path: str, *, method: str = "GET") -> Any:
        """Ask; what is no JSON is given as a text."""
        asked = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310 - our own server, on loopback
        try:
            with self._connection.open(asked, timeout=_LONGEST_S) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:  # not ready: an answer like any other
            text = error.read().decode()
        return json.loads(text) if text.startswith("{") else text

    def answers(self, every_s: float) -> Iterator[float]:
        """Ask again and again until the download has ended; give the seconds of each answer while bytes travelled."""
        state = ""
        for number in range(10**9):
            path = _CALLS[number % len(_CALLS)]
            begun = time.perf_counter()
            answer = self.ask(path)
            took_s = time.perf_counter() - begun
            if path == _CALLS[0]:
                state = answer["status"]
            if state == "downloading":
                yield took_s
            elif state in {"completed", "failed", "cancelled"}:
                return
            time.sleep(every_s)

    def listen(self) -> None:
        """Follow the events until the server ends."""
        with (
            contextlib.suppress(OSError),
            self._connection.open(f"{self.url}/api/events", timeout=_LONGEST_S) as events,
        ):
            for _ in events:
                pass


@contextlib.contextmanager
def serving(home: Home) -> Iterator[Server]:
    """Run a server on *home*; what it cost is known when it has ended."""
    call = home.modelready("serve", "--port", "0", "--no-certify")
    with subprocess.Popen(  # noqa: S603 - our own command
        call.words, env=call.environment, cwd=call.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        server = Server(address(process))
        try:
            yield server
        finally:
            process.terminate()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            server.cpu_s, server.peak_bytes = used_by(used)


def _seconds(begun: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
