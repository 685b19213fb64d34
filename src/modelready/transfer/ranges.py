"""Sets of byte ranges: which bytes of a file arrived. Ends are exclusive; sets are sorted, disjoint and merged."""

from __future__ import annotations

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def added(ranges: Ranges, start: int, end: int) -> Ranges:
    """Give *ranges* with the bytes from *start* to *end* in it."""
    before = tuple(one for one in ranges if one[1] < start)
    after = tuple(one for one in ranges if one[0] > end)
    touching = ranges[len(before) : len(ranges) - len(after)]
    if touching:
        start, end = min(start, touching[0][0]), max(end, touching[-1][1])
    return (*before, (start, end), *after) if start < end else ranges


def gaps(ranges: Ranges, size: int) -> Ranges:
    """Name what *ranges* lack of the bytes from 0 to *size*."""
    if len(ranges) <= 1:  # nearly always, and asked for every chunk of every file
        start, end = ranges[0] if ranges else (0, 0)
        around = ((0, start), (end, size))
        return tuple(one for one in around if one[0] < one[1])
    starts = (0, *(end for _, end in ranges))
    ends = (*(start for start, _ in ranges), size)
    return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)


def lacking(ranges: Ranges, start: int, end: int) -> Ranges:
    """Name what *ranges* lack of the bytes from *start* to *end*."""
    cut = ((max(low, start), min(high, end)) for low, high in gaps(ranges, end))
    return tuple((low, high) for low, high in cut if low < high)


def common(left: Ranges, right: Ranges) -> Ranges:
    """Give the bytes that are in both sets."""
    found: Ranges = ()
    for start, end in left:
        for other_start, other_end in right:
            found = added(found, max(start, other_start), min(end, other_end))
    return found


def prefix(ranges: Ranges) -> int:
    """Count the bytes from 0 on without a gap."""
    return ranges[0][1] if ranges and ranges[0][0] == 0 else 0


def total(ranges: Ranges) -> int:
    """Count the bytes."""
    return sum(end - start for start, end in ranges)


def longest(ranges: Ranges, count: int) -> Ranges:
    """Give the *count* longest of them, the first among them in any case, in order."""
    chosen = sorted(ranges[1:], key=lambda one: one[0] - one[1])[: count - 1]
    return tuple(sorted((*ranges[:1], *chosen)))
