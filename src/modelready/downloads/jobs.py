"""The rows that tell the story of every download: one row a job, in SQLite, for all processes to read."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from modelready.errors import NotWritable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: States a job goes through, in order; the last three are its ends.
STATES = ("queued", "downloading", "verifying", "completed", "failed", "cancelled")
ENDS = frozenset(STATES[3:])

#: A running job whose row has not moved for so long (seconds) belongs to a dead or frozen process.
BEAT_S = 15.0


@dataclass(frozen=True)
class Job:
    """One model brought, or being brought. Sizes are in bytes, times in seconds since the epoch."""

    run: str
    model: str
    place: int = 0  # in the run's order
    state: str = "queued"
    current_file: str = ""
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_fetched: int = 0  # travelled in this job: what was there before is not among them
    speed_bps: float = 0.0
    note: str = ""
    error_kind: str = ""
    error_what: str = ""
    error_remedy: str = ""
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    created_at: float = field(default_factory=time.time)
    started_at: float = 0.0
    finished_at: float = 0.0
    beat: float = field(default_factory=time.time)

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended, well or not."""
        return self.state in ENDS

    @property
    def is_alive(self) -> bool:
        """Tell whether the job's process still tells of it."""
        return not self.is_over and time.time() - self.beat < BEAT_S


_NAMES = tuple(one.name for one in fields(Job))
_TYPES = {"int": "INTEGER", "float": "REAL", "str": "TEXT"}
_TABLE = (
    f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(f'{one.name} {_TYPES[str(one.type)]}' for one in fields(Job))},"
    " PRIMARY KEY (run, model))"
)
_WRITE = f"INSERT OR REPLACE INTO jobs ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_READ = f"SELECT {', '.join(_NAMES)} FROM jobs"  # noqa: S608 - our own names


class Jobs:
    """The table of jobs in the state folder; safe to use from several threads and processes."""

    def __init__(self, home: Path) -> None:
        self.path = home / "jobs.sqlite3"
        self._lock = threading.Lock()
        self._rows: sqlite3.Connection | None = None

    def write(self, *jobs: Job) -> None:
        """
        Write *jobs* over what was told of them before.

        Raises: NotWritable, when the state folder cannot be written.
        """
        with self._lock:
            try:
                self._insert(jobs)
            except (sqlite3.Error, OSError) as error:
                raise NotWritable(
                    f"{self.path}: the state of downloads cannot be written ({error})",
                    remedy="set MODELREADY_HOME to a folder on a local disk that you may write",
                ) from error

    def beat(self, run: str) -> None:
        """Tell that the process of *run* is alive, for its jobs that wait."""
        with contextlib.suppress(sqlite3.Error, OSError), self._lock, self._writer() as rows:
            rows.execute("UPDATE jobs SET beat = ? WHERE run = ? AND state = 'queued'", (time.time(), run))

    def of_run(self, run: str, model: str) -> Job | None:
        """Give the job of *model* in *run*, if it was written."""
        return next(self._read(" WHERE run = ? AND model = ?", (run, model)), None)

    def all_of_run(self, run: str) -> tuple[Job, ...]:
        """Give the jobs of *run*, in its order."""
        return tuple(self._read(" WHERE run = ? ORDER BY place", (run,)))

    def latest(self) -> dict[str, Job]:
        """Give the newest job of every model."""
        return {job.model: job for job in self._read(" ORDER BY created_at, rowid", ())}

    def running(self) -> tuple[Job, ...]:
        """Give the jobs that some living process is at."""
        waiting = self._read(f" WHERE state IN ({', '.join('?' * 3)}) ORDER BY created_at, place", STATES[:3])
        return tuple(job for job in waiting if job.is_alive)

    def dead(self) -> tuple[Job, ...]:
        """Give the jobs that never ended, and whose processes no longer tell of them."""
        waiting = self._read(f" WHERE state IN ({', '.join('?' * 3)}) ORDER BY created_at, place", STATES[:3])
        return tuple(job for job in waiting if not job.is_alive)

    def forget(self, *jobs: Job) -> None:
        """Drop the rows of *jobs*, unless somebody has told of them since."""
        rows = [(job.run, job.model, job.beat) for job in jobs]
        with self._lock, self._writer() as writer:
            writer.executemany("DELETE FROM jobs WHERE run = ? AND model = ? AND beat = ?", rows)

    def forget_before(self, when: float) -> None:
        """Drop the rows of jobs created before *when*."""
        with self._lock, self._writer() as rows:
            rows.execute("DELETE FROM jobs WHERE created_at < ?", (when,))

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._rows is not None:
                self._rows.close()
                self._rows = None

    def _insert(self, jobs: Sequence[Job]) -> None:
        rows = [tuple(getattr(job, name) for name in _NAMES) for job in jobs]
        try:
            with self._writer() as writer:
                writer.executemany(_WRITE, rows)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _BROKEN:
                raise
            self._begin_anew()
            with self._writer() as writer:
                writer.executemany(_WRITE, rows)

    def _begin_anew(self) -> None:
        """Throw away a table that a power cut left broken: the story is lost, and no download may be for it."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        for ending in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)

    def _read(self, where: str, values: tuple[object, ...]) -> Iterator[Job]:
        # Rows tell the story, they decide nothing: a table that is missing or unreadable is an empty one.
        found: list[tuple[object, ...]] = []
        with contextlib.suppress(sqlite3.Error), self._lock, closing(self._reader()) as rows:
            found = rows.execute(_READ + where, values).fetchall()
        yield from (Job(**dict(zip(_NAMES, row, strict=True))) for row in found)  # type: ignore[arg-type]

    def _reader(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", timeout=30, uri=True)

    def _writer(self) -> sqlite3.Connection:
        if self._rows is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
            self._rows.execute("PRAGMA synchronous = OFF")  # a story lost with the power costs nothing
            self._rows.execute(_TABLE)
        return self._rows
