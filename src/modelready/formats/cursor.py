"""A place in a file that moves forward: headers are walked in little memory, and never past the end of the file."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

#: So much is read at once.
WINDOW_BYTES = 2**20


class CutShort(Exception):
    """The file ends before what it announces; ``missing`` bytes at least are not there."""

    def __init__(self, missing: int) -> None:
        self.missing = missing
        super().__init__(f"it lacks at least {counted(missing)}")


class Cursor:
    """Reads *file* from its beginning; ``size`` is that of the file when it was opened."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.order = "<"
        self._window, self._start, self._next = b"", 0, 0
        self._codes: dict[str, struct.Struct] = {}

    @property
    def position(self) -> int:
        """Give where the next byte lies in the file."""
        return self._start + self._next

    @property
    def remaining(self) -> int:
        """Give how many bytes follow."""
        return self.size - self.position

    def take(self, count: int) -> bytes:
        """
        Give the next *count* bytes, which the caller holds to be few.

        Raises: CutShort.
        """
        self._need(count)
        found = self._window[self._next : self._next + count]
        self._next += count
        return found

    def numbers(self, code: str) -> tuple[int, ...]:
        """Give the next numbers, by the letters of ``struct``, in the file's byte order."""
        known = self._codes.get(self.order + code) or self._codes.setdefault(
            self.order + code, struct.Struct(self.order + code)
        )
        self._need(known.size)
        found = known.unpack_from(self._window, self._next)
        self._next += known.size
        return found

    def number(self, code: str) -> int:
        """Give the next number."""
        return self.numbers(code)[0]

    def skip(self, count: int) -> None:
        """
        Move on by *count* bytes without reading them.

        Raises: CutShort.
        """
        if count > self.remaining:
            raise CutShort(count - self.remaining)
        self._next += count

    def skip_texts(self, count: int, code: str) -> None:
        """
        Move on behind *count* texts, each after its length; vocabularies have hundreds of thousands.

        Raises: CutShort.
        """
        length = struct.Struct(self.order + code)
        unpack, size = length.unpack_from, length.size
        while count:
            if size * count > self.remaining:
                raise CutShort(size * count - self.remaining)
            self._need(size)
            window, place, last = self._window, self._next, len(self._window) - size
            for _ in range(count):
                if place > last:
                    break
                place += size + unpack(window, place)[0]
                count -= 1
            self._next = place
            if self.remaining < 0:
                raise CutShort(-self.remaining)

    def _need(self, count: int) -> None:
        """Have the next *count* bytes in the window."""
        if self._next + count <= len(self._window):
            return
        if count > self.remaining:
            raise CutShort(count - self.remaining)
        self._start, self._next = self.position, 0
        self._file.seek(self._start)
        self._window = self._file.read(max(count, WINDOW_BYTES))
        if len(self._window) < count:  # it became shorter while it was read
            raise CutShort(count - len(self._window))


def counted(count: int) -> str:
    """Give *count* bytes in words."""
    return "1 byte" if count == 1 else f"{count:,} bytes"
