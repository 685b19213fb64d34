"""
Where tensors lie in a file, and whether a run of zeros in it is a tear: bytes that never arrived.

Zeros are no fault by themselves: whole matrices start at zero, rows of an embedding are padding, columns are padded,
masks are triangles, blocks are pruned away. All these begin and end where a row does, or repeat from row to row. What
is torn out of a file knows nothing of rows: it begins or ends deep inside one, between numbers, where the row beside
has numbers too; and mostly at a multiple of the page that downloads are written in.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelready.formats import elements, zeros
from modelready.formats.safetensors_header import BITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import FileIO

    from modelready.formats.zeros import Run

#: Nothing shorter is called a tear; one row or channel must lie in it as well.
_SHORTEST = 16 * 1024
_LONGEST_ROW = 2**20
#: How deep inside a row a cut must lie: not so many numbers of a dense matrix are zero by chance.
_DEEP = 64
#: How many bytes beside a cut, and in the row beside, must be numbers. A row has at least two of these.
_BESIDE = 256
#: The first or last bytes beside a hole may happen to be zero as well.
_CHANCE = 16
#: More zeros than this beside a run, and its ends say nothing: such weights are sparse.
_SPARSE = 0.25
_MASKS = frozenset({"BOOL", "I16", "U16", "I64", "U64"})


@dataclass(frozen=True, slots=True)
class Span:
    """A tensor and where it lies: ``begin`` and ``end`` count from the beginning of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Give its bytes."""
        return self.end - self.begin

    @property
    def part(self) -> tuple[Span, int, int]:
        """Give it as the part of itself that is all of it."""
        return self, self.begin, self.end

    @property
    def row(self) -> int:
        """Give the bytes of what is pruned or padded as one: a row, a channel; 0 where nothing such is long enough."""
        bits = BITS[self.dtype]
        for length in reversed(self.shape[1:]):
            bits *= length
            if bits >= 2 * _BESIDE * 8:
                return bits // 8 if bits // 8 < self.size else 0
        return 0


def is_torn(run: Run, spans: Sequence[Span], file: FileIO) -> bool:
    """
    Tell whether *run*, with all zeros around it, was torn out of the file; *spans* are in the order of the file.

    One end suffices if it lies at a page, or if the run goes on to the end of the file; otherwise both must be cuts.
    """
    begins, ends = _is_cut_before(run, spans, file), _is_cut_after(run, spans, file)
    if begins and (ends or run.end == spans[-1].end):
        return True
    at_page = -run.begin % zeros.PAGE <= _CHANCE, run.end % zeros.PAGE <= _CHANCE
    return (begins and at_page[0]) or (ends and at_page[1])


def shortest_tear(span: Span) -> int:
    """Give how long a run of zeros in *span* must be to be worth a look."""
    return max(_SHORTEST, 2 * min(span.row, _LONGEST_ROW))


def touched(run: Run, spans: Sequence[Span]) -> Sequence[Span]:
    """Give those of *spans* in which *run* lies."""
    first = bisect_right(spans, run.begin, key=lambda one: one.end)
    last = bisect_right(spans, run.end - 1, key=lambda one: one.begin)
    return spans[first:last]


def _is_cut_before(run: Run, spans: Sequence[Span], file: FileIO) -> bool:
    """Tell whether *run* begins inside a row of numbers, below a row that has numbers where this one has none."""
    span = _around(run.begin, run, spans)
    if span is None:
        return False
    beside = max(run.begin - _BESIDE, span.begin), run.begin
    above = run.begin - span.row, run.begin - span.row + _BESIDE
    return above[0] >= span.begin and _are_numbers(file, span, *beside) and _are_numbers(file, span, *above)


def _is_cut_after(run: Run, spans: Sequence[Span], file: FileIO) -> bool:
    span = _around(run.end, run, spans)
    if span is None:
        return False
    beside = run.end, min(run.end + _BESIDE, span.end)
    below = run.end + span.row - _BESIDE, run.end + span.row
    return below[1] <= span.end and _are_numbers(file, span, *beside) and _are_numbers(file, span, *below)


def _around(edge: int, run: Run, spans: Sequence[Span]) -> Span | None:
    """Give the tensor that *edge* cuts, if it cuts one deep inside a row."""
    inside = [one for one in touched(run, spans) if one.begin < edge < one.end]
    if not inside or inside[0].dtype in _MASKS or not (row := inside[0].row):
        return None
    span = inside[0]
    depth = (edge - span.begin) % row
    is_deep = _DEEP <= depth <= row - _DEEP
    return span if is_deep and run.end - run.begin >= shortest_tear(span) else None


def _are_numbers(file: FileIO, span: Span, begin: int, end: int) -> bool:
    size = elements.size_of(span.dtype)
    first = begin + (span.begin - begin) % size
    read = np.frombuffer(zeros.read_at(file, first, end), np.uint8)
    whole = read[: len(read) // size * size]
    return elements.share_of_zeros(whole, span.dtype) <= _SPARSE
