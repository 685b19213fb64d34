"""The queue as it moves: one look at the rows for all who listen, and whoever comes back misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from sse_starlette import ServerSentEvent

from modelready.downloads import told
from modelready.errors import ModelreadyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from modelready.downloads.manager import UnifiedModelDownloadManager
    from modelready.web.board import Board

#: Seconds between two looks at the rows, and the longest silence before the queue is told again.
_LOOK_S, _SILENCE_S = 0.25, 15.0
#: Who listens at most, and how many events may wait for one who is slow: he is sent away, and comes back.
MOST_LISTENERS, _MOST_WAITING = 100, 2000


class Feed:
    """Looks at the rows while somebody listens, and hands what changed to all of them."""

    def __init__(self, manager: UnifiedModelDownloadManager, board: Board, certificate: Path) -> None:
        self._manager, self._board, self._certificate = manager, board, certificate
        self._listeners: set[asyncio.Queue[ServerSentEvent | None]] = set()
        self._seq = 0
        self._summary: dict[str, Any] = {}
        self._certified: float | None = None  # not looked yet; 0.0: there is none
        self._told_at = 0.0
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Tell whether nobody else can listen."""
        return len(self._listeners) >= MOST_LISTENERS

    async def listen(self, since: int | None) -> AsyncIterator[ServerSentEvent]:
        """Give what changed *since*, or what is open now, and then each change."""
        waiting: asyncio.Queue[ServerSentEvent | None] = asyncio.Queue(_MOST_WAITING)
        async with self._starting:  # two who come at once start one watch
            if self._task is None:
                # Everything up to here is told to the newcomer himself; what comes later, to all.
                self._seq = await to_thread.run_sync(self._manager.queue.last_seq)
                self._task = asyncio.create_task(self._watch())
        self._listeners.add(waiting)
        try:
            for event in await to_thread.run_sync(self._first, since):
                yield event
            while (change := await waiting.get()) is not None:
                yield change
        finally:
            self._listeners.discard(waiting)

    async def close(self) -> None:
        """Send everybody away."""
        for waiting in list(self._listeners):
            _end(waiting)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _watch(self) -> None:
        while True:
            if self._listeners:
                with contextlib.suppress(ModelreadyError):
                    self._hand_out(await to_thread.run_sync(self._look))
            await asyncio.sleep(_LOOK_S)

    def _hand_out(self, events: list[ServerSentEvent]) -> None:
        for waiting in list(self._listeners):
            try:
                for event in events:
                    waiting.put_nowait(event)
            except asyncio.QueueFull:
                _end(waiting)

    def _first(self, since: int | None) -> list[ServerSentEvent]:
        """Give what a newcomer has to know."""
        queue = self._manager.queue
        last = queue.last_seq()
        is_known = since is not None and since <= last
        jobs = queue.changed_since(since or 0) if is_known else queue.told_jobs()
        newest = queue.newest()
        events = [self._job(job) for job in jobs if newest.get(job.model) == job]
        return [*events, self._event("queue", told.queue_fields(queue.told_jobs()), last)]

    def _look(self) -> list[ServerSentEvent]:
        """Give what changed since the last look."""
        queue = self._manager.queue
        changed = [job for job in queue.changed_since(self._seq + 1) if job.lasting or job.is_over or job.is_alive]
        self._seq = max((job.seq for job in changed), default=self._seq)
        events = [self._job(job) for job in changed]
        summary = told.queue_fields(queue.told_jobs())
        if summary != self._summary or time.monotonic() - self._told_at > _SILENCE_S:
            self._summary, self._told_at = summary, time.monotonic()
            events.append(self._event("queue", summary, self._seq))
        is_certified = self._is_certified_anew()
        if any(job.is_over for job in changed) or is_certified:
            self._board.forget()
            events.append(self._event("models", {}, self._seq))
        if is_certified:
            events.append(self._event("certificate", {}, self._seq))
        return events

    def _is_certified_anew(self) -> bool:
        try:
            then = self._certificate.stat().st_mtime
        except OSError:
            then = 0.0
        is_new = then > 0.0 and self._certified not in {None, then}
        self._certified = then
        return is_new

    def _job(self, job: Any) -> ServerSentEvent:
        return self._event("job", self._manager.job_fields(job), job.seq)

    def _event(self, name: str, fields: dict[str, Any], seq: int) -> ServerSentEvent:
        return ServerSentEvent(json.dumps(self._board.hidden(fields)), event=name, id=str(seq), sep="\n")


def _end(waiting: asyncio.Queue[ServerSentEvent | None]) -> None:
    """Let the one who listens here go."""
    while not waiting.empty():
        waiting.get_nowait()
    waiting.put_nowait(None)
