"""A shell script as words and marks: enough of the language to read the lines that download."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = re.compile(r";;&|;;|;&|&&|\|\||[;&|()\n]")
_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1")
_PLAIN = re.compile(r"[^\s\\'\"$`;&|()<>]+")
_SINGLE = re.compile(r"'[^']*'?")
_NAMED = re.compile(r"\$(?:\w+|[@*#?$!-])")
_CLOSING = {"(": ")", "{": "}"}


@dataclass(frozen=True)
class Token:
    """A word with its quotes removed, or a mark as ``;`` and the end of a line; ``line`` counts from 1."""

    text: str
    line: int
    is_mark: bool = False


def tokens(script: str) -> Iterator[Token]:
    """Give the words and marks of *script*; what is no shell gives some words all the same."""
    at = 0
    while at < len(script):
        if found := _BLANK.match(script, at) or _COMMENT.match(script, at):
            at = found.end()
            continue
        line = script.count("\n", 0, at) + 1
        if found := _HEREDOC.match(script, at):
            at = _after_heredoc(script, found)
        elif found := _MARK.match(script, at):
            yield Token(found[0], line, is_mark=True)
            at = found.end()
        elif script[at] in "<>":
            at += 1
        else:
            text, at = _word(script, at)
            yield Token(text, line)


def _word(script: str, at: int) -> tuple[str, int]:
    """Give the word that begins at *at*, and where it ends."""
    pieces: list[str] = []
    start = at
    while at < len(script) and script[at] not in " \t\r\n;&|()<>":
        piece, at = _piece(script, at)
        pieces.append(piece)
    return "".join(pieces), max(at, start + 1)


def _piece(script: str, at: int) -> tuple[str, int]:
    letter = script[at]
    if letter == "\\":
        return ("" if script[at + 1 : at + 2] == "\n" else script[at + 1 : at + 2]), at + 2
    if letter == "'" and (found := _SINGLE.match(script, at)):
        return found[0].strip("'"), found.end()
    if letter == '"':
        return _double(script, at + 1)
    if letter == "$":
        return _dollar(script, at)
    if letter == "`":
        end = script.find("`", at + 1)
        end = len(script) if end < 0 else end + 1
        return script[at:end], end
    found = _PLAIN.match(script, at)
    return (found[0], found.end()) if found else (letter, at + 1)


def _double(script: str, at: int) -> tuple[str, int]:
    pieces: list[str] = []
    while at < len(script) and script[at] != '"':
        if script[at] == "\\":
            escaped = script[at + 1 : at + 2]
            pieces.append("" if escaped == "\n" else escaped if escaped in {'"', "\\", "$", "`"} else f"\\{escaped}")
            at += 2
        elif script[at] == "$":
            piece, at = _dollar(script, at)
            pieces.append(piece)
        else:
            pieces.append(script[at])
            at += 1
    return "".join(pieces), at + 1


def _dollar(script: str, at: int) -> tuple[str, int]:
    """Give ``$NAME``, ``${…}`` or ``$(…)`` whole."""
    opening = script[at + 1 : at + 2]
    if opening not in _CLOSING:
        found = _NAMED.match(script, at)
        return (found[0], found.end()) if found else ("$", at + 1)
    depth = 0
    for place in range(at + 1, len(script)):
        depth += (script[place] == opening) - (script[place] == _CLOSING[opening])
        if depth == 0:
            return script[at : place + 1], place + 1
    return script[at:], len(script)


def _after_heredoc(script: str, opened: re.Match[str]) -> int:
    """Give where the script goes on: the rest of the line is taken for nothing, as is the text up to the word."""
    end = re.compile(rf"^\t*{re.escape(opened[2])}[ \t]*$", re.MULTILINE).search(script, opened.end())
    return end.end() if end else len(script)
