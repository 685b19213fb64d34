"""One page that holds everything: what is not ready first, then the matrix of models and checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.reports.entries import Entry, Report

_TEMPLATE = Path(__file__).with_name("page.html")
_MARKS = {"failed": "✗", "warned": "!", "skipped": "-", "passed": "✓"}
_ORDER = ("failed", "unproved", "proved", "not selected", "not required")


def text(report: Report) -> str:
    """Give the page of *report*: no script, nothing asked of any other address."""
    import jinja2  # noqa: PLC0415 - only this kind needs it

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    cells = {(one.model, one.check): one for one in report.entries}
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        run=report.run,
        failed=report.of("failed"),
        warned=report.of("warned"),
        checks=_checks(report),
        models=sorted(report.run.models, key=lambda one: _ORDER.index(one.verdict)),
        machine=[one for one in report.entries if not one.model],
        cell=lambda model, check: _cell(cells.get((model, check))),
        marks=_MARKS,
    )


def _checks(report: Report) -> list[str]:
    """Give the checks that judged a model, in the order of their promises."""
    known = {name: place for place, name in enumerate(report.promises)}
    found = {one.check for one in report.entries if one.model}
    return sorted(found, key=lambda check: (known.get(check, len(known)), check))


def _cell(entry: Entry | None) -> tuple[str, str, str]:
    """Give a cell's class, its mark, and what is read aloud."""
    if entry is None:
        return "none", "", "does not apply"
    return entry.outcome, _MARKS[entry.outcome], entry.outcome
