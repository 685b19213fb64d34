"""What lies in a folder: files that a loader can read, indexes of shards, and what their names count."""

from __future__ import annotations

import json
import os
import re
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX_SUFFIX = ".safetensors.index.json"
_COUNTED = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.safetensors")
_SAVED = re.compile(r"\d+\.safetensors")
_LONGEST_INDEX = 256 * 2**20
_LONGEST_HEADER = 100_000_000
_MOST_SHARDS = 1_000


def matching(root: Path, pattern: str) -> list[Path]:
    """Give what *pattern* names below *root*, alive or not; ``**`` at its end is everything below a folder."""
    if pattern.endswith("**"):
        top = root / pattern.removesuffix("**")
        return sorted(Path(folder, name) for folder, _, names in os.walk(top) for name in names)
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []


def live(root: Path, pattern: str) -> list[Path]:
    """Give the files that *pattern* names below *root* and that a loader reads: not empty, not ``._x`` of macOS."""
    return [path for path in matching(root, pattern) if is_live(path)]


def is_live(path: Path) -> bool:
    """Tell whether *path* leads to a file with something in it, and is not what macOS writes beside it."""
    if path.name.startswith("._"):
        return False
    try:
        seen = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(seen.st_mode) and seen.st_size > 0


def is_config(path: Path) -> bool:
    """Tell whether *path* is a configuration, not an index of shards."""
    return path.suffix == ".json" and not path.name.endswith(INDEX_SUFFIX)


def has_saved_shards(folder: Path) -> bool:
    """Tell whether *folder* holds weights as mflux-save names them: 0.safetensors and on."""
    return any(_SAVED.fullmatch(path.name) for path in live(folder, "*.safetensors"))


def why_dead(path: Path) -> str:
    """Say why *path* is no file that can be read."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return "its link leads nowhere" if path.is_symlink() else "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "is empty" if stat.S_ISREG(seen.st_mode) else "is no file"


def indexes(folder: Path) -> list[Path]:
    """Give the indexes of shards in *folder*."""
    return [path for path in matching(folder, f"*{INDEX_SUFFIX}") if not path.name.startswith("._")]


def shards(index: Path) -> tuple[str, ...] | None:
    """Name the shards of *index* as mflux reads it; None where it is no index, or names what is no plain name."""
    named = _weight_map(index)
    if not named or not all(isinstance(name, str) and name and Path(name).name == name for name in named.values()):
        return None
    return tuple(sorted(set(named.values())))


def uncounted(folder: Path) -> Iterator[str]:
    """Name the shards that are not in *folder* though others count them: model-00001-of-00003.safetensors."""
    present = {path.name for path in live(folder, "*.safetensors")}
    families: dict[tuple[str, int], set[int]] = {}
    for found in filter(None, map(_COUNTED.fullmatch, present)):
        families.setdefault((found[1], int(found[3])), set()).add(int(found[2]))
    for (stem, count), numbers in sorted(families.items()):
        first = 0 if 0 in numbers else 1
        for number in range(first, first + min(count, _MOST_SHARDS)):
            if number not in numbers:
                yield f"{stem}-{number:05}-of-{count:05}.safetensors"


def header_metadata(path: Path) -> dict[str, Any]:
    """Give the ``__metadata__`` of a safetensors file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            found = json.loads(file.read(length)) if length <= _LONGEST_HEADER else {}
    except (OSError, ValueError, RecursionError, struct.error):
        return {}
    metadata = found.get("__metadata__") if isinstance(found, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _weight_map(index: Path) -> dict[str, Any]:
    try:
        if index.stat().st_size > _LONGEST_INDEX:
            return {}
        found = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    named = found.get("weight_map") if isinstance(found, dict) else None
    return named if isinstance(named, dict) else {}
