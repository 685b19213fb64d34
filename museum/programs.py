"""What others say of the same files: each is run on every exhibit, none is quoted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from museum.exhibits import Exhibit
    from museum.hall import Hall

_LIMIT_S = 30
OBJECTS, SILENT, NOT_ASKED = "objects", "silent", "is not asked"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: What a script asks of a file's size: "not less than this share of what it should be".
_SHARE = 0.5


def hf_download(hall: Hall, one: Exhibit) -> str:
    """Say what `hf download` says when it is called once more: offline, or where the source is at fault, with it."""
    if one.source != "hf":
        return NOT_ASKED
    is_offline = one.command == "certify"
    words = ["download", hall.rooms[one.name].repo, *_there(hall, one, "--local-dir")]
    return _said(hall, words, {"HF_HUB_OFFLINE": "1"} if is_offline else {})


def hf_cache_verify(hall: Hall, one: Exhibit) -> str:
    """Say what `hf cache verify` says, with the network that it needs."""
    if one.command != "certify":
        return NOT_ASKED
    return _said(hall, ["cache", "verify", hall.rooms[one.name].repo, *_there(hall, one, "--local-dir")], {})


def minimum_size(hall: Hall, one: Exhibit) -> str:
    """Say what a test of the size says: every weight file is there, and has half of its bytes or more."""
    if one.command != "certify":
        return NOT_ASKED
    room, twin = hall.rooms[one.name], hall.rooms[one.twin]
    root = room.folder if one.layout == "folder" else room.snapshot
    wanted = {path: len(content) for path, content in twin.files.items() if path.endswith(".safetensors")}
    small = [path for path, size in wanted.items() if _size(root / path) < _SHARE * size]
    return f"{OBJECTS}: {small[0]}" if small else SILENT


OTHERS = {"hf download": hf_download, "hf cache verify": hf_cache_verify, "minimum size": minimum_size}


def _there(hall: Hall, one: Exhibit, option: str) -> list[str]:
    return [option, str(hall.rooms[one.name].folder)] if one.layout == "folder" else []


def _said(hall: Hall, words: list[str], variables: dict[str, str]) -> str:
    hf = str(Path(sys.executable).with_name("hf"))
    try:
        done = subprocess.run(  # noqa: S603 - huggingface_hub's own command
            [hf, *words],
            env={**hall.environment, "HF_HUB_DISABLE_XET": "1", **variables},
            cwd=hall.machine,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{OBJECTS}: does not end within {_LIMIT_S} s"
    return SILENT if done.returncode == 0 else f"{OBJECTS}: {_first_line(done.stdout + done.stderr)}"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(Error|[\w.]+(Error|Exception)|✗|Mismatch|.*mismatch)", line)]
    line = (telling or lines[-1:] or ["nothing was printed"])[0]
    line = re.sub(r"[0-9a-f]{40,64}", "…", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "HUB", line)
    line = re.sub(r"/\S*/machine/", "…/", line)
    return line if len(line) <= 90 else f"{line[:89]}…"  # noqa: PLR2004 - a cell of a table


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
