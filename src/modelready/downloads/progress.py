"""How far a download is: counted from the transfer's threads, told as rows."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from modelready.errors import ModelreadyError

if TYPE_CHECKING:
    from types import TracebackType

    from modelready.downloads.jobs import Job, Jobs
    from modelready.transfer import Proof, Wanted

#: How often a row is written, and over how long a speed is smoothed, in seconds.
_TICK_S = 0.25
_SMOOTH_S = 3.0


class Progress:
    """
    The progress of one job, kept while a ``with`` block runs.

    It is the transfer's watcher: its methods are called from the connections' threads.
    """

    def __init__(self, job: Job, jobs: Jobs) -> None:
        self._job, self._jobs = job, jobs
        self._lock, self._writing = threading.Lock(), threading.Lock()
        # Counted here and put into the row when it is written: a row for every chunk would cost more than the chunk.
        self._counts: dict[str, int] = {
            name: getattr(job, name) for name in ("bytes_done", "bytes_fetched", "files_done")
        }
        self._current = job.current_file
        self._kept: dict[str, int] = {}
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name=f"progress of {job.model}", daemon=True)
        self._clock = time.monotonic()
        self._seen = 0

    def __enter__(self) -> Self:
        self._jobs.write(self._job)
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()

    @property
    def job(self) -> Job:
        """Give the job as it stands now."""
        with self._lock:
            counts = self._counts
            return replace(
                self._job,
                current_file=self._current,
                bytes_done=counts["bytes_done"],
                bytes_fetched=counts["bytes_fetched"],
                files_done=counts["files_done"],
            )

    def tell(self, **changes: object) -> None:
        """Change what is told of the job, at once for every process."""
        with self._lock:
            self._job = replace(self._job, beat=time.time(), **changes)  # type: ignore[arg-type]
            self._counts |= {name: getattr(self._job, name) for name in self._counts if name in changes}
            self._current = self._job.current_file if "current_file" in changes else self._current
        self._write()

    def started(self, wanted: Wanted, kept: int) -> None:
        """Note that *wanted* is being brought, *kept* bytes of it from an earlier try."""
        with self._lock:
            self._kept[wanted.path] = kept
            self._counts["bytes_done"] += kept
            self._current = wanted.path

    def received(self, wanted: Wanted, count: int) -> None:
        """Note *count* bytes more of *wanted*."""
        with self._lock:
            self._kept[wanted.path] = self._kept.get(wanted.path, 0) + count
            self._counts["bytes_done"] += count
            self._counts["bytes_fetched"] += count
            self._current = wanted.path

    def restarted(self, wanted: Wanted) -> None:
        """Note that what arrived of *wanted* was thrown away."""
        with self._lock:
            self._counts["bytes_done"] -= self._kept.pop(wanted.path, 0)

    def verifying(self, wanted: Wanted) -> None:
        """Note that every byte of *wanted* is here and is being proved."""
        with self._lock:
            self._current = wanted.path

    def done(self, proof: Proof) -> None:
        """Note that a file is here, proved."""
        with self._lock:
            self._kept.pop(proof.wanted.path, None)
            self._counts["files_done"] += 1

    def _tick(self) -> None:
        while not self._over.wait(_TICK_S):
            with self._lock:
                self._job = replace(self._job, speed_bps=self._speed(), beat=time.time())
            with contextlib.suppress(ModelreadyError):  # a full disk must not end a download
                self._write()

    def _write(self) -> None:
        """Write the row; the connections do not wait for it."""
        with self._writing:
            self._jobs.write(self.job)

    def _speed(self) -> float:
        now = time.monotonic()
        passed, self._clock = now - self._clock, now
        fetched = self._counts["bytes_fetched"]
        came, self._seen = fetched - self._seen, fetched
        share = min(1.0, passed / _SMOOTH_S)
        return self._job.speed_bps * (1 - share) + came / max(passed, 1e-6) * share
