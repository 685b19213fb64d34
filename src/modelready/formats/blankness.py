"""
What lies in the tensors of a safetensors file, found by reading: samples of each, or all of it.

Samples are a suspicion only: a tensor that looks blank, or holds what is no number, is then read from its first byte to
its last, while there is time. Each is sampled at its beginning, at its end and in between, at least once in four MiB,
so a hole of eight MiB is always met; and one that the file system knows of is met without reading.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from modelready import sizes
from modelready.formats import elements, safetensors, spans, zeros
from modelready.formats.spans import Span
from modelready.formats.tallies import Counter, Deadline, Tally
from modelready.formats.zeros import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

__all__ = ["Deadline", "HeaderTooLong", "Looked", "Run", "Seen", "Span", "Tally", "sample", "search"]

_SAMPLE = 4096
_SMALL = 32 * 1024
_FEWEST = 6
_STRATUM = 4 * 2**20
_PIECE = 32 * 2**20
_THREADS = min(os.cpu_count() or 1, 8)

#: A part of a tensor that is read in one go.
_Part = tuple[Span, int, int]
_Counted = tuple[_Part, Tally, list[Run]]


class HeaderTooLong(ValueError):
    """The file has so many tensors that their names alone would fill the memory; the message says it in words."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A tensor and what was seen in it; ``is_mask``: its finite elements are all the same, beside infinities."""

    span: Span
    tally: Tally
    is_mask: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether every byte was looked at."""
        return self.tally.looked >= self.span.size


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in a file; ``unfinished`` says how far one came, where time ran out."""

    seen: tuple[Seen, ...] = ()
    tears: tuple[Run, ...] = ()
    unfinished: str = ""


def sample(path: Path, deadline: Deadline) -> Looked:
    """
    Look into samples of every tensor, and on where something looks wrong.

    Raises: BrokenHeader, HeaderTooLong, OSError.
    """
    with _opened(path, deadline) as reading:
        plan = sorted(_samples(reading.spans), key=lambda one: (one[0], one[2]))
        done = 0
        for _, span, begin, end in plan:
            if deadline.is_over:
                break
            reading.take((span, begin, end), reading.counter.count(span, begin, end, reading.zero))
            done += 1
        reading.confirm()
        looked, tensors = len(reading.tallies), len(reading.spans)
        missed = f"{looked:,} of {tensors:,} tensors were looked into"
        missed = missed if looked < tensors else f"{done:,} of {len(plan):,} samples were read"
        return reading.told("" if done == len(plan) and not reading.is_in_doubt else missed)


def search(path: Path, deadline: Deadline) -> Looked:
    """
    Look at every byte of every tensor, with as many threads as there are cores.

    Raises: BrokenHeader, HeaderTooLong, OSError.
    """
    with _opened(path, deadline) as reading:
        for part, tally, zero in _counted_by_all(path, list(_batches(reading.spans)), deadline):
            reading.take(part, tally)
            reading.zero += zero
        reading.confirm()
        looked = sum(one.looked for one in reading.tallies.values())
        wanted = sum(one.size for one in reading.spans)
        missed = f"{sizes.told(looked)} of {sizes.told(wanted)} were read"
        return reading.told("" if looked == wanted and not reading.is_in_doubt else missed)


@dataclass
class _Reading:
    """One file being read: what was counted of its tensors, and where zeros were met."""

    file: FileIO
    counter: Counter
    spans: Sequence[Span]
    tallies: dict[str, Tally] = field(default_factory=dict)
    zero: list[Run] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    masks: set[str] = field(default_factory=set)
    is_in_doubt: bool = False

    def take(self, part: _Part, tally: Tally) -> None:
        """Take in what was counted in a part of a tensor."""
        if tally.looked:
            self.tallies.setdefault(part[0].name, Tally()).add(tally)

    def confirm(self) -> None:
        """Look on where there are zeros, and read those tensors whole that look blank or hold what is no number."""
        first, end = (self.spans[0].begin, self.spans[-1].end) if self.spans else (0, 0)
        for run in sorted(self.zero, key=lambda one: one.begin):
            if not any(one.begin <= run.begin and run.end <= one.end for one in self.runs[-1:]):
                whole = zeros.widened(self.file, run, first, end, lambda: self.counter.deadline.is_over)
                self.is_in_doubt |= whole is None
                self.runs += [whole] if whole else []
        for span in self.spans:
            if tally := self.tallies.get(span.name):
                self._confirm(span, tally)

    def _confirm(self, span: Span, tally: Tally) -> None:
        if tally.is_finite and not (tally.is_flat and tally.looked < span.size):
            return
        if tally.is_finite:
            self.tallies[span.name] = self._confirmed_flat(span) or tally
        elif tally.looked < span.size and (found := self.counter.count(*span.part)).looked == span.size:
            self.tallies[span.name] = found
        if (tally.plus or tally.minus) and len(self.counter.finite_patterns(span)) <= 1:
            self.masks.add(span.name)
        self.is_in_doubt |= self.counter.deadline.is_over

    def _confirmed_flat(self, span: Span) -> Tally | None:
        """Give what is in *span*, known to the last byte, or up to a byte that is not like the others."""
        if any(run.begin <= span.begin and span.end <= run.end for run in self.runs):
            return Tally(span.size, first=0)
        found = self.counter.flat(span)
        return found if found.looked == span.size or not found.is_flat else None

    def told(self, unfinished: str) -> Looked:
        """Give what was seen."""
        seen = [
            Seen(span, self.tallies[span.name], span.name in self.masks)
            for span in self.spans
            if span.name in self.tallies
        ]
        tears = [run for run in self.runs if spans.is_torn(run, self.spans, self.file)]
        return Looked(tuple(seen), tuple(tears), unfinished)


