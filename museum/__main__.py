"""Build the exhibits, let every program look at them, and write the page: `python -m museum [--write FILE]`."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import click

from museum import report
from museum.collection import AWAITED, EXHIBITS
from museum.hall import Hall
from museum.programs import OTHERS


@click.command()
@click.option("--only", multiple=True, help="Only the exhibits of this name; repeatable.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the table there too, as a page.")
def main(only: tuple[str, ...], write: Path | None) -> None:
    """Show what modelready, hf download, hf cache verify and a test of the size make of every exhibit."""
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # its faults are wanted
    chosen = [one for one in EXHIBITS if not only or one.name in only]
    with tempfile.TemporaryDirectory(prefix="museum-") as folder, Hall(Path(folder), chosen) as hall:
        lines = []
        hall.judge()
        for one in chosen:
            others = {name: say(hall, one) for name, say in OTHERS.items()}
            lines.append(report.Line(one, hall.message(one), others, hall.told[one.twin].verdict == "proved"))
            _show(lines[-1])
    if write:
        write.write_text(report.page(lines, AWAITED), encoding="utf-8")


def _show(line: report.Line) -> None:
    click.echo(f"{line.exhibit.row} {line.exhibit.title}")
    click.echo(f"    {line.exhibit.check}: {line.message or 'SAYS NOTHING'}".replace("\n", "\n    "))
    for name, said in line.others.items():
        click.echo(f"    {name}: {said}")


if __name__ == "__main__":
    main()
