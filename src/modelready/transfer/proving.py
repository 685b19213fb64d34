"""From all bytes there to proved: the digests follow the bytes, and are compared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from modelready.transfer import disk, hashing
from modelready.transfer.behind import Behind
from modelready.transfer.wanted import Proof

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.transfer.fetches import Fetch
    from modelready.transfer.keeping import Keeper
    from modelready.transfer.parts import Part
    from modelready.transfer.wanted import Watcher

_CHUNK = 4 << 20  # hashed at once, where so much is there
_STRETCH = 64 << 20


def prove(fetch: Fetch, keeper: Keeper, watcher: Watcher, buffer: memoryview, halted: threading.Event) -> None:
    """Hash what was not hashed on arrival of a complete small file, compare, and hand it on."""
    part = fetch.open()
    size = part.size or 0
    digester = fetch.digester or hashing.Digester(hashing.algorithms(fetch.wanted), size)
    watcher.verifying(fetch.wanted)
    while digester.position < size and not halted.is_set() and _read_on(digester, part, size, buffer):
        pass
    if not halted.is_set():
        _judge(fetch, part, part.generation, digester, keeper)


class Follower(threading.Thread):
    """
    Hashes a large file behind its growing prefix, and proves it when the end is reached.

    A connection that brings the next bytes hashes them itself, and nothing is read again; what several connections
    brought out of order is read here, in order.
    """

    def __init__(
        self,
        fetch: Fetch,
        keeper: Keeper,
        watcher: Watcher,
        *,
        halted: threading.Event,
        failed: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name=f"modelready-hasher-{fetch.wanted.part.name[:32]}", daemon=True)
        self._fetch, self._keeper, self._watcher = fetch, keeper, watcher
        self._halted, self._failed = halted, failed
        self._part = fetch.open()
        self._buffer = memoryview(bytearray(hashing.BUFFER))

    def run(self) -> None:
        """Follow until the file is proved or the work halted; whatever goes wrong ends the transfer."""
        try:
            while not (self._halted.is_set() or self._attempt()):
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the transfer ends with it
            self._failed(error)

    def _attempt(self) -> bool:
        """Follow one generation of the part to its end; tell whether the file is proved."""
        part, generation = self._part, self._part.generation
        digester = self._fetch.begin_digest(generation)
        with Behind(part, self._keeper.sync) as behind:
            while digester.position < (part.size or 0):
                end = self._grown(generation, digester)
                if end is None:
                    return False
                is_left = end == part.size or end - digester.position >= _CHUNK
                if is_left and not _read_on(digester, part, end, self._buffer) and digester.position < end:
                    break  # somebody else cut the part: the digest will not be right
                behind.passed(digester.position)
        self._watcher.verifying(self._fetch.wanted)
        return _judge(self._fetch, part, generation, digester, self._keeper)

    def _grown(self, generation: int, digester: hashing.Digester) -> int | None:
        """Wait until the prefix has grown, hashed on arrival or not; give its end, None when it will not grow."""
        part, position = self._part, digester.position

        def is_worth_it() -> bool:
            is_over = self._halted.is_set() or part.generation != generation
            return is_over or part.prefix >= min(position + _CHUNK, part.size or 0)

        with part.moved:
            part.moved.wait_for(is_worth_it)
            is_over = self._halted.is_set() or part.generation != generation
            return None if is_over else part.prefix


def _read_on(digester: hashing.Digester, part: Part, end: int, buffer: memoryview) -> bool:
    """Read a stretch that is over soon, when the work is halted; tell whether there was anything."""
    before = digester.position
    with disk.told(part.path):
        digester.read(part.path, min(end, before + _STRETCH), buffer)
    return digester.position > before


def _judge(fetch: Fetch, part: Part, generation: int, digester: hashing.Digester, keeper: Keeper) -> bool:
    found = digester.found()
    if generation != part.generation or not fetch.prove(found, generation):
        return False
    part.trim()
    keeper.keep(part, Proof.computed(fetch.wanted, digester.position, found))
    return True
