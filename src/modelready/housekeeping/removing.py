"""Deleting a model: its files, and what was written down of them; what somebody else needs stays."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from modelready.errors import Held, MalformedRef, UnsafePath
from modelready.housekeeping import caches, deleting, known, shared
from modelready.housekeeping.caches import Repository
from modelready.housekeeping.finds import Find, Kept, Outcome, real, won, won_together
from modelready.layouts import Folder, HubCache, looking, refs
from modelready.layouts.folder import NOTES
from modelready.placing import locate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modelready.grounds import Requested
    from modelready.model import Model, PlacedFile, PlacedModel


@dataclass(frozen=True)
class Removal:
    """What of a model would go, what stays and why, and the folders that go once they are empty."""

    model: Model
    finds: tuple[Find, ...] = ()
    kept: tuple[Kept, ...] = ()
    folders: tuple[Path, ...] = ()
    needed_by: tuple[str, ...] = ()


def plan(asked: Requested, model: Model, *, with_others: frozenset[str] = frozenset()) -> Removal:
    """Tell what removing *model* would delete; *with_others* are the models that are removed together with it."""
    layout = known.layout_of(model, asked)
    if layout is None:
        return Removal(model)
    placed = locate(model, asked.ground)
    claims = _claims(asked, without={model.name, *with_others})
    found = _of_folder(placed, layout, claims) if isinstance(layout, Folder) else _of_cache(placed, layout, claims)
    items = list(found)
    free, used = deleting.sort(one for one in items if isinstance(one, Find))
    kept = [one for one in items if isinstance(one, Kept)]
    bookkeeping = () if used else [one for one in free if one.kind == "bookkeeping"]
    files = [one for one in free if one.kind != "bookkeeping"]
    others = [one for one in asked.required.values() if one.name not in {model.name, *with_others}]
    return Removal(
        model=model,
        finds=(*files, *bookkeeping),
        kept=(*kept, *used),
        folders=_folders(layout, placed),
        needed_by=tuple(one.name for one in others if model.name in one.needs),
    )


def plan_all(asked: Requested, models: Sequence[Model]) -> list[Removal]:
    """Tell what removing *models* together would delete, and win: bytes that only they share go, too."""
    names = frozenset(model.name for model in models)
    found = [plan(asked, model, with_others=names) for model in models]
    counted = map(_explained, won_together(one for removal in found for one in removal.finds))
    return [replace(removal, finds=tuple(islice(counted, len(removal.finds)))) for removal in found]


def _explained(one: Find) -> Find:
    """Say of a file with which nothing is won why that is so."""
    seen = looking.look(one.path) if one.kind == "file" and not one.size else None
    has_other_names = seen is not None and seen.st_nlink > 1
    return replace(one, why="its bytes have another name, with which they stay or go") if has_other_names else one


def remove(asked: Requested, removal: Removal) -> Outcome:
    """
    Delete what *removal* names, and the folders that are empty then.

    Raises: Held, while another process brings the model.
    """
    layout = known.layout_of(removal.model, asked)
    if layout is None or not removal.finds:
        return Outcome()
    files = [one for one in removal.finds if one.kind != "bookkeeping"]
    with deleting.held((layout.lock_path,)) as held_by:
        if held_by:
            raise Held(f"{removal.model.name}: {held_by}", remedy="stop it, or wait until it has ended")
        outcome = deleting.delete(files)
        if not outcome.kept:
            rest = deleting.delete([one for one in removal.finds if one.kind == "bookkeeping"])
            outcome = Outcome((*outcome.gone, *rest.gone), rest.kept)
    _tidy(layout, removal.folders)
    return outcome


# ---- who else wants a file


def _claims(asked: Requested, *, without: Collection[str]) -> Mapping[Path, str]:
    """
    Give the models that want what lies at a place, all links in its folder followed.

    Those that are required here, and all that were brought into the same folders, of whatever catalog.
    """
    found: dict[Path, str] = {}
    for model in asked.catalog.models:
        if model.name not in without and asked.decisions[model.name].is_required and known.layout_of(model, asked):
            found |= {real(one.place): model.name for one in locate(model, asked.ground).files}
    for root in known.roots(asked.catalog.models, asked):
        for path in sorted(root.glob(".modelready/*.json")):
            if path.stem not in without:
                found |= {real(place): path.stem for place in _received(Folder(root, path.stem))}
    return found


def _received(layout: Folder) -> Iterator[Path]:
    """Give the places that the receipt of a model names; what it names elsewhere was never ours."""
    receipt = layout.receipt()
    for one in receipt.files if receipt else ():
        with contextlib.suppress(UnsafePath):
            yield layout.place(one.save_as)


# ---- a folder


def _of_folder(placed: PlacedModel, layout: Folder, claims: Mapping[Path, str]) -> Iterator[Find | Kept]:
    places = {one.place for one in placed.files if _is_its_own(one, placed, layout)} | set(_received(layout))
    for one in placed.files:
        if one.place not in places and os.path.lexists(one.place):
            yield Kept(one.place, "matches its patterns, and nothing says that it was brought for this model")
    for place in sorted(places):
        if os.path.lexists(place):
            yield from _file(place, layout, claims)
    lock = layout.root / ".modelready" / f"{layout.model_name}.lock"
    for path in (layout.root / ".modelready" / f"{layout.model_name}.json", lock):
        if looking.is_file(path):
            yield Find("bookkeeping", path, (layout.root,), "it speaks of this model", size=won(path))


def _is_its_own(one: PlacedFile, placed: PlacedModel, layout: Folder) -> bool:
    """Tell whether a file was brought for this model; that it matches a pattern of the catalog says little."""
    return placed.known_by != "folder" or one.is_named or any(map(looking.is_file, _noted(one.place, layout)))


def _file(place: Path, layout: Folder, claims: Mapping[Path, str]) -> Iterator[Find | Kept]:
    if other := claims.get(real(place)):
        yield Kept(place, f"{other} wants it too")
    elif looking.is_folder(place):
        yield Kept(place, "is a folder, where a file was expected")
    else:
        beside = [one for one in _noted(place, layout) if os.path.lexists(one)]
        parts = [one for one in (place.with_name(f"{place.name}.part"),) if looking.is_file(one)]
        also = (*parts, *beside)
        yield Find("file", place, (layout.root,), "it is a file of the model", size=won(place, *also), also=also)


def _noted(place: Path, layout: Folder) -> Iterator[Path]:
    """Give what huggingface_hub noted of the file at *place*."""
    note = layout.root / NOTES / place.relative_to(layout.root)
    yield note.with_name(f"{note.name}.metadata")
    yield note.with_name(f"{note.name}.lock")


# ---- a Hub cache


def _of_cache(placed: PlacedModel, layout: HubCache, claims: Mapping[Path, str]) -> Iterator[Find | Kept]:
    if placed.revision is None:
        return
    there = [one.place for one in placed.files if os.path.lexists(one.place)]
    gone = {place for place in there if real(place) not in claims}
    yield from (Kept(place, f"{claims[real(place)]} wants it too") for place in there if place not in gone)
    going: dict[str, Path] = {}
    for place in sorted(gone):
        yield _of_snapshot(place, layout, frozenset(gone), going)
    yield from shared.orphans(layout.cache, frozenset(going.values()), among=frozenset(going.values()))
    if not _stays(layout.snapshot(placed.revision), gone):
        yield from _of_revision(layout, placed.revision)


def _of_snapshot(place: Path, layout: HubCache, gone: frozenset[Path], going: dict[str, Path]) -> Find:
    """Give the name in the snapshot, with its blob where no other snapshot leads to that; once, among *going*."""
    if not place.is_symlink():
        return Find("file", place, (layout.storage,), "it is a file of the model", size=won(place))
    repository, name = Repository(layout.storage), place.readlink().name
    blob = layout.storage / "blobs" / name
    if not os.path.lexists(blob) or name in going:
        return Find("file", place, (layout.storage,), "it is a file of the model")
    if repository.is_referred(name, without=gone):
        return Find("file", place, (layout.storage,), "its bytes stay: another snapshot leads to them")
    going[name] = blob
    return Find(
        "file",
        place,
        (layout.storage,),
        "it is a file of the model",
        size=won(blob),
        also=(blob,),
        locks=repository.locks(name)[1:],
        is_still_so=lambda: not repository.is_referred(name, without=gone),
    )


def _stays(snapshot: Path, gone: set[Path]) -> bool:
    """Tell whether something else is in the snapshot."""
    return any(
        path not in gone
        for here, folders, names in os.walk(snapshot)
        for name in (*names, *(one for one in folders if os.path.islink(os.path.join(here, one))))  # noqa: PTH114, PTH118 - names
        for path in (type(snapshot)(here) / name,)
    )


def _of_revision(layout: HubCache, commit: str) -> Iterator[Find]:
    """Give what was written down of a snapshot that will be empty: its listing, and the refs that lead to it."""
    paths = [layout.storage / "trees" / f"{commit}.json"]
    paths += (layout.storage / ".no_exist" / commit).rglob("*")
    for here, _, names in os.walk(layout.storage / "refs"):
        for name in names:
            path = type(layout.storage)(here) / name
            with contextlib.suppress(MalformedRef):
                paths += [path] if refs.read(path) == commit else []
    for path in paths:
        if looking.is_file(path):
            yield Find("bookkeeping", path, (layout.storage,), f"it speaks of {commit[:8]}", size=won(path))


# ---- what is empty then


def _tidy(layout: Folder | HubCache, folders: Iterable[Path]) -> None:
    """Delete what nobody needs any more where everything else went: huggingface_hub's own marks, and empty folders."""
    if isinstance(layout, Folder) and not any((layout.root / NOTES).rglob("*.metadata")):
        notes = layout.root / NOTES.parent
        marks = (notes / ".gitignore", notes / "CACHEDIR.TAG", *(notes / "trees").glob("*.json"))
        why = "nothing is left that it speaks of"
        deleting.delete([Find("bookkeeping", one, (layout.root,), why) for one in marks])
    for folder in folders:
        # What is not empty, or a place where something is mounted, stays.
        with contextlib.suppress(OSError):
            folder.rmdir()
    if isinstance(layout, HubCache) and not looking.is_folder(layout.storage):
        here = layout.lock_path.parent
        deleting.delete([one for one in caches.stale_locks(layout.cache) if one.path.parent == here])
        with contextlib.suppress(OSError):
            here.rmdir()


def _folders(layout: Folder | HubCache, placed: PlacedModel) -> tuple[Path, ...]:
    """Give the folders that may be empty afterwards, deepest first; never one above the model's own."""
    root = layout.root if isinstance(layout, Folder) else layout.storage
    above = {folder for one in placed.files for folder in one.place.parents if folder.is_relative_to(root)}
    if isinstance(layout, Folder):
        above |= {folder for place in _received(layout) for folder in place.parents if folder.is_relative_to(root)}
        above |= {root / ".modelready"}
        notes = {root / NOTES / folder.relative_to(root) for folder in above}
        above |= notes | {root / NOTES.parent / "trees", root / NOTES.parent, root / ".cache"}
    else:
        above |= {type(root)(here) for here, _, _ in os.walk(root)}
    return tuple(sorted(above, key=lambda folder: len(folder.parts), reverse=True))
