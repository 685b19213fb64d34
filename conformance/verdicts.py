"""What became of a run, in a few words: of what the program said, and of what lies on disk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conformance.scene import LIMIT_S

if TYPE_CHECKING:
    from conformance.scene import Ended, Scene

WRONG_BYTES = "WRONG BYTES, reported as success"
MISSING = "FILES MISSING, reported as success"
OLD = "THE OLD VERSION, reported as success"
LOST = "LOST THE GOOD COPY"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 110


def of(scene: Scene, ended: Ended) -> str:
    """Tell what became of a run."""
    if ended.status is None:
        return f"HUNG (no end within {LIMIT_S} s)"
    if ended.status != 0:
        lost = f"{LOST}; " if ended.lost else ""
        return f"{lost}error (exit {ended.status}): {_first_line(ended.text)}"
    return _success(scene)


def _success(scene: Scene) -> str:
    found, wanted = scene.found(), scene.newest
    if found == wanted:
        return "right"
    if found in scene.versions.values():
        return OLD
    return MISSING if found.items() < wanted.items() else WRONG_BYTES


def _objection(lines: list[str]) -> list[str]:
    """Give what the first check that failed says: its id, the file, the reason."""
    starts = [nth for nth, line in enumerate(lines) if re.fullmatch(r"[a-z]+\.[a-z_]+", line)]
    return [": ".join(lines[starts[0] : starts[0] + 3])] if starts else []


def _first_line(text: str) -> str:
    """Give the line that tells what went wrong."""
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(Error|\S+: failed|[\w.]+(Error|Exception|Timeout)):? ?", line)]
    bare = [line for line in lines if not line.startswith(("Hint", "hint", "Fetching", "Download"))]
    line = (telling or _objection(lines) or bare[-1:] or ["nothing was printed"])[0]
    line = re.sub(r"[0-9a-f]{40,64}", "…", line)
    line = re.sub(r"127\.0\.0\.1:\d+|localhost:\d+", "HUB", line)
    line = re.sub(r"/\S*/home/", "…/", line)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
