"""A file that was cut short is mended from where it ends: what is there of it begins the part, its digest decides."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from modelready.network import retries
from modelready.transfer.parts import STEP, Part, kept

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelready.transfer.wanted import Wanted

#: Less is fetched sooner than it is copied and doubted.
LEAST = STEP
_CHUNK = 4 << 20


def begin(wanted: Wanted, sources: Iterable[Path], stop: threading.Event) -> int:
    """
    Begin the part of *wanted* with a copy of the longest of *sources*; give the bytes it begins with.

    Only where a digest proves the whole afterwards, and where an earlier run did not leave more. The sources stay as
    they are: a copy that turns out wrong costs its tail, and never what lies under a good name.

    Raises: DiskFull, NotWritable, or Interrupted when *stop* was set.
    """
    if not wanted.size or not wanted.digests:
        return 0
    length, source = max(((_size(one), one) for one in sources), default=(0, None))
    if source is None or min(length, wanted.size) < max(LEAST, kept(wanted) + 1):
        return 0
    part = Part(wanted, resume=False)
    try:
        for offset, view in _read(source, wanted.size):
            if stop.is_set():
                raise retries.interrupted()
            part.write(offset, view, part.generation)
        return part.count
    finally:
        part.keep()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(source: Path, most: int) -> Iterator[tuple[int, memoryview]]:
    """Give the bytes of *source* with their places, up to *most* or to where the disk cannot read on."""
    buffer = memoryview(bytearray(_CHUNK))
    offset = 0
    with contextlib.suppress(OSError), source.open("rb", buffering=0) as file:
        while count := file.readinto(buffer[: min(_CHUNK, most - offset)]):
            yield offset, buffer[:count]
            offset += count
