"""What all reports tell: every verdict, and what no single check says; the failures first."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.certificate import Judged, Run
    from modelready.model import Fault

Told = Literal["failed", "warned", "skipped", "passed"]

#: In this order people want to read them.
OUTCOMES: tuple[Told, ...] = ("failed", "warned", "skipped", "passed")
#: The id of what is told where a model is unproved although no check refused it, and where a run proves nothing.
PROOF = "verdict.is_proved"


@dataclass(frozen=True)
class Place:
    """Where a catalog names a model: file and line; ``rules`` are the lines of its ``[[model.file]]`` by path."""

    file: str
    line: int
    rules: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, faults: tuple[Fault, ...]) -> int:
        """Give the line that speaks of the first of *faults*, or of the model."""
        return self.rules.get(faults[0].path, self.line) if faults else self.line


@dataclass(frozen=True)
class Entry:
    """One line of a report. ``model`` is empty for what is said of the machine, or of the run."""

    check: str
    model: str
    outcome: Told
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """Give the id that readers of certificates know."""
        return f"{self.check}[{self.model}]" if self.model else self.check

    @property
    def about(self) -> str:
        """Give the model, or the machine."""
        return self.model or "this machine"

    @property
    def headline(self) -> str:
        """Give the reason in one line."""
        if not self.faults:
            return self.reason.partition("\n")[0]
        more = f" (and {len(self.faults) - 1} more)" if self.faults[1:] else ""
        return f"{self.faults[0].path}: {self.faults[0].message}{more}"


@dataclass(frozen=True)
class Report:
    """A run, and what its readers need beside: where its models are named, what the checks promise."""

    run: Run
    version: str
    places: Mapping[str, Place] = field(default_factory=dict)
    promises: Mapping[str, str] = field(default_factory=dict)
    note: str = ""  # why the run proved nothing, where neither check nor model says so

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Give everything that is told, what failed first."""
        found = [
            Entry(one.check, one.model, one.outcome, one.reason, one.faults, one.seconds) for one in self.run.verdicts
        ]
        found += [Entry(PROOF, one.name, "failed", f"unproved: {one.reason}") for one in self.unproved]
        if not self.run.passed and not any(one.outcome == "failed" for one in found):
            found.append(Entry(PROOF, "", "failed", self.note or "the run ended before everything was proved"))
        return tuple(sorted(found, key=lambda one: OUTCOMES.index(one.outcome)))

    @property
    def unproved(self) -> list[Judged]:
        """Give the models that had to be proved, and were not, although no check refused them."""
        return [one for one in self.run.models if one.is_required and one.verdict == "unproved"]

    def of(self, outcome: Told) -> list[Entry]:
        """Give the entries with *outcome*."""
        return [one for one in self.entries if one.outcome == outcome]

    @cached_property
    def result(self) -> str:
        """Give the verdict as certificates write it."""
        return "PASSED" if self.run.passed else "FAILED"

    @cached_property
    def headline(self) -> str:
        """Say in a line how the run went."""
        required = [one for one in self.run.models if one.is_required and one.verdict != "not selected"]
        proved = sum(one.verdict == "proved" for one in required)
        told = [f"{proved} of {len(required)} required models ready", *self._counts()]
        if self.run.is_partial:
            told.append("not everything was looked at")
        return f"{'Ready' if self.run.passed else 'Not ready'}: {', '.join(told)}"

    def _counts(self) -> list[str]:
        counts = {outcome: len(self.of(outcome)) for outcome in OUTCOMES}
        return [f"{count} {outcome}" for outcome, count in counts.items() if count]
