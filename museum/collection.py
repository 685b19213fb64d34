"""Every exhibit, in the order of the stories; those whose check does not exist yet wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.promises import of_checks
from museum import applications, caches, folders, sources, transfers
from museum.exhibits import Awaited

if TYPE_CHECKING:
    from museum.exhibits import Exhibit


def _place(one: Exhibit | Awaited) -> tuple[int, int]:
    """Order by the number of the story; faults of huggingface_hub come after them, what has no number last."""
    group, _, number = one.row.rpartition(" ")
    return (1 if group else 0, int(number)) if number.isdigit() else (2, 0)


_ROOMS = (applications, caches, folders, transfers, sources)
_ALL = sorted((one for room in _ROOMS for one in room.EXHIBITS), key=_place)
_KNOWN = frozenset({*of_checks(), "lock --check"})

EXHIBITS: tuple[Exhibit, ...] = tuple(one for one in _ALL if one.check in _KNOWN)
AWAITED: tuple[Awaited, ...] = tuple(
    sorted(
        (
            *sources.AWAITED,
            *(Awaited(one.row, one.title, f"wants {one.check}") for one in _ALL if one.check not in _KNOWN),
        ),
        key=_place,
    )
)
