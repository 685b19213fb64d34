"""Kernel locks that tell who holds them, show that the holder lives, and are never waited for without end."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from modelready import contents
from modelready.errors import Held, Interrupted
from modelready.layouts.atomically import told
from modelready.layouts.looking import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from filelock import BaseFileLock

_MODE = 0o664  # several users of one cache must be able to wait for each other, as huggingface_hub lets them
_POLL_S = 0.25
_NO_KERNEL_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as far as it is known."""

    pid: int | None = None
    host: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} on {self.host or 'this machine'}"


Waiting: TypeAlias = "Callable[[Holder, float], None]"


@contextlib.contextmanager
def hold(
    path: Path,
    *,
    waiting: Waiting | None = None,
    patience_s: float = 60.0,
    beat_s: float = 2.0,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """
    Hold the lock file *path*, showing every *beat_s* that this process lives.

    A holder that shows so is waited for, however long it takes; a dead one's lock is free at once.

    Raises: Held, after *patience_s* without a sign of life. Interrupted, when *stop* is set meanwhile.
    """
    lock = _lock(path)
    for holder, waited_s in _turns(lock, path, patience_s):
        if waiting:
            waiting(holder, waited_s)
        if (stop or threading.Event()).wait(_POLL_S):
            raise Interrupted(f"{path}: stopped while waiting for {holder}", remedy="run it again")
    with _released(lock, path), _signed(lock, path), _beating(path, beat_s):
        yield


@contextlib.contextmanager
def hold_if_free(path: Path) -> Iterator[bool]:
    """
    Hold a lock file of huggingface_hub's while nobody else does, and tell whether it is held.

    It is one of thousands, each held for an instant: so the kernel is asked directly, as filelock would ask it.
    """
    try:
        descriptor = _flocked(path)
    except BlockingIOError:
        yield False
        return
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_KERNEL_LOCKS:
            with told(path):
                raise
        with _soft(path) as is_held:
            yield is_held
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def _flocked(path: Path) -> int:
    """Open *path* with the kernel's lock on it."""
    import fcntl  # noqa: PLC0415 - Windows has none

    # A link in the place of the lock file would have whatever it leads to opened, and its mode changed.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, _MODE)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen = os.fstat(descriptor)
        if not seen.st_nlink:  # deleted between open and lock: it guards no name any more
            os.close(descriptor)
            return _flocked(path)
        if stat.S_IMODE(seen.st_mode) != _MODE:
            with contextlib.suppress(PermissionError):  # another user's lock file has its mode already
                os.fchmod(descriptor, _MODE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _soft(path: Path) -> Iterator[bool]:
    """Do the same with filelock's marker, as huggingface_hub does where there are no kernel locks."""
    lock = _lock(path)
    if not _is_taken(lock, path):
        yield False
        return
    with _released(lock, path):
        yield True


def is_held(path: Path) -> bool:
    """Tell whether a living process holds the lock file *path*; nothing is written, and nobody is kept waiting."""
    import fcntl  # noqa: PLC0415 - Windows has none

    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def holder_of(path: Path) -> Holder | None:
    """Tell who wrote the lock file *path*, if anybody did; a holder that was killed stands there still."""
    try:
        pid, host, *_ = contents.text(path, most=contents.NOTE).split("\n")
        return Holder(int(pid), host)
    except (OSError, ValueError):
        return None


def _turns(lock: BaseFileLock, path: Path, patience_s: float) -> Iterator[tuple[Holder, float]]:
    """Try for *lock* until it is ours; between two tries give who holds it and the seconds waited."""
    started = heard = time.monotonic()
    last = _beat(path)
    while not _is_taken(lock, path):
        now = time.monotonic()
        # Only whether the time stamp moves counts: the holder's clock may be another machine's.
        if (beat := _beat(path)) != last:
            last, heard = beat, now
        holder = holder_of(path) or Holder()
        if now - heard >= patience_s:
            raise _held(path, holder, patience_s)
        yield holder, now - started


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock  # noqa: PLC0415 - only writing needs it

    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, mode=_MODE, thread_local=False)


def _is_taken(lock: BaseFileLock, path: Path) -> bool:
    """Take *lock* if it is free, and tell whether it was."""
    from filelock import Timeout  # noqa: PLC0415 - only writing needs it

    with told(path):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        return True


@contextlib.contextmanager
def _released(lock: BaseFileLock, path: Path) -> Iterator[None]:
    """Give *lock* back at the end."""
    try:
        yield
    finally:
        with told(path):
            lock.release()


@contextlib.contextmanager
def _beating(path: Path, beat_s: float) -> Iterator[None]:
    """Move the time stamp of *path* every *beat_s*, from a thread of its own."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(beat_s):
            # A disk that is full, or a lock file taken away, must not end the work the lock is for.
            with contextlib.suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=beat, name=f"heartbeat of {path.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def _signed(lock: BaseFileLock, path: Path) -> Iterator[None]:
    """Let the lock file say who holds it, as long as it is held."""
    from filelock import SoftFileLock  # noqa: PLC0415 - only writing needs it

    # Where a file system has no kernel locks, filelock writes the same two lines itself.
    is_ours = not isinstance(lock, SoftFileLock)
    try:
        if is_ours:
            _write(path, f"{os.getpid()}\n{socket.gethostname()}\n")
        yield
    finally:
        if is_ours:
            _write(path, "")


def _write(path: Path, text: str) -> None:
    # The name only helps the one who waits: on a full disk, or where the file was taken away, the work goes on.
    with contextlib.suppress(OSError), path.open("r+", encoding="utf-8") as file:
        file.truncate()
        file.write(text)


def _beat(path: Path) -> int | None:
    seen = look(path)
    return seen.st_mtime_ns if seen else None


def _held(path: Path, holder: Holder, patience_s: float) -> Held:
    return Held(
        f"{path}: held by {holder}, which showed no sign of life for {patience_s:g} s",
        remedy="end or continue that process (it may be suspended), then run this again",
    )
