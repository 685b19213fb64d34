"""The thread that makes files durable and hands them on, so that no connection ever waits for the disk."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.transfer import disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.transfer.parts import Part
    from modelready.transfer.wanted import Proof, Watcher

_MOST_AT_ONCE = 128
_SMALL = 1 << 20
_MANY = 8
_GATHERING_S = 0.05


@dataclass(frozen=True)
class _Proved:
    part: Part
    proof: Proof


class Keeper(threading.Thread):
    """
    Syncs parts that grow, and syncs, settles and reports those that are proved.

    Small files are synced by the dozen: all begin to be written before the first is waited for. None is waited for
    when all *count* files are there.
    """

    def __init__(
        self,
        settle: Callable[[Proof], None],
        watcher: Watcher,
        *,
        count: int,
        settled: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name="modelready-keeper", daemon=True)
        self._settle, self._watcher, self._settled, self._failed = settle, watcher, settled, failed
        self._lacking = count
        self._asked: queue.SimpleQueue[_Proved | Part | None] = queue.SimpleQueue()

    def sync(self, part: Part) -> None:
        """Make what arrived of *part* durable, soon."""
        self._asked.put(part)

    def keep(self, part: Part, proof: Proof) -> None:
        """Make a proved file durable and settle it, soon."""
        self._asked.put(_Proved(part, proof))

    def finish(self) -> None:
        """End when everything asked for is done."""
        self._asked.put(None)
        self.join()

    def run(self) -> None:
        """Do what was asked for, in order, until the end."""
        try:
            while self._serve(self._next()):
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the transfer ends with it
            self._failed(error)

    def _next(self) -> list[_Proved | Part | None]:
        """Give what is asked for; small files are waited for a moment, as syncing one costs as much as a dozen."""
        asked = [self._take()]
        until = time.monotonic() + _GATHERING_S
        with contextlib.suppress(queue.Empty):
            while len(asked) < _MOST_AT_ONCE and asked[-1] is not None:
                is_worth_it = self._lacking and _is_small(asked[-1])
                asked.append(self._take(until - time.monotonic() if is_worth_it else 0.0))
        return asked

    def _take(self, patience_s: float | None = None) -> _Proved | Part | None:
        """Give what was asked for first, waiting for as long as *patience_s* says, or without end."""
        is_waiting = patience_s is None or patience_s > 0
        one = self._asked.get(timeout=patience_s) if is_waiting else self._asked.get_nowait()
        self._lacking -= isinstance(one, _Proved)
        return one

    def _serve(self, asked: list[_Proved | Part | None]) -> bool:
        proved = [one for one in asked if isinstance(one, _Proved)]
        for part in {one for one in asked if one and not isinstance(one, _Proved)}:
            part.sync()
        _sync([one.part for one in proved])
        for one in proved:
            with disk.told(one.part.path):
                self._settle(one.proof)
            self._watcher.done(one.proof)
            self._settled()
        return None not in asked


def _is_small(one: _Proved | Part | None) -> bool:
    return isinstance(one, _Proved) and (one.part.size or 0) <= _SMALL


def _sync(parts: list[Part]) -> None:
    """Make *parts* durable; many small ones together, as syncing each would cost a journal of the disk each."""
    if len(parts) < _MANY or any((part.size or 0) > _SMALL for part in parts) or not _synced_together(parts):
        _sync_each(parts)


def _synced_together(parts: list[Part]) -> bool:
    """Sync the file systems that *parts* lie on, one after the other; False where that cannot be done."""
    folders = {part.path.parent for part in parts}
    for folder in folders:
        with disk.told(folder):
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if not disk.sync_all(descriptor):
                    return False
            finally:
                os.close(descriptor)
    return True


def _sync_each(parts: list[Part]) -> None:
    descriptors: list[int] = []
    try:
        for part in parts:
            with disk.told(part.path):
                descriptors.append(os.open(part.path, os.O_RDONLY | os.O_CLOEXEC))
                if (part.size or 0) <= _SMALL:
                    disk.write_out(descriptors[-1])
        for part, descriptor in zip(parts, descriptors, strict=True):
            with disk.told(part.path):
                disk.sync_file(descriptor)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
