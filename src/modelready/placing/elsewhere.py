"""Files whose bytes lie on this machine already, at another place: for another model, or in the Hub cache."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from modelready.grounds import Ground
    from modelready.model import PlacedFile

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAMING = ("sha256", "git_sha1")


@dataclass(frozen=True)
class Twin:
    """A file, and the place where its bytes lie already, or will when the rest of the model was brought."""

    file: PlacedFile
    source: Path


def candidates(files: Sequence[PlacedFile], ground: Ground) -> Iterator[Twin]:
    """
    Give for each of *files* one place that may hold its bytes: where the ledger saw them, or a blob of that name.

    Nothing is read: whoever takes it proves it first.
    """
    asked = {digest for one in files for digest in _hexes(one)}
    if not asked:
        return
    seen = ground.ledger.places(asked)
    blobs = _blobs(ground.settings.hf_cache, asked)
    for one in files:
        known = [path for digest in _hexes(one) for path in (*seen.get(digest, ()), *blobs.get(digest, ()))]
        if (source := next((path for path in known if _may_be(one, path)), None)) is not None:
            yield Twin(one, source)


def repeats(files: Sequence[PlacedFile]) -> Iterator[Twin]:
    """Give those of *files* that hold the same bytes as an earlier one, with the place of that."""
    first: dict[str, PlacedFile] = {}
    for one in files:
        earlier = next((first[digest] for digest in _hexes(one) if digest in first), None)
        if earlier is not None and earlier.place != one.place:
            yield Twin(one, earlier.place)
        else:
            first |= dict.fromkeys(_hexes(one), one)


def _hexes(placed: PlacedFile) -> list[str]:
    """Give the digests by which bytes are told apart for sure; an empty file is sooner made than found."""
    return [one.hex for one in placed.digests if one.algorithm in _NAMING] if placed.size != 0 else []


def _may_be(placed: PlacedFile, path: Path) -> bool:
    seen, now = looking.look(path), looking.look(placed.place)
    if seen is None or placed.size not in {None, seen.st_size} or not looking.is_file(path):
        return False
    return now is None or (seen.st_dev, seen.st_ino) != (now.st_dev, now.st_ino)


def _blobs(cache: Path, asked: Iterable[str]) -> dict[str, list[Path]]:
    """Give the blobs of every repository in *cache* that are called by one of the digests *asked* for."""
    found: dict[str, list[Path]] = {}
    wanted = frozenset(asked)
    for folder in sorted(cache.glob("*--*/blobs")):
        seen = looking.look(folder)
        for name in wanted & _names(folder, seen.st_mtime_ns if seen else 0):
            found.setdefault(name, []).append(folder / name)
    return found


@lru_cache(maxsize=4096)
def _names(folder: Path, _changed_ns: int) -> frozenset[str]:
    """Give the names of the blobs in *folder*; asked for each model that lacks something."""
    try:
        return frozenset(filter(_BLOB.fullmatch, os.listdir(folder)))  # noqa: PTH208 - only the names are wanted
    except OSError:
        return frozenset()
