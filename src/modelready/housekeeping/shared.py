"""The blobs that huggingface_hub 2 shares between the repositories of a cache: ``blobs/XX/HASH``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import contents
from modelready.housekeeping import caches
from modelready.housekeeping.finds import Find, won
from modelready.layouts import links, looking

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_HASH = re.compile(r"[0-9a-f]{64}")


def orphans(cache: Path, going: Collection[Path] = (), *, among: Collection[Path] | None = None) -> Iterator[Find]:
    """
    Give the shared blobs that no repository's blob leads to once *going* are gone; *among* what those blobs lead to.

    Only those with a list of references beside them, and only in a store that huggingface_hub marked as its own: where
    either is missing, its own clean-up keeps them too.
    """
    store = cache / "blobs"
    if not is_store(store):
        return
    led_to = targets(cache, going)
    chosen = None if among is None else {_target(one) for one in among}
    for path in sorted(store.glob("??/*")):
        if chosen is not None and path.name not in chosen:
            continue
        if _HASH.fullmatch(path.name) and path.parent.name == path.name[:2] and path.name not in led_to:
            listed = path.with_name(f"{path.name}.refs")
            if looking.is_file(listed) and not path.is_symlink():
                yield Find(
                    "orphan",
                    path,
                    (store,),
                    "no repository refers to this shared blob",
                    size=won(path, listed),
                    also=(listed,),
                    locks=(path.with_name(f"{path.name}.lock"),),
                    is_still_so=lambda name=path.name: name not in targets(cache),  # type: ignore[misc]
                )


def is_store(store: Path) -> bool:
    """Tell whether *store* is the folder of shared blobs, in the one form that is known."""
    try:
        return contents.text(store / ".huggingface-shared-blobs", most=contents.NOTE).strip() == "1"
    except (OSError, ValueError):
        return False


def targets(cache: Path, going: Collection[Path] = ()) -> frozenset[str]:
    """Give the names of the shared blobs that blobs of the repositories lead to, *going* not counted."""
    return frozenset(
        name
        for storage in caches.repositories(cache)
        for entry in _links(storage / "blobs")
        if entry not in going and (name := _target(entry))
    )


def _target(blob: Path) -> str:
    """Give the name of the shared blob that *blob* leads to; nothing where it is one itself."""
    told = links.target(blob)
    return Path(told).name if told and len(Path(told).parent.name) == 2 else ""  # noqa: PLR2004 - blobs/XX/HASH


def _links(folder: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(folder) if entry.is_symlink()]
    except OSError:
        return []
