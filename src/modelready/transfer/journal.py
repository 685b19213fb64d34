"""
The resume journal that lies behind the payload of a part file.

Two slots are written in turn, so a torn write costs one step and never the journal.
After a reboot only what had been synced is believed: the page cache died with the old kernel.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from modelready.transfer.ranges import Ranges, added, common, longest

SLOT = 4096
LENGTH = 2 * SLOT
_MAGIC = b"modelready journal 1\n"
_DIGEST_END = len(_MAGIC) + 64
_MOST_RANGES = 48  # two lists of them, 12 digits a number, stay below one slot


@dataclass(frozen=True)
class Journal:
    """What is known of a part: of which file its bytes are, and which of them are there."""

    size: int
    digests: dict[str, str]
    validator: str | None
    arrived: Ranges
    durable: Ranges
    boot: str
    sequence: int = 0

    def trusted(self, boot: str) -> Ranges:
        """Give the bytes that are surely on disk, seen from the boot *boot*."""
        return self.arrived if boot and boot == self.boot else common(self.arrived, self.durable)

    def fits(self, digests: dict[str, str]) -> bool:
        """Tell whether the bytes are of the file whose digests are *digests*."""
        shared = self.digests.keys() & digests.keys()
        same = all(self.digests[name] == digests[name] for name in shared)
        return same and (bool(shared) or not (self.digests or digests))


def encode(journal: Journal) -> bytes:
    """Write *journal* as one slot."""
    short = {name: longest(getattr(journal, name), _MOST_RANGES) for name in ("arrived", "durable")}
    text = json.dumps(vars(journal) | short, separators=(",", ":")).encode()
    slot = _MAGIC + hashlib.sha256(text).hexdigest().encode() + text
    if len(slot) > SLOT:  # an absurdly long validator
        return encode(replace(journal, validator=None, arrived=(), durable=()))
    return slot.ljust(SLOT, b"\0")


def decode(slot: bytes) -> Journal | None:
    """Read one slot; None where it is torn, foreign or makes no sense."""
    text = slot[_DIGEST_END:].rstrip(b"\0")
    if slot[:_DIGEST_END] != _MAGIC + hashlib.sha256(text).hexdigest().encode():
        return None
    try:
        return _journal(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def newest(slots: bytes, size: int) -> Journal | None:
    """Give the newer of the valid journals in *slots* that speak of *size* bytes."""
    found = [journal for at in (0, SLOT) if (journal := decode(slots[at : at + SLOT])) and journal.size == size]
    return max(found, key=lambda journal: journal.sequence, default=None)


def _journal(row: dict[str, Any]) -> Journal:
    size = _count(row["size"])
    return Journal(
        size=size,
        digests={str(name): str(value) for name, value in row["digests"].items()},
        validator=None if row["validator"] is None else str(row["validator"]),
        arrived=_ranges(row["arrived"], size),
        durable=_ranges(row["durable"], size),
        boot=str(row["boot"]),
        sequence=_count(row["sequence"]),
    )


def _ranges(rows: list[list[int]], size: int) -> Ranges:
    found: Ranges = ()
    for start, end in rows:
        if not 0 <= _count(start) < _count(end) <= size:
            raise ValueError(rows)
        found = added(found, start, end)
    return found


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value
