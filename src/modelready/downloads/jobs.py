"""The rows that tell the story of every download: one row a job, in SQLite, for all processes to read."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, TypeVar

from modelready import filesystems
from modelready.downloads.readers import Readers
from modelready.errors import NotWritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: States a job goes through, in order; the last three are its ends. Only jobs of the queue are ever paused.
STATES = ("queued", "downloading", "verifying", "paused", "completed", "failed", "cancelled")
AT_WORK = STATES[:3]
ENDS = frozenset(STATES[4:])

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
    is_retryable: int = 0
    # What follows is the queue's: it steers the job, and whoever tells its story leaves it alone.
    lasting: int = 0  # of the queue: it outlives the process that asked for it
    owner: str = ""  # the process that alone can bring it: it registered a function for it
    priority: int = 0
    attempts: int = 0
    wish: str = ""  # asked of the process that is at it: pause, cancel, drop
    claimed: str = ""  # by the worker that is at it
    seq: int = field(default=0, compare=False)  # grows with each change of any job

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended, well or not."""
        return self.state in ENDS

    @property
    def is_alive(self) -> bool:
        """Tell whether the job's process still tells of it."""
        return not self.is_over and time.time() - self.beat < BEAT_S


_NAMES = tuple(one.name for one in fields(Job))
_STEERING = frozenset({"lasting", "owner", "priority", "attempts", "wish", "claimed", "created_at"})
_STORY = tuple(name for name in _NAMES if name not in {"run", "model", "seq", *_STEERING})
_TYPES = {"int": "INTEGER", "float": "REAL", "str": "TEXT"}
_COLUMNS = {one.name: f"{one.name} {_TYPES[str(one.type)]}" for one in fields(Job)}
#: What makes a change of a row one that others hear of.
NEXT_SEQ = "seq = (SELECT COALESCE(MAX(seq), 0) + 1 FROM jobs)"
_TABLES = (
    f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(_COLUMNS.values())}, PRIMARY KEY (run, model))",
    "CREATE TABLE IF NOT EXISTS registered (model TEXT PRIMARY KEY, owner TEXT, row TEXT)",
)
_INDICES = (
    "CREATE INDEX IF NOT EXISTS jobs_by_seq ON jobs (seq)",
    # Two clients that ask at once for a model get one job: the second one's row is refused.
    """CREATE UNIQUE INDEX IF NOT EXISTS one_open_job ON jobs (model)
    WHERE lasting = 1 AND state NOT IN ('completed', 'failed', 'cancelled')""",
)
_WRITE = (
    f"INSERT INTO jobs ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names
    f" ON CONFLICT (run, model) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _STORY)}, {NEXT_SEQ}"
)
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_READ = f"SELECT {', '.join(_NAMES)} FROM jobs"  # noqa: S608 - our own names

Found = TypeVar("Found")


