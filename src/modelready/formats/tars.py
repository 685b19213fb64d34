"""Tar archives: what lies where, told by the headers of POSIX and GNU tar; no member is read here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.formats.byte_views import View

BLOCK = 512
_MOST_MEMBERS = 250_000
_LONGEST_NAME = 65_536


class BrokenTar(ValueError):
    """The archive cannot be followed to its end; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive."""

    name: str
    data: int
    size: int


def is_header(block: bytes) -> bool:
    """Tell whether *block* begins an archive: its checksum is right."""
    if len(block) < BLOCK or not block[148:156].strip(b" \0"):
        return False
    told = _number(block[148:156])
    return told is not None and told == sum(block[:148]) + sum(block[156:BLOCK]) + 8 * ord(" ")


def members(view: View) -> Iterator[Member]:
    """
    Give the files in the archive *view*, in order.

    Raises: BrokenTar.
    """
    at, name, size = 0, "", None
    for _ in range(_MOST_MEMBERS):
        block = view.read(at, BLOCK)
        if not any(block):
            return
        if not is_header(block):
            raise BrokenTar(f"breaks off at byte {at:,}")
        kind, told = block[156:157], _number(block[124:136]) or 0
        at += BLOCK
        if kind in b"xgLK":
            more = _extended(view.read(at, min(told, _LONGEST_NAME)), kind)
            name, size = more.get("path", name), _size(more.get("size"), size)
            at += -(-told // BLOCK) * BLOCK
            continue
        told = told if size is None else size
        if kind not in b"123456":  # links, devices and folders have no content
            yield Member(name or _text(block[:100]), at, told)
            if at + told > view.size:
                raise BrokenTar(f"is cut short: at least {at + told - view.size:,} bytes are missing")
            at += -(-told // BLOCK) * BLOCK
        name, size = "", None
    raise BrokenTar(f"has more than {_MOST_MEMBERS:,} members")


def _number(field: bytes) -> int | None:
    """Give the number in *field*: octal digits, or in binary where it is too large for them."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:])
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return None


def _extended(content: bytes, kind: bytes) -> dict[str, str]:
    """Give what an extended header says of the member that follows."""
    if kind == b"L":
        return {"path": _text(content)}
    found = {}
    while kind == b"x" and content:
        digits, _, _ = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - no header is longer
        key, _, value = content[len(digits) + 1 : max(length - 1, 0)].partition(b"=")
        found[_text(key)] = _text(value)
        content = content[length:] if length > len(digits) else b""
    return found


def _size(text: str | None, known: int | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else known  # noqa: PLR2004


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")
