"""What the disk does to us, and making bytes outlive a power cut."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
from typing import TYPE_CHECKING

from modelready import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    """Make a finished file durable."""
    if sys.platform == "darwin":
        # There fsync leaves the bytes in the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def start_writing(descriptor: int) -> None:
    """Let the system begin to write a finished file, without waiting for it."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def write(descriptor: int, view: memoryview, offset: int) -> Iterator[int]:
    """Write all of *view* at *offset*; tell after each step up to where, as the next one may find the disk full."""
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count
        yield offset
