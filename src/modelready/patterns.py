"""Patterns over the paths of a source, and which paths may be trusted to stay in their folder."""

from __future__ import annotations

import difflib
import re
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WILD = re.compile(r"[*?\[]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")
# Windows opens a device for these, whatever the extension.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\.|$)", re.IGNORECASE)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether *path* matches one of *patterns*, as huggingface_hub does: fnmatch, and "dir/" is all below."""
    return any(matches_one(path, pattern) for pattern in patterns)


def matches_one(path: str, pattern: str) -> bool:
    """Tell whether *path* matches *pattern*, as `matches` does."""
    return path == pattern or ((compiled := _compiled(pattern)) is not None and compiled.match(path) is not None)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Give what *pattern* means beyond itself; None if that is nothing. Catalogs ask the same thousands of times."""
    if is_literal(pattern):
        return None
    return re.compile(translate(f"{pattern}*" if pattern.endswith("/") else pattern))


def select(paths: Iterable[str], include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Give the *paths* that *include* names (all, if it is empty) and *exclude* does not, in their order."""
    return [path for path in paths if (not include or matches(path, include)) and not matches(path, exclude)]


def unmatched(patterns: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Give the *patterns* that match none of *paths*."""
    known = tuple(paths)
    return [pattern for pattern in patterns if not any(matches_one(path, pattern) for path in known)]


def is_literal(pattern: str) -> bool:
    """Tell whether *pattern* can only mean one path."""
    return not _WILD.search(pattern) and not pattern.endswith("/")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the one of *known* that *word* was probably meant to be."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def meant(word: str, known: Iterable[str]) -> str:
    """Give "; did you mean …?" if one of *known* is near *word*, else nothing."""
    found = nearest(word, known)
    return f"; did you mean {found!r}?" if found else ""


def safe_relative(path: str) -> PurePosixPath:
    """
    Give *path* as a relative path that stays below where it is joined, on every operating system.

    Raises: ValueError, telling why it cannot be trusted.
    """
    if why := _danger(path):
        raise ValueError(f"{path!r} {why}; expected a path inside its folder, such as 'sub/file.bin'")
    return PurePosixPath(path)


def safe_pattern(pattern: str) -> str:
    """
    Give *pattern* back if it can match a path inside a folder.

    Raises: ValueError, telling why it cannot.
    """
    if why := _danger(pattern.removesuffix("/")):
        raise ValueError(f"{pattern!r} {why}; expected a pattern over paths of the source, such as 'sub/*.json'")
    return pattern


def _danger(path: str) -> str:
    """Say what is wrong with *path* as a whole or with one of its parts; nothing if all is well."""
    dangers = {
        "is empty": not path,
        "is absolute": path.startswith("/"),
        "holds a backslash": "\\" in path,
        "holds a control character": _CONTROL.search(path),
        "names a drive": _DRIVE.match(path),
        "is no text": _is_no_utf8(path),
    }
    whole = next((why for why, is_so in dangers.items() if is_so), "")
    return whole or next((why for part in path.split("/") if (why := _part_danger(part))), "")


def _is_no_utf8(path: str) -> bool:
    """Tell whether *path* holds a lone surrogate, which no other program could be told."""
    return path != path.encode(errors="replace").decode()


def _part_danger(part: str) -> str:
    if part == "":
        return "has an empty part"
    if part in {".", ".."}:
        return "leaves its folder" if part == ".." else "has a part '.'"
    if part.endswith((".", " ")):
        return "has a part that ends with a dot or a space"
    if _DEVICE.match(part):
        return f"has the part {part!r}, a device on Windows"
    return ""
