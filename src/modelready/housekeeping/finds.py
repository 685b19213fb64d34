"""What was found that may go, and what is left alone, and why."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelready.errors import UnsafePath
from modelready.layouts import containment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_BLOCK = 512  # what st_blocks counts in, on every system


@dataclass(frozen=True)
class Find:
    """
    A file that may go, with those that go with it.

    It may lie in one of ``homes`` only; ``size`` are the bytes that are won. Whoever is at it holds one of ``locks``,
    or has it or one of ``watched`` open. ``is_still_so`` looks again, under the locks.
    """

    kind: str  # partial, orphan, scratch, lock, file, bookkeeping
    path: Path
    homes: tuple[Path, ...]
    why: str
    left_by: str = ""
    size: int = 0
    also: tuple[Path, ...] = ()
    locks: tuple[Path, ...] = ()
    watched: tuple[Path, ...] = ()
    is_still_so: Callable[[], bool] | None = field(default=None, repr=False, compare=False)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Give everything that would go."""
        return (self.path, *self.also)

    @property
    def is_inside(self) -> bool:
        """Tell whether all of it lies in its homes when the links on the way are followed."""
        return all(any(_is_inside(home, path) for home in self.homes) for path in self.paths)


@dataclass(frozen=True)
class Kept:
    """A file that stays, and why."""

    path: Path
    why: str


@dataclass(frozen=True)
class Outcome:
    """What went, and what stayed."""

    gone: tuple[Find, ...] = ()
    kept: tuple[Kept, ...] = ()


def won(*paths: Path) -> int:
    """Give the bytes that the disk wins when *paths* go: none for one name of several, few for a file with holes."""
    return sum(_won(path) for path in paths)


def won_together(finds: Iterable[Find]) -> list[Find]:
    """Give *finds* with what each wins when all of them go: bytes of several names are won with the last of these."""
    gone: Counter[tuple[int, int]] = Counter()
    return [replace(one, size=one.size + sum(_won_with(path, gone) for path in one.paths)) for one in finds]


def real(place: Path) -> Path:
    """Give *place* with the links on the way to it followed; it may be one itself."""
    return type(place)(os.path.realpath(place.parent)) / place.name


def total(finds: Iterable[Find]) -> int:
    """Give the bytes that are won when *finds* go."""
    return sum(one.size for one in finds)


def _won(path: Path) -> int:
    try:
        seen = path.lstat()
    except OSError:
        return 0
    return 0 if seen.st_nlink > 1 else _bytes(seen)


def _won_with(path: Path, gone: Counter[tuple[int, int]]) -> int:
    """Count *path* among the names that are *gone*; give the bytes that it was the last of several names of."""
    try:
        seen = path.lstat()
    except OSError:
        return 0
    name = (seen.st_dev, seen.st_ino)
    gone[name] += 1
    return _bytes(seen) if gone[name] == seen.st_nlink > 1 else 0


def _bytes(seen: os.stat_result) -> int:
    return min(seen.st_size, seen.st_blocks * _BLOCK) if hasattr(seen, "st_blocks") else seen.st_size


def _is_inside(home: Path, path: Path) -> bool:
    try:
        containment.check_inside(home, path.parent)
    except (UnsafePath, OSError, ValueError):
        return False
    return True
