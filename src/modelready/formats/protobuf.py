"""Protobuf messages walked field by field, from the file, in little memory; what a field means others know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelready.formats.cursor import Cursor, CutShort, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
#: What protobuf itself reads: messages within messages, and bytes of a file.
DEEPEST, LONGEST = 100, 2**31 - 1
#: Further than that nobody looks; a graph of 100,000 nodes has a tenth of it.
MOST_FIELDS = 10_000_000
_WIDTHS = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10
_U64 = 2**64
#: The bytes that do not end a varint.
_GOING_ON = bytes(range(128, 256))
_ENDLESS = re.compile(rb"[\x80-\xff]{10}")


class BrokenMessage(ValueError):
    """The bytes are no message; the message says why, in words."""


class EndlessMessage(Exception):
    """The message has more fields than anybody looks at."""


class Wire(Cursor):
    """A cursor that knows the wire format."""

    fields_seen = 0

    def fields(self, end: int, depth: int = 0) -> Iterator[tuple[int, int, int]]:
        """
        Give the fields of the message that ends at *end*: number, kind, and value of a varint or length of bytes.

        Of bytes the caller reads as much as it likes before it asks for the next field.

        Raises: BrokenMessage, EndlessMessage; CutShort, where the file ends within a field.
        """
        if depth > DEEPEST:
            raise BrokenMessage(f"messages lie in messages more than {DEEPEST} deep")
        while self.position < end:
            key = self.varint()
            number, kind = key >> 3, key & 7
            self._count(number)
            if kind == VARINT:
                yield number, kind, self.varint()
            elif kind == BYTES:
                length = self.varint()
                after = self.position + length
                self._check(after, end, depth)
                yield number, kind, length
                if self.position > after:
                    raise BrokenMessage("a number goes on after the end of its field")
                self.skip(after - self.position)
            elif kind in _WIDTHS:
                self.skip(_WIDTHS[kind])
                yield number, kind, _WIDTHS[kind]
            elif kind == GROUP:
                self._skip_group(number, end, depth + 1)
            else:
                raise BrokenMessage(f"field {number} is of no known kind ({kind})")
        if self.position > end:
            raise BrokenMessage("a field goes on after the end of its message")

    def varint(self) -> int:
        """Give the next number of varying length."""
        self._need(min(_LONGEST_VARINT, self.remaining) or 1)
        window, place = self._window, self._next
        found = shift = 0
        for byte in window[place : place + _LONGEST_VARINT]:
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004 - the highest bit says that more follows
                self._next += shift // 7
                return found % _U64
        if self.remaining < _LONGEST_VARINT:
            raise CutShort(1)
        raise BrokenMessage("a number is longer than any")

    def count_varints(self, length: int) -> int:
        """Count the numbers packed into the next *length* bytes, and move on behind them."""
        count, chunk = 0, b""
        while length:
            chunk = self.take(min(length, 2**16))
            count += len(chunk.translate(None, _GOING_ON))
            length -= len(chunk)
            if _ENDLESS.search(chunk):
                raise BrokenMessage("a number is longer than any")
        if chunk[-1:] > b"\x7f":
            raise BrokenMessage("a number goes on after the end of its field")
        return count

    def check_width(self, length: int, width: int) -> int:
        """Give how many numbers of *width* bytes are packed into a field of *length* bytes."""
        if length % width:
            raise BrokenMessage("the numbers of a field end in the middle of one")
        return length // width

    def text(self, length: int, most: int = 1024) -> str:
        """Give the next *length* bytes as text, the first *most* of them."""
        return self.take(min(length, most)).decode("utf-8", "replace")

    def _count(self, number: int) -> None:
        if number == 0:
            raise BrokenMessage("a field has the number 0")
        self.fields_seen += 1
        if self.fields_seen > MOST_FIELDS:
            raise EndlessMessage(f"it has more than {MOST_FIELDS:,} fields")

    def _check(self, after: int, end: int, depth: int) -> None:
        if after > end and depth == 0:
            raise CutShort(after - end)
        if after > end:
            raise BrokenMessage(f"a field goes on {counted(after - end)} after the end of its message")

    def _skip_group(self, number: int, end: int, depth: int) -> None:
        """Move on behind a group: nobody writes them any more, and every reader passes over them."""
        if depth > DEEPEST:
            raise BrokenMessage(f"messages lie in messages more than {DEEPEST} deep")
        while self.position < end:
            key = self.varint()
            self._count(key >> 3)
            kind = key & 7
            if kind == END_GROUP and key >> 3 == number:
                return
            if kind == VARINT:
                self.varint()
            elif kind == GROUP:
                self._skip_group(key >> 3, end, depth + 1)
            elif kind == BYTES or kind in _WIDTHS:
                length = _WIDTHS.get(kind) or self.varint()
                self._check(self.position + length, end, depth)
                self.skip(length)
            else:
                break
        raise BrokenMessage("a group of fields has no end")
