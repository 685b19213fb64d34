"""
Sizes as people write them: "3 GB", "1.5 GiB".

The units are B KB MB GB TB (powers of 1000) and KiB MiB GiB TiB (powers of 1024), in any case: a file has no bits, so
"kb" and "KB" can only mean the same. A size without a unit counts bytes.
"""

from __future__ import annotations

import re
from decimal import Decimal

_DECIMAL = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_UNITS = {**_DECIMAL, **_BINARY}
_WRITTEN = re.compile(r"\s*(?P<count>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)

#: What file systems and SQLite can count.
LARGEST = 2**63 - 1


def parse(text: str) -> int:
    """
    Give the bytes that *text* means; a part of a byte is dropped.

    Raises: ValueError, telling what a size looks like.
    """
    written = _WRITTEN.fullmatch(text)
    unit = _UNITS.get((written["unit"] or "B").lower()) if written else None
    if written is None or unit is None:
        raise ValueError(f"{text!r} is no size; expected a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB: '3 GB'")
    return checked(int(Decimal(written["count"]) * unit))


def checked(size_bytes: int) -> int:
    """
    Give *size_bytes* back if a file can have that size.

    Raises: ValueError, for a negative or absurd one.
    """
    if not 0 <= size_bytes <= LARGEST:
        raise ValueError(f"{size_bytes} bytes is no size a file can have; expected 0 to {LARGEST}: correct it")
    return size_bytes


def told(size_bytes: int) -> str:
    """Say *size_bytes* for people: 90868376 is "90.9 MB"."""
    if size_bytes < _DECIMAL["kb"]:
        return f"{size_bytes} B"
    for unit in ("KB", "MB", "GB"):
        scaled = f"{size_bytes / _DECIMAL[unit.lower()]:.1f}"
        # 999,950 bytes would otherwise be "1000.0 KB".
        if float(scaled) < 1000:  # noqa: PLR2004 - the step from one unit to the next
            return f"{scaled} {unit}"
    return f"{size_bytes / _DECIMAL['tb']:.1f} TB"
