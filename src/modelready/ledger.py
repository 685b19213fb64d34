"""
Digests already computed, remembered with the fingerprint of the file they were computed from.

The kernel sets a file's ctime at every change, and nobody can set it back; so the same device, inode, size, mtime and
ctime mean the same bytes, with two exceptions. Over a network (and in FUSE and 9p) these figures are another
machine's: there nothing is recalled unless the caller trusts the place. And a clock has ticks: a file read in the tick
in which it was changed may change again without a trace, so what is remembered so early is never recalled.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from modelready import filesystems
from modelready.ledger_rows import Row, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelready.model import Algorithm

# Kernels tick every 1 to 16 ms; file systems that keep whole seconds (FAT two of them) have no fraction in their times.
_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_100_000_000
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Fingerprint:
    """What a file system says of a file; ``taken_ns`` is when it was asked."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    taken_ns: int = field(default=0, compare=False)

    @property
    def is_young(self) -> bool:
        """Tell whether the file might have changed again, later in the same tick of the clock."""
        return self.age_ns < self.tick_ns

    @property
    def age_ns(self) -> int:
        """Give how long before the fingerprint the file had changed."""
        return self.taken_ns - self.changed_ns

    @property
    def changed_ns(self) -> int:
        """Give when the file last changed; Windows keeps its creation where others keep that."""
        return self.mtime_ns if os.name == "nt" else self.ctime_ns

    @property
    def tick_ns(self) -> int:
        """Give how far apart two changes must be for this file system to tell them apart, generously."""
        return _TICK_NS if self.changed_ns % _SECOND_NS else _COARSE_TICK_NS


def fingerprint(path: Path) -> Fingerprint:
    """
    Give the fingerprint of the file that *path* leads to. Take it before the bytes are read.

    Raises: OSError.
    """
    # The clock first: what changes while stat works is then younger than the fingerprint, never older.
    taken_ns = time.time_ns()
    told = os.stat(path)  # noqa: PTH116 - called for each of 20,000 files
    return Fingerprint(told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns, taken_ns)


def settled_fingerprint(path: Path) -> Fingerprint:
    """
    Give the fingerprint of a file that was just put in place, after the tick in which that happened.

    Raises: OSError.
    """
    taken = fingerprint(path)
    # Not more than once: a clock that runs far behind the file's time would keep us for ever.
    if 0 <= taken.age_ns < taken.tick_ns:
        time.sleep((taken.tick_ns - taken.age_ns) / _SECOND_NS)
        taken = fingerprint(path)
    return taken


