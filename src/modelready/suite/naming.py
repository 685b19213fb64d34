"""Which items are checks, how they are named, and in which order they run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from modelready import packaged
from modelready.promises import ORDER

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from modelready.model import Model


@cache
def folder() -> Path:
    """Give the folder of the checks; nothing in it is imported."""
    return packaged.folder("checks")


@cache
def is_check(path: Path) -> bool:
    """Tell whether *path* is a file of checks; asked many times of each, so answered once."""
    return path.resolve().parent == folder() and path.stem != "__init__"


def check_id(item: pytest.Item) -> str:
    """Give the id of a check, the same wherever the suite is installed: ``file.check``."""
    return f"{item.path.stem}.{getattr(item, 'originalname', item.name).removeprefix('test_')}"


def model_of(item: pytest.Item) -> str:
    """Give the name of the model that *item* judges; empty for a check of the machine."""
    callspec = getattr(item, "callspec", None)
    return "" if callspec is None else str(callspec.params.get("model", ""))


def is_without_model(item: pytest.Item) -> bool:
    """Tell whether pytest made *item* for a check that applies to no model."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and is_check(item.path) and not isinstance(callspec.params.get("model", ""), str)


def model_in(nodeid: str) -> str:
    """Give the name of the model in a node id; empty where there is none."""
    return nodeid[nodeid.rindex("[") + 1 : -1] if nodeid.endswith("]") else ""


def check_in(nodeid: str) -> str:
    """Give the id of the check in a node id; empty where it names no check."""
    path, _, name = nodeid.partition("::")
    stem = path.rpartition("/")[2].removesuffix(".py")
    return f"{stem}.{name.partition('[')[0].removeprefix('test_')}" if stem in ORDER and name else ""


def words(model: Model) -> set[str]:
    """Give the words by which -k and -m find *model*: its name, kind, tags and consumers."""
    return {model.name, model.kind, *model.tags, *model.consumers} - {""}


def position(item: pytest.Item, models: dict[str, int]) -> tuple[int, int, int]:
    """Give the place of *item*: model by model, then file by file; checks of the machine come last."""
    stem = item.path.stem
    file = ORDER.index(stem) if stem in ORDER else len(ORDER)
    return (models.get(model_of(item), len(models)), file, item.function.__code__.co_firstlineno)  # type: ignore[attr-defined]
