"""Blobs of the Hub cache: named by what their bytes hash to, so that a name is a promise that can be tested."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.errors import RequestError
from modelready.layouts import links, looking
from modelready.model import Digest, ManifestFile

if TYPE_CHECKING:
    from modelready.model import Algorithm

_NAMES: tuple[tuple[Algorithm, re.Pattern[str]], ...] = (
    ("sha256", re.compile(r"[0-9a-f]{64}")),
    ("git_sha1", re.compile(r"[0-9a-f]{40}")),
)
_PARTIAL = ".incomplete"
_NOT_OURS = frozenset({".DS_Store"})


def etag(file: ManifestFile) -> str:
    """
    Give the name of the blob that holds *file*: git's hash where the bytes lie in git, else sha256.

    Raises: RequestError, when neither is known.
    """
    digest = git_digest(file) or file.digest("sha256")
    if digest is None:
        raise RequestError(
            f"{file.path}: neither sha256 nor git_sha1 is known, and the Hub cache names files by them",
            remedy='give one in the catalog, or use layout = "folder"',
        )
    return digest.hex


def git_digest(file: ManifestFile) -> Digest | None:
    """Give git's hash of the bytes, if they lie in git; of an LFS file git knows only the pointer."""
    known = file.digest("git_sha1")
    if known is None or file.xet_hash is not None:
        return None
    return known if file.blob_id in {None, known.hex} else None


def part_name(file: ManifestFile) -> str:
    """Give the name of the part file: the same in every process, and one that ``hf cache prune`` knows."""
    return part_of(etag(file))


@lru_cache(maxsize=1 << 14)
def part_of(name: str) -> str:
    """Give the name of our part file of the blob *name*."""
    return f"{name}.{hashlib.sha256(f'modelready {name}'.encode()).hexdigest()[:8]}.incomplete"


def partials(folder: Path) -> dict[Path, list[Path]]:
    """Give the partial downloads in *folder*, whoever left them, by the blob each would have become."""
    found: dict[Path, list[Path]] = {}
    for part in sorted(folder.glob(f"*{_PARTIAL}")):
        found.setdefault(folder / part.name.partition(".")[0], []).append(part)
    return found


def partials_of(blob: Path) -> list[Path]:
    """Give the partial downloads that would each have become *blob*, whoever left them."""
    return sorted(blob.parent.glob(f"{blob.name}*{_PARTIAL}"))


def digests_by_name(name: str, told_by: str) -> tuple[Digest, ...]:
    """Give the digest that the name of a blob, or an etag, tells; none when it tells none."""
    return tuple(Digest(algorithm, name, told_by) for algorithm, pattern in _NAMES if pattern.fullmatch(name))


def found(snapshot: Path) -> tuple[ManifestFile, ...]:
    """Give what lies in *snapshot*, with the digests that the names of the blobs tell; dangling links have no size."""
    places = (Path(folder, name) for folder, _, names in os.walk(snapshot) for name in names)
    files = (_found(place, snapshot) for place in places if place.name not in _NOT_OURS)
    return tuple(sorted(files, key=lambda file: file.path))


def _found(place: Path, snapshot: Path) -> ManifestFile:
    return ManifestFile(place.relative_to(snapshot).as_posix(), looking.size(place), _promised(place))


def _promised(place: Path) -> tuple[Digest, ...]:
    """Give the digest that the first link of *place* promises; a blob may itself lead on, to one shared by all."""
    target = links.target(place)
    if target is None or Path(target).parent.name != "blobs":
        return ()
    return digests_by_name(Path(target).name, "blob name")
