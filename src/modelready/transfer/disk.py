"""What the disk does to us, and making bytes outlive a power cut."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import platform
import sys
from typing import TYPE_CHECKING

from modelready import errors
from modelready.environment import is_true

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Says that large files that were brought shall stay in the page cache, for whoever loads them at once.
KEEP = "MODELREADY_KEEP_CACHED"

_LARGE = 32 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def fault(path: Path, error: OSError) -> errors.ModelreadyError:
    """Tell in words what the disk refused at *path*."""
    if error.errno in _FULL:
        what = "quota used up" if error.errno == errno.EDQUOT else "no space left on the device"
        return errors.DiskFull(f"{path}: {what}", remedy="free some space and provision again; what arrived is kept")
    return errors.not_writable(path, error)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the system refuses about *path* into our errors."""
    try:
        yield
    except OSError as error:
        raise fault(path, error) from error


def sync_data(descriptor: int) -> None:
    """Make the written bytes durable; their times may be lost."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_file(descriptor: int) -> None:
    """Make a finished file durable; a large one leaves the page cache to others."""
    if sys.platform == "darwin":
        # There fsync leaves the bytes in the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
    if os.fstat(descriptor).st_size >= _LARGE:
        let_go(descriptor)


def make_durable(path: Path) -> None:
    """
    Make the finished file at *path* durable.

    Raises: DiskFull or NotWritable.
    """
    with told(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)


def sync_all(descriptor: int) -> bool:
    """
    Make everything written to the file system of *descriptor* durable; False where the system cannot do it at once.

    For a hundred small files this costs as much as one of them alone: a file system writes its journal once.
    """
    sync = _syncfs()
    if sync is None:
        return False
    if sync(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Give Linux' syncfs(2); before 5.8 it did not tell what could not be written."""
    if sys.platform != "linux" or _release() < (5, 8):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def _release() -> tuple[int, ...]:
    numbers = platform.release().split("-")[0].split(".")[:2]
    return tuple(int(one) for one in numbers if one.isdigit())


def write_out(descriptor: int, offset: int = 0, length: int = 0) -> None:
    """Let the system begin to write *length* bytes (0: to the end), without waiting for it."""
    # On Linux this begins to write what is not yet written, and that stays in memory meanwhile.
    _not_needed(descriptor, offset, length)


def let_go(descriptor: int, offset: int = 0, length: int = 0) -> None:
    """Let the page cache give up *length* bytes (0: to the end) where they are written, unless KEEP says no."""
    if not is_true(os.environ.get(KEEP)):
        _not_needed(descriptor, offset, length)


def _not_needed(descriptor: int, offset: int, length: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


def write(descriptor: int, view: memoryview, offset: int) -> Iterator[int]:
    """Write all of *view* at *offset*; tell after each step up to where, as the next one may find the disk full."""
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count
        yield offset
