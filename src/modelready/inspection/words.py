"""How faults speak of places and of what to do: no home folder is told, every remedy is a command."""

from __future__ import annotations

import os
import re
from pathlib import Path

PROVISION = "run `modelready provision`"
UNREADABLE = "cannot be read"


def place(path: Path, root: Path) -> str:
    """Give *path* below *root*, or with the home folder as ``~``: certificates go to other machines."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return folded(path)


def folded(path: Path | str) -> str:
    """Give *path* with the home folder as ``~``."""
    home, text = os.path.expanduser("~"), str(path)  # noqa: PTH111 - where there is no home, ~ stays
    is_inside = home not in {"~", "/"} and Path(text).is_relative_to(home)
    return f"~{text[len(home) :]}" if is_inside else text


def why(error: OSError) -> str:
    """Say why a file cannot be read, without its path."""
    return f"{UNREADABLE}: {error.strerror or type(error).__name__}"


def unhomed(text: str) -> str:
    """Give *text* with every path below the home folder beginning with ``~``."""
    home = os.path.expanduser("~")  # noqa: PTH111 - where there is no home, ~ stays
    if home in {"~", "/"}:
        return text
    return re.sub(rf"(?<![\w./~-]){re.escape(home)}(?![\w-]|\.\w)", "~", text)
