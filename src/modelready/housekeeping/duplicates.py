"""Files of models whose bytes lie on the same disk a second time: found by digests, shared only when asked."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready.errors import ModelreadyError
from modelready.housekeeping import deleting, known
from modelready.housekeeping.finds import Kept, real, won
from modelready.housekeeping.users import Users
from modelready.layouts import Folder, looking, sharing
from modelready.layouts.atomically import removed, told
from modelready.ledger import settled_fingerprint
from modelready.placing import elsewhere, locate
from modelready.placing.examining import manifest_file
from modelready.proving import is_as_expected, prove

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelready.grounds import Requested
    from modelready.model import PlacedFile


@dataclass(frozen=True)
class Duplicate:
    """A file of a model in a folder, the place that has the same bytes, and what sharing them wins."""

    file: PlacedFile
    layout: Folder
    same_as: Path
    size: int

    @property
    def path(self) -> Path:
        """Give where the file lies."""
        return self.file.place


@dataclass(frozen=True)
class Shared:
    """What was shared, and how."""

    duplicate: Duplicate
    how: str


def look(asked: Requested) -> tuple[Duplicate, ...]:
    """Find what lies in folders and once more on the same disk, by the digests that are known; nothing is read."""
    found: dict[Path, Duplicate] = {}
    sources: set[Path] = set()
    for model in asked.selected.values():
        layout = known.layout_of(model, asked)
        if isinstance(layout, Folder):
            files = [one for one in locate(model, asked.ground).files if _is_own(one.place)]
            for twin in elsewhere.candidates(files, asked.ground):
                place, source = real(twin.file.place), type(twin.source)(os.path.realpath(twin.source))
                if not {place, source} & (found.keys() | sources) and _is_stored_twice(place, source):
                    found[place] = Duplicate(twin.file, layout, source, won(place))
                    sources.add(source)
    return tuple(found.values())


def share(asked: Requested, duplicates: Iterable[Duplicate]) -> tuple[tuple[Shared, ...], tuple[Kept, ...]]:
    """
    Let each duplicate share the bytes of its twin, both proved: by a reflink, else by a hard link.

    A hard link passes on every later change; so nobody gets one who did not ask for it.
    """
    users = Users()
    shared, kept = [], []
    for one in duplicates:
        try:
            how, why = _shared(one, asked, users)
        except (ModelreadyError, OSError) as error:
            how, why = "", str(error)
        if how:
            shared.append(Shared(one, how))
        else:
            kept.append(Kept(one.path, why))
    return tuple(shared), tuple(kept)


def _shared(one: Duplicate, asked: Requested, users: Users) -> tuple[str, str]:
    """Give how the bytes are shared now, or why they are not."""
    ledger = asked.ground.ledger
    with deleting.held((one.layout.lock_path,)) as held_by:
        if why := held_by or _used(one, users):
            return "", why
        for place in (one.path, one.same_as):
            found = prove([replace(one.file, place=place)], ledger)
            if not is_as_expected(one.file, found.get(one.file.path)):
                return "", f"is no duplicate: {place} does not hold the expected bytes"
        how = _made(one)
        ledger.remember_many([(one.path, found[one.file.path].digests, settled_fingerprint(one.path))])
        return how, "" if how else "this disk shares no bytes between files"


def _made(one: Duplicate) -> str:
    part = one.layout.part(manifest_file(one.file), one.path)
    with told(part):
        part.unlink(missing_ok=True)
        with removed(part):
            if sharing.reflink(one.same_as, part):
                shutil.copystat(one.path, part)
                how = "reflink"
            else:
                how = "hard link" if sharing.hard_link(one.same_as, part) else ""
            if how:
                part.replace(one.path)
    return how


def _used(one: Duplicate, users: Users) -> str:
    user = users.of(one.path)
    return f"is open in {user}" if user else ""


def _is_own(place: Path) -> bool:
    return looking.is_file(place) and not place.is_symlink()


def _is_stored_twice(place: Path, source: Path) -> bool:
    here, there = looking.look(place), looking.look(source)
    if here is None or there is None or here.st_dev != there.st_dev or not won(place):
        return False
    return here.st_size == there.st_size and not sharing.how(place, source)
