"""Giving bytes that are here a second place: sharing them where the file system can, else as a copy that is proved."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import digests, filesystems
from modelready.errors import Interrupted
from modelready.layouts import Folder, looking, sharing
from modelready.layouts.atomically import removed, told

if TYPE_CHECKING:
    import threading

    from modelready.layouts import HubCache
    from modelready.model import ManifestFile
    from modelready.placing.elsewhere import Twin

_CHUNK = 4 << 20


def double(twin: Twin, layout: HubCache | Folder, file: ManifestFile, *, may_link: bool, stop: threading.Event) -> str:
    """
    Put the bytes of a proved *twin* in their place; say how, or nothing where its source changed meanwhile.

    A reflink first: damage done to one place later does not reach the other. A hard link only where *may_link*.

    Raises: DiskFull, NotWritable, or Interrupted when *stop* was set.
    """
    source = Path(os.path.realpath(twin.source))
    before = looking.look(source)
    part = layout.prepare(file, twin.file.place)
    with told(part):
        part.unlink(missing_ok=True)
    if before is None:
        return ""
    with removed(part):
        how = _made(source, part, twin, may_link=may_link, stop=stop)
        after = looking.look(source)
        if not how or after is None or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            part.unlink(missing_ok=True)
            return ""
        layout.settle(file, twin.file.place, part)
    return how


def may_link(source: Path, layout: HubCache | Folder) -> bool:
    """Tell whether a hard link is safe enough: both places are folders that modelready filled, and no cache's."""
    return isinstance(layout, Folder) and any(_names(folder, source) for folder in source.parents)


def shares(source: Path, target: Path, layout: HubCache | Folder) -> bool:
    """Tell whether bytes at *source* would need no room again under *target*, as far as one can tell before."""
    here = looking.existing(target)
    if here.stat().st_dev != looking.existing(source).stat().st_dev:
        return False
    return filesystems.may_reflink(here) or may_link(source, layout)


def _names(folder: Path, place: Path) -> bool:
    """Tell whether a receipt in *folder* speaks of *place*."""
    receipts = sorted(folder.glob(".modelready/*.json"))
    where = place.relative_to(folder).as_posix()
    found = (Folder(folder, path.stem).receipt() for path in receipts)
    return any(one.save_as == where for receipt in found if receipt for one in receipt.files)


def _made(source: Path, part: Path, twin: Twin, *, may_link: bool, stop: threading.Event) -> str:
    if sharing.reflink(source, part):
        return "reflink"
    if may_link and sharing.hard_link(source, part):
        return "hard link"
    return "copy" if _copied(source, part, twin, stop) else ""


def _copied(source: Path, part: Path, twin: Twin, stop: threading.Event) -> bool:
    """Copy *source*, and tell whether what was copied hashes to what is expected."""
    expected = {one.algorithm: one.hex for one in twin.file.digests}
    size = source.stat().st_size
    running = {algorithm: digests.start(algorithm, size) for algorithm in expected}
    with contextlib.suppress(FileNotFoundError), source.open("rb", buffering=0) as one, told(part):
        with part.open("xb", buffering=0) as other:
            while some := one.read(_CHUNK):
                if stop.is_set():
                    raise Interrupted("stopped while copying", remedy="run the same command again")
                for each in running.values():
                    each.update(some)
                _write_all(other.fileno(), memoryview(some))
            os.fsync(other.fileno())
        return all(each.hexdigest() == expected[algorithm] for algorithm, each in running.items())
    return False


def _write_all(descriptor: int, some: memoryview) -> None:
    while some:
        some = some[os.write(descriptor, some) :]
