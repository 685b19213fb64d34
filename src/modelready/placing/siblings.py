"""Places of several models whose bytes lie on the disk once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import filesystems
from modelready.layouts import looking, sharing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.model import PlacedFile, PlacedModel


@dataclass(frozen=True)
class Sibling:
    """The other place of some bytes: how they are shared, and whose it is (MODEL/PATH)."""

    how: str
    name: str
    place: Path


def of(models: Iterable[PlacedModel]) -> Mapping[Path, Sibling]:
    """Give for each place that shares its bytes with another place, by a hard link or a reflink, one such place."""
    found: dict[Path, Sibling] = {}
    alike: dict[object, list[tuple[str, PlacedFile]]] = {}
    reflinking: dict[int, bool] = {}
    for model in models:
        for one in model.files:
            for key in _keys(one, reflinking):
                alike.setdefault(key, []).append((f"{model.name}/{one.path}", one))
    for group in alike.values():
        first_name, first = group[0]
        for name, one in group[1:]:
            if one.place not in found and (how := _how(first.place, one.place)):
                found[one.place] = Sibling(how, first_name, first.place)
                found.setdefault(first.place, Sibling(how, name, one.place))
    return found


def _keys(one: PlacedFile, reflinking: dict[int, bool]) -> list[object]:
    """Give what places with the same bytes on the disk have in common: the file's number, or else a digest."""
    seen = looking.look(one.place)
    if seen is None:
        return []
    linked: list[object] = [(seen.st_dev, seen.st_ino)] if seen.st_nlink > 1 else []
    if seen.st_dev not in reflinking:
        reflinking[seen.st_dev] = filesystems.may_reflink(one.place)
    return linked + [digest.hex for digest in one.digests if reflinking[seen.st_dev]]


def _how(first: Path, other: Path) -> str:
    """Say how two places share their bytes; links that lead to one place are that place."""
    return sharing.how(first, other) if os.path.realpath(first) != os.path.realpath(other) else ""
