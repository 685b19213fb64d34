"""Where else a repository lies, when programs do not find it where they look: one level off, or in another case."""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from modelready.inspection import words
from modelready.layouts import looking

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.model import PlacedModel


def hint(model: PlacedModel) -> str:
    """Say where the repository of *model* lies instead of where its files are expected; nothing where it is there."""
    storage = storage_of(model)
    if storage is None or looking.is_folder(storage):
        return ""
    if other := one_level_off(storage.parent, storage.name):
        where, looked = words.folded(other), words.folded(storage.parent)
        return f"; it lies in {where}, programs look in {looked}: one level off"
    if spelt := other_cases(storage):
        return f"; {spelt[0].name} is there: a cache minds the case, and no program takes it for {storage.name}"
    return ""


def storage_of(model: PlacedModel) -> Path | None:
    """Give the repository's folder in the Hub cache; None for a model that lies in a folder of its own."""
    if model.model.layout != "hub-cache":
        return None
    name = "models--" + model.model.source.address.replace("/", "--")
    return next((one for one in (model.root, *model.root.parents) if one.name == name), None)


def one_level_off(cache: Path, name: str) -> Path | None:
    """Give the cache one level up or down in which *name* lies."""
    return next((other for other in (cache.parent, cache / "hub") if is_filled(other / name)), None)


def is_filled(storage: Path) -> bool:
    """Tell whether a snapshot lies in *storage*."""
    try:
        return any((storage / "snapshots").iterdir())
    except OSError:
        return False


def other_cases(storage: Path) -> list[Path]:
    """Give the folders beside *storage* whose names differ from its name in case alone, and that hold a snapshot."""
    seen = looking.look(storage.parent)
    alike = _spellings(storage.parent, seen.st_mtime_ns).get(storage.name.casefold(), []) if seen else []
    found = [storage.with_name(name) for name in alike if name != storage.name]
    return [one for one in found if is_filled(one)]


@lru_cache(maxsize=4)
def _spellings(cache: Path, _changed_ns: int) -> dict[str, list[str]]:
    """Give the names in *cache* by what they are where case does not count; asked for each of a thousand models."""
    found: dict[str, list[str]] = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(cache)):  # noqa: PTH208 - only the names are wanted
            found.setdefault(name.casefold(), []).append(name)
    return found
