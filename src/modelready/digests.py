"""What the bytes of files hash to: one read for all algorithms, flat memory, all cores."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from modelready.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelready.model import Algorithm

    _Item = tuple[Path, tuple[Algorithm, ...], int]

# What one thread is given at a time, and what opening a file costs, told as bytes.
_BATCH_BYTES = 4_000_000
_FILE_BYTES = 40_000

# Fits into a core's own cache: reading and hashing then work on warm memory.
_BUFFER_BYTES = 512 * 1024


class Stop(Protocol):
    """A `threading.Event`, or whatever else can say that the work is to end."""

    def is_set(self) -> bool:
        """Tell whether to end."""


class Hash(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add *data*."""

    def hexdigest(self) -> str:
        """Give the digest of all that was added."""


@dataclass(frozen=True)
class Computed:
    """The digests of a file, or why it could not be read."""

    path: Path
    digests: dict[Algorithm, str] = field(default_factory=dict)
    error: OSError | None = None


def start(algorithm: Algorithm, size_bytes: int) -> Hash:
    """Begin a digest over *size_bytes* bytes; git puts that number before them."""
    if algorithm != "git_sha1":
        return hashlib.new(algorithm, usedforsecurity=False)
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


def compute(path: Path, algorithms: Iterable[Algorithm], *, stop: Stop | None = None) -> dict[Algorithm, str]:
    """
    Give the digests of the file at *path*, reading it once.

    Raises: OSError, for a file that cannot be read; Interrupted, when *stop* is set.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        hashes = {algorithm: start(algorithm, size) for algorithm in algorithms}
        buffer = bytearray(min(size, _BUFFER_BYTES) or 1)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            if stop is not None and stop.is_set():
                raise Interrupted(f"{path}: stopped while it was read", remedy="run the same command again")
            for hasher in hashes.values():
                hasher.update(view[:count])
    return {algorithm: hasher.hexdigest() for algorithm, hasher in hashes.items()}


def compute_many(
    items: Iterable[tuple[Path, Iterable[Algorithm]]], *, workers: int | None = None, stop: Stop | None = None
) -> Iterator[Computed]:
    """
    Give the digests of many files as they are done, the largest begun first; hashlib lets all cores work at once.

    Whoever stops listening stops the work.

    Raises: Interrupted, when *stop* is set.
    """
    wanted = sorted(((path, tuple(algorithms), _size(path)) for path, algorithms in items), key=lambda item: -item[2])
    halt = _Halt(stop)
    with ThreadPoolExecutor(workers or cores(), "digests") as pool:
        try:
            for done in as_completed([pool.submit(_compute_batch, batch, halt) for batch in _batches(wanted)]):
                yield from done.result()
        finally:
            halt.set()
            pool.shutdown(cancel_futures=True)


class _Halt(threading.Event):
    """Set by whoever stops listening, or together with the caller's own event."""

    def __init__(self, stop: Stop | None) -> None:
        super().__init__()
        self._stop = stop

    def is_set(self) -> bool:
        return super().is_set() or (self._stop is not None and self._stop.is_set())


def _batches(wanted: list[_Item]) -> Iterator[list[_Item]]:
    """Put small files together: handing a thread its work costs more than reading one."""
    batch: list[_Item] = []
    room = _BATCH_BYTES
    for item in wanted:
        batch.append(item)
        room -= item[2] + _FILE_BYTES
        if room <= 0:
            yield batch
            batch, room = [], _BATCH_BYTES
    if batch:
        yield batch


def _compute_batch(batch: list[_Item], halt: _Halt) -> list[Computed]:
    return [_computed(path, algorithms, halt) for path, algorithms, _ in batch]


def _computed(path: Path, algorithms: tuple[Algorithm, ...], halt: _Halt) -> Computed:
    try:
        return Computed(path, compute(path, algorithms, stop=halt))
    except OSError as error:
        return Computed(path, error=error)


def _size(path: Path) -> int:
    """Give the size of a file to sort by; why it cannot be had is told when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def cores() -> int:
    """Give how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
