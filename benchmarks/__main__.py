"""Measure, print the table, and write docs/benchmarks.md: `python -m benchmarks`, from the top of the checkout."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks import machine, report
from benchmarks.rows import ROWS, Sizes, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Result

_QUICK = Sizes(large_bytes=4_000_000, small_files=60, models=10, listed=30, runs=1)
_DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes, one run: shows that it works, says nothing of speed.")
@click.option("--place", type=click.Path(path_type=Path), help="The folder (on the disk) to measure in.")
@click.option("--runs", type=click.IntRange(1), help=f"Runs of each program; default {Sizes().runs}.")
@click.option("--row", "names", multiple=True, type=click.Choice(list(ROWS)), help="Only this work; repeatable.")
@click.option("--write", type=click.Path(path_type=Path), help="Where to write; default docs/benchmarks.md if whole.")
def main(quick: bool, place: Path | None, runs: int | None, names: tuple[str, ...], write: Path | None) -> None:  # noqa: FBT001 - click's way
    """Measure this project against `hf download`, `hf cache verify` and curl, on a Hub on loopback."""
    sizes = _QUICK if quick else Sizes(runs=runs or Sizes().runs)
    with _emptied(place) as folder:
        results = [result for name in names or ROWS for result in _measured(name, Stage(folder, sizes, _tell))]
        facts = machine.facts(folder)
    click.echo("\n".join(report.lines(report.table(results))))
    if target := write or (None if quick or names else _DOCUMENT):
        target.write_text(report.markdown(results, facts, sizes.runs), encoding="utf-8")


def _measured(name: str, stage: Stage) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(dir=stage.place) as folder:
        yield from ROWS[name](Stage(Path(folder), stage.sizes, stage.tell))


@contextmanager
def _emptied(place: Path | None) -> Iterator[Path]:
    """Give a new folder under *place*, and leave nothing of it."""
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="modelready-bench-", dir=place) as folder:
        yield Path(folder)


def _tell(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
