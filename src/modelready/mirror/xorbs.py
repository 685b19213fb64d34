"""Xet's view of a file: chunks packed into xorbs, under the hash that the Hub would give the file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from modelready.errors import RequestError
from modelready.mirror.answers import Given, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.mirror.answers import Pieces
    from modelready.mirror.repos import Commit, Repository, ServedFile, Shelf

CHUNK_BYTES = 96 << 10  # a chunk may have 128 KiB; not a power of two, so that no middle of a xorb is a header
_CHUNKS_PER_XORB = 511  # a xorb may have 64 MiB; odd for the same reason
_XORB_BYTES = CHUNK_BYTES * _CHUNKS_PER_XORB
_HEADER_BYTES = 8
_HASHER = (
    "import json, sys; from hf_xet import hash_files; "
    "json.dump([found.hash for found in hash_files(json.load(sys.stdin))], sys.stdout)"
)


@dataclass(frozen=True)
class Xorb:
    """The bytes of a file from *start* up to *stop* as a sequence of uncompressed chunks."""

    number: int
    start: int
    stop: int

    def pieces(self, file: ServedFile) -> Pieces:
        """Give the xorb as it is stored: of each chunk the header, then the bytes."""
        return tuple(self._pieces(file))

    def position(self, chunk: int) -> int:
        """Tell where a chunk begins in the xorb; the one after the last begins at its end."""
        return self.length(0, chunk) + chunk * _HEADER_BYTES

    def length(self, first: int, last: int) -> int:
        """Count the bytes of the file in the chunks from *first* up to *last*."""
        ends = [min(chunk * CHUNK_BYTES, self.stop - self.start) for chunk in (first, last)]
        return ends[1] - ends[0]

    def _pieces(self, file: ServedFile) -> Iterator[Given | Stored]:
        assert file.place is not None  # noqa: S101 - only what is on this machine has a hash
        for start in range(self.start, self.stop, CHUNK_BYTES):
            stop = min(start + CHUNK_BYTES, self.stop)
            yield Given(_header(stop - start))
            yield Stored(file.place, start, stop)


@dataclass(frozen=True)
class Term:
    """The chunks of a xorb from *first* up to *last*: one step in putting a file together."""

    xorb: Xorb
    first: int
    last: int


@dataclass(frozen=True)
class Known:
    """A file that Xet knows, and the repository it was found in."""

    repo: str
    file: ServedFile
    hash: str

    def name(self, xorb: Xorb) -> str:
        """Give the hash of one of the file's xorbs: not Xet's own, but no other xorb has it."""
        return hashlib.sha256(f"{self.hash} {xorb.number}".encode()).hexdigest()

    def terms(self, start: int, stop: int) -> list[Term]:
        """Give what makes up the file's bytes from *start* up to *stop*."""
        numbers = range(start // _XORB_BYTES, (stop - 1) // _XORB_BYTES + 1)
        return [_term(xorb_of(self.file.size, number), start, stop) for number in numbers]


class Hashes:
    """The Xet hashes of the large files on a shelf, each computed once, when first asked for."""

    def __init__(self, shelf: Shelf) -> None:
        if find_spec("hf_xet") is None:
            raise RequestError(
                "Xet cannot be served: hf_xet is not installed", remedy="install it, or serve without Xet"
            )
        self._shelf = shelf
        self._lock = threading.Lock()
        self._by_etag: dict[str, str] = {}
        self._known: dict[str, Known] = {}

    def of(self, repository: Repository, commit: Commit, file: ServedFile) -> str | None:
        """Give the hash of a file; None where Xet has nothing to do with it."""
        if not _is_meant(file):
            return None
        with self._lock:
            self._learn(repository, commit)
        return self._by_etag.get(file.etag)

    def find(self, xet_hash: str) -> Known | None:
        """Give the file with that hash."""
        if xet_hash not in self._known:
            with self._lock:
                for repository in self._shelf:
                    for commit in repository.commits.values():
                        self._learn(repository, commit)
        return self._known.get(xet_hash)

    def _learn(self, repository: Repository, commit: Commit) -> None:
        new = {file.etag: file for file in commit.files.values() if _is_meant(file) and file.etag not in self._by_etag}
        if not new:
            return
        for (etag, file), xet_hash in zip(
            new.items(), _hashes([str(file.place) for file in new.values()]), strict=True
        ):
            self._known[xet_hash] = Known(repository.name, file, xet_hash)
            self._by_etag[etag] = xet_hash


def xorb_of(size: int, number: int) -> Xorb:
    """Give one of the xorbs that a file of *size* bytes is packed into; beyond the last there are empty ones."""
    return Xorb(number, min(number * _XORB_BYTES, size), min((number + 1) * _XORB_BYTES, size))


def _is_meant(file: ServedFile) -> bool:
    return file.is_lfs and file.size > 0 and file.is_unchanged()


def _term(xorb: Xorb, start: int, stop: int) -> Term:
    first = _chunk_at(max(start - xorb.start, 0))
    last = _chunk_at(min(stop, xorb.stop) - xorb.start - 1) + 1
    return Term(xorb, first, last)


def _chunk_at(offset: int) -> int:
    return offset // CHUNK_BYTES


def _header(size: int) -> bytes:
    """Give a chunk's header: version 0, length, compression 0 (none), length again, three bytes each."""
    length = size.to_bytes(3, "little")
    return b"\0" + length + b"\0" + length


def _needed() -> dict[str, str]:
    """Give what a Python needs of the environment; asked by name, as other threads may change it meanwhile."""
    names = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR")
    return {name: value for name in names if (value := os.environ.get(name)) is not None}


def _hashes(places: list[str]) -> list[str]:
    """Let hf_xet compute the hashes, in a process of its own: it starts threads and writes logs where it is used."""
    with tempfile.TemporaryDirectory(prefix="modelready-xet-") as home:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-P", "-c", _HASHER],
            input=json.dumps(places),
            env={**_needed(), "HF_HOME": home, "HF_XET_CACHE": home, "HF_XET_TELEMETRY_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RequestError(
            f"hf_xet cannot hash what is served: {reason}", remedy="install hf_xet, or serve without Xet"
        )
    hashes: list[str] = json.loads(done.stdout)
    return hashes
