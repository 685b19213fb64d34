"""The stack that a pickle is followed on: bounded, whatever is pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats.pickle_opcodes import BrokenPickle

if TYPE_CHECKING:
    from modelready.formats.pickle_values import Value

_MOST_MARKS = 100_000
_DEEPEST = 65_536


class Stack:
    """Values above marks; those that sank far below others are opaque from then on."""

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._sunk = 0
        self._below: list[tuple[list[Value], int]] = []  # what lies under each mark

    def push(self, value: Value) -> None:
        """Put *value* on top."""
        if len(self._values) >= _DEEPEST:
            self._sunk += _DEEPEST // 2
            del self._values[: _DEEPEST // 2]
        self._values.append(value)

    def pop(self) -> Value:
        """
        Take the value on top.

        Raises: BrokenPickle, where there is none above the last mark.
        """
        if self._values:
            return self._values.pop()
        if not self._sunk:
            raise BrokenPickle("takes more from its stack than lies there")
        self._sunk -= 1
        return None

    def top(self) -> Value:
        """Look at the value on top."""
        if self._values:
            return self._values[-1]
        value = self.pop()
        self._values.append(value)
        return value

    def mark(self) -> None:
        """Set a mark."""
        if len(self._below) >= _MOST_MARKS:
            raise BrokenPickle(f"nests more than {_MOST_MARKS:,} times")
        self._below.append((self._values, self._sunk))
        self._values, self._sunk = [], 0

    def pop_mark(self) -> tuple[list[Value], bool]:
        """Take the last mark and what lies above it; tell whether that is all of it."""
        if not self._below:
            raise BrokenPickle("goes back to a mark that was never set")
        values, sunk = self._values, self._sunk
        self._values, self._sunk = self._below.pop()
        return values, not sunk

    def drop(self) -> None:
        """Take away what is on top, be it a value or a mark."""
        if self._values or self._sunk:
            self.pop()
        else:
            self.pop_mark()
