"""What was found of models that are already there, as rows of a catalog to come."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelready import addresses, patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: Sources of models whose origin nobody knows are the very files that lie here.
UNKNOWN_SOURCE = "nothing says where it comes from: it certifies, but cannot be brought; name its source"
_SHOWN = 3


@dataclass(frozen=True)
class File:
    """A ``[[model.file]]`` to come; ``min_size`` as people write it."""

    path: str
    size: int | None = None
    min_size: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    save_as: str = ""


@dataclass(frozen=True)
class Row:
    """A ``[[model]]`` to come, and in ``unknown`` what could not be known of it."""

    name: str
    source: str
    title: str = ""
    layout: str = ""
    folder: str = ""
    consumers: tuple[str, ...] = ()
    tokenizer: tuple[str, ...] = ()
    enabled_by: tuple[str, ...] = ()
    licence: str = ""
    files: tuple[File, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def include(self) -> tuple[str, ...]:
        """Give the paths of all files: exactly these are required."""
        return tuple(file.path for file in self.files)


@dataclass(frozen=True)
class Adopted:
    """The rows that were made, and what could not be known or was left out, a line each."""

    rows: tuple[Row, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Adopted) -> Adopted:
        return Adopted(self.rows + other.rows, self.unknown + other.unknown)


def slug(text: str) -> str:
    """Give *text* as a name that a catalog takes."""
    return re.sub(r"[^a-z0-9.-]+", "-", text.lower()).strip("-.") or "model"


def shown(names: Sequence[str]) -> str:
    """Give the first of *names*, and how many more there are."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def whole(found: Adopted) -> Adopted:
    """Give each row a name of its own, and leave out what no catalog could say, telling it."""
    rows: list[Row] = []
    left_out: list[str] = []
    taken: dict[tuple[str, str], tuple[str, str]] = {}
    names: set[str] = set()
    for row in found.rows:
        kept, why = _sayable(row, taken)
        left_out += [f"{row.name}: {one}" for one in why]
        if kept.files and _is_source(row.source):
            name = _free(row.name, names)
            names.add(name)
            rows.append(replace(kept, name=name))
    return Adopted(tuple(rows), (*found.unknown, *left_out))


def _sayable(row: Row, taken: dict[tuple[str, str], tuple[str, str]]) -> tuple[Row, list[str]]:
    """Give *row* with the files that a catalog can name, and say why others were left out."""
    if not _is_source(row.source):
        return replace(row, files=()), [f"{row.source!r} is no source that a catalog can name: left out"]
    files: list[File] = []
    why: list[str] = []
    for file in row.files:
        place = (row.folder, file.save_as or file.path)
        owner = (row.source, file.path)
        if not (is_path(file.path) and is_path(file.save_as or file.path)):
            why.append(unsayable(file.path))
        elif row.folder and taken.setdefault(place, owner) != owner:
            why.append(f"{place[1]} is already {' '.join(taken[place])}, it cannot be {file.path} too: left out")
        else:
            files.append(file)
    return replace(row, files=tuple(files)), why


def unsayable(place: Path | str) -> str:
    """Tell that a catalog cannot name *place*."""
    return f"{str(place)!r} cannot be named in a catalog: left out"


def is_path(path: str) -> bool:
    """Tell whether a catalog can name *path*."""
    try:
        patterns.safe_relative(path)
    except ValueError:
        return False
    return patterns.is_literal(path)


def _is_source(text: str) -> bool:
    from pathlib import Path  # noqa: PLC0415 - annotations alone need it elsewhere

    try:
        addresses.parse(text, Path())
    except ValueError:
        return False
    return text.isprintable()


def _free(name: str, names: Iterable[str]) -> str:
    taken = set(names)
    numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbers if one not in taken)


def is_folder(place: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether a catalog can name the folder *place*: one called ``${X}`` would mean another when it is read."""
    text = folder_text(place, environ)
    is_text = text.encode(errors="replace").decode() == text
    return is_text and "${" not in text.removeprefix("${MODELS_DIR}")


def folder_text(place: Path, environ: Mapping[str, str]) -> str:
    """Give *place* as a catalog best says it: below MODELS_DIR, below the home, or as it is."""
    full = os.path.abspath(place)  # noqa: PTH100 - links stay as they are
    for name, written in (("MODELS_DIR", "${MODELS_DIR}"), ("HOME", "~")):
        root = os.path.abspath(environ[name]) if environ.get(name) else ""  # noqa: PTH100 - as above
        if root not in {"", "/"} and (full == root or full.startswith(f"{root}/")):
            return f"{written}{full[len(root) :]}"
    return full
