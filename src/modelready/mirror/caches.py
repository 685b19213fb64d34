"""From a path on this machine to repositories: a Hub cache, a folder of org/name folders, or one repository."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelready.errors import RequestError
from modelready.mirror import folders
from modelready.mirror.repos import Commit, ServedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Found:
    """One commit found on disk, and the branches that point to it."""

    repo: str
    commit: Commit
    branches: tuple[str, ...]
    left_out: tuple[Path, ...] = ()


def find(path: Path, *, name: str | None = None) -> tuple[Found, ...]:
    """Find every repository under *path*; *name* says that it is one, and what it is called."""
    if not path.is_dir():
        raise RequestError(f"{path} is no folder", remedy="name a Hub cache or a folder of repositories")
    if name is None and (cache := _cache(path)):
        found = tuple(_in_cache(cache))
    elif name is None and not _has_files(path):
        found = tuple(_in_folder(place, f"{place.parent.name}/{place.name}", path) for place in _two_deep(path))
    else:
        found = (_in_folder(path, name or path.resolve().name, path),)
    if not any(each.commit.files for each in found):
        raise RequestError(f"{path} holds no repository", remedy="name a Hub cache, org/name folders or a model folder")
    return found


def _cache(path: Path) -> Path | None:
    """Give the Hub cache at *path*, which may be the cache or its HF_HOME."""
    return next((place for place in (path, path / "hub") if any(place.glob("models--*/snapshots/*"))), None)


def _has_files(path: Path) -> bool:
    return any(place.is_file() and not place.name.startswith(".") for place in path.iterdir())


def _two_deep(path: Path) -> list[Path]:
    return sorted(
        name
        for org in path.iterdir()
        if _is_open(org)
        for name in org.iterdir()
        if _is_open(name) and any(name.iterdir())
    )


def _is_open(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink() and not place.name.startswith(".")


def _in_folder(place: Path, repo: str, within: Path) -> Found:
    contents = folders.read(place, within=within)
    return Found(repo, folders.commit_of(contents.files), ("main",), contents.left_out)


def _in_cache(cache: Path) -> Iterator[Found]:
    for home in sorted(cache.glob("models--*")):
        branches = _branches(home / "refs")
        for snapshot in sorted(place for place in home.glob("snapshots/*") if _is_open(place)):
            contents = folders.read(snapshot, within=cache)
            commit = Commit(snapshot.name, _with_tree(contents.files, home / "trees" / f"{snapshot.name}.json"))
            pointing = tuple(branch for branch, sha in branches.items() if sha == snapshot.name)
            yield Found(home.name.removeprefix("models--").replace("--", "/"), commit, pointing, contents.left_out)


def _branches(refs: Path) -> dict[str, str]:
    """Read where each branch points; a trailing newline is forgiven."""
    places = sorted(place for place in refs.rglob("*") if place.is_file())
    return {place.relative_to(refs).as_posix(): place.read_text(encoding="utf-8").strip() for place in places}


def _with_tree(files: tuple[ServedFile, ...], tree: Path) -> dict[str, ServedFile]:
    """
    Give the files of a snapshot by path, with what the commit's own listing says of them.

    A file that the listing has and the cache has not stays listed, so that half a snapshot is never taken for a whole.
    """
    present = {file.path: file for file in files}
    listed = {path: _listed(path, entry, present.get(path)) for path, entry in _entries(tree).items()}
    return dict(sorted({**present, **listed}.items()))


def _entries(tree: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        files = json.loads(tree.read_bytes())["files"]
        return {path: entry for path, entry in files.items() if {"size", "blob_id"} <= entry.keys()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # huggingface_hub 1.x writes none, and a damaged one says nothing


def _listed(path: str, entry: Mapping[str, Any], present: ServedFile | None) -> ServedFile:
    sha256 = entry.get("lfs_sha256")
    known = present or ServedFile(path, place=None, size=0, is_lfs=False)
    return replace(known, size=entry["size"], is_lfs=sha256 is not None, named=sha256 or entry["blob_id"])
