"""Names in a snapshot: relative links to blobs, or the bytes themselves where a file system has no links."""

from __future__ import annotations

import errno
import functools
import os
import uuid
from pathlib import Path

from modelready.layouts.atomically import removed, told

_MOST_LINKS = 40  # then Linux says ELOOP
# What symlink() answers where links cannot be; EPERM is Linux' answer on FAT and the like.
_HAS_NONE = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


def link(place: Path, blob: Path) -> bool:
    """
    Make *place* a relative link to *blob*, at once and whatever lay there; False where there are no links.

    Raises: DiskFull or NotWritable.
    """
    target = _way(place, blob)
    with told(place):
        try:
            _replace(place, target, blob.parent)
        except OSError as error:
            if error.errno in _HAS_NONE or os.name == "nt":
                return False
            raise
    return True


def target(place: Path) -> str | None:
    """Give what the link *place* says; None when it is none."""
    try:
        return str(place.readlink())
    except OSError:
        return None


def end(place: Path) -> Path:
    """Give where the chain of links that begins at *place* ends, whether something lies there or not."""
    for _ in range(_MOST_LINKS):
        said = target(place)
        if said is None:
            return place
        place = Path(os.path.normpath(place.parent / said))
    return place


def leads(place: Path, blob: Path) -> bool:
    """Tell whether *place* is the relative link to *blob* that ``link`` would make."""
    return target(place) == _way(place, blob)


def _way(place: Path, blob: Path) -> str:
    """Give the way from *place* to *blob*, as a link says it."""
    folder, name = os.path.split(blob)
    return os.path.join(_way_to(folder, os.path.dirname(place)), name)  # noqa: PTH118, PTH120 - of thousands, as texts


@functools.lru_cache(256)
def _way_to(folder: str, start: str) -> str:
    return os.path.relpath(folder, start)


def _replace(place: Path, wanted: str, scratch: Path) -> None:
    try:
        place.symlink_to(wanted)
    except FileExistsError:
        if target(place) == wanted:
            return
        # Made beside the blobs, so that a crash leaves no strange name in the snapshot.
        part = scratch / f".{uuid.uuid4().hex[:8]}.link"
        with removed(part):
            part.symlink_to(wanted)
            part.replace(place)
