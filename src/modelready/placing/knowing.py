"""What a model's files should be, offline: by the lock, the receipt, the cache's own listing, or its names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready import contents, patterns, rules
from modelready import lock as locks
from modelready.errors import MalformedRef
from modelready.layouts import Folder
from modelready.model import LEARNED, Digest, ManifestFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from modelready.layouts import HubCache, Metadata, Receipt
    from modelready.lock import LockEntry
    from modelready.model import Model, PlacedFile, PlacedModel

#: Who can be believed to name every file of a model.
EXHAUSTIVE = frozenset({"source", "lock", "receipt", "trees"})


@dataclass(frozen=True)
class Known:
    """What is known of a model's files, by whom, at which revision."""

    by: str = ""
    revision: str | None = None
    files: tuple[ManifestFile, ...] = ()


def known(model: Model, layout: HubCache | Folder, lock: Mapping[str, LockEntry]) -> Known:
    """Give what is known of *model* without asking anybody, strongest first."""
    entry, _ = locks.entry_for(model, lock)
    if entry is not None:
        found = Known("lock", entry.revision, entry.manifest.files)
        return replace(
            found, files=with_digests(_with_weaker_digests(found, layout), learned(model, layout, entry.revision))
        )
    return _of_folder(model, layout) if isinstance(layout, Folder) else _of_cache(model, layout)


def learned(model: Model, layout: HubCache | Folder, revision: str) -> dict[str, tuple[Digest, ...]]:
    """Give the digests that were computed when *model* was fetched at *revision*, and that no source ever named."""
    receipt = layout.receipt() if isinstance(layout, Folder) else None
    if receipt is None or not _speaks_of(receipt, model) or receipt.commit != revision:
        return {}
    found = {one.path: tuple(digest for digest in one.digests if digest.told_by == LEARNED) for one in receipt.files}
    return {path: digests for path, digests in found.items() if digests}


def outdated(placed: PlacedModel, layout: HubCache | Folder) -> tuple[dict[str, PlacedFile], str]:
    """
    Give the files of *placed* that came as another version, by path, and which one that was.

    Only those without a digest: of the others their bytes tell.
    """
    silent = {one.path: one for one in placed.files if not one.digests}
    receipt = layout.receipt() if silent and placed.revision and isinstance(layout, Folder) else None
    if receipt is None or not receipt.commit or receipt.commit == placed.revision:
        return {}, ""
    came = {one.path for one in receipt.files}
    return {path: one for path, one in silent.items() if path in came}, receipt.commit


def with_digests(files: Iterable[ManifestFile], told: Mapping[str, tuple[Digest, ...]]) -> tuple[ManifestFile, ...]:
    """Give *files*, those without a digest with what was *told* of them."""
    return tuple(file if file.digests else replace(file, digests=told.get(file.path, ())) for file in files)


def wanted_paths(model: Model, paths: Sequence[str]) -> list[str]:
    """Give those of the source's *paths* that the catalog wants: by its patterns, or named exactly."""
    by_pattern = set(patterns.select(paths, model.include, model.exclude))
    named = set(named_paths(model))
    return [path for path in paths if path in by_pattern or path in named]


def named_paths(model: Model) -> list[str]:
    """Give the paths that the catalog names exactly: they are required, whatever else is known."""
    rows = [rule.path for rule in model.files if patterns.is_literal(rule.path)]
    included = [path for path in model.include if patterns.is_literal(path)]
    return list(dict.fromkeys([*rows, *patterns.select(included, (), model.exclude), *rules.end_of_url(model)]))


def commit_of(layout: HubCache, revision: str) -> str | None:
    """
    Give the commit that *revision* leads to.

    A ref that is missing or malformed is another check's matter: where only one snapshot can be meant, it is taken.
    """
    try:
        commit = layout.revision_commit(revision)
    except MalformedRef:
        commit = None
    if commit is not None:
        return commit
    written = _ref_text(layout, revision)
    snapshots = [entry.name for entry in _entries(layout) if _is_commit(entry.name)]
    if _is_commit(written):
        return written
    return snapshots[0] if len(snapshots) == 1 else None


