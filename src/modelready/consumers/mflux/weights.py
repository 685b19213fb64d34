"""
What the weights of a model must have, so that mflux's loaders end well.

Stricter than ``PathResolution`` where that is content with too little: it counts an empty shard and macOS's ``._x``
files as weights, sees nothing missing where an index is missing too, and never looks for a configuration.
Sources: mflux/models/common/weights/loading/weight_loader.py and …/saving/model_saver.py.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.consumers.mflux import folders
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelready.consumers.mflux.models import Opening

_SAVED_INDEX = "model.safetensors.index.json"
#: What mflux-save writes into the header of each shard: by either, its loader knows its own.
_MARKS = ("quantization_level", "mflux_version")
#: Patterns that mflux downloads by and can do without, or that the tokenizer's own look-up judges.
_FOR_TOKENIZERS = (".jinja", "added_tokens.json", "merges.txt", "tokenizer/*", "/**")
_NOTHING = "no configuration lies here: mflux would load the weights all the same, other loaders would not"


def required(opening: Opening) -> tuple[str, ...]:
    """Give the patterns of *opening* that each have to match a file; others only filter what is downloaded."""
    return tuple(one for one in (*opening.patterns, *opening.loads) if not one.endswith(_FOR_TOKENIZERS))


def lacks(root: Path, opening: Opening) -> Iterator[Fault]:
    """Tell what is wrong with the weights and configurations that *opening* looks for in *root*."""
    saves = opening.saves if any(folders.has_saved_shards(root / one) for one in opening.saves) else ()
    told: set[str] = set()
    for fault in _saved(root, saves) if saves else _original(root, opening):
        if fault.path not in told:
            told.add(fault.path)
            yield fault


def _original(root: Path, opening: Opening) -> Iterator[Fault]:
    """Tell what lacks of a model as its makers publish it, or saved by mflux into the same folders."""
    wild = [one for one in opening.patterns if one.endswith(".safetensors") and "*" in one]
    parts = dict.fromkeys(PurePosixPath(one).parent.as_posix() for one in wild)
    is_saved = any(folders.has_saved_shards(root / name) for name in parts)
    for pattern in required(opening):
        if not is_saved or pattern.endswith(".safetensors"):  # mflux-save writes no configurations
            yield from _unmatched(root, pattern)
    for name in parts:
        yield from _in_folder(root, root / name)


def _saved(root: Path, saves: tuple[str, ...]) -> Iterator[Fault]:
    for name in saves:
        if not folders.has_saved_shards(root / name):
            path = PurePosixPath(name, "0.safetensors").as_posix()
            yield Fault(path, "is not there, though other parts lie here as mflux-save writes them")
        yield from _in_folder(root, root / name)


def _unmatched(root: Path, pattern: str) -> Iterator[Fault]:
    found = folders.matching(root, pattern)
    alive = [path for path in found if folders.is_live(path)]
    if pattern.endswith("*.json"):
        alive = [path for path in alive if folders.is_config(path)]
    if not alive:
        yield from _why_unmatched(root, pattern, [path for path in found if not folders.is_live(path)])


def _why_unmatched(root: Path, pattern: str, dead: list[Path]) -> Iterator[Fault]:
    doubles = [path.name for path in dead if path.name.startswith("._")]
    if not dead:
        yield Fault(pattern, _NOTHING if pattern.endswith("*.json") else "no such file lies here")
    elif len(doubles) == len(dead):
        yield Fault(pattern, f"only {doubles[0]} lies here, which macOS wrote: mflux counts it and cannot load it")
    else:
        yield from (_dead(root, path) for path in dead if path.name not in doubles)


def _in_folder(root: Path, folder: Path) -> Iterator[Fault]:
    """Tell dead weights, indexes that are none, and shards that an index or the other shards name."""
    for path in folders.matching(folder, "*.safetensors"):
        if not path.name.startswith("._") and not folders.is_live(path):
            yield _dead(root, path)
    for index in folders.indexes(folder):
        yield from _by_index(root, index)
    for name in folders.uncounted(folder):
        message = "is not there, though the names of the other shards count it: mflux would load the rest in silence"
        yield Fault(_told(root, folder / name), message)
    if folders.has_saved_shards(folder):
        yield from _by_marks(root, folder)


def _by_index(root: Path, index: Path) -> Iterator[Fault]:
    named = folders.shards(index)
    if named is None:
        yield Fault(_told(root, index), "is no index of shards: mflux takes the folder for incomplete")
    for name in named or ():
        if not folders.is_live(index.parent / name):
            message = f"{folders.why_dead(index.parent / name)}, though {index.name} names it"
            yield Fault(_told(root, index.parent / name), message)


def _by_marks(root: Path, folder: Path) -> Iterator[Fault]:
    index = folder / _SAVED_INDEX
    if not folders.is_live(index):
        message = f"{folders.why_dead(index)}: mflux-save wrote one, and nothing else tells which shards belong here"
        yield Fault(_told(root, index), message)
        return
    for name in folders.shards(index) or ():
        shard = folder / name
        if folders.is_live(shard) and not any(mark in folders.header_metadata(shard) for mark in _MARKS):
            message = "its header holds no quantization_level and no mflux_version: mflux takes it for the original"
            yield Fault(_told(root, shard), message)


def _dead(root: Path, path: Path) -> Fault:
    why = folders.why_dead(path)
    return Fault(_told(root, path), f"{why}: mflux counts it by its name" if why == "is empty" else why)


def _told(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
