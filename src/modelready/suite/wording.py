"""One line for a wrong option, where the command was called: pytest would show its own usage, and where it looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from modelready.patterns import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNKNOWN = "unrecognized arguments: "
_ARGUMENT = "argument "
_HELP = "see `modelready certify --help`"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let wrong options be told in our words; pytest gives no public way to say so."""

    def error(message: str) -> NoReturn:
        known = (name for action in parser.optparser._actions for name in action.option_strings)  # noqa: SLF001
        raise pytest.UsageError(told(message, known))

    parser.optparser.error = error  # type: ignore[method-assign]


def told(message: str, known: Iterable[str]) -> str:
    """Give argparse's *message* in one line; an unknown option with the one among *known* that may be meant."""
    if message.startswith(_UNKNOWN):
        words = message.removeprefix(_UNKNOWN).split()
        option = next((word for word in words if word.startswith("-")), words[0]).partition("=")[0]
        meant = nearest(option, [name for name in known if name.startswith("--")])
        return f"no option {option}; {f'did you mean {meant}? ' if meant else ''}{_HELP}"
    return f"{' '.join(message.removeprefix(_ARGUMENT).split())}; {_HELP}"
