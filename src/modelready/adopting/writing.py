"""Rows as the TOML of a catalog: what could not be known stands as a comment above its model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.adopting.rows import Adopted, File, Row

_HEAD = "# Written by `modelready adopt`: read it, and keep it beside what needs the models.\n"


def toml(found: Adopted) -> str:
    """Give *found* as a catalog."""
    general = "".join(_comment(one) for one in found.unknown)
    return "\n".join([_HEAD + general, *("\n".join(_row(row)) + "\n" for row in found.rows)])


def _row(row: Row) -> Iterator[str]:
    yield from (_comment(one).rstrip("\n") for one in row.unknown)
    yield "[[model]]"
    for key in ("name", "title", "source", "layout", "folder", "licence"):
        if value := getattr(row, key):
            yield f"{key} = {_text(value)}"
    yield from _list("include", row.include)
    for key in ("consumers", "tokenizer", "enabled_by"):
        yield from _list(key, getattr(row, key))
    for file in row.files:
        yield from _file(file)


def _file(file: File) -> Iterator[str]:
    pairs = [("path", file.path), ("save_as", file.save_as), ("min_size", file.min_size), *file.digests.items()]
    if file.size is None and not any(value for _, value in pairs[1:]):
        return  # include names it already
    yield ""
    yield "[[model.file]]"
    yield from (f"{key} = {_text(value)}" for key, value in pairs if value)
    if file.size is not None:
        yield f"size = {file.size}"


def _list(key: str, values: tuple[str, ...]) -> Iterator[str]:
    if len(values) == 1:
        yield f"{key} = [{_text(values[0])}]"
    elif values:
        yield f"{key} = ["
        yield from (f"    {_text(value)}," for value in values)
        yield "]"


def _text(value: str) -> str:
    sayable = value.encode(errors="replace").decode()  # half a letter, which JSON can hold, is none in TOML
    return json.dumps(sayable, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"# {shown}\n"
