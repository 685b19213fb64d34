"""Annotations of GitHub workflows: lines that its runner reads, each pointing at the catalog's line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.reports.entries import Entry, Report

_COMMANDS = {"failed": "error", "warned": "warning"}
_MOST_LETTERS = 4000  # of one; GitHub shows no more of it


def text(report: Report) -> str:
    """Give the annotations of *report*; a run that proved everything says so in one."""
    lines = [_annotation(report, one) for one in report.entries if one.outcome in _COMMANDS]
    if report.run.passed:
        lines.append(f"::notice title=modelready::{_escaped(report.headline)}")
    return "".join(f"{line}\n" for line in lines)


def _annotation(report: Report, entry: Entry) -> str:
    about = {"title": entry.id}
    if place := report.places.get(entry.model):
        about = {"file": place.file, "line": str(place.line_of(entry.faults)), **about}
    told = ",".join(f"{name}={_property(value)}" for name, value in about.items())
    reason = entry.reason if len(entry.reason) <= _MOST_LETTERS else f"{entry.reason[:_MOST_LETTERS]}…"
    return f"::{_COMMANDS[entry.outcome]} {told}::{_escaped(reason)}"


def _escaped(text: str) -> str:
    """Escape as the runner unescapes: nothing in *text* can begin a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
