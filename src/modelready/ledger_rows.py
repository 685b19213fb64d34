"""
The rows of a ledger: an SQLite file that may vanish, break or be locked at any time.

None of that is an error for whoever asks: a digest that is not known is computed again. A broken file is replaced by a
fresh one; where nothing can be written, the rows live in memory.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from modelready import filesystems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from modelready.model import Algorithm

Result = TypeVar("Result")


class Row(NamedTuple):
    """What is known of one file, as its fingerprint told it: device:inode, size:mtime and ctime."""

    file: str
    path: bytes
    content: str
    changed: str
    young: int
    sha256: str | None = None
    git_sha1: str | None = None
    sha1: str | None = None
    md5: str | None = None
    used: int = 0  # the day when it was last asked for; filled in here


COLUMNS: tuple[Algorithm, ...] = ("sha256", "git_sha1", "sha1", "md5")

_NAMES = ", ".join(Row._fields)
_MARKS = ", ".join("?" * len(Row._fields))
_SAME = "content = excluded.content AND changed = excluded.changed AND young = excluded.young"
_MERGED = ", ".join(
    f"{name} = CASE WHEN {_SAME} THEN coalesce(excluded.{name}, {name}) ELSE excluded.{name} END" for name in COLUMNS
)

# A later form of the table gets another name, so that two versions can share a file.
_CREATE = f"""
CREATE TABLE IF NOT EXISTS digests_1 (
    file TEXT PRIMARY KEY, path BLOB NOT NULL, content TEXT NOT NULL, changed TEXT NOT NULL, young INTEGER NOT NULL,
    {", ".join(f"{name} TEXT" for name in COLUMNS)}, used INTEGER NOT NULL
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS digests_1_path ON digests_1 (path)"
_KEEP = f"""
INSERT INTO digests_1 ({_NAMES}) VALUES ({_MARKS})
ON CONFLICT (file) DO UPDATE SET {_MERGED},
    path = excluded.path, content = excluded.content, changed = excluded.changed, young = excluded.young,
    used = excluded.used
"""  # noqa: S608 - the names are ours, the values are bound

_BATCH = 500
_DAY_S = 24 * 60 * 60
_KEPT_DAYS = 180
_MARKED_DAYS = 7
_BUSY_S = 10

# SQLITE_ERROR is what a table with other columns gives.
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Rows:
    """The table of a ledger; its caller lets one thread in at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._open: sqlite3.Connection | None = None

    @property
    def is_in_memory(self) -> bool:
        """Tell whether the rows are gone at the end."""
        self._attempt(bool)
        return self._path is None

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        if self._open is not None and self._path is not None:
            self._open.close()
            self._open = None

    def of_files(self, files: Sequence[str]) -> dict[str, Row]:
        """Give the rows of *files* (device:inode), by these."""
        return {row.file: row for row in self._attempt(lambda connection: _select(connection, "file", files)) or ()}

    def of_paths(self, paths: Sequence[bytes]) -> dict[bytes, Row]:
        """Give the rows of *paths*, by these."""
        return {row.path: row for row in self._attempt(lambda connection: _select(connection, "path", paths)) or ()}

    def of_digests(self, digests: Sequence[str]) -> list[Row]:
        """Give the rows of all files that had one of *digests*."""

        def select(connection: sqlite3.Connection) -> list[Row]:
            return _select(connection, "sha256", digests) + _select(connection, "git_sha1", digests)

        return self._attempt(select) or []

    def keep(self, rows: Sequence[Row]) -> None:
        """Write *rows*; digests of another state of a file go, others of the same state stay."""
        if rows:
            self._attempt(lambda connection: _keep(connection, rows))

    def mark_used(self, rows: Iterable[Row]) -> None:
        """Note that *rows* are still asked for, so that they are kept; once a week is enough."""
        files = [(_today(), row.file) for row in rows if row.used < _today() - _MARKED_DAYS]
        if files:
            self._attempt(lambda connection: _mark(connection, files))

    def _attempt(self, act: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """Let *act* work on the rows; None, if they cannot be had."""
        for mend in (self._replace, self._forget_file):
            try:
                return act(self._connection())
            except sqlite3.Error as error:
                if _code(error) in _BUSY:
                    return None
                (mend if _code(error) in _BROKEN else self._forget_file)()
            except OSError:
                self._forget_file()
        return act(self._connection())

    def _replace(self) -> None:
        """Put a fresh file in the place of a broken one."""
        self.close()
        if self._path is None or not _remove(self._path):
            self._forget_file()

    def _forget_file(self) -> None:
        """Go on in memory."""
        self.close()
        self._path, self._open = None, None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = _connect(self._path)
        return self._open


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open *path* (or memory) with its table there and its old rows gone."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, may_share=path is not None and filesystems.is_local(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, *, may_share: bool) -> None:
    # WAL needs memory that all processes share, which a network file system has not.
    connection.execute(f"PRAGMA journal_mode = {'WAL' if may_share else 'TRUNCATE'}")
    connection.execute("PRAGMA synchronous = NORMAL")
    with _transaction(connection):
        connection.execute(_CREATE)
        connection.execute(_INDEX)
        connection.execute("DELETE FROM digests_1 WHERE used < ?", (_today() - _KEPT_DAYS,))


class _transaction:  # noqa: N801 - used as a word
    """All or nothing, and one write lock for all of it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _select(connection: sqlite3.Connection, column: str, values: Sequence[str | bytes]) -> list[Row]:
    rows: list[Row] = []
    for batch in _batches(values):
        marks = ", ".join("?" * len(batch))
        # Column names are ours; values are bound.
        found = connection.execute(f"SELECT {_NAMES} FROM digests_1 WHERE {column} IN ({marks})", batch)  # noqa: S608 - see above
        rows += map(Row._make, found)
    return rows


def _batches(values: Sequence[str | bytes]) -> Iterator[Sequence[str | bytes]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _keep(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    with _transaction(connection):
        # A file that was replaced has another inode: what its path held before is no longer there.
        connection.executemany(
            "DELETE FROM digests_1 WHERE path = ? AND file <> ?", [(row.path, row.file) for row in rows]
        )
        connection.executemany(_KEEP, [row._replace(used=_today()) for row in rows])


def _mark(connection: sqlite3.Connection, files: Sequence[tuple[int, str]]) -> None:
    with _transaction(connection):
        connection.executemany("UPDATE digests_1 SET used = ? WHERE file = ?", files)


def _today() -> int:
    return int(time.time() // _DAY_S)


def _remove(path: Path) -> bool:
    """Remove a broken file and what SQLite keeps beside it; tell whether it is gone."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a ledger breaks once in a lifetime

    with suppress(OSError, Timeout), FileLock(path.with_name(f"{path.name}.lock"), timeout=_BUSY_S):
        if _is_broken(path):
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
                path.with_name(name).unlink(missing_ok=True)
        return True
    return False


def _is_broken(path: Path) -> bool:
    """Tell whether *path* is still broken, or another process has put a fresh ledger there."""
    try:
        with closing(_connect(path)) as connection:
            connection.execute(f"SELECT {_NAMES} FROM digests_1 LIMIT 1")  # noqa: S608 - the names are ours
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.Error as error:
        return _code(error) in _BROKEN


def _code(error: sqlite3.Error) -> int:
    """Give SQLite's own kind of *error*, without its finer points."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)) & 0xFF
