"""What follows the hashing of a large file: its bytes go to the disk early, and memory is not filled with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from modelready.transfer import disk
from modelready.transfer.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable

_STRIDE = 8 << 20
_LAG = 64 << 20  # so far behind, a disk that keeps up has written everything
_SYNC_EVERY = 256 << 20


class Behind:
    """
    Sees to the bytes of *part* that were hashed, as nobody here reads them again.

    The system would begin to write when a tenth of the memory is full of them, and whoever waits for a sync would wait
    for all that. It would also put out of its memory what others have there, for bytes that may never be read.
    """

    def __init__(self, part: Part, sync: Callable[[Part], None] = Part.sync) -> None:
        self._part = part
        self._sync = sync
        self._begun = part.prefix
        self._synced = part.count
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def passed(self, position: int) -> None:
        """Note that everything up to *position* was hashed."""
        if position - self._begun >= _STRIDE:
            self._write_on(position)
        if self._part.count - self._synced >= _SYNC_EVERY:
            self._synced = self._part.count
            self._sync(self._part)

    def _write_on(self, position: int) -> None:
        with disk.told(self._part.path):
            if self._descriptor is None:
                self._descriptor = os.open(self._part.path, os.O_RDONLY | os.O_CLOEXEC)
            disk.write_out(self._descriptor, self._begun, position - self._begun)
            if self._begun > _LAG:
                # Again and again, as pages that are being written stay.
                start = max(self._begun - 2 * _LAG, 0)
                disk.let_go(self._descriptor, start, self._begun - _LAG - start)
        self._begun = position
