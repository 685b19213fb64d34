"""Markdown for the summary of a workflow's step, or for a message: the failures first, then a line a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelready.certificate import Judged
    from modelready.reports.entries import Entry, Report

_MARKS = {"proved": "✅", "failed": "❌", "unproved": "❌", "not required": "◽", "not selected": "◽"}
_MOST_BYTES = 900_000  # GitHub refuses a summary of more than 1 MiB
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@])")


def text(report: Report) -> str:
    """Give the Markdown of *report*."""
    head = f"## {'✅' if report.run.passed else '❌'} modelready\n\n{_escaped(report.headline)}\n\n"
    parts = [*_told("Not ready", report.of("failed")), *_models(report), *_told("Warnings", report.of("warned"))]
    return head + _fitting(parts, _MOST_BYTES - len(head.encode()))


def _models(report: Report) -> Iterator[str]:
    """Give a line a model: what is not ready, then what is, then what is not wanted here."""
    order = ("failed", "unproved", "proved", "not selected", "not required")
    yield "| | model | verdict | revision | why |\n| --- | --- | --- | --- | --- |\n"
    for one in sorted(report.run.models, key=lambda one: order.index(one.verdict)):
        yield _row(one)
    yield "\n"


def _row(one: Judged) -> str:
    reason = _escaped(_in_one_line(one.reason))
    cells = (_MARKS[one.verdict], _escaped(one.name), one.verdict, _code(one.revision[:8]), reason)
    return f"| {' | '.join(cells)} |\n"


def _in_one_line(reason: str) -> str:
    """Give *reason* with each file before what is wrong with it and what to do, as its lines tell by their indent."""
    parts: list[list[str]] = []
    for line in reason.splitlines():
        words = " ".join(line.split())
        if line.startswith(" ") and parts:
            parts[-1].append(words)
        elif words:
            parts.append([words])
    return ". ".join(f"{first}: {'; '.join(rest)}" if rest else first for first, *rest in parts)


def _told(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    if entries:
        yield f"### {title}\n\n"
    for one in entries:
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", one.reason)), 3)
        yield f"**{_escaped(one.about)}** {_code(one.check)}\n\n{fence}text\n{one.reason}\n{fence}\n\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _fitting(parts: Sequence[str], most_bytes: int) -> str:
    """Put *parts* together as long as there is room."""
    taken: list[str] = []
    for one in parts:
        most_bytes -= len(one.encode())
        if most_bytes < 0:
            return "".join([*taken, f"\n… and {len(parts) - len(taken)} more: see the certificate\n"])
        taken.append(one)
    return "".join(taken)
