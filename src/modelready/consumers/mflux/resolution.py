"""
What mflux itself takes for a complete snapshot: ``PathResolution`` of its releases 0.13 to 0.24, restated.

It is content with less than its loaders need, so it never says here that a model is well; it says which snapshot mflux
would open. Source: mflux/models/common/resolution/path_resolution.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.consumers.mflux import folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelready.consumers.mflux.versions import Target


def picked(snapshots: Path, patterns: Sequence[str], target: Target) -> Path | None:
    """
    Give the snapshot of an unpinned repository that mflux opens: the complete one with the newest time.

    Raises: OSError, as mflux does, where a link in the folder leads nowhere.
    """
    newest_first = sorted(snapshots.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    found = (path for path in newest_first if path.is_dir() and is_complete(path, patterns, target))
    return next(found, None)


def is_complete(snapshot: Path, patterns: Sequence[str], target: Target) -> bool:
    """Tell whether mflux would open *snapshot* without asking the network for its weights."""
    subdirs = _subdirs(patterns)
    if not subdirs:
        return _is_flat_complete(snapshot, patterns, target)
    at_root = [one for one in patterns if "/" not in one and one.endswith(".safetensors")]
    if target.checks_indexes and not all(_is_matched(snapshot, one) for one in at_root):
        return False
    return all(_is_filled(snapshot / one, target) for one in subdirs)


def _subdirs(patterns: Sequence[str]) -> set[str]:
    firsts = {one.split("/")[0] for one in patterns if "*.safetensors" in one and "/" in one}
    return {one for one in firsts if "*" not in one}


def _is_flat_complete(snapshot: Path, patterns: Sequence[str], target: Target) -> bool:
    if not target.checks_patterns:
        return any(snapshot.glob("**/*.safetensors"))
    is_there = all(_is_matched(snapshot, one) for one in patterns)
    return is_there and (not target.checks_indexes or _has_indexed_shards(snapshot))


def _is_matched(snapshot: Path, pattern: str) -> bool:
    return any(path.exists() for path in snapshot.glob(pattern))


def _is_filled(folder: Path, target: Target) -> bool:
    is_filled = folder.exists() and _is_matched(folder, "*.safetensors")
    return is_filled and (not target.checks_indexes or _has_indexed_shards(folder))


def _has_indexed_shards(folder: Path) -> bool:
    for index in folder.glob(f"*{folders.INDEX_SUFFIX}"):
        named = folders.shards(index)
        if named is None or not all((folder / name).is_file() for name in named):
            return False
    return True
