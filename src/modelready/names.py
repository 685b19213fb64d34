"""Names of files from elsewhere (the end of a URL, a header), made safe for every operating system."""

from __future__ import annotations

import re
import unicodedata

from modelready.patterns import safe_relative

_LONGEST_BYTES = 200  # with `.part` behind it a name still fits every file system
_UNUSABLE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\[\]]')


def safe(text: str) -> str:
    """
    Give the last part of *text* as a name that any system takes and no pattern mistakes; nothing, if none is left.

    ``..`` and what is only dots or spaces name no file.
    """
    name = re.split(r"[/\\]", text)[-1].encode(errors="replace").decode()
    name = "".join("_" if _is_invisible(letter) else letter for letter in _UNUSABLE.sub("_", name))
    name = _shortened(name.strip()).rstrip(". ")
    if not name:
        return ""
    return name if _is_usable(name) else f"_{name}"


def _is_invisible(letter: str) -> bool:
    """Tell whether *letter* could make a name look like another one: a mark of direction, a space of no width."""
    return unicodedata.category(letter) in {"Cf", "Cc", "Zl", "Zp"}


def _is_usable(name: str) -> bool:
    try:
        safe_relative(name)
    except ValueError:
        return False
    return True


def _shortened(name: str) -> str:
    """Give *name* no longer than file systems allow, its ending kept."""
    if len(name.encode()) <= _LONGEST_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    kept = f"{dot}{ending}" if stem and len(ending.encode()) <= _LONGEST_BYTES // 10 else ""
    body = name.removesuffix(kept).encode()[: _LONGEST_BYTES - len(kept.encode())]
    return body.decode(errors="ignore") + kept
