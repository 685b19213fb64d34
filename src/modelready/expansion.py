"""``${VAR}`` and ``${VAR:-default}`` in a folder of a catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENING = re.compile(r"\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-|\})")
_STOP = re.compile(r"\$\{|\}")
_MOST = 50


@dataclass(frozen=True)
class Variable:
    """A ``${…}`` in a text: its name, and what it is without a value (nothing, if it must have one)."""

    name: str
    default: tuple[str | Variable, ...] | None = None


def parse(text: str) -> tuple[str | Variable, ...]:
    """
    Take *text* apart into plain pieces and variables.

    Raises: ValueError, for a ``${`` that is not closed or names nothing.
    """
    if text.count("${") > _MOST:
        raise ValueError(f"{text[:40]!r}… has more than {_MOST} variables; expected a folder people can read")
    pieces, end = _pieces(text, 0, _OPENING)
    assert end == len(text)  # noqa: S101 - outside of braces only the end of the text stops
    return pieces


def _pieces(text: str, start: int, stop: re.Pattern[str]) -> tuple[tuple[str | Variable, ...], int]:
    """Read pieces from *start* up to a closing brace (where *stop* knows one) or the end; say where that was."""
    pieces: list[str | Variable] = []
    while found := stop.search(text, start):
        pieces.append(text[start : found.start()])
        if found[0] == "}":
            return tuple(filter(None, pieces)), found.start()
        variable, start = _variable(text, found.end())
        pieces.append(variable)
    pieces.append(text[start:])
    return tuple(filter(None, pieces)), len(text)


def _variable(text: str, start: int) -> tuple[Variable, int]:
    """Read what follows ``${`` up to its closing brace; say where the text goes on."""
    head = _NAME.match(text, start)
    if head is None:
        raise ValueError(f"{text!r} has a '${{' that is malformed; expected ${{VAR}} or ${{VAR:-default}}")
    if head[2] == "}":
        return Variable(head[1]), head.end()
    default, end = _pieces(text, head.end(), _STOP)
    if end == len(text):
        raise ValueError(f"{text!r} has a '${{' that is never closed; expected ${{VAR}} or ${{VAR:-default}}")
    return Variable(head[1], default), end + 1


def unset(text: str, environ: Mapping[str, str]) -> list[str]:
    """Name the variables without which *text* cannot be expanded; an empty one counts as unset, as for a shell."""
    return list(dict.fromkeys(_unset(parse(text), environ)))


def _unset(pieces: tuple[str | Variable, ...], environ: Mapping[str, str]) -> list[str]:
    names: list[str] = []
    for piece in pieces:
        if isinstance(piece, str) or environ.get(piece.name):
            continue
        names += [piece.name] if piece.default is None else _unset(piece.default, environ)
    return names


def expand(text: str, environ: Mapping[str, str]) -> str:
    """
    Give *text* with every variable replaced; what a variable holds is taken as it is.

    Raises: KeyError, for a variable that `unset` names.
    """
    return _expanded(parse(text), environ)


def _expanded(pieces: tuple[str | Variable, ...], environ: Mapping[str, str]) -> str:
    return "".join(piece if isinstance(piece, str) else _value(piece, environ) for piece in pieces)


def _value(variable: Variable, environ: Mapping[str, str]) -> str:
    if value := environ.get(variable.name):
        return value
    if variable.default is None:
        raise KeyError(variable.name)
    return _expanded(variable.default, environ)
