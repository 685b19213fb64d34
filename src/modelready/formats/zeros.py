"""
Runs of zero bytes in a file: holes that a file system knows of, and runs around a place that is zero.

A download that was given its length before its bytes, and lost some, has such runs; so has a matrix that is zero.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

PAGE = 4096
_STEP = 256 * 1024
#: No file of weights has as many holes; who tells of them says nothing.
_MOST_HOLES = 10_000


@dataclass(frozen=True, slots=True)
class Run:
    """Zero bytes from ``begin`` to ``end``, counted from the beginning of the file."""

    begin: int
    end: int


def holes(file: FileIO, size: int) -> Iterator[Run]:
    """
    Give the holes of *file*: nothing was ever written there, and zeros are read.

    lseek(2): where a file system keeps no account of them, there are none, and nothing is said.
    """
    if not hasattr(os, "SEEK_HOLE"):
        return
    end = 0
    for _ in range(_MOST_HOLES):
        try:
            begin = os.lseek(file.fileno(), end, os.SEEK_HOLE)
            if begin >= size:
                return
            end = _data_after(file, begin, size)
        except OSError:  # EINVAL, ENXIO, EOPNOTSUPP: this one does not tell
            return
        yield Run(begin, end)
        if end >= size:
            return


def _data_after(file: FileIO, begin: int, size: int) -> int:
    try:
        return min(os.lseek(file.fileno(), begin, os.SEEK_DATA), size)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a hole up to the end
            return size
        raise


def widened(file: FileIO, run: Run, first: int, size: int, is_late: Callable[[], bool]) -> Run | None:
    """
    Give the whole run that *run* is a part of, between *first* and *size*; None, where time ran out meanwhile.

    Every byte of it was read, those of *run* excepted.
    """
    begin = _begin(file, run.begin, first, is_late)
    end = _end(file, run.end, size, is_late)
    return None if begin is None or end is None else Run(begin, end)


def read_at(file: FileIO, begin: int, end: int) -> bytes:
    """Give the bytes from *begin* to *end*; fewer, where the file ends."""
    file.seek(begin)
    return file.read(end - begin) or b""


def _begin(file: FileIO, place: int, first: int, is_late: Callable[[], bool]) -> int | None:
    step = PAGE
    while place > first and not is_late():
        start = max(place - step, first)
        rest = len(read_at(file, start, place).rstrip(b"\0"))
        if rest:
            return start + rest
        place, step = start, _STEP
    return place if place <= first else None


def _end(file: FileIO, place: int, size: int, is_late: Callable[[], bool]) -> int | None:
    step = PAGE
    while place < size and not is_late():
        read = read_at(file, place, min(place + step, size))
        if not read:
            return place
        rest = len(read.lstrip(b"\0"))
        if rest:
            return place + len(read) - rest
        place, step = place + len(read), _STEP
    return place if place >= size else None
