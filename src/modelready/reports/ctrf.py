"""CTRF, the common test report format: https://ctrf.io."""

from __future__ import annotations

import datetime as dt
import json
import platform
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.reports.entries import Entry, Report

_VERSION = "0.1.0"
#: CTRF knows no warnings: what passed with one is told as passed, with the word of its own beside.
_STATUS = {"failed": "failed", "warned": "passed", "skipped": "skipped", "passed": "passed"}


def text(report: Report) -> str:
    """Give the CTRF of *report*."""
    tests = [_test(report, one) for one in report.entries]
    start, stop = _milliseconds(report.run.started), _milliseconds(report.run.finished)
    counts = {status: sum(one["status"] == status for one in tests) for status in ("passed", "failed", "skipped")}
    told = {
        "reportFormat": "CTRF",
        "specVersion": _VERSION,
        "timestamp": report.run.finished,
        "generatedBy": f"modelready {report.version}",
        "results": {
            "tool": {"name": "modelready", "version": report.version},
            "summary": {"tests": len(tests), **counts, "pending": 0, "other": 0, "start": start, "stop": stop},
            "tests": tests,
            "environment": {"osPlatform": platform.system().lower(), "extra": {"machine": platform.machine()}},
            "extra": {"result": report.result, "partial": report.run.is_partial, "deselected": report.run.deselected},
        },
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _test(report: Report, entry: Entry) -> dict[str, object]:
    told: dict[str, object] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"modelready:{entry.id}")),
        "name": entry.id,
        "status": _STATUS[entry.outcome],
        "rawStatus": entry.outcome,
        "duration": round(entry.seconds * 1000),
        "suite": [entry.model or "machine", entry.check.partition(".")[0]],
        "tags": [entry.check],
    }
    if entry.reason:
        told |= {"message": entry.headline, "trace": entry.reason}
    if place := report.places.get(entry.model):
        told |= {"filePath": place.file, "line": place.line_of(entry.faults)}
    if kinds := sorted({one.kind for one in entry.faults} - {""}):
        told["extra"] = {"kinds": kinds}
    return told


def _milliseconds(time: str) -> int:
    return round(dt.datetime.fromisoformat(time).timestamp() * 1000)
