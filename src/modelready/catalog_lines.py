"""
On which line each key of a TOML text stands.

tomllib gives values without lines. The text has passed tomllib before it comes here, so this reader only has to keep
step with it, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

#: A key of the parsed document: ("model", 2, "file", 0, "size").
Location: TypeAlias = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<string> \"\"\" (?:[^\\]|\\.)*? \"{3,5} | '''.*?'{3,5} | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' )
  | (?P<comment> \#[^\n]* )
  | (?P<newline> \n )
  | (?P<space> [\x20\t\r]+ )
  | (?P<mark> [\[\]{}=,.] )
  | (?P<bare> [^\s\[\]{}=,."'\#]+ )
    """,
    re.VERBOSE | re.DOTALL,
)


def find(text: str) -> dict[Location, int]:
    """Give the line, from 1, on which each key, table and array element of *text* begins."""
    return _Reader(text).read()


class _Reader:
    """Walks over the tokens of a TOML text and notes where keys stand."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._rows: dict[Location, int] = {}  # how many [[…]] each array of tables has had
        self._lines: dict[Location, int] = {}

    def read(self) -> dict[Location, int]:
        table: Location = ()
        while self._skip_blank():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> Location:
        """Read ``[table]`` or ``[[row]]`` and give its location."""
        line, self._at = self._line(), self._at + 1
        is_row = self._peek() == "["
        self._at += is_row
        keys = self._keys()
        self._at += 1 + is_row
        table = self._inside((), keys[:-1])
        if is_row:
            array = (*table, keys[-1])
            self._lines.setdefault(array, line)
            self._rows[array] = self._rows.get(array, -1) + 1
        table = self._inside(table, keys[-1:])
        self._note(table, line)
        return table

    def _inside(self, table: Location, keys: list[str]) -> Location:
        """Follow *keys* down from *table*, into the last row of each array of tables."""
        for key in keys:
            table = (*table, key)
            if table in self._rows:
                table = (*table, self._rows[table])
        return table

    def _pair(self, table: Location) -> None:
        """Read ``key = value``."""
        line, keys = self._line(), self._keys()
        self._at += 1  # the sign
        location = (*table, *keys)
        self._note(location, line)
        self._value(location)

    def _note(self, location: Location, line: int) -> None:
        for length in range(1, len(location) + 1):
            self._lines.setdefault(location[:length], line)

    def _keys(self) -> list[str]:
        """Read a dotted key."""
        keys = [_key(self._next())]
        while self._peek() == ".":
            self._at += 1
            keys.append(_key(self._next()))
        return keys

    def _value(self, location: Location) -> None:
        if self._peek() == "[":
            self._array(location)
        elif self._peek() == "{":
            self._inline(location)
        else:
            while self._peek() not in {",", "]", "}", "\n", ""}:
                self._at += 1

    def _array(self, location: Location) -> None:
        self._at += 1
        index = 0
        while self._skip_blank() != "]":
            if self._peek() == ",":
                self._at += 1
                continue
            self._note((*location, index), self._line())
            self._value((*location, index))
            index += 1
        self._at += 1

    def _inline(self, location: Location) -> None:
        self._at += 1
        while self._skip_blank() != "}":
            if self._peek() == ",":
                self._at += 1
            else:
                self._pair(location)
        self._at += 1

    def _skip_blank(self) -> str:
        while self._peek() == "\n":
            self._at += 1
        return self._peek()

    def _peek(self) -> str:
        return self._tokens[self._at][0]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _line(self) -> int:
        return self._tokens[self._at][1]


def _tokens(text: str) -> list[tuple[str, int]]:
    """Cut *text* into tokens with their lines; an empty token ends it."""
    tokens = []
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup not in {"comment", "space"}:
            tokens.append((found[0], line))
        line += found[0].count("\n")
    return [*tokens, ("", line)]


def _key(token: str) -> str:
    """Give what a bare or quoted key says."""
    return next(iter(tomllib.loads(f"{token} = 0"))) if token[0] in "\"'" else token
