"""Play the faults against the programs, print the table, and write it: `python -m conformance [--rows 5,21]`."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance import report, verdicts
from conformance.disks import NoDisks
from conformance.programs import PROGRAMS, Program
from conformance.report import Line
from conformance.scenarios import CASES
from conformance.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.cases import Case


@click.command()
@click.option("--rows", default="", help="Only these rows: 5,21; default: all.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Cases played at once.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the table there too, as a page.")
def main(rows: str, jobs: int, write: Path | None) -> None:
    """Play every fault against `hf download`, `hf download` with Xet, and modelready, and show what became of it."""
    chosen = [case for case in CASES if not rows or case.row in _numbers(rows)]
    with ThreadPoolExecutor(jobs) as pool, tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        places = [Path(folder) / str(number) for number, _ in enumerate(chosen)]
        lines = []
        for line in pool.map(_line, chosen, places):
            lines.append(line)
            click.echo("\n".join(report.told(line)))
    click.echo("\n".join(report.counts(lines)))
    if write:
        write.write_text(report.page(lines), encoding="utf-8")


def _numbers(rows: str) -> set[int]:
    try:
        return {int(one) for one in rows.split(",")}
    except ValueError:
        raise click.BadParameter("numbers with commas between them are expected", param_hint="--rows") from None


def _line(case: Case, place: Path) -> Line:
    return Line(case, tuple(_outcome(case, program, place / str(nth)) for nth, program in enumerate(PROGRAMS)))


def _outcome(case: Case, program: Program, place: Path) -> str:
    """Play *case* with *program*, and tell what became of it."""
    with Scene(place, program, case.size, case.cdn, dict(case.variables)) as scene:
        try:
            ended = case.play(scene)
        except NoDisks as error:
            return f"not played: {error}"
        return _joined([verdicts.of(scene, ended), case.flaw(scene) if ended.status == 0 else ""])


def _joined(words: Sequence[str]) -> str:
    return "; ".join(one for one in words if one)


if __name__ == "__main__":
    main()
