"""The control file that aria2 keeps beside a download until it is complete (``NAME.aria2``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import contents

if TYPE_CHECKING:
    from pathlib import Path

_VERSIONS = {b"\0\0": "little", b"\0\1": "big"}  # aria2's manual, "Control File (*.aria2) Format"
_BITS = 8


@dataclass(frozen=True)
class Progress:
    """How many of a download's pieces arrived."""

    pieces: int
    pieces_done: int

    @property
    def is_complete(self) -> bool:
        """Tell whether every piece arrived."""
        return self.pieces_done >= self.pieces


def read(path: Path) -> Progress | None:
    """Read a control file; None when it is none."""
    try:
        held = contents.read(path, most=contents.LISTING)
    except (OSError, ValueError):
        return None
    order = _VERSIONS.get(held[:2])
    if order is None:
        return None
    info = _number(held[6:10], order)
    start = 10 + info
    piece, total = _number(held[start : start + 4], order), _number(held[start + 4 : start + 12], order)
    length = _number(held[start + 20 : start + 24], order)
    bits = held[start + 24 : start + 24 + length]
    pieces = -(-total // piece) if piece else 0
    if not pieces or len(bits) != length or length != -(-pieces // _BITS):
        return None
    return Progress(pieces, sum(byte.bit_count() for byte in bits))


def _number(digits: bytes, order: str) -> int:
    return int.from_bytes(digits, "little" if order == "little" else "big")
