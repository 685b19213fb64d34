"""What works in a Hub cache here and now, and would not in a copy of it, or for a program that chooses otherwise."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.inspection import neighbours
from modelready.layouts import looking
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.model import PlacedModel

#: Applications that take the snapshot changed last, not the one that refs/main names: mflux 0.18 to 0.24,
#: ``_find_complete_cached_snapshot``.
NEWEST_FIRST = frozenset({"mflux"})
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def hazards(model: PlacedModel) -> tuple[Fault, ...]:
    """Tell what deserves a warning in the repository's folder of the cache, and is no fault yet."""
    storage = neighbours.storage_of(model)
    if storage is None or not looking.is_folder(storage):
        return ()
    return (
        *_absolute(model),
        *_named_otherwise(model),
        *_chosen_otherwise(model, storage),
        *_dangling(model, storage),
        *_in_other_cases(storage),
    )


def _absolute(model: PlacedModel) -> Iterator[Fault]:
    """Tell the links that name the whole path: the copy of such a cache leads back here, or nowhere."""
    for one in model.files:
        if os.path.isabs(target := _target(one.place)) and looking.look(one.place):  # noqa: PTH117 - a text
            message = f"its link is absolute ({os.path.dirname(target)}): in a copy of the cache it leads back here"  # noqa: PTH120 - as above
            yield Fault(one.path, message, "delete that link; `modelready provision` writes a relative one")


def _named_otherwise(model: PlacedModel) -> Iterator[Fault]:
    """Tell the right bytes under a name that is not their digest: a proxy's own ETags do that."""
    for one in model.files:
        name = os.path.basename(_target(one.place))  # noqa: PTH119 - a text
        own = {digest.hex for digest in one.digests if len(digest.hex) == len(name)}
        if own and name not in own and _DIGEST.fullmatch(name):
            message = f"its blob is called {name[:12]}…, its digest is {next(iter(own))[:12]}…: the name proves nothing"
            yield Fault(one.path, message, "provision it from another endpoint, if caches are verified by their names")


def _chosen_otherwise(model: PlacedModel, storage: Path) -> Iterator[Fault]:
    """Tell that an application would open another snapshot than the one judged here."""
    consumers = sorted(NEWEST_FIRST.intersection(model.model.consumers))
    if not consumers or model.revision is None or model.model.source.is_pinned:
        return
    times = {one.name: seen.st_mtime_ns for one in _entries(storage) if (seen := looking.look(one))}
    newest = max(times, key=times.__getitem__, default=model.revision)
    if times.get(newest, 0) > times.get(model.revision, 0):
        message = f"was changed last: {', '.join(consumers)} opens it, what was judged here is {model.revision}"
        yield Fault(f"snapshots/{newest}", message, "`hf cache prune`, or delete the snapshot that nobody wants")


def _dangling(model: PlacedModel, storage: Path) -> Iterator[Fault]:
    """Tell other snapshots that lead nowhere: they fail who asks for them, and hide the repository from scans."""
    for snapshot in _entries(storage):
        if snapshot.name == model.revision:
            continue
        if lost := next(_lost(snapshot), None):
            where = lost.relative_to(storage).as_posix()
            message = f"its link leads to {_target(lost)}, which is not there; `hf cache ls` may hide the repository"
            yield Fault(where, message, "delete that snapshot, or provision the revision it is of")


def _lost(snapshot: Path) -> Iterator[Path]:
    if looking.look(snapshot) is None:
        yield snapshot
    for folder, folders, names in os.walk(snapshot):
        places = (Path(folder, name) for name in (*folders, *names))
        yield from (place for place in places if place.is_symlink() and looking.look(place) is None)


def _in_other_cases(storage: Path) -> Iterator[Fault]:
    """Tell the same repository under a name in another case: where case does not count, both become one folder."""
    for one in neighbours.other_cases(storage):
        message = f"lies beside {storage.name}: the Hub takes both for one repository, and so does a disk without case"
        yield Fault(one.name, message, f"keep the one that programs ask for, and delete {one.name}")


def _entries(storage: Path) -> list[Path]:
    try:
        return sorted((storage / "snapshots").iterdir())
    except OSError:
        return []


def _target(place: Path) -> str:
    try:
        return str(place.readlink())
    except OSError:
        return ""