@contextmanager
def _opened(path: Path, deadline: Deadline) -> Iterator[_Reading]:
    if safetensors.is_long(path):
        raise HeaderTooLong("its header is too long to tell which bytes are which tensor's")
    header = safetensors.read_header(path)
    first = 8 + header.header_bytes
    found = [
        Span(name, one.dtype, one.shape, first + one.begin, first + one.end)
        for name, one in header.tensors.items()
        if one.end > one.begin
    ]
    found.sort(key=lambda one: one.begin)
    with path.open("rb", buffering=0) as file:
        reading = _Reading(file, Counter(file, deadline), found)
        if found:
            reading.zero += [
                Run(max(one.begin, first), one.end) for one in zeros.holes(file, found[-1].end) if one.end > first
            ]
        yield reading


def _samples(found: Sequence[Span]) -> Iterator[tuple[int, Span, int, int]]:
    """Give the parts to look at: first one of each tensor, then the others in the order of the file."""
    for span in found:
        if span.size <= _SMALL:
            yield 0, span, span.begin, span.end
            continue
        size = elements.size_of(span.dtype)
        count = max(_FEWEST, -(-span.size // _STRATUM))
        places = [0, *(_place(span, number, count, size) for number in range(count)), span.size - _SAMPLE]
        for number, place in enumerate(places):
            yield int(number != count // 2 + 1), span, span.begin + place, span.begin + place + _SAMPLE


def _place(span: Span, number: int, count: int, size: int) -> int:
    """Give where to look in one of *count* equal parts of *span*: anywhere, and always at the same place."""
    low, high = (span.size * one // count for one in (number, number + 1))
    anywhere = low + crc32(f"{number} {span.name}".encode()) % max(high - low - _SAMPLE, 1)
    return min(anywhere, span.size - _SAMPLE) // size * size


def _batches(found: Sequence[Span]) -> Iterator[list[_Part]]:
    """Give parts of tensors in the order of the file, together so many as are worth a thread."""
    batch: list[_Part] = []
    room = _PIECE
    for span in found:
        for begin in range(span.begin, span.end, _PIECE):
            part = (span, begin, min(begin + _PIECE, span.end))
            batch.append(part)
            room -= part[2] - part[1]
            if room <= 0:
                yield batch
                batch, room = [], _PIECE
    if batch:
        yield batch


def _counted_by_all(path: Path, batches: Sequence[Sequence[_Part]], deadline: Deadline) -> Iterator[_Counted]:
    """Count *batches*, in their order, by several threads: numpy and the kernel work without the interpreter."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for found in pool.map(lambda parts: _counted(path, parts, deadline), batches):
            yield from found
    finally:
        pool.shutdown(cancel_futures=True)  # whoever stops does not wait for the rest


def _counted(path: Path, parts: Sequence[_Part], deadline: Deadline) -> list[_Counted]:
    found = []
    with path.open("rb", buffering=0) as file:
        counter = Counter(file, deadline)
        for part in parts:
            zero: list[Run] = []
            tally = counter.count(*part, zero)
            found.append((part, tally, [run for run in zero if _may_be_a_tear(run, part)]))
    return found


def _may_be_a_tear(run: Run, part: _Part) -> bool:
    """Tell whether *run*, met page by page, may be part of a tear: long enough, or it may go on elsewhere."""
    span, begin, end = part
    is_at_an_end = run.begin == begin or run.end > end - zeros.PAGE
    return is_at_an_end or run.end - run.begin >= spans.shortest_tear(span) - 2 * zeros.PAGE
