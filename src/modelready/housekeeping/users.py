"""Which files the processes of this machine use now, as far as Linux lets this one see."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_MAPPED = re.compile(r"^\S+ \S+ \S+ \S+ [1-9]\d*\s+(/.*)$", re.MULTILINE)


class Users:
    """Who had which file open, or mapped into memory, when this was made."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], int] = {}
        self._mapped: dict[str, int] = {}
        for process in _others():
            self._open |= dict.fromkeys(_open_files(process), int(process.name))
            self._mapped |= dict.fromkeys(_mapped_files(process), int(process.name))

    def of(self, path: Path) -> str:
        """Name the process that uses *path*; nothing when none is seen to."""
        try:
            seen = path.lstat()
        except OSError:
            return ""
        process = self._open.get((seen.st_dev, seen.st_ino)) or self._mapped.get(os.path.realpath(path))
        return f"process {process}{_called(process)}" if process else ""


def _others() -> list[Path]:
    """Give the folder of every process but this one."""
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - only the names are wanted
    except OSError:
        return []
    return [_PROC / name for name in names if name.isdecimal() and int(name) != os.getpid()]


def _open_files(process: Path) -> Iterator[tuple[int, int]]:
    # A process that ends meanwhile, or belongs to somebody else, tells nothing.
    with contextlib.suppress(OSError):
        for name in os.listdir(process / "fd"):  # noqa: PTH208 - as above
            with contextlib.suppress(OSError):
                seen = (process / "fd" / name).stat()
                if stat.S_ISREG(seen.st_mode):
                    yield seen.st_dev, seen.st_ino


def _mapped_files(process: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        maps = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape")
        yield from (found[1] for found in _MAPPED.finditer(maps))


def _called(process: int) -> str:
    with contextlib.suppress(OSError):
        return f" ({(_PROC / str(process) / 'comm').read_text(encoding='utf-8', errors='replace').strip()})"
    return ""
