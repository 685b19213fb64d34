"""
The body of an answer as it arrives: each read waits for the socket once, so that whoever reads can tell time.

urllib3 reads a chunk, or as much as it was asked for, however slowly that trickles, and a line however long it gets.
"""

from __future__ import annotations

import http.client
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from modelready import errors
from modelready.network import headers, reasons
from modelready.network.faults import Passing

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

_CUT = "the body ended prematurely"
_MOST_OF_A_LINE = 4096
_MOST_TRAILERS = 100
_PACKED_READ = 64 * 1024
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Stream(Protocol):
    """What bodies are read through."""

    raw: Any

    def readinto1(self, view: memoryview) -> int:
        """Put what is there into *view*, waiting for the socket at most once; 0 is the end."""


def stream(response: Response, heard: Callable[[int], None]) -> Stream | None:
    """
    Give the stream of the body of *response*; None where it has no socket (in tests).

    ``heard`` is told of nothing but the time wherever bytes came that are none of the body.

    Raises: Passing, where the body is packed in a way that nobody asked for.
    """
    under: Any = getattr(response.raw, "_fp", None)
    if not isinstance(under, http.client.HTTPResponse) or under.fp is None:
        return None
    encoding = content_encoding(response)
    if encoding and encoding not in _PACKED:
        raise Passing(_packed(response, encoding), is_answer=True)
    if under.chunked:
        found: Stream = Chunked(under.fp, heard)
    else:
        length = headers.count(response.headers.get("Content-Length")) if encoding else None
        found = under.fp if length is None else Bounded(under.fp, length)
    return Unpacked(found, heard) if encoding else found


def content_encoding(response: Response) -> str:
    """Give how the body is packed; nothing where it is the file itself."""
    encoding = str(response.headers.get("Content-Encoding", "")).strip().lower()
    return "" if encoding == "identity" else encoding


def is_coded(response: Response) -> bool:
    """Tell whether Content-Length, if there is one, counts something else than the bytes of the file."""
    return bool(content_encoding(response)) or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


class Bounded:
    """The next ``length`` bytes of a stream; fewer are a fault."""

    def __init__(self, under: Stream, length: int) -> None:
        self.raw, self._under, self._left = under.raw, under, length

    def readinto1(self, view: memoryview) -> int:
        """Read as `Stream` says."""
        if not self._left:
            return 0
        count = self._under.readinto1(view[: self._left])
        if not count:
            raise http.client.HTTPException(_CUT)
        self._left -= count
        return count


class Chunked:
    """The bytes within the chunks of a stream."""

    def __init__(self, under: Any, heard: Callable[[int], None]) -> None:
        self.raw, self._under, self._heard = under.raw, under, heard
        self._chunk: Bounded | None = None
        self._is_over = False

    def readinto1(self, view: memoryview) -> int:
        """Read as `Stream` says."""
        while not self._is_over:
            if self._chunk is not None and (count := self._chunk.readinto1(view)):
                return count
            self._begin_next()
        return 0

    def _begin_next(self) -> None:
        if self._chunk is not None and self._line():
            raise http.client.HTTPException("a chunk is longer than it says")
        size = self._line().partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            length = -1
        if length < 0:
            raise http.client.HTTPException(f"a chunk begins with {size[:20]!r}")
        self._chunk = Bounded(self._under, length)
        if not length:
            self._read_trailers()

    def _read_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            if not self._line():
                self._is_over = True
                return
        raise http.client.HTTPException(f"more than {_MOST_TRAILERS} trailers")

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            came = self._under.peek(1)
            if not came:
                raise http.client.HTTPException(_CUT)
            line += self._under.read(came.find(b"\n") + 1 or len(came))
            if len(line) > _MOST_OF_A_LINE:
                raise http.client.HTTPException(f"got more than {_MOST_OF_A_LINE} bytes for the size of a chunk")
            self._heard(0)
        return line.rstrip(b"\r\n")


class Unpacked:
    """What a packed stream holds, never more of it at once than asked for."""

    def __init__(self, under: Stream, heard: Callable[[int], None]) -> None:
        self.raw, self._under, self._heard = under.raw, under, heard
        self._packed = memoryview(bytearray(_PACKED_READ))
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)

    def readinto1(self, view: memoryview) -> int:
        """Read as `Stream` says, but until something can be unpacked."""
        found = self._unpack(self._unpacker.unconsumed_tail, len(view))
        while not found:
            count = self._under.readinto1(self._packed)
            if not count:
                return self._end()
            self._heard(0)
            found = self._unpack(self._packed[:count], len(view))
        view[: len(found)] = found
        return len(found)

    def _unpack(self, packed: bytes | memoryview, most: int) -> bytes:
        try:
            return self._unpacker.decompress(packed, most)
        except zlib.error as error:
            raise http.client.HTTPException(f"it is not packed as it says: {error}") from error

    def _end(self) -> int:
        if not self._unpacker.eof:
            raise http.client.HTTPException(_CUT)
        return 0


def _packed(response: Response, encoding: str) -> errors.ServerFault:
    return errors.ServerFault(
        f"{reasons.host(response.url)} packs its answer as {encoding[:40]!r}, although nothing packed was asked for",
        remedy="look for a proxy on the way, or use another endpoint or mirror",
    )
