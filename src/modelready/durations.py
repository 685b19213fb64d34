"""Durations as people write them: "30s", "2m", "1h30m". A number without a unit counts seconds."""

from __future__ import annotations

import re

_SECONDS = {"h": 3600, "m": 60, "s": 1}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_WRITTEN = re.compile(
    rf"\s*(?:(?P<h>{_NUMBER})\s*h)?\s*(?:(?P<m>{_NUMBER})\s*m(?:in)?)?\s*(?:(?P<s>{_NUMBER})\s*s?)?\s*", re.ASCII
)


def parse(text: str) -> float:
    """
    Give the seconds that *text* means.

    Raises: ValueError, telling what a duration looks like.
    """
    written = _WRITTEN.fullmatch(text.lower())
    seconds = sum(float(written[unit] or 0) * length for unit, length in _SECONDS.items()) if written else 0.0
    if not seconds:
        raise ValueError(f"{text!r} is no duration; expected more than nothing, in s, m or h: '30s', '2m'")
    return seconds
