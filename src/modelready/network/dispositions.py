"""The name that a server gives a file: Content-Disposition, as RFC 6266 reads it."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from modelready import names

_PARAMETER = re.compile(
    r"""\s*;\s*(?P<name>[\w!#$&+.^`|~-]+\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^;\s]*))""", re.ASCII
)
_EXTENDED = re.compile(r"(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<value>.*)", re.IGNORECASE | re.DOTALL)


def file_name(header: str | None) -> str:
    """Give the file name that *header* says, safe to be written; nothing where it says none. ``filename*`` wins."""
    told: dict[str, str] = {}
    text = header or ""
    start = text.find(";")
    while start >= 0 and (found := _PARAMETER.match(text, start)):
        told.setdefault(found["name"].lower(), _value(found))
        start = found.end()
    extended = names.safe(_extended(told.get("filename*", "")))
    return extended or names.safe(_as_utf8(told.get("filename", "")))


def _value(found: re.Match[str]) -> str:
    return found["token"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])


def _extended(text: str) -> str:
    """Read RFC 8187's ``utf-8''%e2%82%ac.bin``."""
    found = _EXTENDED.fullmatch(text)
    value = unquote_to_bytes(found["value"].encode("latin-1", "replace")) if found else b""
    return value.decode(found["charset"], "replace") if found else ""


def _as_utf8(text: str) -> str:
    """Give what header bytes, which arrive as latin-1, mean where they are UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
