"""Contents of files that are read whole: never more than such a file may hold, and never waiting for a writer."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LISTING = 256 << 20  # 20,000 files take 5 MB
NOTE = 64 << 10


def read(path: Path, *, most: int) -> bytes:
    """
    Give the bytes of the file at *path*.

    Raises: OSError, also where it is no file, or holds more than *most* bytes.
    """
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", os.fspath(path))
        return _bounded(file.fileno(), path, most)


def read_stream(path: Path, *, most: int) -> bytes:
    """
    Give what comes from *path*, which may be a pipe (as a shell's ``<(…)`` is).

    Raises: OSError, also where more than *most* bytes come.
    """
    with path.open("rb", buffering=0) as file:
        return _bounded(file.fileno(), path, most)


def text(path: Path, *, most: int) -> str:
    """
    Give the text, in UTF-8, of the file at *path*.

    Raises: OSError and UnicodeDecodeError.
    """
    return read(path, most=most).decode()


def _bounded(descriptor: int, path: Path, most: int) -> bytes:
    content = bytearray()
    while piece := os.read(descriptor, min(1 << 20, most + 1 - len(content))):
        content += piece
        if len(content) > most:
            raise OSError(errno.EFBIG, f"holds more than {most:,} bytes", os.fspath(path))
    return bytes(content)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
