"""Small files as applications read them: JSON and YAML that hold one table, never more than a machine can bear."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGEST_BYTES = 64 * 2**20
LARGEST_YAML_BYTES = 2**20
_WHY_CHARACTERS = 120


class Unreadable(ValueError):
    """A file cannot be read as what it should be; the message says why, to follow its name."""


def table(place: Path) -> dict[str, Any]:
    """
    Give the JSON object in *place*.

    Raises: Unreadable, for anything else.
    """
    return _table(place, json.loads, "JSON", LARGEST_BYTES)


def yaml_table(place: Path) -> dict[Any, Any]:
    """
    Give the YAML mapping in *place*.

    Raises: Unreadable, for anything else.
    """
    import yaml  # noqa: PLC0415 - few machines have such a file

    def parse(text: str) -> object:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from error

    return _table(place, parse, "YAML", LARGEST_YAML_BYTES)


def text(place: Path, largest: int = LARGEST_BYTES) -> str:
    """
    Give the UTF-8 text in *place*.

    Raises: Unreadable, where there is none, or more than *largest* bytes.
    """
    try:
        with place.open("rb") as stream:
            content = stream.read(largest + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from error
    if len(content) > largest:
        raise Unreadable(f"has more than {largest:,} bytes, which no such file has")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is no text: byte {error.start:,} is not UTF-8") from error


def is_file(place: Path) -> bool:
    """Tell whether *place* leads to a file; names come out of files, so that any may be no name at all."""
    return stat.S_ISREG(_mode(place))


def is_folder(place: Path) -> bool:
    """Tell whether *place* leads to a folder."""
    return stat.S_ISDIR(_mode(place))


def _mode(place: Path) -> int:
    try:
        return place.stat().st_mode
    except (OSError, ValueError):  # not there, not to be seen, or no name
        return 0


def magic(place: Path, length: int = 4) -> bytes:
    """Give the first bytes of *place*; none where it cannot be read."""
    try:
        with place.open("rb") as stream:
            return stream.read(length)
    except OSError:
        return b""


def _table(place: Path, parse: Callable[[str], object], what: str, largest: int) -> dict[str, Any]:
    content = text(place, largest)
    try:
        value = parse(content)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise Unreadable(f"is no {what}: {why[:_WHY_CHARACTERS]}") from error
    if not isinstance(value, dict):
        raise Unreadable(f"holds no table; expected {what} with names and values")
    return value
