"""What single HTTP headers say. Nonsense reads as absent, never as an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"\s*bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)\s*", re.IGNORECASE)
_UNSATISFIED = re.compile(r"\s*bytes\s+\*/([0-9]{1,18})\s*", re.IGNORECASE)
_RATE_PART = re.compile(r";\s*([rt])\s*=\s*([0-9]{1,18})(?![0-9.])", re.IGNORECASE)
_A_MOMENT = 1_000_000_000  # so many seconds are counted from 1970
_DATE_IS_STRONG_AFTER_S = 60  # RFC 9110, 8.8.2.2


@dataclass(frozen=True)
class ContentRange:
    """Which bytes a partial answer carries; ``end`` is exclusive."""

    start: int
    end: int
    total: int | None


def content_range(text: str | None) -> ContentRange | None:
    """Read the Content-Range of a 206."""
    match = _CONTENT_RANGE.fullmatch(text or "")
    if not match:
        return None
    start, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if last < start or (total is not None and last >= total):
        return None
    return ContentRange(start, last + 1, total)


def unsatisfied_total(text: str | None) -> int | None:
    """Read the size that a 416 tells."""
    match = _UNSATISFIED.fullmatch(text or "")
    return int(match[1]) if match else None


def count(text: str | None) -> int | None:
    """Read a header that is one number; repeated equal numbers are one."""
    numbers = {number.strip() for number in (text or "").split(",")}
    number = numbers.pop() if len(numbers) == 1 else ""
    return int(number) if _DIGITS.fullmatch(number) else None


def wait_s(headers: Mapping[str, str], now: float) -> float | None:
    """Give the seconds that the server asks us to stay away, in whichever way it says so."""
    for told in (_retry_after(headers.get("Retry-After"), now), _rate_limit(headers, now)):
        if told is not None:
            return max(told, 0.0)
    return None


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """Give what If-Range may carry: a strong ETag, or a Last-Modified old enough to be one."""
    etag = (headers.get("ETag") or "").strip()
    if len(etag) > 2 and etag.startswith('"') and etag.endswith('"') and etag.isprintable() and etag.isascii():  # noqa: PLR2004 - two quotes
        return etag
    modified, served = headers.get("Last-Modified"), headers.get("Date")
    changed_at, now = date(modified), date(served)
    if changed_at is None or now is None or now - changed_at < _DATE_IS_STRONG_AFTER_S:
        return None
    return modified


def _retry_after(text: str | None, now: float) -> float | None:
    text = (text or "").strip()
    if _DIGITS.fullmatch(text):
        return float(text)
    at = date(text)
    return None if at is None else at - now


def _rate_limit(headers: Mapping[str, str], now: float) -> float | None:
    """Read IETF's ``RateLimit: "x";r=0;t=30``, its older one-number-a-header form, which some fill with a moment."""
    parts = {key.lower(): int(value) for key, value in _RATE_PART.findall(headers.get("RateLimit") or "")}
    if "t" in parts:
        return float(parts["t"]) if parts.get("r", 0) == 0 else None
    seconds = count(headers.get("RateLimit-Reset"))
    if seconds is None:
        return None
    return float(seconds) if seconds < _A_MOMENT else seconds - now


def date(text: str | None) -> float | None:
    """Give the moment that a header names, in seconds since the epoch."""
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
