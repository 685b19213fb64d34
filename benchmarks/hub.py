"""The Hub of a measurement: the mirror, in a process of its own, so that it shares no lock with what is measured."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SERVING = "serving at "


@dataclass(frozen=True)
class Hub:
    """A Hub that runs, and what it serves."""

    url: str

    def paths(self, repo: str) -> list[str]:
        """Give the paths of the files of *repo*; asking makes the Hub read them all, so later callers need not wait."""
        found, url = list[str](), f"{self.url}/api/models/{repo}/tree/main?recursive=true"
        while url:
            with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own Hub, on loopback
                found += [entry["path"] for entry in json.load(answer) if entry["type"] == "file"]
                url = _next(answer.headers.get("Link", ""))
        return found


@contextlib.contextmanager
def serving(folder: Path, environment: Mapping[str, str]) -> Iterator[Hub]:
    """Serve the repositories in *folder* (org/name) while a ``with`` block runs."""
    words = [sys.executable, "-P", "-m", "modelready", "mirror", str(folder), "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own command
        words, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Hub(address(process))
        finally:
            process.terminate()


def address(process: subprocess.Popen[str]) -> str:
    """
    Wait until a command of ours tells where it serves, and give that.

    Raises: RuntimeError, when it ends before.
    """
    if process.stdout is None:
        raise AssertionError("asked for above")  # unreachable
    for line in process.stdout:
        if line.startswith(_SERVING):
            return line.removeprefix(_SERVING).partition(";")[0].strip()
    raise RuntimeError("it ended before it served; what it printed stands above")


def _next(link: str) -> str:
    return link.partition("<")[2].partition(">")[0] if 'rel="next"' in link else ""
