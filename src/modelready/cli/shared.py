"""The options that all commands share, and what they say of the request."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modelready.diagnosing.causes import Diagnosis
    from modelready.errors import ModelreadyError
    from modelready.grounds import Requested
    from modelready.model import Model

_OPTIONS = (
    click.option(
        "--catalog",
        "catalogs",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A catalog, or a folder of them; repeatable.",
    ),
    click.option("--lock", type=click.Path(path_type=Path), help="models.lock.json; default: beside the catalog."),
    click.option("--require", multiple=True, metavar="GLOB", help="Turn models on by name; repeatable."),
    click.option("--model", "models", multiple=True, metavar="GLOB", help="Only these models; repeatable."),
)


def request_options(command: Callable[..., Any], *, may_lack_lock: bool = False) -> Callable[..., Any]:
    """Give *command* the shared options; it receives a ``Requested`` as its first argument."""

    @functools.wraps(command)
    def wrapper(
        catalogs: tuple[Path, ...], lock: Path | None, require: tuple[str, ...], models: tuple[str, ...], **rest: Any
    ) -> Any:
        given = {"catalogs": catalogs, "lock": lock, "require": require, "models": models}
        with_request = _requested(**given, may_lack_lock=may_lack_lock)
        try:
            return command(with_request, **rest)
        finally:
            with_request.ground.close()

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def _requested(**given: Any) -> Requested:
    from modelready.grounds import requested  # noqa: PLC0415 - heavy, and --help must be quick

    return requested(os.environ, Path.cwd(), **given)


def diagnosed(asked: Requested, failures: Iterable[tuple[Model, ModelreadyError]]) -> list[tuple[Model, Diagnosis]]:
    """Tell of *failures* what is likely to be behind them on this machine."""
    from modelready.diagnosing.causes import Diagnosing  # noqa: PLC0415 - only for what failed

    known = Diagnosing(os.environ, asked.ground.settings)
    return [(model, known.diagnose(error, model)) for model, error in failures]


def error_as_json(told: Diagnosis) -> dict[str, object]:
    """Give what is told of an error, for scripts."""
    return {
        "kind": told.kind,
        "message": told.what,
        "cause": told.cause,
        "remedy": told.remedy,
        "retryable": told.retryable,
    }


def as_json(value: object) -> None:
    """Print *value* as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def files_told(count: int) -> str:
    """Give *count* files in words."""
    return "1 file" if count == 1 else f"{count} files"


def columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Give *rows* as lines whose columns stand below each other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
