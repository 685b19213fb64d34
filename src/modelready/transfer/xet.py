"""Bring one large file by Xet: hf_xet in a process of its own, watched, and proved byte by byte like all else."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from modelready.network import retries
from modelready.transfer import disk, hashing, ranges
from modelready.transfer.behind import Behind
from modelready.transfer.parts import SHARE, STEP, Part
from modelready.transfer.wanted import Proof
from modelready.transfer.xet_process import Process, XetFailed

if TYPE_CHECKING:
    from modelready.model import Algorithm
    from modelready.network.access import Access
    from modelready.transfer.wanted import Wanted, Watcher
    from modelready.transfer.xet_choice import XetSource

_POLL_S = 0.1
_CHUNK = 4 << 20  # hashed at once, where so much is there
_STRETCH = 64 << 20


def bring_xet(  # noqa: PLR0913 - as `bring`: one call is the whole interface, all of it by name
    wanted: Wanted,
    *,
    xet: XetSource,
    access: Access,
    watcher: Watcher,
    stop: threading.Event,
    resume: bool = True,
    stall_s: float = 12.0,
) -> Proof:
    """
    Bring *wanted* into its part and prove it; the part is then complete, right and durable, and has to be settled.

    Goes on from what `bring` left in the part, and leaves what arrived for `bring` to go on from. The watcher hears
    nothing of `done`, which is for who settles the file, and `restarted` when the file is left to `bring`.

    Raises:
        XetFailed: Xet went silent for *stall_s*, failed, or brought wrong bytes: bring the file by HTTP.
        DiskFull, NotWritable: the part cannot be written, by HTTP neither.
        Interrupted: *stop* was set.

    """
    part = _XetPart(wanted, resume=resume)
    watcher.started(wanted, part.count)
    try:
        return _Bringing(wanted, part, watcher, stop).run(xet, access, stall_s)
    except XetFailed:
        watcher.restarted(wanted)
        raise
    finally:
        part.keep()


class _XetPart(Part):
    """A part that another process writes to."""

    def note(self, start: int, end: int) -> int:
        """Note that the bytes from *start* to *end* lie in the file; give how many of them are new."""
        with self.moved:
            before = self.count
            with disk.told(self.path):
                self.arrived = ranges.added(self.arrived, start, end)
                if self.count - self._journalled >= max(STEP, self.count // SHARE) and not self.is_complete:
                    self._write_journal()
            self.moved.notify_all()
            return self.count - before


class _Bringing:
    """One file on its way by Xet: the process that brings it, and the thread that hashes behind it."""

    def __init__(self, wanted: Wanted, part: _XetPart, watcher: Watcher, stop: threading.Event) -> None:
        self._wanted, self._part, self._watcher, self._stop = wanted, part, watcher, stop
        self._follower = _Follower(wanted, part)

    def run(self, xet: XetSource, access: Access, stall_s: float) -> Proof:
        """Bring what the part lacks, and prove the whole."""
        self._follower.start()
        try:
            self._bring(xet, access, stall_s)
            self._watcher.verifying(self._wanted)
            self._follower.finish(self._stop)
        finally:
            self._follower.halt()
        return self._prove()

    def _bring(self, xet: XetSource, access: Access, stall_s: float) -> None:
        gaps = ranges.gaps(self._part.arrived, self._part.size or 0)
        if not gaps:
            return
        what = {"hash": xet.hash, "token_url": xet.token_url, "size": self._part.size}
        order = {**what, "part": os.fspath(self._part.path), "gaps": gaps}
        with Process(order, access, stall_s=stall_s) as process:
            heard_at = time.monotonic()
            while not self._part.is_complete:
                _check(self._stop)
                if self._hear(process):
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > stall_s:
                    raise XetFailed(f"nothing came for {stall_s:g} s")

    def _hear(self, process: Process) -> bool:
        """Hear what the process has to tell; tell whether new bytes arrived."""
        new = 0
        for start, end in process.arrivals(self._wanted, timeout_s=_POLL_S):
            count = self._part.note(start, end)
            self._watcher.received(self._wanted, count)
            new += count
        return new > 0

    def _prove(self) -> Proof:
        found = self._follower.found()
        wrong = hashing.mismatch(self._wanted, found)
        if wrong is not None:
            self._part.restart(self._part.generation)
            raise XetFailed(f"the bytes are wrong: their {wrong.algorithm} is not the one told")
        self._part.trim()
        disk.make_durable(self._part.path)
        return Proof.computed(self._wanted, self._part.size or 0, found)


class _Follower(threading.Thread):
    """Hashes the part behind its growing prefix."""

    def __init__(self, wanted: Wanted, part: Part) -> None:
        super().__init__(name=f"modelready-xet-hasher-{part.path.name[:32]}", daemon=True)
        self._part = part
        self._digester = hashing.Digester(hashing.algorithms(wanted), part.size or 0)
        self._halted = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Follow until the end, or until halted."""
        try:
            buffer = memoryview(bytearray(hashing.BUFFER))
            with Behind(self._part) as behind:
                while self._digester.position < (self._part.size or 0) and (end := self._grown()):
                    with disk.told(self._part.path):
                        self._digester.read(self._part.path, end, buffer)
                    behind.passed(self._digester.position)
        except BaseException as error:  # noqa: BLE001 - raised again where the thread is waited for
            self._failure = error

    def finish(self, stop: threading.Event) -> None:
        """Wait for the end."""
        while self.is_alive():
            _check(stop)
            self.join(_POLL_S)
        if self._failure:
            raise self._failure

    def halt(self) -> None:
        """End at once."""
        self._halted.set()
        with self._part.moved:
            self._part.moved.notify_all()
        self.join()

    def found(self) -> dict[Algorithm, str]:
        """Give the digests of what was followed."""
        return self._digester.found()

    def _grown(self) -> int | None:
        """Wait for bytes worth hashing; give their end, None when the work is over."""
        part, position = self._part, self._digester.position

        def is_worth_it() -> bool:
            return self._halted.is_set() or part.prefix >= min(position + _CHUNK, part.size or 0)

        with part.moved:
            part.moved.wait_for(is_worth_it)
            return None if self._halted.is_set() else min(part.prefix, position + _STRETCH)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise retries.interrupted()
