"""Files that appear whole or not at all, and folders whose names survive a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.errors import DiskFull, NotWritable, not_writable
from modelready.layouts.looking import is_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_USUAL_NAME_LIMIT = 255


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """
    Tell a refusal of the file system as an error a user can mend.

    Raises: DiskFull or NotWritable, naming *path*.
    """
    try:
        yield
    except OSError as error:
        raise _told(path, error) from error


@dataclass(frozen=True)
class Unsynced:
    """Folders whose new names are not yet sure to be on the disk; many files share one ``sync``."""

    _folders: set[Path] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *folders: Path) -> None:
        """Remember *folders* for the next sync."""
        with self._guard:
            self._folders.update(folders)

    def sync(self) -> None:
        """Make every name given so far survive a power cut."""
        with self._guard:
            folders = sorted(self._folders)
            self._folders.clear()
        for folder in folders:
            with told(folder):
                _sync(folder)

    def make(self, folder: Path) -> None:
        """Make *folder* and what is above it."""
        if is_folder(folder):
            return
        new = [folder, *(above for above in folder.parents if not is_folder(above))]
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.add(*(one.parent for one in new))


def write_text(path: Path, text: str, *, scratch: Path) -> None:
    """
    Write *text* to *path*; until it is whole it lies under another name in *scratch*, on the same file system.

    Raises: DiskFull or NotWritable; *path* is as it was then.
    """
    part = scratch / f".{uuid.uuid4().hex[:8]}.tmp"
    with told(path), removed(part):
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def holds(path: Path, text: str) -> bool:
    """Tell whether *path* holds exactly *text* already."""
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def copy(source: Path, target: Path, *, scratch: Path) -> None:
    """
    Copy *source* to *target*; until it is whole it lies under another name in *scratch*.

    Raises: DiskFull or NotWritable; *target* is as it was then.
    """
    import shutil  # noqa: PLC0415 - only file systems without links come here

    part = scratch / f".{uuid.uuid4().hex[:8]}.tmp"
    with told(target), removed(part):
        shutil.copy(source, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)


def check_length(name: str, folder: Path, limit: int | None = None) -> None:
    """
    Let a *name* pass that the file system of *folder* can hold: *limit* bytes, where that was found out before.

    Raises: NotWritable, when it is too long.
    """
    limit = name_limit(folder) if limit is None else limit
    if (length := len(os.fsencode(name))) > limit:
        raise NotWritable(
            f"{folder / name}: the name is {length} bytes long; this file system takes {limit}",
            remedy="give it a shorter name (save_as), or choose another file system",
        )


def name_limit(folder: Path) -> int:
    """Give the most bytes that a name in *folder* can have, whether the folder is there yet or not."""
    there = next((one for one in (folder, *folder.parents) if is_folder(one)), None)
    try:
        return os.pathconf(there or "/", "PC_NAME_MAX")
    except (OSError, ValueError, AttributeError):
        return _USUAL_NAME_LIMIT


def _told(path: Path, error: OSError) -> DiskFull | NotWritable:
    if error.errno in _FULL:
        return DiskFull(f"{path}: {error.strerror}", remedy="free some space, or choose another disk")
    if error.errno == errno.ENAMETOOLONG:
        return NotWritable(
            f"{path}: the path is too long for this file system", remedy="choose a place nearer the root"
        )
    return not_writable(path, error)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder; the names in it are theirs to keep.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def removed(part: Path) -> Iterator[None]:
    """Leave no *part* behind when writing it fails."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