def _of_cache(model: Model, layout: HubCache) -> Known:
    commit = commit_of(layout, model.source.revision)
    if commit is None:
        return Known()
    listing = layout.listing(commit)
    by, files = ("snapshot", layout.found(commit)) if listing is None else ("trees", listing)
    wanted = set(wanted_paths(model, [file.path for file in files]))
    if not wanted and by == "snapshot":
        return Known("", commit)
    found = Known(by, commit, tuple(file for file in files if file.path in wanted))
    return replace(found, files=_with_weaker_digests(found, layout))


def _of_folder(model: Model, layout: Folder) -> Known:
    receipt = layout.receipt()
    if receipt is not None and _speaks_of(receipt, model):
        files = tuple(ManifestFile(one.path, one.size, one.digests) for one in receipt.files)
        return Known("receipt", receipt.commit, files)
    if noted := layout.noted():
        return _of_notes(model, layout, noted)
    if all(patterns.is_literal(one) for one in model.include):  # everything, or exact names: nothing to look for
        return Known()
    moved = {rule.save_as for rule in model.files}
    found = [file for file in layout.found() if file.path not in moved]
    wanted = set(patterns.select([file.path for file in found], model.include, model.exclude))
    return Known("folder", None, tuple(file for file in found if file.path in wanted)) if wanted else Known()


def _of_notes(model: Model, layout: Folder, noted: Mapping[str, Metadata]) -> Known:
    """
    Give what huggingface_hub noted of a folder that it filled: its listing, or else the files that it brought.

    A listing that leaves out a file it noted is of one of several repositories in the folder, and believed for none.
    """
    moved = {rule.save_as for rule in model.files if rule.save_as}
    wanted = wanted_paths(model, [path for path in noted if path not in moved])
    if not wanted:
        return Known()
    ((usual, _),) = Counter(noted[path].commit for path in wanted).most_common(1)
    commit = model.source.revision if model.source.is_pinned else usual
    listing = layout.listing(commit)
    if listing is not None and {file.path for file in listing}.issuperset(wanted):
        chosen = set(wanted_paths(model, [file.path for file in listing]))
        return Known("trees", commit, tuple(file for file in listing if file.path in chosen))
    files = [ManifestFile(path, None, (noted[path].digest,)) for path in wanted]
    here = (
        wanted_paths(model, [file.path for file in layout.found() if file.path not in moved]) if model.include else ()
    )
    others = [ManifestFile(path) for path in here if path not in noted]
    is_named = bool(model.include) and all(patterns.is_literal(one) for one in model.include)
    return Known("" if is_named else "folder", commit, (*files, *others))  # the catalog names them all itself


def _speaks_of(receipt: Receipt, model: Model) -> bool:
    return (receipt.source, receipt.include, receipt.exclude) == (model.source.text, model.include, model.exclude)


def _with_weaker_digests(found: Known, layout: HubCache | Folder) -> tuple[ManifestFile, ...]:
    """Give the files, those without a digest with what the place itself says of them."""
    if all(file.digests for file in found.files):
        return found.files
    return with_digests(found.files, _told_by_place(layout, found.revision, found.files))


def _told_by_place(
    layout: HubCache | Folder, revision: str | None, files: Iterable[ManifestFile]
) -> dict[str, tuple[Digest, ...]]:
    if isinstance(layout, Folder):
        return {file.path: metadata_digests(layout, file.path) for file in files}
    if revision is None:
        return {}
    weaker = (*layout.found(revision), *(layout.listing(revision) or ()))
    return {file.path: file.digests for file in weaker}


def metadata_digests(layout: Folder, path: str) -> tuple[Digest, ...]:
    """Give the digest that huggingface_hub noted beside a file of a ``local_dir``."""
    metadata = layout.metadata(path)
    return (metadata.digest,) if metadata is not None and metadata.digest is not None else ()


def _ref_text(layout: HubCache, revision: str) -> str:
    try:
        held = contents.read(layout.storage / "refs" / revision, most=contents.NOTE)
    except OSError:
        return ""
    return held.decode("ascii", "replace").strip()


def _entries(layout: HubCache) -> list[Path]:
    try:
        return list((layout.storage / "snapshots").iterdir())
    except OSError:
        return []


def _is_commit(text: str) -> bool:
    return len(text) == 40 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004 - a full git commit
