"""A part file: the bytes of one file as they arrive, and behind them the journal of which did."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

from modelready.transfer import boots, disk, journal, ranges
from modelready.transfer.faults import Outdated
from modelready.transfer.hashing import expected
from modelready.transfer.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.transfer.ranges import Ranges
    from modelready.transfer.wanted import Wanted

STEP = 256 * 1024  # so much may arrive before the journal says so, or
SHARE = 128  # this fraction of what arrived


class Part:
    """
    The gathered bytes of one wanted file.

    ``moved`` guards everything and tells when bytes arrived. A generation is one attempt to gather the file: what a
    connection brings for an older one is refused, so bytes of two versions never meet.

    A file of unknown size has no place for a journal until a server tells the size; one that neither a digest nor a
    strong validator names is begun anew each time, as nothing would notice if its bytes were of two versions.
    """

    def __init__(self, wanted: Wanted, *, resume: bool) -> None:
        self.path = wanted.part
        self.size = wanted.size
        self.arrived: Ranges = ()
        self.validator: str | None = None
        self.generation = 0
        self.moved = threading.Condition()
        self.is_open = True
        self._digests = expected(wanted)
        self._durable: Ranges = ()
        self._promised_size = wanted.size
        self._journalled = 0
        self._has_journal = False
        self._sequence = 0
        with disk.told(self.path):
            self._descriptor = _open(self.path)
            self._recall(resume=resume)
        if not self.arrived:
            self.validator = wanted.validator

    @property
    def prefix(self) -> int:
        """Count the bytes from the first on that arrived without a gap."""
        return ranges.prefix(self.arrived)

    @property
    def count(self) -> int:
        """Count the bytes that arrived."""
        return ranges.total(self.arrived)

    @property
    def is_complete(self) -> bool:
        """Tell whether every byte is there."""
        return self.size is not None and self.count == self.size

    @property
    def resumes_safely(self) -> bool:
        """Tell whether bytes of another version could not slip in unnoticed when going on."""
        return bool(self.validator or self._digests)

    def write(self, offset: int, view: memoryview, generation: int) -> list[tuple[int, memoryview]]:
        """
        Put what *view* holds of the bytes that were not there yet where it belongs; give that, and where it lies.

        Bytes that are there stay as they are: they may have been hashed, and another answer may bring others.

        Raises:
            Outdated: these bytes are of an older generation.

        """
        with self.moved:
            self._check(generation)
            lacking = ranges.lacking(self.arrived, offset, offset + len(view))
            new = [(start, view[start - offset : end - offset]) for start, end in lacking]
            with disk.told(self.path):
                for start, some in new:
                    for end in disk.write(self._descriptor, some, start):
                        self.arrived = ranges.added(self.arrived, start, end)
                count = self.count
                if count - self._journalled >= max(STEP, count // SHARE) and count != self.size:
                    self._write_journal()
            self.moved.notify_all()
            return new

    def restart(self, generation: int) -> bool:
        """Throw away what arrived in *generation*, unless another connection already did."""
        with self.moved:
            if generation != self.generation or not self.is_open:
                return False
            with disk.told(self.path):
                os.ftruncate(self._descriptor, 0)
            self.generation += 1
            self.arrived = self._durable = ()
            self.validator = None
            self.size = self._promised_size
            self._journalled = 0
            self._has_journal = False
            self.moved.notify_all()
            return True

    def set_size(self, size: int, generation: int) -> None:
        """Learn the size that nobody knew before the server told it."""
        with self.moved:
            self._check(generation)
            self.size = size
            self.moved.notify_all()

    def sync(self) -> None:
        """Make what arrived durable, and let the journal say so."""
        with self.moved:
            if not self.is_open:
                return
            snapshot, generation, descriptor = self.arrived, self.generation, os.dup(self._descriptor)
        with disk.told(self.path):
            try:
                disk.sync_data(descriptor)
            finally:
                os.close(descriptor)
            with self.moved:
                if generation == self.generation and self.is_open:
                    self._durable = snapshot
                    self._write_journal()

    def trim(self) -> None:
        """Leave nothing but the payload of a complete file, and close it; it is not yet durable."""
        with self.moved, disk.told(self.path):
            if self._has_journal:
                os.ftruncate(self._descriptor, self.size or 0)
            self._close()

    def keep(self) -> None:
        """Note what arrived for a later run, and close; nothing is left of a part too small to be worth it."""
        with self.moved:
            if not self.is_open:
                return
            try:
                self._leave()
            finally:
                self._close()

    def _leave(self) -> None:
        with disk.told(self.path):
            if self.is_complete and not self._has_journal:
                return
            if self.size is not None and self.resumes_safely and self.count >= min(STEP, self.size):
                self._write_journal()
            elif not self._has_journal:
                self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self._descriptor)
        self.moved.notify_all()

    def _check(self, generation: int) -> None:
        if generation != self.generation or not self.is_open:
            raise Outdated

    def _write_journal(self) -> None:
        if self.size is None or not self.resumes_safely:
            return
        self._sequence += 1
        note = Journal(
            size=self.size,
            digests=self._digests,
            validator=self.validator,
            arrived=self.arrived,
            durable=self._durable,
            boot=boots.boot(),
            sequence=self._sequence,
        )
        slot = memoryview(journal.encode(note))
        if not self._has_journal:
            # Both slots at once, so that a disk that fills up later still has room for the last note.
            self._write_slot(slot, self.size + journal.SLOT)
            self._has_journal = True
        self._write_slot(slot, self.size + self._sequence % 2 * journal.SLOT)
        self._journalled = self.count

    def _write_slot(self, slot: memoryview, offset: int) -> None:
        for _ in disk.write(self._descriptor, slot, offset):
            pass

    def _recall(self, *, resume: bool) -> None:
        length = os.fstat(self._descriptor).st_size
        if not length:
            return
        if resume and length == self.size and self._digests:
            # Complete, and killed before it got its name. No word is taken for it: its digest decides.
            self.arrived = ((0, length),)
        elif not (resume and self._recall_journal(length - journal.LENGTH)):
            os.ftruncate(self._descriptor, 0)

    def _recall_journal(self, size: int) -> bool:
        note = _believable(os.pread(self._descriptor, journal.LENGTH, max(size, 0)), size, self.size, self._digests)
        if note is None:
            return False
        self.size, self.validator, self._sequence = size, note.validator, note.sequence
        self.arrived = note.trusted(boots.boot())
        self._durable = ranges.common(note.durable, self.arrived)
        self._has_journal = True
        self._journalled = self.count
        return True


def kept(wanted: Wanted) -> int:
    """Count the bytes of an earlier run that a resume of *wanted* would start from; changes nothing."""
    try:
        length = wanted.part.stat().st_size
        if length == wanted.size:
            return length if wanted.digests else 0
        with wanted.part.open("rb") as file:
            file.seek(max(length - journal.LENGTH, 0))
            slots = file.read()
    except OSError:
        return 0
    note = _believable(slots, length - journal.LENGTH, wanted.size, expected(wanted))
    return ranges.total(note.trusted(boots.boot())) if note else 0


def is_part(path: Path) -> bool:
    """Tell whether *path* ends in a journal, as the parts of files do that are worth resuming."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(length - journal.LENGTH, 0))
            return journal.newest(file.read(), length - journal.LENGTH) is not None
    except OSError:
        return False


def _believable(slots: bytes, size: int, promised: int | None, digests: dict[str, str]) -> Journal | None:
    if size < 0 or promised not in {None, size}:
        return None
    note = journal.newest(slots, size)
    return note if note and note.fits(digests) and (note.validator or digests) else None


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o666)
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode):
        os.close(descriptor)
        raise FileExistsError(17, "exists and is no file", str(path))
    if seen.st_nlink > 1:
        # A name that a killed run gave bytes of another file: what is written here would be written there.
        os.close(descriptor)
        path.unlink()
        return os.open(path, flags | os.O_EXCL, 0o666)
    return descriptor
