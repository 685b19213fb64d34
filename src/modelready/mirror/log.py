"""What was asked of the mirror, and how much of it was sent."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from itertools import count


@dataclass(frozen=True)
class Request:
    """
    One request, as far as it has come.

    *started* and *finished* count on one clock: a request that started before another finished overlapped it.
    """

    method: str
    path: str  # with the query, as it was asked for
    repo: str
    file: str
    kind: str
    range: str | None
    if_range: str | None
    has_authorization: bool
    status: int | None
    bytes_sent: int
    started: int
    finished: int | None


@dataclass
class Entry:
    """A request while it is served; only its own connection and the log write to it."""

    method: str
    path: str
    repo: str
    file: str
    kind: str
    range: str | None
    if_range: str | None
    has_authorization: bool
    started: int = 0
    status: int | None = None
    bytes_due: int = 0
    bytes_sent: int = 0
    finished: int | None = None

    def frozen(self) -> Request:
        """Give the request as it stands."""
        return Request(**{name: getattr(self, name) for name in Request.__dataclass_fields__})


@dataclass
class Log:
    """All requests since the start, or since they were forgotten."""

    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _clock: count[int] = field(default_factory=lambda: count(1))

    def started(self, entry: Entry) -> None:
        """Note that a request came."""
        with self._lock:
            entry.started = next(self._clock)
            self._entries.append(entry)

    def answered(self, entry: Entry, status: int, bytes_due: int) -> None:
        """Note what a request is answered, and how many body bytes it is to get."""
        with self._lock:
            entry.status, entry.bytes_due = status, bytes_due
            if not bytes_due:
                entry.finished = next(self._clock)

    def sending(self, entry: Entry, size: int) -> None:
        """
        Note *size* body bytes just before they are handed over, or take them back when they are negative.

        Before, because who received the last byte may look here at once.
        """
        with self._lock:
            entry.bytes_sent += size
            if entry.finished is None and entry.bytes_sent >= entry.bytes_due:
                entry.finished = next(self._clock)

    def finished(self, entry: Entry) -> None:
        """Note that nothing more is sent."""
        with self._lock:
            if entry.finished is None:
                entry.finished = next(self._clock)

    def requests(self) -> tuple[Request, ...]:
        """Give all requests in the order they came."""
        with self._lock:
            return tuple(entry.frozen() for entry in self._entries)

    def bytes_sent(self, glob: str = "*") -> int:
        """Give how many bytes of files were sent, for files whose path, or repo/path, matches."""
        with self._lock:
            return sum(entry.bytes_sent for entry in self._entries if _is_of_file(entry, glob))

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._entries = []


def _is_of_file(entry: Entry, glob: str) -> bool:
    is_body = entry.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}
    return bool(entry.file) and entry.kind != "reconstruction" and is_body and matches(glob, entry.repo, entry.file)


def matches(glob: str, repo: str, file: str) -> bool:
    """Tell whether a pattern means this file, by path or by repo/path; or this repository, when no file is asked."""
    if not file:
        return fnmatchcase(repo, glob)
    return fnmatchcase(file, glob) or fnmatchcase(f"{repo}/{file}", glob)
