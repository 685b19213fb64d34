"""How a check says which files it refuses, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from modelready.model import Fault


class Subtests(Protocol):
    """What is used of pytest's subtests."""

    def test(self, msg: str | None = None) -> AbstractContextManager[None]:
        """Open a subtest named *msg*."""


@dataclass
class Judge:
    """
    Called with faults, it tells each on its own and fails the check.

    ``refused`` remembers which check refused which file of the model, so that later checks pass over it.
    """

    check: str
    model: str
    subtests: Callable[[], Subtests]
    refused: dict[str, str]
    note: Callable[[str, object], None]
    is_strict: bool = False
    warnings: list[Fault] = field(default_factory=list)

    def __call__(self, faults: Sequence[Fault]) -> None:
        """Fail the check where there are *faults*; each bad file gets a subtest and lines of its own."""
        for fault in faults:
            self.refused.setdefault(fault.path, self.check)
            with self.subtests().test(fault.path):
                pytest.fail(told(fault), pytrace=False)
        if faults:
            self._note("reason", faults)
            count = "1 objection" if len(faults) == 1 else f"{len(faults)} objections"
            pytest.fail(f"{self.model or 'this machine'}: {count}, each told above", pytrace=False)

    def warn(self, faults: Sequence[Fault]) -> None:
        """Tell *faults* as warnings; under --strict they fail the check."""
        if self.is_strict:
            self(faults)
        elif faults:
            self._note("warned", faults)

    def _note(self, name: str, faults: Sequence[Fault]) -> None:
        self.note(name, "\n".join(told(fault) for fault in faults))
        self.note("faults", [asdict(fault) for fault in faults])


def told(fault: Fault) -> str:
    """Give *fault* in words: the path whole on a line of its own, then what is wrong, then what to do."""
    return "\n".join([fault.path, f"    {fault.message}"] + ([f"    {fault.remedy}"] if fault.remedy else []))
