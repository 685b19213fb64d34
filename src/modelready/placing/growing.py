"""The lock learns from a fetch: rows that had no digest get that of what arrived. What was known never changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelready import lock as locks
from modelready.errors import ModelreadyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.grounds import Ground
    from modelready.lock import LockEntry
    from modelready.model import ManifestFile, Model

_STRONG = frozenset({"sha256", "git_sha1"})


def grow_lock(ground: Ground, model: Model, learned: Mapping[str, ManifestFile]) -> str:
    """Write what was *learned* of *model* into its row of the lock; say why where that cannot be done."""
    entry, _ = locks.entry_for(model, ground.lock)
    if ground.lock_path is None or entry is None or grown(entry, learned) == entry:
        return ""
    try:
        # Read anew: somebody may have locked other models while this one was fetched.
        now = locks.read(ground.lock_path)
        if now.get(model.name) == entry:
            locks.write(ground.lock_path, now | {model.name: grown(entry, learned)})
    except ModelreadyError as error:
        return f"the digests learned are not in the lock: {error.what}"
    return ""


def grown(entry: LockEntry, learned: Mapping[str, ManifestFile]) -> LockEntry:
    """Give *entry* with the size and sha256 of *learned* files where it had no strong digest."""
    return replace(entry, files=tuple(_grown(file, learned.get(file.path)) for file in entry.files))


def _grown(file: ManifestFile, learned: ManifestFile | None) -> ManifestFile:
    is_known = any(digest.algorithm in _STRONG for digest in file.digests)
    if learned is None or is_known or file.size not in {None, learned.size}:
        return file
    return replace(file, size=learned.size, digests=(*file.digests, *learned.digests))
