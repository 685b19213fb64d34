"""What lies in a Hub cache that no snapshot needs: partial downloads, orphaned blobs, locks of what is gone."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.housekeeping import locks
from modelready.housekeeping.finds import Find, won
from modelready.layouts import blobs, looking

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

REPOSITORY = re.compile(r"(?:models|datasets|spaces)--.+")
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PARTIAL = re.compile(r"(?P<etag>[^.]+)(?:\.[0-9a-f]{8})?\.incomplete")
_SCRATCH = re.compile(r"tmp_[0-9a-f-]{36}|\.[0-9a-f]{8}\.(?:tmp|link)|\..+\.[0-9a-f]{8}\.shared")
_SCRATCH_LIVES_S = 600


@dataclass(frozen=True)
class Repository:
    """
    One repository's folder in a Hub cache.

    ``wanted`` are the names of blobs that links from elsewhere lead to: huggingface_hub once filled folders with these.
    """

    storage: Path
    wanted: frozenset[str] = frozenset()

    def leftovers(self) -> Iterator[Find]:
        """Give what no snapshot needs; nothing, where the snapshots cannot all be read."""
        yield from self._partials()
        yield from self._scratch()
        yield from self.orphans()

    def orphans(self) -> Iterator[Find]:
        """Give the blobs that no snapshot refers to; a name for a shared blob is one too."""
        referred = self.referred()
        if referred is None:
            return
        for entry in self._blobs:
            if _BLOB.fullmatch(entry.name) and entry.name not in referred and _nothing_else_names(entry):
                yield Find(
                    "orphan",
                    entry,
                    self._homes,
                    "no snapshot refers to this blob",
                    size=won(entry),
                    also=self._lock(entry.name),
                    locks=self.locks(entry.name),
                    is_still_so=lambda name=entry.name: not self.is_referred(name),  # type: ignore[misc]
                )

    def referred(self, *, without: Collection[Path] = ()) -> frozenset[str] | None:
        """Give the names of the blobs that links lead to, those *without* not counted; None where one cannot look."""
        try:
            found = {name for place, name in links(self.storage / "snapshots") if place not in without}
        except OSError:
            return None
        return self.wanted | found

    def locks(self, name: str) -> tuple[Path, ...]:
        """Give the locks that are held by whoever writes the blob *name*."""
        folder = self.storage.parent / ".locks" / self.storage.name
        return folder / "modelready.lock", folder / f"{name}.lock"

    def _partials(self) -> Iterator[Find]:
        for entry in self._blobs:
            if found := _PARTIAL.fullmatch(entry.name):
                name = found["etag"]
                is_ours = entry.name == blobs.part_of(name)
                is_complete = looking.is_file(entry.with_name(name))
                yield Find(
                    "partial",
                    entry,
                    self._homes,
                    _why_partial(is_complete=is_complete, is_ours=is_ours),
                    left_by="modelready" if is_ours else "huggingface_hub",
                    size=won(entry),
                    also=() if is_complete else self._lock(name),
                    locks=self.locks(name),
                )

    def _scratch(self) -> Iterator[Find]:
        for entry in (*self._blobs, *_entries(self.storage)):
            if _SCRATCH.fullmatch(entry.name) and _is_old(entry):
                why = "a writer that was killed left it"
                yield Find("scratch", entry, self._homes, why, size=won(entry), locks=self.locks("modelready")[:1])

    def _lock(self, name: str) -> tuple[Path, ...]:
        """Give the lock file of the blob *name*, which guards nothing once that is gone."""
        lock = self.locks(name)[-1]
        return (lock,) if looking.is_file(lock) else ()

    def is_referred(self, name: str, *, without: Collection[Path] = ()) -> bool:
        """Tell whether a link leads to the blob *name*, those *without* not counted; where one cannot look, it may."""
        referred = self.referred(without=without)
        return referred is None or name in referred

    @property
    def _homes(self) -> tuple[Path, ...]:
        return self.storage, self.storage.parent / ".locks"

    @cached_property
    def _blobs(self) -> list[Path]:
        return _entries(self.storage / "blobs")


def repositories(cache: Path) -> list[Path]:
    """Give the folders of the repositories in *cache*."""
    return [entry for entry in _entries(cache) if REPOSITORY.fullmatch(entry.name) and looking.is_folder(entry)]


def links(folder: Path) -> Iterator[tuple[Path, str]]:
    """
    Give each link below *folder* that leads to a blob, and its name; in a cache that moved, it may be elsewhere.

    Raises: OSError, when a folder cannot be read.
    """
    for here, folders, names in os.walk(folder, onerror=_raised):
        for name in (*folders, *names):
            place = Path(here, name)
            if place.is_symlink() and (target := place.readlink()).parent.name == "blobs":
                yield place, target.name


def stale_locks(cache: Path) -> Iterator[Find]:
    """Give the lock files that guard nothing any more, and those whose holders died."""
    for folder in _entries(cache / ".locks"):
        storage = cache / folder.name
        for entry in _entries(folder):
            if why := _why_stale(entry, storage):
                yield Find("lock", entry, (cache / ".locks",), why, size=won(entry), locks=(entry,))


def _why_stale(entry: Path, storage: Path) -> str:
    if entry.suffix != ".lock" or not looking.is_file(entry):
        return ""
    if not looking.is_folder(storage):
        return f"{storage.name} is not in the cache"
    blob = storage / "blobs" / entry.stem
    if _BLOB.fullmatch(entry.stem) and not os.path.lexists(blob) and not blobs.partials_of(blob):
        return "its blob is not in the cache"
    return locks.why_dead(entry)


def _why_partial(*, is_complete: bool, is_ours: bool) -> str:
    if is_complete:
        return "its file is complete"
    return "`modelready provision` would go on from it" if is_ours else "its file never arrived whole"


def _nothing_else_names(entry: Path) -> bool:
    """Tell whether the blob has no other name: with one, nothing is won."""
    return entry.is_symlink() or entry.lstat().st_nlink == 1


def _is_old(entry: Path) -> bool:
    try:
        return time.time() - entry.lstat().st_mtime > _SCRATCH_LIVES_S
    except OSError:
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _raised(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
