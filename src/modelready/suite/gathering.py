"""Reports of items, from this process and its workers, become the verdicts of a run."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelready.certificate import Judged, Run, Subject, Verdict
from modelready.formats import secrets
from modelready.inspection import words
from modelready.model import Fault
from modelready.suite import naming

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from modelready.certificate import Outcome
    from modelready.suite.state import Suite

#: Under this name an item's user properties carry what the suite wants to know of it.
PROPERTY = "modelready"
#: The beginning of a skip's reason that says: this check has nothing to look at in this model.
DOES_NOT_APPLY = "does not apply: "
#: The beginning of a skip's reason that says: this model is not required here.
NOT_REQUIRED = "not required here: "


@dataclass
class _Item:
    check: str
    model: str
    outcome: Outcome = "passed"
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    seconds: float = 0.0


@dataclass
class Gathering:
    """What the reports have said so far."""

    items: dict[str, dict[str, _Item]] = field(default_factory=dict)  # by model, by node id
    subjects: dict[str, dict[str, Subject]] = field(default_factory=dict)  # by model, by name
    selected: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)  # checks that -k and -m leave out, by model
    has_collection_errors: bool = False
    notes: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)  # reports for standard output
    started: str = ""

    @property
    def deselected(self) -> int:
        """Count the checks that -k and -m leave out."""
        return self.left_out.total()

    def take(self, report: pytest.TestReport) -> None:
        """Take one *report* in; those of items that are no checks are passed over."""
        facts = _facts(report) or _facts_of_crashed(report)
        if not facts or hasattr(report, "context"):  # a subtest: its check says the same, once
            return
        model = facts["model"]
        item = self.items.setdefault(model, {}).setdefault(report.nodeid, _Item(facts["check"], model))
        if subjects := facts.get("subjects"):
            self.subjects.setdefault(model, {}).update((one["name"], Subject(**one)) for one in subjects)
        item.seconds += report.duration
        if faults := facts.get("faults"):
            item.faults = tuple(Fault(**one) for one in faults)
        if report.failed:
            item.outcome, item.reason = "failed", facts.get("reason") or str(report.longrepr)
        elif report.skipped and item.outcome != "failed":
            item.outcome, item.reason = "skipped", _skip_reason(report)
        elif item.outcome == "passed" and facts.get("warned"):
            item.outcome, item.reason = "warned", facts["warned"]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Give every check's verdict; checks that do not apply have none."""
        return tuple(verdict for model in self.items for verdict in self.of(model))

    def of(self, model: str) -> tuple[Verdict, ...]:
        """Give the verdicts about *model*."""
        return tuple(
            Verdict(one.check, one.model, one.outcome, one.reason, one.faults, one.seconds)
            for one in self.items.get(model, {}).values()
            if not (one.outcome == "skipped" and one.reason.startswith(DOES_NOT_APPLY))
        )


def now() -> str:
    """Give the time, UTC, as ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def judged(gathering: Gathering, suite: Suite) -> tuple[Judged, ...]:
    """Give every model of the catalog and what the run says of it."""
    return tuple(_judged(name, gathering, suite) for name in suite.models)


def run_of(gathering: Gathering, suite: Suite, *, passed: bool, configuration: Mapping[str, str]) -> Run:
    """Give the whole run, for certificate and reports: they travel, so no text in it holds a token or a home."""
    return Run(
        started=gathering.started,
        finished=now(),
        verdicts=tuple(
            _fit_to_travel(one) for one in sorted(gathering.verdicts, key=lambda one: (one.model, one.check))
        ),
        models=tuple(
            replace(one, reason=_clean(one.reason), source=_clean(one.source)) for one in judged(gathering, suite)
        ),
        subjects=tuple(sorted((one for found in gathering.subjects.values() for one in found.values()), key=_name)),
        configuration=configuration,
        deselected=gathering.deselected,
        is_partial=is_partial(gathering, suite),
        passed=passed,
    )


def broken(gathering: Gathering) -> Run:
    """Give what can be said of a run that a bug ended: nothing was judged."""
    return Run(gathering.started, now(), verdicts=(), models=(), subjects=(), is_partial=True)


def _fit_to_travel(one: Verdict) -> Verdict:
    if not one.reason:
        return one
    faults = (Fault(_clean(it.path), _clean(it.message), _clean(it.remedy), it.kind) for it in one.faults)
    return replace(one, reason=_clean(one.reason), faults=tuple(faults))


def _clean(text: str) -> str:
    """Hide tokens and the home folder in *text*; what a file name holds and UTF-8 does not is spelt out."""
    return words.unhomed(secrets.hidden(text)).encode("utf-8", "backslashreplace").decode()


def is_partial(gathering: Gathering, suite: Suite) -> bool:
    """Tell whether the run looked at less than the catalog requires."""
    return bool(gathering.deselected or suite.options.only or suite.options.models)


def _name(subject: Subject) -> str:
    return subject.name


def _judged(name: str, gathering: Gathering, suite: Suite) -> Judged:
    decision = suite.decisions[name]
    placed = suite.placed(name) if decision.is_required else None
    verdict, reason = _verdict(name, gathering, suite)
    return Judged(
        name=name,
        is_required=decision.is_required,
        source=suite.models[name].source.text,
        revision=(placed.revision if placed else None) or "",
        verdict=verdict,
        reason=reason,
    )


def _verdict(name: str, gathering: Gathering, suite: Suite) -> tuple[str, str]:
    if not suite.decisions[name].is_required:
        return "not required", suite.decisions[name].because
    if name not in gathering.selected:
        return "not selected", ""
    verdicts = gathering.of(name)
    if failed := [one for one in verdicts if one.outcome == "failed"]:
        return "failed", failed[0].reason
    if skipped := [one for one in verdicts if one.outcome == "skipped"]:
        return "unproved", skipped[0].reason
    if not verdicts:
        return "unproved", "no check ran"
    return "proved", ""


def _facts(report: pytest.TestReport) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in report.user_properties:
        if name == PROPERTY and isinstance(value, dict):
            found |= value
    return found


def _facts_of_crashed(report: pytest.TestReport) -> dict[str, Any]:
    """Give what the id alone says of a check whose process died: xdist tells nothing else of it."""
    check = naming.check_in(report.nodeid) if report.failed else ""
    return {"check": check, "model": naming.model_in(report.nodeid)} if check else {}


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")
