"""SARIF 2.1.0, as code scanning reads it: a rule a check, a result for what failed or was warned of."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from modelready.certificate import Run
    from modelready.reports.entries import Entry, Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"failed": "error", "warned": "warning"}
_MEND = "Mend:"
_OF_PROOF = "A model that is required here is proved by checks that could look.\n\nMend: see why they could not."


def text(report: Report) -> str:
    """Give the SARIF of *report*."""
    told = [one for one in report.entries if one.outcome in _LEVELS]
    rules = sorted({one.check for one in told})
    run = {
        "tool": {
            "driver": {
                "name": "modelready",
                "version": report.version,
                "rules": [_rule(report, check) for check in rules],
            }
        },
        "automationDetails": {"id": "modelready/"},
        "invocations": [_invocation(report.run)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, one, rules.index(one.check)) for one in told],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _invocation(run: Run) -> dict[str, object]:
    return {"executionSuccessful": True, "startTimeUtc": _utc(run.started), "endTimeUtc": _utc(run.finished)}


def _rule(report: Report, check: str) -> dict[str, object]:
    promise, _, mend = report.promises.get(check, _OF_PROOF).partition(_MEND)
    promise, mend = " ".join(promise.split()), " ".join(mend.split())
    told: dict[str, Any] = {
        "id": check,
        "shortDescription": {"text": promise},
        "fullDescription": {"text": promise},
        "help": {"text": f"{mend}\nmodelready explain {check}", "markdown": f"{mend}\n\n`modelready explain {check}`"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["models", check.partition(".")[0]]},
    }
    return told


def _result(report: Report, entry: Entry, rule: int) -> dict[str, object]:
    told: dict[str, object] = {
        "ruleId": entry.check,
        "ruleIndex": rule,
        "level": _LEVELS[entry.outcome],
        "message": {"text": f"{entry.about}: {entry.reason}"},
        # What fails again tomorrow is the same alert, however the catalog's lines have moved.
        "partialFingerprints": {"modelready/v1": hashlib.sha256(entry.id.encode()).hexdigest()},
        "locations": [_location(report, entry)],
    }
    if kinds := sorted({one.kind for one in entry.faults} - {""}):
        told["properties"] = {"kinds": kinds}
    return told


def _location(report: Report, entry: Entry) -> dict[str, object]:
    told: dict[str, object] = {"logicalLocations": [{"name": entry.about, "kind": "resource"}]}
    if place := report.places.get(entry.model) or next(iter(report.places.values()), None):
        line = place.line_of(entry.faults) if entry.model else 1
        told["physicalLocation"] = {
            "artifactLocation": {"uri": quote(place.file)},
            "region": {"startLine": max(line, 1)},
        }
    return told


def _utc(time: str) -> str:
    return time.replace("+00:00", "Z")
