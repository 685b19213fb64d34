"""What checks and errors mean: why a check is made, what it prints, a story it would have told."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MEND = "Mend:"


@dataclass(frozen=True)
class Check:
    """One check in words. ``promise`` and ``mend`` are its own, the rest is written beside it."""

    id: str
    promise: str
    mend: str
    why: str = ""
    example: str = ""
    story: str = ""


@dataclass(frozen=True)
class Error:
    """One kind of error in words; ``exit`` is the status with which commands end."""

    kind: str
    means: str
    do: str
    exit: str
    retry: bool
    example: str


def check(name: str, text: str) -> Check:
    """Explain the check *name*, whose docstring is *text*."""
    promise, _, mend = text.partition(_MEND)
    about = {key: value.strip("\n") for key, value in _written()["check"].get(name, {}).items()}
    return Check(name, _sentences(promise), _sentences(mend), **about)


def explained() -> tuple[str, ...]:
    """Name the checks that something is written about, those included that are not made yet."""
    return tuple(_written()["check"])


def errors() -> dict[str, Error]:
    """Explain every kind of error."""
    return {kind: Error(kind, **about) for kind, about in _written()["error"].items()}


def page(checks: Iterable[Check]) -> str:
    """Give docs/checks.md."""
    parts = [
        "# Checks",
        "",
        "What each check promises, why it is made, what its objection looks like, and how that is mended.",
        "They judge in this order; the first that refuses a file reports it, and later ones pass over that file.",
        "`modelready explain ID` shows the same, and `modelready explain --markdown` wrote this page.",
        "",
    ]
    for one in checks:
        parts += [f"## {one.id}", "", one.promise, "", one.why, "", "```text", one.example, "```", ""]
        parts += [f"{_MEND} {one.mend}", "", one.story, ""]
    return "\n".join(parts)


def error_rows(errors: Mapping[str, Error]) -> list[str]:
    """Give the rows of the table in docs/errors.md."""
    return [
        f"| `{one.kind}` | {one.means} | {one.do} | {one.exit} | {'yes' if one.retry else 'no'} |"
        for one in errors.values()
    ]


@cache
def _written() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def _sentences(text: str) -> str:
    """Give *text* with its line ends at the ends of sentences alone."""
    return " ".join(text.split()).replace(". ", ".\n")
