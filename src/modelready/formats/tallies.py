"""What was counted in the bytes of one tensor, block by block."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modelready.formats import elements
from modelready.formats.zeros import PAGE, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from modelready.formats.elements import Bytes, Values
    from modelready.formats.spans import Span

#: Fits into the cache of a core, so that looking at it twice costs little; and few enough that Python costs little.
_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to stop: a moment of the monotonic clock, or never."""

    at: float | None = None

    @classmethod
    def within(cls, seconds: float | None) -> Deadline:
        """Give the moment that is *seconds* away; None is never."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Tell whether no time is left."""
        return self.at is not None and time.monotonic() >= self.at

    def share(self, parts: int) -> Deadline:
        """Give the first of *parts* equal shares of the time that is left."""
        if self.at is None:
            return self
        now = time.monotonic()
        return Deadline(now + max(self.at - now, 0.0) / parts)


@dataclass
class Tally:
    """What the bytes looked at so far hold; ``first`` are the bits of the first element."""

    looked: int = 0
    nan: int = 0
    plus: int = 0
    minus: int = 0
    is_zero: bool = True
    is_constant: bool = True
    first: int | None = None

    @property
    def is_flat(self) -> bool:
        """Tell whether there was nothing but zeros, or but one value."""
        return self.is_zero or self.is_constant

    @property
    def is_finite(self) -> bool:
        """Tell whether all were numbers."""
        return not (self.nan or self.plus or self.minus)

    def take(self, found: Values, size: int) -> None:
        """Count *found*, which was seen in *size* bytes."""
        self.add(Tally(size, found.nan, found.plus, found.minus, found.is_zero, found.is_constant, found.first))

    def add(self, other: Tally) -> None:
        """Count what *other* counted elsewhere in the tensor."""
        if other.first is None:
            return
        self.is_constant = self.is_constant and other.is_constant and self.first in {None, other.first}
        self.first = other.first if self.first is None else self.first
        self.is_zero = self.is_zero and other.is_zero
        self.looked += other.looked
        self.nan += other.nan
        self.plus += other.plus
        self.minus += other.minus


@dataclass
class Counter:
    """Reads parts of a file into memory of its own, and counts what they hold."""

    file: FileIO
    deadline: Deadline
    buffer: Bytes = field(default_factory=lambda: np.empty(_BLOCK, np.uint8))

    def count(self, span: Span, begin: int, end: int, zero: list[Run] | None = None) -> Tally:
        """Count what lies between *begin* and *end* in *span*; the pages of zeros are noted in *zero*."""
        tally = Tally()
        for place, block in self._blocks(begin, end):
            tally.take(elements.values(block, span.dtype), len(block))
            if zero is not None:
                _note_zeros(block, place, zero)
        return tally

    def flat(self, span: Span) -> Tally:
        """Count what lies in *span* until it is seen to be neither zero nor constant."""
        tally = Tally()
        for _, block in self._blocks(span.begin, span.end):
            tally.take(elements.values(block, span.dtype), len(block))
            if not tally.is_flat:
                break
        return tally

    def finite_patterns(self, span: Span) -> set[int]:
        """Give the lowest and the highest bits of the finite elements of *span*: one, if all are the same."""
        found: set[int] = set()
        for _, block in self._blocks(span.begin, span.end):
            found.update(elements.finite_patterns(block, span.dtype) or ())
            if len(found) > 1:
                break
        return found

    def _blocks(self, begin: int, end: int) -> Iterator[tuple[int, Bytes]]:
        self.file.seek(begin)
        place, view = begin, self.buffer.data
        while place < end and not self.deadline.is_over:
            wanted = min(end - place, len(self.buffer))
            got = self.file.readinto(view[:wanted])
            if got != wanted:  # it became shorter: the files' own checks tell it
                return
            yield place, self.buffer[:got]
            place += got


def _note_zeros(block: Bytes, place: int, zero: list[Run]) -> None:
    """Note the pages of *block*, counted from its beginning, that are zero; neighbours become one run."""
    count = len(block) // PAGE
    pages = block[: count * PAGE].reshape(count, PAGE)
    # Three bytes of a page tell most of them apart from zeros.
    likely = np.flatnonzero((pages[:, 0] | pages[:, PAGE // 3] | pages[:, PAGE - 1]) == 0)
    for page in likely.tolist():
        if not pages[page].any():
            begin = place + page * PAGE
            if zero and zero[-1].end == begin:
                zero[-1] = Run(zero[-1].begin, begin + PAGE)
            else:
                zero.append(Run(begin, begin + PAGE))
