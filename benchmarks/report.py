"""The table: as lines for a terminal, and as docs/benchmarks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.figures import Comparison, Cost, Result, Spread

_MEMORY_BYTES = 300_000_000
_MILLI = 1000
_VERDICTS = {True: "kept", False: "missed", None: ""}
_HEADS = ("work", "against", "at most", "time", "work done", f"{OURS}, s", "the other, s", "peak, MB", "")


def table(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Give the table's rows, the heads first, the peak of memory over all work last."""
    return [
        _HEADS,
        *(row for result in results for row in _rows(result)),
        _peak(results),
    ]


def lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Give *rows* as lines whose columns stand below each other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def markdown(results: Sequence[Result], machine: Mapping[str, str], runs: int) -> str:
    """Give docs/benchmarks.md."""
    heads, *rows = table(results)
    marked = [_marked(heads), _marked("---" for _ in heads), *map(_marked, rows)]
    facts = [_marked(("machine", "")), _marked(("---", "---")), *map(_marked, machine.items())]
    return "\n".join(
        [*_INTRODUCTION, "", *marked, "", *_HOW_TO_READ, "", _runs(runs), "", *facts, "", *_WHAT_COSTS, ""]
    )


_INTRODUCTION = (
    "# What it costs",
    "",
    "Written by `nox -s bench`, in one run on one machine, against a Hub on loopback in a process of its own.",
    "`provision` proves every byte it brings, `hf download` and `curl` prove none.",
)
_HOW_TO_READ = (
    "*time* and *work done* (user and system seconds) are ratios of medians: below 1, this project is cheaper.",
    "*peak* is the largest process of each, this project's first.",
    "Whole processes are measured, from start to exit; each program's place is emptied and the disk synced before it.",
)


#: What profiles of the rows say that are missed, or that come near their limits.
_WHAT_COSTS = (
    "## Where the time goes",
    "",
    "- Large files: `provision` ends when the bytes are on the disk, `hf download` and `curl` while gigabytes of them",
    "  are still in memory.",
    "  A disk that writes 0.45 GB/s needs 9 s for 4 GB; starting pytest takes 1 s before, the checks half a second.",
    "  Pages that were written serve again for what follows: fresh ones cost a virtual machine more than copying.",
    "- Many small files: half of the work on one core is requests, urllib3 and http.client, about 0.7 ms a file, and a",
    "  quarter the start.",
    "  The rest is four names for each file: lock, part, blob and link.",
    "- `--reread`: both cores hash, and importing transformers for the tokenizer (1.3 s of one core) runs beside that.",
    "- Many models: each check of each model is an item of pytest with a dozen fixtures, which costs twice what",
    "  an empty one does; what the checks do themselves is a third of the time.",
)


def _runs(runs: int) -> str:
    return f"Median (least-most) of {runs} runs, the programs in turns."


def _rows(result: Result) -> list[tuple[str, ...]]:
    if result.most_s is None:
        return [_row(one, place) for place, one in enumerate(result.comparisons)]
    took = _seconds(result.ours.wall_s, _MILLI)
    limit = f"{result.most_s * _MILLI:g} ms"
    return [(result.work, "", limit, "", "", f"{took} ms", "", _megabytes(result.ours), _VERDICTS[result.is_in_time])]


def _row(one: Comparison, place: int) -> tuple[str, ...]:
    result = one.result
    return (
        result.work if place == 0 else "",
        one.other.program,
        f"{one.at_most:g} x" if one.at_most else "",
        f"{one.wall:.2f} x",
        f"{one.cpu:.2f} x",
        _seconds(result.ours.wall_s),
        _seconds(one.other.wall_s),
        f"{_megabytes(result.ours)} / {_megabytes(one.other)}",
        _VERDICTS[one.is_kept],
    )


def _peak(results: Sequence[Result]) -> tuple[str, ...]:
    measured = [result for result in results if result.most_bytes is None] or results
    ours = max((result.ours for result in measured), key=lambda one: one.peak_bytes)
    is_kept = ours.peak_bytes <= _MEMORY_BYTES
    limit = f"{_MEMORY_BYTES // 10**6} MB"
    return ("peak memory, any size", "", limit, "", "", "", "", _megabytes(ours), _VERDICTS[is_kept])


def _seconds(spread: Spread, unit: int = 1) -> str:
    """Give *spread* in seconds, or in what *unit* of them make one."""
    least, most = spread.least * unit, spread.most * unit
    return f"{spread.median * unit:.2f} ({least:.2f}-{most:.2f})"


def _megabytes(cost: Cost) -> str:
    return f"{cost.peak_bytes / 10**6:.0f}"


def _marked(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
