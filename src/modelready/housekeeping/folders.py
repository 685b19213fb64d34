"""What downloads that were stopped left in a folder: ours, huggingface_hub's, those of aria2, wget and curl."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.housekeeping import aria2, locks
from modelready.housekeeping.finds import Find, Kept, won
from modelready.inspection import weights
from modelready.layouts import looking
from modelready.layouts.folder import NOTES
from modelready.layouts.metadata import begins_partial
from modelready.transfer import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modelready.model import PlacedFile

_NUMBERED = re.compile(r"(?P<name>.+)\.[1-9]\d?")
_SCRATCH = re.compile(r"\.[0-9a-f]{8}\.tmp")
_STEP = 1 << 20


@dataclass(frozen=True)
class Tree:
    """
    A folder that catalogs name, and what is known of it.

    ``placed`` are the models' files by place, ``parts`` the names that their part files have. ``is_right`` tells
    whether a file is proved to be what it should be.
    """

    root: Path
    placed: Mapping[Path, PlacedFile]
    parts: frozenset[Path]
    is_right: Callable[[PlacedFile], bool]

    def leftovers(self) -> Iterator[Find | Kept]:
        """Give what may go, and what looks so but is not proved."""
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            here = Path(folder)
            look = self._noted if _is_of_notes(here) else self._ours if here.name == ".modelready" else self._others
            for name in sorted(names):
                yield from look(here / name)

    # ---- huggingface_hub's

    def _noted(self, path: Path) -> Iterator[Find]:
        if path.suffix == ".incomplete":
            guard = self._guards(path.parent).get(path.name.partition(".")[0])
            file = _subject(guard, ".lock") if guard else None
            why = "its file is complete" if file and looking.is_file(file) else "its file never arrived whole"
            locked = (guard,) if guard else ()
            yield self._partial(path, why, "huggingface_hub", locks=locked)
        elif path.suffix == ".lock" and not looking.is_file(_subject(path, ".lock")):
            if not looking.is_file(path.with_suffix(".metadata")):
                yield self._lock(path, "its file is not in the folder")
        elif path.suffix == ".lock" and (why := locks.why_dead(path)):
            yield self._lock(path, why)

    def _guards(self, folder: Path) -> dict[str, Path]:
        """Give the locks in *folder* by how huggingface_hub begins the names of the partial files that they guard."""
        if folder not in self._known_guards:
            found = (path for path in folder.glob("*.lock"))
            self._known_guards[folder] = {begins_partial(path.name.removesuffix(".lock")): path for path in found}
        return self._known_guards[folder]

    @cached_property
    def _known_guards(self) -> dict[Path, dict[str, Path]]:
        return {}

    # ---- ours

    def _ours(self, path: Path) -> Iterator[Find]:
        if _SCRATCH.fullmatch(path.name):
            yield Find(
                "scratch",
                path,
                (self.root,),
                "a writer that was killed left it",
                size=won(path),
                locks=self._model_locks,
            )
        elif path.suffix == ".lock" and (why := locks.why_dead(path)):
            yield self._lock(path, why)

    @cached_property
    def _model_locks(self) -> tuple[Path, ...]:
        return tuple(sorted(self.root.glob(".modelready/*.lock")))

    # ---- anybody's

    def _others(self, path: Path) -> Iterator[Find | Kept]:
        if path in self.parts or (path.suffix == ".part" and parts.is_part(path)):
            is_complete = looking.is_file(path.with_suffix(""))
            why = "its file is complete" if is_complete else "`modelready provision` would go on from it"
            yield self._partial(path, why, "modelready", locks=self._model_locks)
        elif path.suffix == ".aria2":
            yield from self._of_aria2(path)
        elif path in self.placed:
            yield from self._cut_short(self.placed[path])
        elif found := _NUMBERED.fullmatch(path.name):
            yield from self._numbered(path, path.with_name(found["name"]))

    def _of_aria2(self, control: Path) -> Iterator[Find | Kept]:
        progress = aria2.read(control)
        path = control.with_suffix("")
        if progress is None:
            yield Kept(control, "is called like a control file of aria2, and is none")
        elif not looking.is_file(path) or progress.is_complete or self._is_proved(path):
            why = "its download is complete" if looking.is_file(path) else "its download is gone"
            yield self._partial(control, why, "aria2", watched=(path,))
        else:
            why = f"{progress.pieces_done} of {progress.pieces} pieces arrived"
            yield self._partial(path, why, "aria2", also=(control,))

    def _is_proved(self, path: Path) -> bool:
        placed = self.placed.get(path)
        return placed is not None and bool(placed.digests) and self.is_right(placed)

    def _cut_short(self, placed: PlacedFile) -> Iterator[Find]:
        """Give a weight file that is shorter than it should be, and whose own header says so: nobody edits these."""
        size = looking.size(placed.place)
        if size is None or placed.size is None or size >= placed.size or placed.place.is_symlink():
            return
        if weights.unwhole([placed]) and not looking.is_file(placed.place.with_name(f"{placed.place.name}.aria2")):
            why = f"{size:,} of {placed.size:,} bytes arrived; `modelready provision` would go on from them"
            yield self._partial(placed.place, why, "curl or wget", locks=self._model_locks)

    def _numbered(self, path: Path, first: Path) -> Iterator[Find | Kept]:
        """Give what wget saves where a file is there already, if its bytes say that it is nothing else."""
        if first not in self.placed:
            return
        if not looking.is_file(first):
            yield Kept(path, f"may be a download of {first.name}; nothing here proves it")
        elif begins(first, path):
            is_whole = looking.size(first) == looking.size(path)
            why = f"it is {first.name} once more" if is_whole else f"{first.name} begins with the same bytes"
            yield self._partial(path, why, "wget")
        else:
            yield Kept(path, f"is called like a download of {first.name}, and holds other bytes")

    # ---- finds

    def _partial(  # noqa: PLR0913 - what a find has
        self,
        path: Path,
        why: str,
        left_by: str,
        *,
        also: tuple[Path, ...] = (),
        locks: tuple[Path, ...] = (),
        watched: tuple[Path, ...] = (),
    ) -> Find:
        seen = _seen(path)
        return Find(
            "partial",
            path,
            (self.root,),
            why,
            left_by,
            size=won(path, *also),
            also=also,
            locks=locks,
            watched=watched,
            # Somebody may have gone on from it while nobody answered whether it may go: it may be whole now.
            is_still_so=lambda: _seen(path) in {None, seen},
        )

    def _lock(self, path: Path, why: str) -> Find:
        return Find("lock", path, (self.root,), why, size=won(path), locks=(path,))


def begins(whole: Path, part: Path) -> bool:
    """Tell whether *part* holds the first bytes of *whole*, at least one of them, and nothing else."""
    try:
        with whole.open("rb", buffering=0) as one, part.open("rb", buffering=0) as other:
            if not 0 < os.fstat(other.fileno()).st_size <= os.fstat(one.fileno()).st_size:
                return False
            while some := other.read(_STEP):
                if one.read(len(some)) != some:
                    return False
    except OSError:
        return False
    return True


def _seen(path: Path) -> tuple[int, int, int] | None:
    """Give what changes when somebody writes to *path*, or puts another file there; None where nothing is."""
    try:
        seen = path.lstat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _is_of_notes(folder: Path) -> bool:
    """Tell whether *folder* is the one of huggingface_hub's notes, or below it."""
    return any(folder.parts[at : at + 3] == NOTES.parts for at in range(len(folder.parts) - 2))


def _subject(path: Path, ending: str) -> Path:
    """Give the file that the note or lock *path* is about."""
    parts = path.parts
    at = max(at for at in range(len(parts) - 2) if parts[at : at + 3] == NOTES.parts)
    return Path(*parts[:at], *parts[at + 3 : -1], path.name.removesuffix(ending))
