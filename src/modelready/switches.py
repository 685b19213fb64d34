"""Which models this machine requires: the ``enabled_by`` lines, ``--require``, and ``needs``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.errors import RequestError
from modelready.patterns import matches_one, meant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modelready.model import Model

TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")

_OPTION, _VARIABLE = "--require ", "MODELREADY_REQUIRE"
_MOST_NAMED = 20

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_EITHER = re.compile(rf"{_NAME}(?:\|{_NAME})*")
_VALUED = re.compile(rf"(?P<name>{_NAME})(?::-(?P<default>[^=|\s]+))?=(?P<values>[^=|\s]+(?:\|[^=|\s]+)*)")


@dataclass(frozen=True)
class Switch:
    """
    One line of ``enabled_by``.

    With ``values``, its one variable must have one of them; without, one of its variables must be true. Where the
    values are true or false themselves, every word for those counts: ``A:-true=true`` is on until it is turned off.
    """

    names: tuple[str, ...]
    values: tuple[str, ...] = ()
    default: str = ""

    def is_on(self, environ: Mapping[str, str]) -> bool:
        """Tell whether the line holds in *environ*."""
        if self.values and self.is_boolean:
            return _truth(self.value(environ)) in map(_truth, self.values)
        if self.values:
            return self.value(environ) in self.values
        return any(_truth(_set(environ, name)) for name in self.names)

    @property
    def is_boolean(self) -> bool:
        """Tell whether its variables are true or false."""
        return {*self.values, self.default or "true"} <= {"true", "false"}

    def value(self, environ: Mapping[str, str]) -> str:
        """Give what the variable holds, or the default; only for a line with values."""
        return _set(environ, self.names[0]) or self.default

    def told(self, environ: Mapping[str, str]) -> str:
        """Say what the variables hold: ``A is not set``, ``B=false``."""
        states = (f"{name}={value}" if (value := _set(environ, name)) else f"{name} is not set" for name in self.names)
        default = f" (so it is {self.default})" if self.default and not _set(environ, self.names[0]) else ""
        return ", ".join(states) + default

    def wish(self) -> str:
        """Say what would make the line hold: ``A=true or B=true``."""
        values = self.values or ("true",)
        return " or ".join(f"{name}={value}" for name in self.names for value in values)


@dataclass(frozen=True)
class Decision:
    """Whether a model is required, why in words, and the variables that decided (or would turn it on)."""

    is_required: bool
    because: str
    variables: tuple[str, ...] = ()


def parse(line: str) -> Switch:
    """
    Read one line of ``enabled_by``.

    Raises: ValueError, telling the four forms.
    """
    written = re.sub(r"\s*([|=]|:-)\s*", r"\1", line.strip())
    if _EITHER.fullmatch(written):
        return Switch(tuple(written.split("|")))
    if found := _VALUED.fullmatch(written):
        return Switch((found["name"],), tuple(found["values"].split("|")), found["default"] or "")
    raise ValueError(f"{line!r} is no switch; expected NAME, A|B, NAME=V1|V2 or NAME:-DEFAULT=V1|V2")


def required_globs(given: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give the globs of ``--require``, else those of MODELREADY_REQUIRE, which commas or spaces separate."""
    named = re.split(r"[,\s]+", environ.get(_VARIABLE, ""))
    return tuple(given) or tuple(filter(None, named))


def named_by(given: Sequence[str]) -> str:
    """Give what stands before a glob where it was named: on the command line, if any is *given* there."""
    return _OPTION if given else f"{_VARIABLE}="


def decide(
    models: Sequence[Model], environ: Mapping[str, str], require: Sequence[str] = (), *, named_by: str = _OPTION
) -> dict[str, Decision]:
    """
    Say of every model, by name, whether it is required, and why; *named_by* is what the globs of *require* stood in.

    Raises: RequestError, for a value that no catalog names, or a glob of *require* that matches no model.
    """
    names = [model.name for model in models]
    if wrong := [*_unknown_values(models, environ), *_unmatched_globs(names, require, named_by)]:
        raise RequestError("\n".join(wrong), remedy="")
    return likely(models, environ, require, named_by=named_by)


