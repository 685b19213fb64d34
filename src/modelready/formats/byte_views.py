"""Parts of a file, and what unpacks from them, read in small steps: nothing here holds a file whole."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What is asked of a file at once.
STEP = 65_536
#: More than this comes out of no file that is looked into; what goes on is refused, not followed.
MOST_UNPACKED = 4 * 2**30
#: An archive that lies compressed in another one is unpacked into memory, up to this.
MOST_HELD = 64 * 2**20
_LZMA_MEMORY = 128 * 2**20


class Unreadable(ValueError):
    """Nothing here can look into it; the message says why, in words."""


class Stream(Protocol):
    """Bytes in order."""

    def read(self, count: int) -> bytes:
        """Give up to *count* bytes, fewer only at the end."""

    def skip(self, count: int) -> int:
        """Pass over up to *count* bytes; tell how many there were."""


@dataclass(frozen=True, slots=True)
class View:
    """``size`` bytes of ``file`` from ``start`` on."""

    file: BinaryIO
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Give the *count* bytes at *offset*, fewer only at the end."""
        self.file.seek(self.start + offset)
        return self.file.read(max(0, min(count, self.size - offset)))

    def part(self, offset: int, size: int | None = None) -> View:
        """Give what lies at *offset*, as far as it lies inside."""
        offset = min(max(offset, 0), self.size)
        left = self.size - offset
        return View(self.file, self.start + offset, left if size is None else max(0, min(size, left)))

    def find(self, what: bytes, offset: int = 0) -> int:
        """Give where *what* lies at or after *offset*; -1 where it does not."""
        while chunk := self.read(offset, STEP + len(what) - 1):
            if (at := chunk.find(what)) >= 0:
                return offset + at
            offset += STEP
        return -1


@dataclass
class Cursor:
    """A view as a stream."""

    view: View
    position: int = 0

    def read(self, count: int) -> bytes:
        """Give up to *count* bytes."""
        found = self.view.read(self.position, count)
        self.position += len(found)
        return found

    def skip(self, count: int) -> int:
        """Pass over up to *count* bytes without reading them."""
        passed = max(0, min(count, self.view.size - self.position))
        self.position += passed
        return passed


@dataclass
class Budget:
    """How many bytes may still be unpacked, of all that lies in one file."""

    left: int = field(default_factory=lambda: MOST_UNPACKED)


@dataclass
class Unpacked:
    """What unpacks from a view, as a stream; broken data end it, as they end whoever unpacks it."""

    make: Callable[[], Iterator[bytes]]
    budget: Budget
    rest: bytes = b""
    chunks: Iterator[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.chunks = self.make()

    def again(self) -> Unpacked:
        """Give the same from its beginning."""
        return Unpacked(self.make, self.budget)

    def peek(self, count: int) -> bytes:
        """Give up to *count* bytes that come next, and stay before them."""
        found = self.read(count)
        self.rest = found + self.rest
        return found

    def read(self, count: int) -> bytes:
        """
        Give up to *count* bytes.

        Raises: Unreadable, where more came out than is followed.
        """
        parts = [self.rest[:count]]
        self.rest = self.rest[count:]
        missing = count - len(parts[0])
        while missing and (chunk := self._next()):
            parts.append(chunk[:missing])
            self.rest = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """Pass over up to *count* bytes."""
        passed = 0
        while passed < count and (found := self.read(min(count - passed, STEP))):
            passed += len(found)
        return passed

    def _next(self) -> bytes:
        try:
            chunk = next(self.chunks, b"")
        except (zlib.error, lzma.LZMAError, OSError, EOFError):
            self.chunks = iter(())
            return b""
        self.budget.left -= len(chunk)
        if self.budget.left < 0:
            raise Unreadable(f"unpacks to more than {MOST_UNPACKED:,} bytes, too many to be looked into")
        return chunk


def held(stream: Stream) -> View:
    """
    Give what *stream* holds as a view.

    Raises: Unreadable, for what is too large.
    """
    content = stream.read(MOST_HELD + 1)
    if len(content) > MOST_HELD:
        raise Unreadable(f"lies compressed, and unpacks to more than {MOST_HELD:,} bytes: too many to be looked into")
    return View(io.BytesIO(content), 0, len(content))


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    """The decompressor of zlib, spoken to as those of bz2 and lzma."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)

    eof = property(lambda self: self._zlib.eof)
    unused_data = property(lambda self: self._zlib.unused_data)
    needs_input = property(lambda self: not self._zlib.unconsumed_tail)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


_KINDS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": lambda: _Zlib(47),  # gzip or zlib, as its own header says
    "deflate": lambda: _Zlib(-15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_LZMA_MEMORY),
}


def unpacked(view: View, kind: str, budget: Budget) -> Unpacked:
    """Give what *view* unpacks to: "gzip" (zlib as well), "deflate", "bzip2", or "xz" (LZMA as well)."""
    return Unpacked(lambda: _chunks(Cursor(view), _KINDS[kind]), budget)


def _chunks(packed: Cursor, make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Unpack one member after the other, as gzip, bz2 and lzma do."""
    waiting = packed.read(STEP)
    while waiting:
        unpacker = make()
        while not unpacker.eof:
            waiting = waiting or (packed.read(STEP) if unpacker.needs_input else b"")
            is_at_end = unpacker.needs_input and not waiting
            found = unpacker.decompress(waiting, STEP)
            waiting = b""
            if found:
                yield found
            elif is_at_end:
                return
        waiting = unpacker.unused_data or packed.read(STEP)
