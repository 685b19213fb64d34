"""
Bring pieces of one file by hf_xet, in a process that can be killed at any moment.

Run as a script, without the package around it. The order comes as one line of JSON on standard input, which stays open
for as long as there is a parent; what is told of it goes as lines of JSON to standard output.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from typing import Any

SMALLEST = 1 << 20  # of a piece: what is asked for at once, as nothing of it is seen before it is all there
LARGEST = 8 << 20
_QUICK_S, _SLOW_S = 1.0, 3.0
_REASON_S = 1.0  # for another stream to tell why, where one has only ended early
_PDEATHSIG = 1
_FROM_PARENT, _TO_PARENT = 0, 1


class DiskRefusal(Exception):
    """The part file cannot be written."""

    def __init__(self, error: OSError) -> None:
        self.error = error
        super().__init__(str(error))


class EndedEarly(Exception):
    """A stream ended before its bytes were there, and hf_xet gave no reason."""


class Pieces:
    """What is still to be asked for, given out in order, in pieces that take about two seconds each."""

    def __init__(self, gaps: list[list[int]]) -> None:
        self._gaps = [(start, end) for start, end in reversed(gaps)]
        self._lock = threading.Lock()
        self._size = SMALLEST

    def next(self) -> tuple[int, int] | None:
        """Give the next piece; None when there are no more."""
        with self._lock:
            if not self._gaps:
                return None
            start, end = self._gaps.pop()
            stop = min(end, start + self._size)
            if stop < end:
                self._gaps.append((stop, end))
            return start, stop

    def took(self, seconds: float) -> None:
        """Learn how long a piece took."""
        with self._lock:
            if seconds < _QUICK_S:
                self._size = min(2 * self._size, LARGEST)
            elif seconds > _SLOW_S:
                self._size = max(self._size // 2, SMALLEST)


class Bringing:
    """The bringing of one file, as ordered."""

    def __init__(self, order: dict[str, Any], group: Any, info: Any) -> None:
        self._group, self._info, self._streams = group, info, order["streams"]
        self._pieces = Pieces(order["gaps"])
        self._file = os.open(order["part"], os.O_WRONLY | os.O_CLOEXEC)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Bring everything with several streams at once; the first that fails ends the process."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        try:
            while piece := self._pieces.next():
                began = time.monotonic()
                self._bring(*piece)
                self._pieces.took(time.monotonic() - began)
        except BaseException as error:  # noqa: BLE001 - hf_xet raises what it likes; whatever it is ends this process
            if isinstance(error, EndedEarly):
                time.sleep(_REASON_S)
            with self._lock:
                give_up(error)

    def _bring(self, start: int, end: int) -> None:
        at = start
        for block in self._group.download_stream(self._info, start=start, end=end):
            if at + len(block) > end:
                raise ValueError(f"more than the bytes {start} to {end} came")
            self._write(block, at)
            with self._lock:
                say(start=at, end=at + len(block))
            at += len(block)
        if at < end:
            raise EndedEarly(f"bytes {at} to {end} did not come")

    def _write(self, block: bytes, at: int) -> None:
        view = memoryview(block)
        while view:
            try:
                count = os.pwrite(self._file, view, at)
            except OSError as error:
                raise DiskRefusal(error) from error
            view, at = view[count:], at + count


def say(**told: object) -> None:
    """Tell the parent."""
    line = json.dumps(told).encode() + b"\n"
    while line:
        line = line[os.write(_TO_PARENT, line) :]


def give_up(error: BaseException) -> None:
    """Tell the parent what went wrong, and end."""
    try:
        if isinstance(error, DiskRefusal):
            say(errno=error.error.errno)
        else:
            say(failed=f"{error}" or type(error).__name__)
    finally:
        os._exit(1)


def main() -> None:
    """Do what standard input orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _die_with_the_parent()
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_watch_the_parent, daemon=True).start()
    try:
        # What this raises is told to the parent.
        from hf_xet import XetFileInfo, XetSession  # type: ignore[import-untyped]  # noqa: PLC0415

        group = XetSession().new_download_stream_group(
            token_refresh_url=order["token_url"],
            token_refresh_headers=order["token_headers"],
            custom_headers=order["headers"],
        )
        # It wants a folder of its own to begin, and uses it no more: so none is left when this process is killed.
        shutil.rmtree(os.environ["HF_XET_CACHE"], ignore_errors=True)
        Bringing(order, group, XetFileInfo(order["hash"], order["size"])).run()
    except BaseException as error:  # noqa: BLE001 - hf_xet raises what it likes; whatever it is ends this process
        give_up(error)
    say(done=True)
    os._exit(0)  # what hf_xet would still do at a regular end is of no use to anybody


def _watch_the_parent() -> None:
    """End when the parent closes our standard input, as it does at the latest when it dies."""
    while os.read(_FROM_PARENT, 1 << 10):
        pass
    os._exit(1)


def _die_with_the_parent() -> None:
    """Let the kernel kill this process when the parent dies, where the kernel can."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only there

        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
