"""What a look into a model brought: what is held against files, and what is only doubted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.model import Fault


@dataclass(frozen=True)
class Findings:
    """Faults fail a check, doubts are warnings; ``compared`` counts what was looked at where that may be nothing."""

    faults: tuple[Fault, ...] = ()
    doubts: tuple[Fault, ...] = ()
    compared: int = 0

    @property
    def are_none(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.faults or self.doubts)
