"""What downloads left behind on this machine: found in the folders that catalogs name, and in the Hub cache."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import proving
from modelready.housekeeping import caches, deleting, known, shared
from modelready.housekeeping.finds import Find, Kept, Outcome
from modelready.housekeeping.folders import Tree
from modelready.housekeeping.locks import is_running
from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.model import PlacedFile


@dataclass(frozen=True)
class Leftovers:
    """What may go, what stays and why, and the jobs whose processes died."""

    finds: tuple[Find, ...] = ()
    kept: tuple[Kept, ...] = ()
    jobs: tuple[Job, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.finds or self.jobs)


def look(asked: Requested) -> Leftovers:
    """Look for leftovers of every download, in the places of the selected models; the whole Hub cache is one."""
    found = list(_found(asked))
    free, used = deleting.sort(one for one in found if isinstance(one, Find))
    kept = [one for one in found if isinstance(one, Kept)]
    jobs = asked.ground.jobs.dead() if _asks_for_all(asked) else ()
    return Leftovers(
        finds=tuple(free),
        kept=(*kept, *used),
        jobs=tuple(job for job in jobs if job.host != socket.gethostname() or not is_running(job.pid)),
    )


def clean(asked: Requested, leftovers: Leftovers) -> Outcome:
    """Delete *leftovers*, but for what is used, or wanted again, by now."""
    if leftovers.jobs:
        asked.ground.jobs.forget(*leftovers.jobs)
    return deleting.delete(leftovers.finds)


def _found(asked: Requested) -> Iterator[Find | Kept]:
    places = known.Places.of(asked)
    for root in sorted(places.roots):
        if looking.is_folder(root):
            yield from Tree(root, places.placed, places.parts, _prover(asked)).leftovers()
    yield from _of_cache(asked, places.roots)


def _of_cache(asked: Requested, roots: Iterable[Path]) -> Iterator[Find]:
    cache = asked.ground.settings.hf_cache
    is_whole = _asks_for_all(asked)
    chosen = {known.storage(one, cache) for one in asked.selected.values() if one.layout == "hub-cache"}
    storages = [one for one in caches.repositories(cache) if is_whole or one in chosen]
    wanted = _led_to_from(roots, cache) if storages else {}
    going = []
    for storage in storages:
        for find in caches.Repository(storage, wanted.get(storage.name, frozenset())).leftovers():
            going.append(find.path)
            yield find
    if is_whole:
        yield from shared.orphans(cache, frozenset(going))
        yield from caches.stale_locks(cache)


def _led_to_from(roots: Iterable[Path], cache: Path) -> dict[str, frozenset[str]]:
    """Give the blobs, by repository, that links in *roots* lead to: huggingface_hub once filled folders with these."""
    home = os.path.realpath(cache)
    found: dict[str, set[str]] = {}
    for root in roots:
        for place, name in caches.links(root):
            blob = Path(os.path.realpath(place.parent), os.readlink(place))  # noqa: PTH115 - one join for both kinds
            storage = Path(os.path.normpath(blob)).parent.parent
            if os.path.realpath(storage.parent) == home:
                found.setdefault(storage.name, set()).add(name)
    return {storage: frozenset(names) for storage, names in found.items()}


def _prover(asked: Requested) -> Callable[[PlacedFile], bool]:
    def is_right(placed: PlacedFile) -> bool:
        found = proving.prove([placed], asked.ground.ledger)
        return proving.is_as_expected(placed, found.get(placed.path))

    return is_right


def _asks_for_all(asked: Requested) -> bool:
    return len(asked.selected) == len(asked.catalog.models)
