"""Conditions of a shell script as the switches of a catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.switches import TRUE_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelready.adopting.words import Token

_VARIABLE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:,,|\^\^)?(?::?-(?P<default>[^}]*))?\})"
)
_VALUE = re.compile(r"[^=|\s$]+")
_ABOUT_FILES = frozenset({"-f", "-e", "-d", "-s", "-r", "-w", "-x", "-L"})
_BRACKETS = frozenset({"[", "[[", "]", "]]", "test", "(", ")"})
_ON_TESTS = re.compile(r"(?:is_)?(?:true|enabled|on|wanted|flag)")


@dataclass(frozen=True)
class Atom:
    """A variable that must have a value; without one, it must be on."""

    name: str
    default: str = ""
    value: str = ""

    @property
    def line(self) -> str:
        """Give the line of ``enabled_by``."""
        if not self.value:
            is_on = self.default.lower() in TRUE_WORDS
            return f"{self.name}:-{self.default.lower()}={'|'.join(TRUE_WORDS)}" if is_on else self.name
        default = f":-{self.default}" if _VALUE.fullmatch(self.default) else ""
        return f"{self.name}{default}={self.value}"


def switches(condition: Sequence[Token], defaults: Mapping[str, str]) -> tuple[str, ...] | None:
    """
    Give the lines of ``enabled_by`` that *condition* means; None where a catalog cannot say it.

    *defaults* are the values that the script gives to variables which are not set. A test of files means nothing:
    what is there is not brought again in any case.
    """
    alternatives = _split(condition, {"||", "-o"})
    if len(alternatives) == 1:
        lines = [_one(part, defaults) for part in _split(alternatives[0], {"&&", "-a"})]
        known = [line for line in lines if line is not None]
        return tuple(dict.fromkeys(filter(None, known))) if len(known) == len(lines) else None
    return _either([_atom(part, defaults) for part in alternatives])


def choice(word: str, values: Sequence[str], defaults: Mapping[str, str]) -> tuple[str, ...] | None:
    """Give the line that ``case WORD in VALUES)`` means; None where a catalog cannot say it."""
    atom = _variable(word, defaults)
    if atom is None or not values or not all(_VALUE.fullmatch(one) and "*" not in one for one in values):
        return None
    return (Atom(atom.name, atom.default, "|".join(values)).line,)


def _one(part: Sequence[Token], defaults: Mapping[str, str]) -> str | None:
    if _is_about_files(part):
        return ""
    atom = _atom(part, defaults)
    return atom.line if atom else None


def _either(atoms: Sequence[Atom | None]) -> tuple[str, ...] | None:
    known = [atom for atom in atoms if atom is not None]
    if len(known) != len(atoms):
        return None
    names = list(dict.fromkeys(atom.name for atom in known))
    if not any(atom.value or atom.default.lower() in TRUE_WORDS for atom in known):
        return ("|".join(names),)
    if len(names) == 1 and all(atom.value for atom in known):
        return (Atom(names[0], known[0].default, "|".join(atom.value for atom in known)).line,)
    return None


def _atom(part: Sequence[Token], defaults: Mapping[str, str]) -> Atom | None:
    """Read ``[ "${A:-false}" = "true" ]``, ``$A`` and the like."""
    words = [token.text for token in part if token.text not in _BRACKETS]
    if len(words) == 1 or (len(words) == 2 and _ON_TESTS.fullmatch(words[0])):  # noqa: PLR2004 - `is_true "$A"`
        return _variable(words[-1], defaults)
    if len(words) != 3 or words[1] not in {"=", "=="}:  # noqa: PLR2004 - A = B
        return None
    atom = _variable(words[0], defaults)
    if atom is None or not _VALUE.fullmatch(words[2]):
        return None
    return atom if words[2].lower() in TRUE_WORDS else Atom(atom.name, atom.default, words[2])


def _variable(word: str, defaults: Mapping[str, str]) -> Atom | None:
    found = _VARIABLE.fullmatch(word)
    if found is None:
        return None
    name = found["plain"] or found["name"]
    return Atom(name, found["default"] or defaults.get(name, ""))


def _is_about_files(part: Sequence[Token]) -> bool:
    words = [token.text for token in part if token.text not in {*_BRACKETS, "!"}]
    return len(words) == 2 and words[0] in _ABOUT_FILES  # noqa: PLR2004 - -f FILE


def _split(condition: Sequence[Token], at: set[str]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in condition:
        if token.text in at:
            parts.append([])
        elif token.text != "\n":
            parts[-1].append(token)
    return parts
