"""The ``source`` of a model: text of a catalog to a Source and back to what is wrong with it."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from modelready import names, signed
from modelready.model import HEX_LENGTHS, Source
from modelready.patterns import meant, safe_relative

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXPECTED = "expected hf:REPO[@REVISION], civitai:VERSION_ID[?fileId=N], https://…, http:// on loopback, or file:PATH"

_REPO_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_REVISION = re.compile(r"[^\s\x00-\x1f\x7f~^:?*\[\\]+")
_COMMIT = re.compile(rf"[0-9A-Fa-f]{{{HEX_LENGTHS['git_sha1']}}}")
_CIVITAI = re.compile(r"([1-9][0-9]{0,17})(?:\?fileId=([1-9][0-9]{0,17}))?", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


def parse(text: str, cwd: Path) -> Source:
    """
    Give the source that *text* names; a relative ``file:`` starts at *cwd*.

    Raises: ValueError, telling what is wrong and what was expected.
    """
    scheme, colon, rest = text.partition(":")
    read = _READERS.get(scheme)
    if not colon or read is None:
        shown = signed.without_secrets(text)
        raise ValueError(f"{shown!r} names no kind of source; {EXPECTED}{meant(scheme, _READERS)}")
    if not rest:
        raise ValueError(f"{text!r} stops after the colon; {EXPECTED}")
    return read(text, rest, cwd)


def file_name(source: Source) -> str:
    """Give the name of the one file that a URL ends in, made safe; nothing, if it ends in none."""
    return names.safe(unquote(urlsplit(source.address).path)) if source.kind == "url" else ""


def _hub(text: str, rest: str, _cwd: Path) -> Source:
    repo, at, revision = rest.partition("@")
    parts = repo.split("/")
    if len(parts) > 2 or not all(map(_is_repo_part, parts)):  # noqa: PLR2004 - organisation and name
        raise ValueError(f"{text!r} names no repository; expected hf:ORGANISATION/NAME or hf:NAME, then @REVISION")
    if at and not _is_revision(revision):
        raise ValueError(f"{text!r} has no revision after the @; expected a branch, a tag or a commit")
    if _COMMIT.fullmatch(revision):
        revision = revision.lower()
    return Source(text, "hf", repo, revision or "main")


def _is_repo_part(part: str) -> bool:
    """Tell whether the Hub would allow *part* in the name of a repository."""
    return bool(_REPO_PART.fullmatch(part)) and "--" not in part and ".." not in part and not part.endswith(".git")


def _is_revision(revision: str) -> bool:
    """Tell whether *revision* can be a git name, and a file below ``refs`` of a Hub cache."""
    if not _REVISION.fullmatch(revision) or ".." in revision:
        return False
    try:
        safe_relative(revision)
    except ValueError:
        return False
    return True


def _civitai(text: str, rest: str, _cwd: Path) -> Source:
    if not (found := _CIVITAI.fullmatch(rest)):
        shown = signed.without_secrets(text)
        raise ValueError(f"{shown!r} names no version; expected civitai:VERSION_ID, as civitai:290640?fileId=228616")
    return Source(text, "civitai", found[1], "", found[2])


def _url(text: str, _rest: str, _cwd: Path) -> Source:
    parts = _split(text)
    if parts.username or parts.password:
        raise ValueError("the URL holds a user or a password; expected one without: catalogs and locks are for all")
    shown = signed.without_secrets(text)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(f"{shown!r} is not encrypted; expected https:// (http:// only on loopback, as 127.0.0.1)")
    return Source(shown, "url", text.partition("#")[0], "")


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or _UNPRINTABLE.search(text):
        shown = text.partition("?")[0]
        raise ValueError(f"{shown!r} is no URL; expected something like https://example.org/model.safetensors")
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, so that nobody else hears what is said to it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _file(text: str, rest: str, cwd: Path) -> Source:
    path = rest
    if rest.startswith("//"):
        host, _, below = rest[2:].partition("/")
        if host not in {"", "localhost"}:
            raise ValueError(f"{text!r} lies on another machine; expected file:PATH or file:///PATH")
        path = unquote(f"/{below}")
    if "\0" in path:
        raise ValueError(f"{text!r} holds a NUL character; expected file:PATH")
    return Source(text, "file", os.path.normpath(cwd / path), "")


_READERS: dict[str, Callable[[str, str, Path], Source]] = {
    "hf": _hub,
    "civitai": _civitai,
    "https": _url,
    "http": _url,
    "file": _file,
}
