"""Which locks are held, and by whom; the kernel knows, rows and files only say."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.inspection import words
from modelready.layouts import locking, looking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelready.downloads.jobs import Job
    from modelready.model import PlacedModel

_PROC = Path("/proc")
_MOST_TOLD = 20
_BEATS_S = 60.0  # a holder that lives moves its lock's time every two seconds
_SUSPENDED = frozenset("Tt")


def examine(home: Path, cache: Path, models: Iterable[PlacedModel], jobs: Iterable[Job]) -> Iterator[Finding]:
    """Tell of the locks below *home* and *cache* and beside *models* that are held, and of *jobs* left standing."""
    held = [one for one in _lock_files(home, cache, models) if _is_held(one)]
    for path in held[:_MOST_TOLD]:
        yield _told(path)
    if held[_MOST_TOLD:]:
        yield warn("locks", f"{len(held) - _MOST_TOLD} more are held", "wait, or look with `lslocks`")
    if not held:
        yield ok("locks", "none is held: nothing is being brought")
    left = [job.model for job in jobs if not job.is_over and not job.is_alive]
    if left:
        text = f"downloads of {', '.join(left[:5])} stand as running, and nobody works on them"
        yield warn("locks", text, "run `modelready provision`: it goes on where they stopped")


def of_kernel(path: Path) -> tuple[int, ...]:
    """Give the processes that hold a kernel lock on *path*, where the system tells."""
    seen = looking.look(path)
    try:
        lines = (_PROC / "locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    if seen is None:
        return ()
    wanted = f"{os.major(seen.st_dev):02x}:{os.minor(seen.st_dev):02x}:{seen.st_ino}"
    found = (line.split() for line in lines if " -> " not in line)  # an arrow marks who waits
    return tuple(dict.fromkeys(int(one[4]) for one in found if len(one) > 5 and one[5] == wanted and int(one[4]) > 0))  # noqa: PLR2004 - /proc/locks(5)


def described(pid: int) -> str:
    """Say which program *pid* is, and whether it is suspended; never with its arguments, where tokens stand."""
    try:
        name = (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
        state = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return f"process {pid}"
    return f"process {pid} ({name}{', suspended' if state in _SUSPENDED else ''})"


def _lock_files(home: Path, cache: Path, models: Iterable[PlacedModel]) -> Iterator[Path]:
    yield from sorted((home / "locks").glob("*.lock"))
    yield from sorted(home.glob("*.lock"))
    yield from sorted((cache / ".locks").glob("*/*.lock"))
    for one in models:
        if one.model.layout == "folder":
            yield from sorted((one.root / ".modelready").glob("*.lock"))


def _is_held(path: Path) -> bool:
    try:
        return locking.is_held(path)
    except ImportError:  # Windows: who stands in the file says it
        return bool(looking.size(path))


def _told(path: Path) -> Finding:
    pids, holder = of_kernel(path), locking.holder_of(path)
    if pids:
        who = ", ".join(described(pid) for pid in pids)
    elif holder and holder.host == socket.gethostname():
        who = described(holder.pid) if holder.pid else str(holder)
    else:
        who = str(holder or locking.Holder())
    seen = looking.look(path)
    quiet_s = time.time() - seen.st_mtime if seen else 0.0
    text = f"{words.folded(path)}: held by {who}"
    if "suspended" in who or (path.name in {"active.lock", "modelready.lock"} and quiet_s > _BEATS_S):
        return fail("locks", f"{text}, quiet for {quiet_s:.0f} s", "continue that process, or end it")
    return ok("locks", f"{text}, which shows that it lives" if quiet_s < _BEATS_S else text)