class Jobs:
    """The table of jobs in the state folder; safe to use from several threads and processes."""

    def __init__(self, home: Path) -> None:
        self.path = home / "jobs.sqlite3"
        self._lock = threading.Lock()
        self._readers = Readers(self.path)
        self._rows: sqlite3.Connection | None = None

    def write(self, *jobs: Job) -> None:
        """
        Write the story of *jobs* over what was told of them before; what steers a job that is known stays.

        Raises: NotWritable, when the state folder cannot be written.
        """
        self.change(lambda rows: _write(rows, jobs))

    def change(self, act: Callable[[sqlite3.Connection], Found]) -> Found:
        """
        Let *act* change the rows: all of it or nothing, and nobody else in between.

        Raises: NotWritable, when the state folder cannot be written.
        """
        with self._lock:
            try:
                return self._changed(act)
            except (sqlite3.Error, OSError) as error:
                raise NotWritable(
                    f"{self.path}: the state of downloads cannot be written ({error})",
                    remedy="set MODELREADY_HOME to a folder on a local disk that you may write",
                ) from error

    def beat(self, run: str) -> None:
        """Tell that the process of *run* is alive, for its jobs that wait."""
        with contextlib.suppress(sqlite3.Error, OSError), self._lock, self._writer() as rows:
            rows.execute("UPDATE jobs SET beat = ? WHERE run = ? AND state = 'queued'", (time.time(), run))

    def select(self, where: str, *values: object) -> tuple[Job, ...]:
        """Give the jobs that *where* chooses: SQL of ours, with *values* bound."""
        return tuple(self._read(f" {where}", values))

    def registered(self) -> dict[str, tuple[str, str]]:
        """Give the owner and the row of every model that a program registered."""
        found: list[tuple[str, str, str]] = []
        with contextlib.suppress(sqlite3.Error, OSError), self._readers.lend() as rows:
            found = rows.execute("SELECT model, owner, row FROM registered").fetchall()
        return {model: (owner, row) for model, owner, row in found}

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
        waiting = self._read(f" WHERE state IN ({', '.join('?' * 3)}) ORDER BY created_at, place", AT_WORK)
        return tuple(job for job in waiting if job.is_alive)

    def dead(self) -> tuple[Job, ...]:
        """Give the jobs that never ended, and whose processes no longer tell of them; those of the queue may wait."""
        at_work = f"lasting = 0 AND state IN ({', '.join('?' * 3)})"
        waiting = self._read(f" WHERE {at_work} ORDER BY created_at, place", AT_WORK)
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
        """Close the connections; the next use opens them again."""
        self._readers.close()
        with self._lock:
            if self._rows is not None:
                self._rows.close()
                self._rows = None

    def _changed(self, act: Callable[[sqlite3.Connection], Found]) -> Found:
        try:
            with self._transaction() as writer:
                return act(writer)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _BROKEN:
                raise
            self._begin_anew()
            with self._transaction() as writer:
                return act(writer)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writer() as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield writer

    def _begin_anew(self) -> None:
        """Throw away a table that a power cut left broken: the story is lost, and no download may be for it."""
        self._readers.close()
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        for ending in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)

    def _read(self, where: str, values: tuple[object, ...]) -> Iterator[Job]:
        # Rows tell the story, they decide nothing: a table that is missing or unreadable is an empty one.
        found: list[tuple[object, ...]] = []
        with contextlib.suppress(sqlite3.Error, OSError), self._readers.lend() as rows:
            found = rows.execute(_READ + where, values).fetchall()
        yield from (Job(**dict(zip(_NAMES, row, strict=True))) for row in found)  # type: ignore[arg-type]

    def _writer(self) -> sqlite3.Connection:
        if self._rows is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            rows = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
            try:
                _prepare(rows, may_share=filesystems.is_local(self.path))
            except BaseException:
                rows.close()
                raise
            self._rows = rows
        return self._rows


def _prepare(rows: sqlite3.Connection, *, may_share: bool) -> None:
    """Make the tables, and give one of an earlier version the columns that it lacks."""
    # WAL needs memory that all processes share, which a network file system has not.
    rows.execute(f"PRAGMA journal_mode = {'WAL' if may_share else 'TRUNCATE'}")
    rows.execute("PRAGMA synchronous = NORMAL")
    with rows:
        rows.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            rows.execute(table)
        known = {row[1] for row in rows.execute("PRAGMA table_info(jobs)")}
        for name in (one for one in _NAMES if one not in known):
            default = "''" if _COLUMNS[name].endswith("TEXT") else "0"
            rows.execute(f"ALTER TABLE jobs ADD COLUMN {_COLUMNS[name]} DEFAULT {default}")
        for index in _INDICES:
            rows.execute(index)


def _write(rows: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    (last,) = rows.execute("SELECT COALESCE(MAX(seq), 0) FROM jobs").fetchone()
    told = [replace(job, seq=last + place) for place, job in enumerate(jobs, start=1)]
    rows.executemany(_WRITE, [tuple(getattr(job, name) for name in _NAMES) for job in told])