class Ledger:
    """The ledger at *path*, or one in memory; several processes and threads may use one file."""

    def __init__(self, path: Path | None) -> None:
        self._rows = Rows(path)
        self._lock = threading.Lock()
        self._local_devices: dict[int, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._rows.close()

    @property
    def is_in_memory(self) -> bool:
        """Tell whether everything is forgotten at the end: no path was given, or it cannot be written."""
        with self._lock:
            return self._rows.is_in_memory

    def recall(self, path: Path, algorithms: Iterable[Algorithm], *, trust: bool = False) -> dict[Algorithm, str]:
        """Give those of the digests that are known of the file as it is now."""
        return self.recall_many([(path, algorithms)], trust=trust)[path]

    def recall_many(
        self, wanted: Iterable[tuple[Path, Iterable[Algorithm]]], *, trust: bool = False
    ) -> dict[Path, dict[Algorithm, str]]:
        """
        Give the known digests of many files; each path has an entry.

        *trust* takes size, mtime and path for enough, on every file system.
        """
        asked: dict[Path, set[Algorithm]] = {}
        for path, algorithms in wanted:
            asked.setdefault(path, set()).update(algorithms)
        now = {path: taken for path in asked if (taken := self._usable(path, trust=trust))}
        with self._lock:
            known = self._rows.of_files([_file(taken) for taken in now.values()])
            named = self._rows.of_paths([_key(path) for path in now]) if trust else {}
            self._rows.mark_used([*known.values(), *named.values()])
        found = {path: _fitting(taken, known.get(_file(taken)), named.get(_key(path))) for path, taken in now.items()}
        return {path: _told(found.get(path), now.get(path), wished, trust=trust) for path, wished in asked.items()}

    def changed(self, paths: Iterable[Path]) -> set[Path]:
        """Give those of *paths* where another file was read once, by its size and mtime; nothing is read."""
        asked = {_key(path): path for path in paths}
        with self._lock:
            known = self._rows.of_paths(list(asked))
        return {asked[key] for key, row in known.items() if _is_other(asked[key], row)}

    def places(self, digests: Iterable[str]) -> dict[str, list[Path]]:
        """Give, by digest (sha256 or git_sha1), the paths whose files had it when they were last read."""
        asked = set(digests)
        with self._lock:
            rows = self._rows.of_digests(sorted(asked))
        found: dict[str, list[Path]] = {}
        for row in rows:
            for told in asked.intersection((row.sha256, row.git_sha1)):
                found.setdefault(told, []).append(Path(os.fsdecode(row.path)))
        return found

    def _usable(self, path: Path, *, trust: bool) -> Fingerprint | None:
        """Give the fingerprint of *path* if it means anything where the file lies."""
        try:
            taken = fingerprint(path)
        except OSError:
            return None
        return taken if trust or self._is_local(path, taken.device) else None

    def _is_local(self, path: Path, device: int) -> bool:
        """Tell whether *device* is of this machine; each is asked for once."""
        if device not in self._local_devices:
            self._local_devices[device] = filesystems.is_local(path)
        return self._local_devices[device]

    def remember(self, path: Path, digests: Mapping[Algorithm, str], *, fingerprint: Fingerprint) -> None:
        """Keep *digests*, if *path* is still the file that had *fingerprint* before it was read."""
        self.remember_many([(path, digests, fingerprint)])

    def remember_many(self, items: Iterable[tuple[Path, Mapping[Algorithm, str], Fingerprint]]) -> None:
        """Keep the digests of many files, as `remember` does, in one transaction."""
        rows = [_row(path, digests, taken) for path, digests, taken in items if digests and _is_still(path, taken)]
        with self._lock:
            self._rows.keep(rows)


def _is_other(path: Path, row: Row) -> bool:
    try:
        taken = fingerprint(path)
    except OSError:
        return False
    size, _, mtime_ns = row.content.partition(":")
    if taken.mtime_ns % _SECOND_NS == 0:  # layers of images and some volumes keep whole seconds only
        mtime_ns = str(int(mtime_ns) // _SECOND_NS * _SECOND_NS)
    return (str(taken.size), str(taken.mtime_ns)) != (size, mtime_ns)


def _is_still(path: Path, taken: Fingerprint) -> bool:
    try:
        return fingerprint(path) == taken
    except OSError:
        return False


def _file(taken: Fingerprint) -> str:
    # As text: an inode may need all 64 bits, and SQLite's numbers have a sign.
    return f"{taken.device}:{taken.inode}"


def _content(taken: Fingerprint) -> str:
    return f"{taken.size}:{taken.mtime_ns}"


def _key(path: Path) -> bytes:
    # As bytes: a name need not be text.
    return os.path.abspath(os.fsencode(path))  # noqa: PTH100 - called for each of 20,000 files


def _row(path: Path, digests: Mapping[Algorithm, str], taken: Fingerprint) -> Row:
    return Row(
        file=_file(taken),
        path=_key(path),
        content=_content(taken),
        changed=str(taken.ctime_ns),
        young=int(taken.is_young),
        sha256=digests.get("sha256"),
        git_sha1=digests.get("git_sha1"),
        sha1=digests.get("sha1"),
        md5=digests.get("md5"),
    )


def _fitting(taken: Fingerprint, *rows: Row | None) -> Row | None:
    """Give the first of *rows* that is of the size and mtime of *taken*."""
    return next((row for row in rows if row and row.content == _content(taken)), None)


def _told(
    row: Row | None, taken: Fingerprint | None, algorithms: Iterable[Algorithm], *, trust: bool
) -> dict[Algorithm, str]:
    """Give from *row* what holds for a file with the fingerprint *taken*."""
    if row is None or taken is None:
        return {}
    is_exact = row.file == _file(taken) and row.changed == str(taken.ctime_ns) and not row.young
    if not (trust or is_exact):
        return {}
    return {algorithm: told for algorithm in algorithms if (told := getattr(row, algorithm))}
