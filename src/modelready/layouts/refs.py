"""References of the Hub cache: a branch or tag, and the commit it stood for when it was fetched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelready import contents
from modelready.errors import MalformedRef, RequestError

if TYPE_CHECKING:
    from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHOWN = 60


def is_commit(text: str) -> bool:
    """Tell whether *text* is a whole commit and nothing else."""
    return _COMMIT.fullmatch(text) is not None


def commit(text: str) -> str:
    """
    Give *text* back if it is a whole commit.

    Raises: RequestError, when it is none.
    """
    if not is_commit(text):
        raise RequestError(f"{text!r} is no commit; expected 40 hexadecimal digits", remedy="name the whole commit")
    return text


def read(path: Path) -> str | None:
    """
    Read the commit of one reference; None when there is no such reference.

    Raises: MalformedRef, when it holds something else: huggingface_hub would take a newline for part of the commit.
    """
    try:
        held = contents.read(path, most=contents.NOTE)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise MalformedRef(path, f"what cannot be read ({error.strerror})") from error
    text = held.decode("ascii", "replace")
    if not is_commit(text):
        raise MalformedRef(path, repr(text[:_SHOWN]) if text else "nothing")
    return text
