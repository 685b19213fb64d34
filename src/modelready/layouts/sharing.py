"""Bytes that are stored once and lie at two places: as a reflink, which no later change reaches, or a hard link."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
from typing import TYPE_CHECKING

from modelready.layouts import looking
from modelready.layouts.atomically import told

if TYPE_CHECKING:
    from pathlib import Path

_FICLONE = 0x40049409  # linux/fs.h
_FIEMAP = 0xC020660B  # linux/fiemap.h
_HEAD = struct.Struct("=QQLLLL")
_EXTENT = struct.Struct("=QQQQQLLLL")
_UNSURE = 0x2 | 0x4 | 0x200  # the place is not known, not chosen yet, or among other data
_NOT_HERE = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EMLINK}
)


def reflink(source: Path, target: Path) -> bool:
    """
    Make *target* a file of its own that shares the bytes of *source* on the disk; False where that cannot be.

    Raises: DiskFull or NotWritable.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - Windows has none

    with told(target), source.open("rb") as one, target.open("wb") as other:
        try:
            fcntl.ioctl(other.fileno(), _FICLONE, one.fileno())
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            is_made = False
        else:
            os.fsync(other.fileno())
            is_made = True
    if not is_made:
        target.unlink()
    return is_made


def hard_link(source: Path, target: Path) -> bool:
    """
    Make *target* another name of *source*; False where that cannot be.

    Raises: DiskFull or NotWritable.
    """
    with told(target):
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            return False
    return True


def how(one: Path, other: Path) -> str:
    """Say how two places share their bytes: "hard link", "reflink", or not at all, as far as one can see."""
    first, second = looking.look(one), looking.look(other)
    if first is None or second is None or first.st_dev != second.st_dev or first.st_size != second.st_size:
        return ""
    if first.st_ino == second.st_ino:
        return "hard link"
    extents = _extents(one)
    return "reflink" if extents and extents == _extents(other) else ""


def _extents(path: Path) -> list[tuple[int, int, int]]:
    """Give where on the disk the first bytes of *path* lie; nothing where nobody can say."""
    if sys.platform != "linux":
        return []
    import fcntl  # noqa: PLC0415 - Windows has none

    most = 32
    asked = bytearray(_HEAD.size + most * _EXTENT.size)
    _HEAD.pack_into(asked, 0, 0, 2**64 - 1, 0, 0, most, 0)
    with contextlib.suppress(OSError), path.open("rb") as file:
        fcntl.ioctl(file.fileno(), _FIEMAP, asked)
        count = _HEAD.unpack_from(asked)[3]
        found = [_EXTENT.unpack_from(asked, _HEAD.size + place * _EXTENT.size) for place in range(count)]
        return [] if any(flags & _UNSURE for *_, flags, _, _, _ in found) else [one[:3] for one in found]
    return []
