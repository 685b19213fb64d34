"""Looking at what lies where, with an answer also where one may not look."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from pathlib import Path


def look(path: Path) -> os.stat_result | None:
    """Tell what *path* leads to; None when that is nothing, or cannot be seen."""
    try:
        return path.stat()
    except OSError:
        return None


def size(path: Path) -> int | None:
    """Give the bytes of what *path* leads to; None when that is nothing, or cannot be seen."""
    seen = look(path)
    return seen.st_size if seen else None


def existing(path: Path) -> Path:
    """Give *path*, or the nearest folder above it that exists."""
    return next(one for one in (path, *path.parents) if look(one) is not None)


def is_file(path: Path) -> bool:
    """Tell whether *path* leads to a file."""
    seen = look(path)
    return seen is not None and stat.S_ISREG(seen.st_mode)


def is_folder(path: Path) -> bool:
    """Tell whether *path* leads to a folder."""
    seen = look(path)
    return seen is not None and stat.S_ISDIR(seen.st_mode)
