"""What a server says beside its status: the beginning of a body, as a person would read it."""

from __future__ import annotations

import json
import re
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from modelready.network import streams
from modelready.network.faults import Passing
from modelready.network.http import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

_MOST_BYTES = 16 * 1024
_WITHIN_S = 10.0
_LONGEST = 200
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def beginning(response: Response) -> bytes:
    """Give the first bytes of the body, as many as come soon; whatever goes wrong is only their end."""
    found = bytearray()
    try:
        for piece in _pieces(response, time.monotonic() + _WITHIN_S):
            found += piece
            if len(found) >= _MOST_BYTES:
                break
    except (*FAULTS, HTTPException, Passing):
        pass  # what came until then is all there is to show
    return bytes(found[:_MOST_BYTES])


def is_page(response: Response) -> bool:
    """Tell whether the body is a web page, by what its server says."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in {"text/html", "application/xhtml+xml"}


def title(page: bytes) -> str:
    """Give the title of a web page; nothing, where it has none."""
    found = _TITLE.search(page.decode("utf-8", "replace"))
    return plain(found[1]) if found else ""


def members(body: bytes) -> dict[str, Any] | None:
    """Give the JSON object that *body* is; None, where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def plain(text: str, secret: str | None = None) -> str:
    """Give *text* on one line, not too long, without *secret*: servers repeat what they were sent."""
    if secret:
        text = text.replace(secret, "…")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _pieces(response: Response, until: float) -> Iterator[bytes]:
    def heard(_: int) -> None:
        if time.monotonic() > until:
            raise TimeoutError

    reader = streams.stream(response, heard)
    if reader is None:
        yield response.content
        return
    buffer = memoryview(bytearray(_MOST_BYTES))
    length = response.headers.get("Content-Length", "")
    left = int(length) if length.isascii() and length.isdecimal() and not streams.is_coded(response) else _MOST_BYTES
    while left > 0 and (count := reader.readinto1(buffer[:left])):
        left -= count
        yield bytes(buffer[:count])
        heard(count)
