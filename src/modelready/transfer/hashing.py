"""Digests that follow the bytes: each byte is hashed once, while later ones still travel."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any, get_args

from modelready.model import Algorithm, Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.transfer.wanted import Wanted

BUFFER = 1 << 20


class Digester:
    """
    The running digests of one attempt (``generation``) to gather a file, sha256 always among them.

    Several threads may offer it bytes; it takes those that come next, from one at a time.
    """

    def __init__(self, algorithms: Iterable[Algorithm], size: int, generation: int = 0) -> None:
        self.position = 0
        self.generation = generation
        self._running = {name: _start(name, size) for name in {"sha256", *algorithms}}
        self._turn = threading.Lock()

    def offer(self, position: int, view: memoryview) -> None:
        """Take in *view*, which lies at *position*, if it comes next and nobody is at it; else it is read later."""
        if self.position == position and self._turn.acquire(blocking=False):
            try:
                if self.position == position:
                    self.update(view)
            finally:
                self._turn.release()

    def update(self, view: memoryview) -> None:
        """Take in the bytes that follow those known so far."""
        for running in self._running.values():
            running.update(view)
        self.position += len(view)

    def read(self, path: Path, end: int, buffer: memoryview) -> None:
        """Take in what *path* holds up to *end*; stops early where the file does."""
        with self._turn, path.open("rb", buffering=0) as file:
            file.seek(self.position)
            while self.position < end:
                count = file.readinto(buffer[: end - self.position])
                if not count:
                    return
                self.update(buffer[:count])

    def found(self) -> dict[Algorithm, str]:
        """Give the digests of the bytes taken in."""
        return {name: running.hexdigest() for name, running in self._running.items()}


def expected(wanted: Wanted) -> dict[str, str]:
    """Give what the bytes of *wanted* must hash to, by algorithm."""
    return {digest.algorithm: digest.hex.lower() for digest in wanted.digests}


def algorithms(wanted: Wanted) -> tuple[Algorithm, ...]:
    """Name the algorithms by which *wanted* is known."""
    known = get_args(Algorithm)
    return tuple(digest.algorithm for digest in wanted.digests if digest.algorithm in known)


def mismatch(wanted: Wanted, found: Mapping[Algorithm, str]) -> Digest | None:
    """Give the first digest of *wanted* that the bytes do not have."""
    return next((digest for digest in wanted.digests if found.get(digest.algorithm) != digest.hex.lower()), None)


def _start(algorithm: Algorithm, size: int) -> Any:
    if algorithm == "git_sha1":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return getattr(hashlib, algorithm)(usedforsecurity=False)  # its own name: `new` looks it up for every file
