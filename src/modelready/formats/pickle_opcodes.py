"""
The opcodes of a pickle, read from a stream: what each carries, and never the payload of a long one.

The table is that of Python's pickletools, protocols 0 to 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats.byte_views import STEP

if TYPE_CHECKING:
    from modelready.formats.byte_views import Stream

#: Of longer lines the rest is passed over: they hold no name and no number of a weight file.
_LONGEST_LINE = 65_536
#: No module, class or storage has a longer name.
LONGEST_TEXT = 256


class BrokenPickle(ValueError):
    """The bytes are no pickle from here on; the message says why, in words."""


class Reader:
    """A stream, read byte by byte and line by line."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self._before = 0  # bytes of the stream that came before the buffer

    @property
    def position(self) -> int:
        """Give how many bytes were read or passed over."""
        return self._before + self._at

    def opcode(self) -> int:
        """
        Give the next byte.

        Raises: BrokenPickle, at the end.
        """
        if self._at >= len(self._buffer):
            self._fill(STEP)
            if not self._buffer:
                raise BrokenPickle("ends before its STOP")
        self._at += 1
        return self._buffer[self._at - 1]

    def peek(self, count: int) -> bytes:
        """Give up to *count* bytes that come next, and stay before them."""
        if len(self._buffer) - self._at < count:
            self._fill(max(count, STEP))
        return self._buffer[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """
        Give the next *count* bytes, which must be few.

        Raises: BrokenPickle, where they are not there.
        """
        end = self._at + count
        if end > len(self._buffer):
            self._fill(max(count, STEP))
            end = count
            if end > len(self._buffer):
                raise BrokenPickle("ends inside an opcode")
        found = self._buffer[self._at : end]
        self._at = end
        return found

    def number(self, count: int) -> int:
        """Give the next *count* bytes as a number without sign."""
        return int.from_bytes(self.take(count), "little")

    def skip(self, count: int) -> None:
        """
        Pass over *count* bytes, however many.

        Raises: BrokenPickle, where they are not there.
        """
        here = len(self._buffer) - self._at
        if count <= here:
            self._at += count
            return
        passed = self._stream.skip(count - here)
        self._before += len(self._buffer) + passed
        self._buffer, self._at = b"", 0
        if passed < count - here:
            raise BrokenPickle(f"is cut short: {count - here - passed:,} bytes of a text or of bytes in it are missing")

    def line(self) -> bytes:
        """
        Give what comes up to the end of the line, without it; of a long line, the beginning.

        Raises: BrokenPickle, where no line ends.
        """
        kept = b""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            kept = (kept + self._buffer[self._at :])[:_LONGEST_LINE]
            self._at = len(self._buffer)
            self._fill(STEP)
            if not self._buffer:
                raise BrokenPickle("ends inside a line")
        kept = (kept + self._buffer[self._at : end])[:_LONGEST_LINE]
        self._at = end + 1
        return kept

    def _fill(self, count: int) -> None:
        """Drop what was read, and see that *count* bytes lie ahead, as far as there are so many."""
        self._before += self._at
        self._buffer = self._buffer[self._at :]
        self._at = 0
        while len(self._buffer) < count and (found := self._stream.read(count - len(self._buffer))):
            self._buffer += found
