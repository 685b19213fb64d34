"""The Hub cache as programs walk it: references, snapshots, links, blobs, listings, and what is unfinished."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import sizes
from modelready.errors import MalformedRef
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.layouts import HubCache, links, looking
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelready.model import ManifestFile, PlacedFile, PlacedModel

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PARTIAL = re.compile(r"(?P<etag>[^.]+)(?:\.[0-9a-f]{8})?\.incomplete")
_DETACH = "remove that link; `modelready provision` writes the ones that are wanted anew"
_COPY = "copy the cache with `cp -aL`, or with the folder it leads to; or " + words.PROVISION


def broken_names(model: PlacedModel, cache: Path, *, refused: Collection[str] = ()) -> tuple[Fault, ...]:
    """
    Tell the names in the cache that lead programs astray: references, links and the listing of the revision.

    A required file that is absent, or one of *refused*, was told of already: it is passed over.
    """
    walk = _walk(model, cache, refused)
    return (*walk.references(), *walk.links(), *walk.dangling(), *walk.listing()) if walk else ()


def unwritten(model: PlacedModel, cache: Path) -> tuple[Fault, ...]:
    """Tell of those names only the ones that provisioning writes last: the reference asked for, and the listing."""
    walk = _walk(model, cache, ())
    return (*walk.wanted_reference(), *walk.listing()) if walk else ()


def partials(model: PlacedModel, cache: Path) -> tuple[Fault, ...]:
    """
    Tell the unfinished downloads that may be files of *model*.

    Where somebody listed the revision, a missing file was told of already. So this speaks where nobody did, and files
    are known only by lying there: a partial without its blob is the only trace of one that never arrived.
    """
    if model.known_by != "snapshot":
        return ()
    storage = HubCache(cache, model.model.source.address).storage
    parts = (part for part, etag in _parts(storage) if looking.look(storage / "blobs" / etag) is None)
    return tuple(_unfinished(part, storage) for part in parts)


def _walk(model: PlacedModel, cache: Path, refused: Collection[str]) -> _Walk | None:
    """Give the walk through what lies there of the repository; None when that is nothing: files.are_there tells it."""
    layout = HubCache(cache, model.model.source.address)
    return _Walk(model, layout, frozenset(refused)) if looking.is_folder(layout.storage) else None


def leftovers(model: PlacedModel, cache: Path) -> tuple[Fault, ...]:
    """
    Tell partial downloads of files that are complete: space lost (``hf cache prune`` wins it back), and no fault.

    No program opens them. One that another process is writing right now was not left behind.
    """
    layout = HubCache(cache, model.model.source.address)
    storage = layout.storage
    wanted = {digest.hex for one in model.files for digest in one.digests}
    return tuple(
        Fault(
            f"blobs/{part.name}",
            f"a partial download of {_size(part)} was left behind; its file is complete",
            "run `hf cache prune`, or delete it while no download runs",
        )
        for part, etag in _parts(storage)
        if etag in wanted and looking.is_file(storage / "blobs" / etag) and not layout.is_being_written(etag)
    )


@dataclass(frozen=True)
class _Walk:
    """One model in the cache, and the places to look at."""

    model: PlacedModel
    layout: HubCache
    refused: frozenset[str]

    @cached_property
    def _homes(self) -> tuple[str, ...]:
        """Give where files may really lie: the cache, and the repository's folder, which may be a link to a disk."""
        return tuple(os.path.realpath(path) for path in (self.layout.cache, self.layout.storage))

    @cached_property
    def _blobs(self) -> Path:
        return Path(os.path.realpath(self.layout.storage / "blobs"))

    @cached_property
    def _folders(self) -> dict[Path, Path]:
        return {}

    @cached_property
    def _present(self) -> tuple[PlacedFile, ...]:
        files = (one for one in self.model.files if one.path not in self.refused)
        return tuple(one for one in files if os.path.lexists(one.place) and not is_required_and_absent(one))

    def references(self) -> Iterator[Fault]:
        """Tell what is wrong with the reference asked for, and with ``main``, which others ask for by default."""
        yield from self.wanted_reference()
        if self.model.model.source.revision != "main":
            _, fault = self._followed("main")
            yield from (
                [replace(fault, remedy="delete it, or write the commit there without a newline")] if fault else []
            )

    def wanted_reference(self) -> Iterator[Fault]:
        """Tell what is wrong with the reference asked for; a commit is its own."""
        name = self.model.model.source.revision
        commit, fault = self._followed(name)
        if why := "" if fault else self._lost(name, commit):
            yield Fault(f"refs/{name}", why, words.PROVISION)
        elif fault:
            yield fault

    def _followed(self, name: str) -> tuple[str | None, Fault | None]:
        """Give where the reference leads, or why it leads nowhere."""
        try:
            return self.layout.revision_commit(name), None
        except MalformedRef as error:
            held = error.what.removeprefix(f"{error.path}: ")
            return None, Fault(f"refs/{name}", f"{held}; programs find nothing offline", error.remedy)

    def _lost(self, name: str, commit: str | None) -> str:
        if commit is None:
            # Provisioning writes it last, so where something else went wrong that was told, this is no news.
            return "" if self.model.faults else f"is not there: programs that ask for {name} find nothing offline"
        if not looking.is_folder(self.layout.snapshot(commit)):
            return "" if commit == name else f"leads to snapshots/{commit}, which is not there"
        if self.model.revision not in {None, commit}:
            return f"leads programs to {commit}, what was judged here is {self.model.revision}"
        return ""

    def links(self) -> Iterator[Fault]:
        """Tell the wanted files whose links leave the cache or end in a blob of another name."""
        for one in self._present:
            if one.place.is_symlink() and (why := self._astray(one.place)):
                yield Fault(one.path, why, _COPY if "outside" in why else words.PROVISION)

    def _astray(self, place: Path) -> str:
        folder, name = os.path.split(os.path.normpath(self._real(place.parent) / place.readlink()))
        is_blob = folder == str(self._blobs)
        if is_blob and not _BLOB.fullmatch(name):
            return f"its link leads to blobs/{name}, and no digest is written so"
        if is_blob and not os.path.islink(self._blobs / name):  # noqa: PTH114 - many files, and Path costs twice that
            return ""
        real = os.path.realpath(place)
        is_inside = any(real.startswith(home + os.sep) for home in self._homes)
        return "" if is_inside else f"its link leads to {words.folded(real)}, outside the cache"

    def _real(self, folder: Path) -> Path:
        """Give where *folder* really lies; asked once for all files in it."""
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        return self._folders[folder]

    def dangling(self) -> Iterator[Fault]:
        """Tell links of the snapshot that lead nowhere: one of them hides the whole repository from ``hf cache ls``."""
        told = {one.place for one in self.model.files if is_required_and_absent(one) or one.path in self.refused}
        for place in self._links:
            if place not in told and looking.look(place) is None:
                where = place.relative_to(self.model.root).as_posix()
                yield Fault(where, f"its link leads to {place.readlink()}, which is not there", _DETACH)

    @cached_property
    def _links(self) -> tuple[Path, ...]:
        """Give every link of the snapshot, wanted or not."""
        if self.model.revision is None:
            return ()
        walked = os.walk(self.model.root)
        places = (os.path.join(folder, name) for folder, folders, names in walked for name in (*folders, *names))  # noqa: PTH118 - many files
        return tuple(Path(place) for place in places if os.path.islink(place))  # noqa: PTH114 - as above

    def listing(self) -> Iterator[Fault]:
        """Tell where the listing of the revision does not agree with what lies there."""
        commit = self.model.revision
        path = self.layout.storage / "trees" / f"{commit}.json"
        if commit is None or looking.look(path) is None:
            return
        listed = self.layout.listing(commit)
        if listed is None:
            yield Fault(
                f"trees/{path.name}", "is no listing that programs can read", f"delete it, then {words.PROVISION}"
            )
            return
        by_path = {one.path: one for one in listed}
        yield from self._disagreeing(by_path, f"trees/{path.name}")
        yield from self._unlisted(by_path, f"trees/{path.name}")

    def _disagreeing(self, listed: dict[str, ManifestFile], name: str) -> Iterator[Fault]:
        remedy = f"delete {name} if it was changed by hand, then {words.PROVISION}"
        for one in self._present:
            size = looking.size(one.place)
            if size is None or one.size not in {None, size}:  # files.* told it
                continue
            entry = listed.get(one.path)
            if entry is None:
                yield Fault(name, f"does not list {one.path}: programs believe it and fetch nothing", remedy)
            elif entry.size != size:
                yield Fault(one.path, f"has {size:,} bytes, {name} says {entry.size:,}", remedy)

    def _unlisted(self, listed: dict[str, ManifestFile], name: str) -> Iterator[Fault]:
        """Tell of a snapshot's links to blobs that its listing leaves out: huggingface_hub writes none of its own."""
        known = {*listed, *(one.path for one in self._present)}
        start = len(os.fspath(self.model.root)) + 1
        strange = [path for one in self._links if (path := os.fspath(one)[start:]) not in known]
        lost = sorted(path for path in strange if self._is_blob(self.model.root / path))
        if lost:
            more = f" and {len(lost) - 1} more" if lost[1:] else ""
            message = f"does not list {lost[0]}{more}, though it lies there: programs believe it and fetch nothing"
            yield Fault(name, message, f"delete {name} if it was changed by hand, then {words.PROVISION}")

    def _is_blob(self, place: Path) -> bool:
        """Tell whether *place* is a link to bytes that lie here and are named by their digest."""
        name = os.path.basename(links.target(place) or "")  # noqa: PTH119 - a text
        return _BLOB.fullmatch(name) is not None and looking.is_file(place)


def _parts(storage: Path) -> Iterator[tuple[Path, str]]:
    """Give the partial downloads among the blobs, each with the name that its blob would have."""
    try:
        entries = sorted((storage / "blobs").iterdir())
    except OSError:
        return
    for entry in entries:
        if found := _PARTIAL.fullmatch(entry.name):
            yield entry, found["etag"]


def _unfinished(part: Path, storage: Path) -> Fault:
    where = part.relative_to(storage).as_posix()
    message = f"{_size(part)} of a file that never arrived whole; nothing says which file of the repository it is"
    return Fault(where, message, words.PROVISION)


def _size(part: Path) -> str:
    size = looking.size(part)
    return "unknown size" if size is None else sizes.told(size)
