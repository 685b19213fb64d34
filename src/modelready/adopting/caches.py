"""A Hub cache as rows: each repository at the commit that its reference names, with the digests that blobs tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.adopting import structure
from modelready.adopting.bytes_here import digested
from modelready.adopting.rows import Adopted, File, Row, shown, slug
from modelready.errors import ModelreadyError
from modelready.layouts import HubCache
from modelready.placing.knowing import commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.model import ManifestFile

_PREFIX = "models--"


def cache_at(path: Path) -> Path | None:
    """Give the Hub cache at *path*, which may be the cache, its HF_HOME, or one repository in it; None for none."""
    if path.name.startswith(_PREFIX) and (path / "snapshots").is_dir():
        return path.parent
    return next((one for one in (path, path / "hub") if any(one.glob(f"{_PREFIX}*/snapshots/*"))), None)


def adopt(path: Path) -> Adopted:
    """Give the rows of the repositories in the cache at *path*."""
    cache = cache_at(path) or path
    names = [path.name] if path != cache and path.parent == cache else _names(cache)
    return sum((_repository(cache, name) for name in names), Adopted())


def _names(cache: Path) -> list[str]:
    return sorted(one.name for one in cache.glob(f"{_PREFIX}*") if (one / "snapshots").is_dir())


def _repository(cache: Path, name: str) -> Adopted:
    repo = name.removeprefix(_PREFIX).replace("--", "/")
    try:
        layout = HubCache(cache, repo)
        commit = commit_of(layout, "main") or _newest(layout)
    except ModelreadyError as error:
        return Adopted(unknown=(f"{name}: left out: {error.what}",))
    if commit is None:
        return Adopted(unknown=(f"{name}: left out: it has no snapshot",))
    found = {file.path: file for file in layout.found(commit)}
    listed = {file.path: file for file in layout.listing(commit) or ()}
    paths = [path for path in found if structure.is_of_a_model(path)]
    folder = layout.snapshot(commit)
    files = digested([(_file(found[path], listed.get(path)), folder / path) for path in paths])
    row = Row(
        name=slug(repo.rpartition("/")[2]),
        source=f"hf:{repo}@{commit}",
        consumers=structure.consumers(folder, paths),
        tokenizer=structure.tokenizers(paths),
        licence=structure.licence(folder),
        files=files,
        unknown=tuple(_unknown(layout, commit, found, listed)),
    )
    return Adopted((row,))


def _file(here: ManifestFile, listed: ManifestFile | None) -> File:
    told = here.digests or (listed.digests if listed else ())
    size = here.size if listed is None or listed.size is None else listed.size
    return File(here.path, size, digests={one.algorithm: one.hex for one in told})


def _unknown(
    layout: HubCache, commit: str, found: dict[str, ManifestFile], listed: dict[str, ManifestFile]
) -> list[str]:
    snapshots = sorted(one.name for one in (layout.storage / "snapshots").iterdir() if one.name != commit)
    absent = [path for path in listed if path not in found and structure.is_of_a_model(path)]
    dangling = [path for path, file in found.items() if file.size is None]
    told = []
    if snapshots:
        told.append(f"other snapshots lie here too and were left out: {shown([one[:12] for one in snapshots])}")
    if absent:
        told.append(f"{len(absent)} more files of the repository are not here and were left out: {shown(absent)}")
    if dangling:
        told.append(f"damaged: these lead nowhere: {shown(dangling)}")
    return told


def _newest(layout: HubCache) -> str | None:
    places = sorted((layout.storage / "snapshots").iterdir(), key=lambda one: one.stat().st_mtime_ns)
    names = [one.name for one in places if len(one.name) == 40]  # noqa: PLR2004 - a full git commit
    return names[-1] if names else None
