"""JUnit XML, as Jenkins, GitLab and most others read it: a suite a model, a case a check."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelready.reports.entries import Entry, Report

#: What XML 1.0 cannot hold, however it is written.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(report: Report) -> str:
    """Give the JUnit XML of *report*."""
    by_model: dict[str, list[Entry]] = defaultdict(list)
    for one in report.entries:
        by_model[one.model].append(one)
    root = ET.Element("testsuites", _counted("modelready", report.entries))
    for model, entries in by_model.items():
        root.append(_suite(report, model, entries))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(report: Report, model: str, entries: Sequence[Entry]) -> ET.Element:
    suite = ET.Element("testsuite", _counted(model or "machine", entries) | {"timestamp": report.run.started})
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(report, model).items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for one in entries:
        suite.append(_case(report, one))
    return suite


def _facts(report: Report, model: str) -> Mapping[str, str]:
    """Give the properties of a suite: of the run, and of the model that it is about."""
    run = report.run
    told = {"modelready": report.version, "result": report.result, "partial": str(run.is_partial).lower()}
    told |= {f"sha256 of {name}": digest for name, digest in sorted(run.configuration.items())}
    for one in run.models:
        if one.name == model:
            told |= {"source": one.source, "revision": one.revision, "verdict": one.verdict}
    return told


def _case(report: Report, entry: Entry) -> ET.Element:
    place = report.places.get(entry.model)
    where = {"file": place.file, "line": str(place.line_of(entry.faults))} if place else {}
    file, _, _ = entry.check.partition(".")
    about = {"classname": f"modelready.{file}", "name": entry.id, "time": f"{entry.seconds:.3f}"}
    case = ET.Element("testcase", about | {name: _clean(value) for name, value in where.items()})
    if kinds := sorted({one.kind for one in entry.faults} - {""}):
        properties = ET.SubElement(case, "properties")
        ET.SubElement(properties, "property", name="kind", value=", ".join(kinds))
    if entry.outcome == "failed":
        ET.SubElement(case, "failure", message=_clean(entry.headline)).text = _clean(entry.reason)
    elif entry.outcome == "skipped":
        ET.SubElement(case, "skipped", message=_clean(entry.reason))
    elif entry.outcome == "warned":
        ET.SubElement(case, "system-out").text = _clean(f"warning:\n{entry.reason}")
    return case


def _counted(name: str, entries: Iterable[Entry]) -> dict[str, str]:
    found = list(entries)
    return {
        "name": name,
        "tests": str(len(found)),
        "failures": str(sum(one.outcome == "failed" for one in found)),
        "errors": "0",
        "skipped": str(sum(one.outcome == "skipped" for one in found)),
        "time": f"{sum(one.seconds for one in found):.3f}",
    }


def _clean(text: str) -> str:
    return _FORBIDDEN.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
