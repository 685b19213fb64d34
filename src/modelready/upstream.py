"""What the sources of a catalog hold now: entries for the lock, and what differs from it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import digests, drifts
from modelready import lock as locks
from modelready.errors import Gated, ModelreadyError, NotFound, Renamed, SourceError
from modelready.formats import dtypes, gguf, safetensors
from modelready.model import Digest
from modelready.placing import growing, knowing, places
from modelready.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.drifts import Drift
    from modelready.environment import Settings
    from modelready.lock import LockEntry
    from modelready.model import About, Manifest, ManifestFile, Model
    from modelready.sources import Sources

#: So much of a file is asked for to read its header: those of GGUF hold vocabularies.
_HEADER_BYTES = {".safetensors": 1 << 20, ".sft": 1 << 20, ".gguf": 16 << 20}
#: Of so many files of a model at most: shards are all of a kind.
_MOST_HEADERS = 8
_UNREADABLE = (safetensors.BrokenHeader, gguf.BrokenHeader, gguf.UnknownHeader, OSError)


@dataclass(frozen=True)
class Found:
    """What a source holds of a model, how that differs from the lock, and what is worth a note."""

    manifest: Manifest
    entry: LockEntry
    drifts: tuple[Drift, ...]
    notes: tuple[str, ...] = ()


class Upstream:
    """Asks sources; nothing of this machine is touched."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def look(self, model: Model, old: LockEntry | None) -> Found:
        """
        Give what the source of *model* holds now, held against the *old* entry of the lock.

        Raises: ModelreadyError, where it cannot be told.
        """
        manifest = self._sources.of(model).resolve(model)
        about = self._sources.about(model)
        entry = locks.entry(model, _with_digests(model, manifest), about)
        found = drifts.between(model, old, locks.carried(old, entry))
        weights = [one for one in found if one.kind == "changed" and _ending(one.path) in _HEADER_BYTES]
        if old is not None and weights:
            before = self._before(model, old)
            told = {one: self._requantised(model, before, manifest, one) for one in weights[:_MOST_HEADERS]}
            found = tuple(told.get(one, one) for one in found)
        return Found(manifest, locks.carried(old, entry), found, _notes(model, about))

    def _before(self, model: Model, old: LockEntry) -> Mapping[str, ManifestFile]:
        """Give the files of the locked revision, where the source still has it."""
        if model.source.kind != "hf":
            return {}
        try:
            return self._sources.of(model).resolve(model, old.revision).by_path
        except SourceError:
            return {}

    def _requantised(self, model: Model, before: Mapping[str, ManifestFile], manifest: Manifest, drift: Drift) -> Drift:
        """Give *drift* as a change of dtype where the headers, or header and catalog, say that it is one."""
        now = self._dtype(model, manifest.by_path[drift.path])
        old = before.get(drift.path)
        was = (self._dtype(model, old) if old else "") or _dtype_by_catalog(model, drift.path)
        if not (was and now) or was == now:
            return drift
        return replace(drift, kind="requantised", message=f"{was} before, {now} now; {drift.message}")

    def _dtype(self, model: Model, file: ManifestFile) -> str:
        """Give the dtype of most bytes of *file*, by its header; nothing, where that cannot be had."""
        from modelready.sources.peeking import peek  # noqa: PLC0415 - brings the network's libraries with it

        ending = _ending(file.path)
        if model.source.kind == "file" or not file.url or not file.size:
            return ""
        head = peek(self._sources.of(model).access(), file.url, min(_HEADER_BYTES[ending], file.size))
        return _dtype_of(head, file.size, ending)


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - a path in the source


def _dtype_by_catalog(model: Model, path: str) -> str:
    rule = rule_for(model, path)
    return dtypes.canonical(rule.dtype) if rule and rule.dtype else ""


def with_learned(model: Model, entry: LockEntry, settings: Settings) -> LockEntry:
    """Give *entry* with the digests that were learned when this very version was fetched here."""
    if model.layout != "folder" or model.folder is None:
        return entry
    known = knowing.learned(model, places.layout_of(model, settings), entry.revision)
    return growing.grown(entry, {file.path: replace(file, digests=known.get(file.path, ())) for file in entry.files})


def kind_of(model: Model, error: ModelreadyError) -> str:
    """Give the kind of drift that *error* means, met while asking for *model*."""
    if isinstance(error, Renamed):
        return "renamed"
    if isinstance(error, Gated):
        return "unreachable" if model.gated else "gated"  # the catalog knows: only the token is missing
    is_gone = isinstance(error, NotFound) and model.source.kind != "file"  # a medium may be in a drawer
    return "deleted" if is_gone else "unreachable"


def _notes(model: Model, about: About | None) -> tuple[str, ...]:
    if about is None or not (about.head and model.source.is_pinned) or about.head == model.source.revision:
        return ()
    return (f"{model.name}: main is at {about.head[:12]} now, the catalog pins {model.source.revision[:12]}",)


def _with_digests(model: Model, manifest: Manifest) -> Manifest:
    """Give *manifest*, its files on this machine with their sha256: to read them is to ask their source."""
    if model.source.kind != "file":
        return manifest
    from modelready.transfer.copying import place_of  # noqa: PLC0415 - brings the network's libraries with it

    places = {file.path: place_of(file.url) for file in manifest.files if file.url and not file.digests}
    known: Mapping[Path, str] = {
        one.path: one.digests["sha256"]
        for one in digests.compute_many([(place, ("sha256",)) for place in places.values()])
        if one.error is None
    }
    read = {path: Digest("sha256", known[place], "the file") for path, place in places.items() if place in known}
    files = (replace(file, digests=(read[file.path],)) if file.path in read else file for file in manifest.files)
    return replace(manifest, files=tuple(files))


def _dtype_of(head: bytes, size: int, ending: str) -> str:
    """Read the header in *head* as that of a file of *size* bytes: a hole stands for the rest."""
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        place = Path(file.name)
        try:
            file.write(head)
            file.truncate(size)
            file.flush()
            if ending == ".gguf" and (told := gguf.read_header(place).file_type):
                return told
            shares = gguf.read_header(place).shares if ending == ".gguf" else safetensors.shares(place)
        except _UNREADABLE:
            return ""
    return next(iter(shares), "")
