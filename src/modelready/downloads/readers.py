"""Connections that only read: opened once and lent, for opening one costs more than most questions."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_IDLE = 8


class Readers:
    """Lends connections to the file at *path*; to one that was put in its place, new ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        self._lent_since = 0

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """
        Give a connection.

        Raises: OSError or sqlite3.Error, where there is no file, or it cannot be read.
        """
        with self._lock:
            inode, since = self._path.stat().st_ino, self._lent_since
            kept, self._idle = self._idle, []
            usable = [one for one in kept if one[0] == inode]
            reader = usable.pop()[1] if usable else None
            self._idle = usable
        for _, outdated in (one for one in kept if one[0] != inode):
            outdated.close()
        reader = reader or self._opened()
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        with self._lock:
            is_kept = since == self._lent_since and len(self._idle) < _MOST_IDLE
            if is_kept:
                self._idle.append((inode, reader))
        if not is_kept:
            reader.close()

    def close(self) -> None:
        """Close them all; those that are lent, when they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._lent_since += 1
        for _, reader in idle:
            reader.close()

    def _opened(self) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(address, timeout=30, uri=True, check_same_thread=False)