def likely(
    models: Sequence[Model], environ: Mapping[str, str], require: Sequence[str] = (), *, named_by: str = _OPTION
) -> dict[str, Decision]:
    """Decide as `decide` does, but object to nothing: for a catalog that is still being judged."""
    decisions = {model.name: _own(model, environ, require, named_by) for model in models}
    return _with_needs(models, decisions)


def _own(model: Model, environ: Mapping[str, str], require: Sequence[str], named_by: str) -> Decision:
    """Decide on *model* alone."""
    for glob in require:
        if matches_one(model.name, glob):
            return Decision(is_required=True, because=f"required by {named_by}{glob}")
    if not model.enabled_by:
        return Decision(is_required=True, because="always required")
    lines = [parse(line) for line in model.enabled_by]
    if off := [line for line in lines if not line.is_on(environ)]:
        because = " and ".join(f"{line.told(environ)}: set {line.wish()}" for line in off)
        return Decision(is_required=False, because=because, variables=_names(off))
    because = " and ".join(line.told(environ) for line in lines)
    return Decision(is_required=True, because=because, variables=_names(lines))


def _names(lines: Iterable[Switch]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for line in lines for name in line.names))


def _with_needs(models: Sequence[Model], own: dict[str, Decision]) -> dict[str, Decision]:
    """Add what the required models need, and what that needs in turn."""
    needs = {model.name: model.needs for model in models}
    decisions = dict(own)
    waiting = [name for name, decision in own.items() if decision.is_required]
    while waiting:
        needing = waiting.pop()
        for name in needs[needing]:
            if name in decisions and not decisions[name].is_required:
                decisions[name] = Decision(
                    is_required=True, because=f"needed by {needing}", variables=decisions[needing].variables
                )
                waiting.append(name)
    return decisions


def _unmatched_globs(names: Sequence[str], require: Sequence[str], named_by: str) -> list[str]:
    return [no_model(glob, names, named_by=named_by) for glob in require if not _matches_any(glob, names)]


def _matches_any(glob: str, names: Sequence[str]) -> bool:
    return any(matches_one(name, glob) for name in names)


def no_model(glob: str, names: Sequence[str], *, named_by: str) -> str:
    """Say that *glob*, which stood behind *named_by*, names no model, and which are there."""
    return f"{named_by}{glob}: no model has such a name; expected one of {some(names)}{meant(glob, names)}"


def some(names: Collection[str]) -> str:
    """Name as many of *names* as one looks at."""
    return ", ".join(sorted(names)[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")


def _unknown_values(models: Sequence[Model], environ: Mapping[str, str]) -> list[str]:
    """Tell the variables that hold a value no line of any catalog knows."""
    known: dict[str, dict[str, None]] = {}
    boolean: set[str] = set()
    for line in (parse(text) for model in models for text in model.enabled_by):
        for name in line.names:
            values = (*TRUE_WORDS, *FALSE_WORDS) if line.is_boolean else (*line.values, line.default)
            known.setdefault(name, {}).update(dict.fromkeys(filter(None, values)))
        boolean.update(line.names if line.is_boolean else ())
    return [
        _unknown_value(name, value, tuple(values))
        for name, values in known.items()
        if (value := _set(environ, name)) and not _is_known(value, values, is_boolean=name in boolean)
    ]


def _is_known(value: str, known: Iterable[str], *, is_boolean: bool) -> bool:
    return value in known or (is_boolean and value.lower() in TRUE_WORDS + FALSE_WORDS)


def _unknown_value(name: str, value: str, known: Sequence[str]) -> str:
    return f"{name}={value}: no catalog names this value; expected one of {', '.join(known)}{meant(value, known)}"


def _truth(word: str) -> bool | None:
    """Give what *word* says; nothing where it is neither of the two."""
    return {**dict.fromkeys(TRUE_WORDS, True), **dict.fromkeys(FALSE_WORDS, False)}.get(word.lower())


def _set(environ: Mapping[str, str], name: str) -> str:
    """Give what *name* holds; spaces around it, as env files leave them, do not count."""
    return environ.get(name, "").strip()
