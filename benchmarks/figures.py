"""The arithmetic: medians and spreads of runs, ratios between programs, and whether a limit is kept."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.timing import Run

OURS = "modelready"


@dataclass(frozen=True)
class Spread:
    """The middle of several figures, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Spread:
        """Give the spread of *figures*; there is at least one."""
        known = sorted(figures)
        return cls(statistics.median(known), known[0], known[-1])


@dataclass(frozen=True)
class Cost:
    """What a program's runs cost: seconds, seconds of work, and its largest size in bytes."""

    program: str
    wall_s: Spread
    cpu_s: Spread
    peak_bytes: int

    @classmethod
    def of(cls, program: str, runs: Sequence[Run]) -> Cost:
        """Sum up the *runs* of *program*."""
        wall_s, cpu_s = Spread.of(run.wall_s for run in runs), Spread.of(run.cpu_s for run in runs)
        return cls(program, wall_s, cpu_s, max(run.peak_bytes for run in runs))


@dataclass(frozen=True)
class Result:
    """
    What one piece of work cost this project and others; the first of ``others`` is what ``at_most`` is about.

    Where nobody else does such work, ``most_s`` says how many seconds it may take.
    """

    work: str
    ours: Cost
    others: tuple[Cost, ...]
    at_most: float | None = None
    most_bytes: int | None = None
    most_s: float | None = None

    @property
    def is_in_time(self) -> bool | None:
        """Tell whether it took no longer than it may; None where nothing says how long that is."""
        return None if self.most_s is None else self.ours.wall_s.median <= self.most_s

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Give this project beside each of the others."""
        limits = [self.at_most, *[None] * len(self.others)]
        return tuple(Comparison(self, other, limit) for other, limit in zip(self.others, limits, strict=False))


@dataclass(frozen=True)
class Comparison:
    """This project beside one other program."""

    result: Result
    other: Cost
    at_most: float | None

    @property
    def wall(self) -> float:
        """Give how much longer this project took: below 1 it was faster."""
        return ratio(self.result.ours.wall_s.median, self.other.wall_s.median)

    @property
    def cpu(self) -> float:
        """Give how much more this project worked."""
        return ratio(self.result.ours.cpu_s.median, self.other.cpu_s.median)

    @property
    def is_kept(self) -> bool | None:
        """Tell whether the limits are kept; None where there is none."""
        if self.at_most is None:
            return None
        return self.wall <= self.at_most and self.result.ours.peak_bytes <= (self.result.most_bytes or float("inf"))


def ratio(ours: float, other: float) -> float:
    """Give *ours* in terms of *other*; what takes no time cannot be undercut."""
    return ours / other if other else float("inf")
