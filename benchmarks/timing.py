"""One run of a program: how long it took, what it worked, how large it grew."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TOLD_BYTES = 4000


class ProgramFailed(Exception):
    """A program that was to be measured ended badly: its time says nothing."""


@dataclass(frozen=True)
class Run:
    """What one run cost: the processes it started and waited for are counted; ``peak_bytes`` is the largest's."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True)
class Call:
    """A program to run: its words, its whole environment, and where it runs."""

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def measured(call: Call) -> Run:
    """
    Run *call* to its end and give what it cost.

    Raises: ProgramFailed, with the end of what it printed.
    """
    with tempfile.TemporaryFile() as printed:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - the programs that are compared
            call.words, env=call.environment, cwd=call.folder, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise ProgramFailed(_told(call, process.returncode, printed.fileno()))
    return Run(wall_s, *used_by(used))


def used_by(used: resource.struct_rusage) -> tuple[float, int]:
    """Give the seconds of work and the largest size in bytes that a process that was waited for *used*."""
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return used.ru_utime + used.ru_stime, used.ru_maxrss * unit


def _told(call: Call, status: int, printed: int) -> str:
    size = os.fstat(printed).st_size
    text = os.pread(printed, _TOLD_BYTES, max(size - _TOLD_BYTES, 0)).decode(errors="replace")
    return f"{' '.join(call.words)}: ended with {status}; it printed:\n{text}"
