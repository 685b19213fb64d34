"""Bring files that lie on this machine: read once, hashed beside, into a part that gets its name only when right."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from modelready import errors
from modelready.network import retries
from modelready.transfer import disk, hashing
from modelready.transfer.behind import Behind
from modelready.transfer.parts import Part
from modelready.transfer.wanted import Proof

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from modelready.model import Algorithm
    from modelready.transfer.wanted import Wanted, Watcher

_CHUNK = 4 << 20


def copy(
    files: Sequence[Wanted],
    *,
    settle: Callable[[Proof], None],
    watcher: Watcher,
    stop: threading.Event,
    resume: bool = True,
) -> None:
    """
    Bring every file, one after the other, as `bring` does; the originals are only read.

    Raises:
        ModelreadyError: the first error; what was copied is kept for the next run.

    """
    buffer = memoryview(bytearray(_CHUNK))
    for wanted in files:
        proof = _Copy(wanted, watcher, stop, buffer).run(resume=resume)
        settle(proof)
        watcher.done(proof)


class _Copy:
    """One file being copied."""

    def __init__(self, wanted: Wanted, watcher: Watcher, stop: threading.Event, buffer: memoryview) -> None:
        self._watcher, self._stop, self._buffer = watcher, stop, buffer
        self._source = place_of(wanted.url)
        with _told(wanted, self._source):
            self._seen = _regular(self._source)
        if wanted.size not in {None, self._seen.st_size}:
            raise errors.LengthMismatch(
                f"{wanted.path}: {self._source} has {self._seen.st_size} bytes instead of {wanted.size}",
                remedy="carry the right version of it here, or correct the catalog or lock",
            )
        self._wanted = replace(wanted, size=self._seen.st_size)

    def run(self, *, resume: bool) -> Proof:
        """Copy what is not there yet, compare, make it durable; a beginning that was wrong is copied again."""
        part = Part(self._wanted, resume=resume)
        try:
            kept = self._begin(part)
            found = self._fill(part)
            if kept and hashing.mismatch(self._wanted, found):
                part.restart(part.generation)
                self._watcher.restarted(self._wanted)
                found = self._fill(part)
            self._check(part, found)
            part.trim()
        finally:
            part.keep()
        disk.make_durable(part.path)
        return Proof.computed(self._wanted, self._seen.st_size, found)

    def _begin(self, part: Part) -> int:
        """Tell the watcher what an earlier run left, and give how much; what may be of another version is dropped."""
        version = f'"{self._seen.st_size}-{self._seen.st_mtime_ns}"'
        is_sure = part.validator == version or self._wanted.digests
        if part.count and (not is_sure or part.count != part.prefix):
            part.restart(part.generation)
        part.validator = version
        self._watcher.started(self._wanted, part.count)
        return part.count

    def _fill(self, part: Part) -> dict[Algorithm, str]:
        size = self._seen.st_size
        digester = hashing.Digester(hashing.algorithms(self._wanted), size)
        with disk.told(part.path):
            digester.read(part.path, part.prefix, self._buffer)
        with Behind(part) as behind:
            for view in self._read(digester.position):
                part.write(digester.position, view, part.generation)
                digester.update(view)
                self._watcher.received(self._wanted, len(view))
                behind.passed(digester.position)
        self._watcher.verifying(self._wanted)
        return digester.found()

    def _read(self, start: int) -> Iterator[memoryview]:
        """Give the bytes of the original from *start* on."""
        position = start
        with _told(self._wanted, self._source), self._source.open("rb", buffering=0) as file:
            file.seek(position)
            while position < self._seen.st_size:
                if self._stop.is_set():
                    raise retries.interrupted()
                count = file.readinto(self._buffer[: self._seen.st_size - position])
                if not count:
                    return
                position += count
                yield self._buffer[:count]

    def _check(self, part: Part, found: dict[Algorithm, str]) -> None:
        """
        See that the copy is whole and right.

        Raises: ServerFault where the original changed meanwhile; DigestMismatch, and nothing is kept.
        """
        with _told(self._wanted, self._source):
            now = _regular(self._source)
        if (now.st_size, now.st_mtime_ns) != (self._seen.st_size, self._seen.st_mtime_ns):
            part.restart(part.generation)
            raise errors.ServerFault(
                f"{self._wanted.path}: {self._source} changes while it is copied",
                remedy="provision again when nobody writes to it",
            )
        if wrong := hashing.mismatch(self._wanted, found):
            part.restart(part.generation)
            got = found.get(wrong.algorithm, "")
            raise errors.DigestMismatch(
                f"{self._wanted.path}: {wrong.algorithm} of {self._source} is {got[:12]}…, "
                f"{wrong.told_by or 'the catalog'} says {wrong.hex[:12]}…",
                remedy="the copy was thrown away: carry the file here anew, or correct the catalog or lock",
            )


def place_of(url: str) -> Path:
    """Give the place that a ``file:`` URL names."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def _regular(place: Path) -> os.stat_result:
    seen = place.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise FileNotFoundError(2, "is no file", str(place))
    return seen


@contextmanager
def _told(wanted: Wanted, source: Path) -> Iterator[None]:
    """Turn what the system says of the original into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise errors.NotFound(
            f"{wanted.path}: {source} is not there", remedy="mount its medium again and provision; what arrived is kept"
        ) from error
    except OSError as error:
        raise errors.ServerFault(
            f"{wanted.path}: {source} cannot be read: {error.strerror or error}",
            remedy="look whether its medium is whole and mounted, and provision again; what arrived is kept",
        ) from error
