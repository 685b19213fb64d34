"""No answer tells where on this machine something lies, or a token: paths end in their last name."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from modelready.formats import secrets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: An absolute path, of Unix or Windows, or one in a home folder; the path of an address is none.
_PATH = re.compile(r"(?<![\w/.:~…-])(?:file:)?(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\'\"`;:,()<>|]+)+[/\\]?")
_FILE = re.compile(r"\bfile:/*[^\s'\"`;,()<>|]*/")


class Hider:
    """Takes out of answers what only this machine shall know: *roots* are the folders where models and state lie."""

    def __init__(self, roots: Iterable[Path]) -> None:
        told = {text for root in roots for text in (str(root), os.path.realpath(root)) if text not in {"/", "."}}
        known = "|".join(map(re.escape, sorted(told, key=len, reverse=True)))
        # A whole name, or the rest of a longer one would be told: /models is no beginning of /models2/secret.
        self._roots = re.compile(rf"(?:{known or '(?!)'})(?![\w-]|\.\w)")

    def hidden(self, value: Any) -> Any:
        """Give *value* with every text in it free of paths and tokens."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {key: self.hidden(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.hidden(one) for one in value]
        return value

    def _text(self, text: str) -> str:
        text = self._roots.sub("…", text)  # a folder with a space in its name, which no pattern sees whole
        return secrets.hidden(_PATH.sub(_last, _FILE.sub("file:…/", text)))


def _last(found: re.Match[str]) -> str:
    name = re.split(r"[/\\]", found[0].rstrip("/\\"))[-1]
    return f"…/{name}"
