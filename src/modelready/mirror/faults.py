"""Misbehaviour: what a fault is, which requests meet it, and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal

from modelready.errors import RequestError
from modelready.mirror.log import matches
from modelready.mirror.routes import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.mirror.answers import Answer
    from modelready.mirror.routes import Asked

#: "whole" faults act before Range is honoured, "sent" faults on what is about to be sent.
Stage = Literal["whole", "sent"]

_MEANINGS = {
    **{kind: frozenset({kind}) for kind in KINDS},
    "any": frozenset(KINDS),
    "body": frozenset({"get", "cdn", "xorb"}),
    "xet": frozenset({"xet-token", "reconstruction", "xorb"}),
    "api": frozenset({"revision", "tree", "paths"}),
}


@dataclass(frozen=True)
class Meeting:
    """A request on its way: what was asked, and about which file of which repository."""

    asked: Asked
    kind: str
    repo: str
    file: str


@dataclass(frozen=True)
class Fault:
    """
    One way to misbehave: whom it meets, and what it makes of an answer.

    Of the faults that share a *slot* a request meets the first that is left, so two of them come one after the other.
    """

    slot: str
    glob: str
    kind: str
    stage: Stage
    change: Callable[[Answer], Answer]
    acts_on: Callable[[Meeting, Answer], bool]
    times: int | None = None
    skip: int = 0

    def meets(self, meeting: Meeting, answer: Answer) -> bool:
        """Tell whether the fault is about this request."""
        is_meant = meeting.kind in _MEANINGS[self.kind] and matches(self.glob, meeting.repo, meeting.file)
        return is_meant and self.acts_on(meeting, answer)


class Faults:
    """The faults now in force, and how often each has been met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = count()
        self._faults: dict[int, Fault] = {}
        self._met: dict[int, int] = {}

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        if fault.kind not in _MEANINGS:
            raise RequestError(f"no call is of kind {fault.kind!r}", remedy=f"kinds are: {', '.join(_MEANINGS)}")
        with self._lock:
            self._faults[next(self._number)] = fault

    def clear(self) -> None:
        """Put all faults out of force."""
        with self._lock:
            self._faults, self._met = {}, {}

    def spoil(self, meeting: Meeting, answer: Answer, stage: Stage) -> Answer:
        """Give the answer as the faults of this stage make it."""
        if not self._faults:
            return answer
        slots: set[str] = set()
        for number, fault in tuple(self._faults.items()):
            is_due = fault.stage == stage and fault.slot not in slots and fault.meets(meeting, answer)
            if is_due and self._use(number, fault):
                slots.add(fault.slot)
                answer = fault.change(answer)
        return answer

    def _use(self, number: int, fault: Fault) -> bool:
        """Count one meeting; tell whether the fault acts in it."""
        with self._lock:
            met = self._met[number] = self._met.get(number, 0) + 1
        return met > fault.skip and (fault.times is None or met <= fault.skip + fault.times)
