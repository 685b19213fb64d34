"""What the places can that models go to: room, rights, links, copies that share their blocks, names and numbers."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import filesystems, ledger, sizes
from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.inspection import words
from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_FICLONE = 0x40049409
_SCARCE = 1_000_000_000
_FEW_INODES = 1000


@dataclass(frozen=True)
class Place:
    """A folder that models go to, and the bytes that are still to come there; None where nobody knows."""

    path: Path
    wanted: int | None = 0

    @property
    def existing(self) -> Path:
        """Give the folder itself, or the nearest one above it that is there."""
        return next(one for one in (self.path, *self.path.parents) if looking.is_folder(one))


def examine(places: Iterable[Place]) -> Iterator[Finding]:
    """Tell of the disks and the file systems of *places*; each disk is told of once, with all that it is to hold."""
    by_device: dict[int, list[Place]] = {}
    for one in places:
        by_device.setdefault(one.existing.stat().st_dev, []).append(one)
    for found in by_device.values():
        yield from _room(found)
        yield from _file_system(found[0].existing)


def free(path: Path) -> tuple[int, int | None]:
    """Give the bytes that this user may still write at *path*, and the number of files, where there is a limit."""
    place = Place(path).existing
    told = os.statvfs(place) if hasattr(os, "statvfs") else None
    return shutil.disk_usage(place).free, told.f_favail if told and told.f_files else None


def is_read_only(path: Path) -> bool:
    """Tell whether *path* lies on a file system that is mounted read-only."""
    return hasattr(os, "statvfs") and bool(os.statvfs(Place(path).existing).f_flag & os.ST_RDONLY)


def _room(places: list[Place]) -> Iterator[Finding]:
    shown = ", ".join(dict.fromkeys(words.folded(one.path) for one in places))
    room, files = free(places[0].path)
    known = [one.wanted for one in places if one.wanted is not None]
    wanted, what = sum(known), f"{shown}: {sizes.told(room)} free"
    if wanted > room:
        remedy = f"free {sizes.told(wanted - room)}, or require fewer models"
        yield fail("disk", f"{what}, {sizes.told(wanted)} are still to come", remedy)
    elif len(known) < len(places):
        yield warn("disk", f"{what}; how much is still to come is not known", "see why under models and endpoints")
    elif room - wanted < _SCARCE:
        yield warn("disk", f"{what}, {sizes.told(wanted)} are still to come", "there is little room for anything else")
    else:
        yield ok("disk", f"{what}, {sizes.told(wanted)} are still to come")
    if files is not None and files < _FEW_INODES:
        yield fail("disk", f"{shown}: {files} files can still be made", "remove small files: the inodes are used up")


def _file_system(folder: Path) -> Iterator[Finding]:
    kind, shown = filesystems.kind(folder) or "unknown", words.folded(folder)
    if is_read_only(folder):
        yield warn(
            "file system", f"{shown} ({kind}) is mounted read-only", "certify works there; provision needs another"
        )
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".modelready-doctor-", dir=folder) as name:
            can = _abilities(Path(name))
            holds = _numbers_hold(Path(name))
    except OSError as error:
        why = error.strerror or type(error).__name__
        yield fail(
            "file system", f"{shown} ({kind}) cannot be written: {why}", "choose another place, or mend its rights"
        )
        return
    yield _of_links(shown, kind, can)
    yield _of_numbers(shown, kind, is_local=filesystems.is_local(folder), holds=holds)


def _of_links(shown: str, kind: str, can: Mapping[str, bool]) -> Finding:
    told = f"{shown} ({kind}): " + ", ".join(f"{'' if able else 'no '}{what}" for what, able in can.items())
    if not can["symlinks"]:
        return warn("file system", told, 'the Hub cache keeps a whole copy of each revision: use layout = "folder"')
    return ok("file system", told)


def _of_numbers(shown: str, kind: str, *, is_local: bool, holds: bool) -> Finding:
    if not is_local:
        text = f"{shown}: {kind} is another machine's, so every certify reads every byte"
        return warn("file system", text, "nothing is wrong; --trust-ledger says that size and time are believed there")
    if not holds:
        text = f"{shown}: a file that is renamed changes its number or its time, so every certify reads every byte"
        return warn("file system", text, "choose a local disk for large models")
    return ok("file system", f"{shown}: digests are remembered by what the file system says of a file")


def _abilities(folder: Path) -> dict[str, bool]:
    """Try in *folder* what a file system may know; nothing is left there but what its owner removes."""
    file = folder / "name"
    file.write_bytes(b"x" * 4096)
    return {
        "symlinks": _works(lambda: (folder / "symlink").symlink_to("name")),
        "hard links": _works(lambda: (folder / "hardlink").hardlink_to(file)),
        "reflinks": _works(lambda: _clone(file, folder / "clone")),
        "names that differ in case": not (folder / "NAME").exists(),
    }


def _works(do: Callable[[], object]) -> bool:
    with contextlib.suppress(OSError, NotImplementedError, ImportError):
        do()
        return True
    return False


def _clone(source: Path, target: Path) -> None:
    """Let *target* share the blocks of *source*."""
    import fcntl  # noqa: PLC0415 - Windows has none

    with source.open("rb") as there, target.open("wb") as here:
        fcntl.ioctl(here, _FICLONE, there.fileno())


def _numbers_hold(folder: Path) -> bool:
    """Tell whether a file that gets another name stays the file that it was, as the ledger knows it."""
    part, whole = folder / "part", folder / "whole"
    part.write_bytes(b"x")
    part.replace(whole)
    first = ledger.settled_fingerprint(whole)
    whole.read_bytes()
    return first == ledger.fingerprint(whole) and not first.is_young
