"""
The lasting queue: the jobs asked for, in rows that outlive whoever asked.

Kernel locks decide, rows tell. Who holds `locks/queue.lock` is at one job; a claim whose holder is gone is nobody's,
and the next one who gets the lock puts it back. A job that only one process can bring fails when that process is gone.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from modelready.downloads.jobs import AT_WORK, NEXT_SEQ, Job
from modelready.errors import Held, WrongState
from modelready.layouts.locking import hold_if_free, is_held

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from modelready.downloads.jobs import Jobs

Wish = Literal["pause", "cancel", "drop"]
#: What a job becomes when the process that was asked for it is gone, by what was wished of it.
_AFTER = {"": "queued", "pause": "paused", "cancel": "cancelled", "drop": "cancelled"}
_OPEN = "lasting = 1 AND state NOT IN ('completed', 'failed', 'cancelled')"
_ORDER = "ORDER BY priority DESC, created_at, rowid"
_KEPT_S = 180 * 24 * 60 * 60


class Queue:
    """The queue of one state folder; every process and thread may use it at once."""

    def __init__(self, jobs: Jobs, home: Path) -> None:
        self.jobs, self._locks = jobs, home / "locks"

    # ---- looking

    def open_jobs(self) -> tuple[Job, ...]:
        """Give the jobs that have not ended: those at work, then the others in the order of their turn."""
        found = self.jobs.select(f"WHERE {_OPEN} {_ORDER}")
        return tuple(sorted(found, key=lambda job: not job.claimed))

    def open_job(self, model: str) -> Job | None:
        """Give the job of *model* that has not ended, if there is one."""
        return next(iter(self.jobs.select(f"WHERE {_OPEN} AND model = ?", model)), None)

    def latest(self, model: str) -> Job | None:
        """Give the newest job of *model* in the queue."""
        return next(
            iter(self.jobs.select("WHERE lasting = 1 AND model = ? ORDER BY created_at DESC, rowid DESC", model)), None
        )

    def told_jobs(self) -> tuple[Job, ...]:
        """Give what is to be shown: the open jobs, and those that runs of the suite are at."""
        elsewhere = tuple(job for job in self.jobs.running() if not job.lasting)
        return (*elsewhere, *self.open_jobs())

    def newest(self) -> dict[str, Job]:
        """Give the newest job of every model: its open one, if it has one."""
        return _newest(self.jobs.select("ORDER BY created_at, rowid"))

    def newest_of(self, model: str) -> Job | None:
        """Give the newest job of *model*."""
        return _newest(self.jobs.select("WHERE model = ? ORDER BY created_at, rowid", model)).get(model)

    def history(self, most: int) -> tuple[Job, ...]:
        """Give the *most* newest jobs that have ended."""
        ended = "WHERE lasting = 1 AND state IN ('completed', 'failed', 'cancelled')"
        return self.jobs.select(f"{ended} ORDER BY finished_at DESC, rowid DESC LIMIT ?", most)

    def changed_since(self, seq: int) -> tuple[Job, ...]:
        """Give the jobs that changed since the change *seq*, and with it, in the order of their last change."""
        return self.jobs.select("WHERE seq >= ? ORDER BY seq", seq)

    def last_seq(self) -> int:
        """Give the number of the last change of any job."""
        return max((job.seq for job in self.jobs.select("ORDER BY seq DESC LIMIT 1")), default=0)

    def wish(self, run: str) -> str:
        """Give what is asked of the process that is at the job *run*."""
        return next((job.wish for job in self.jobs.select("WHERE run = ?", run)), "cancel")

    # ---- asking

    def add(self, model: str, *, owner: str = "", priority: int = 0) -> tuple[Job, bool]:
        """Ask for *model*; give its open job, and whether that is new. One that was paused goes on."""
        job = Job(uuid.uuid4().hex, model, lasting=1, owner=owner, priority=priority, pid=0, host="", beat=0.0)
        if (known := self.open_job(model)) and known.state != "paused" and known.wish == "":
            return known, False

        def act(rows: sqlite3.Connection) -> bool:
            rows.execute("DELETE FROM jobs WHERE created_at < ?", (time.time() - _KEPT_S,))
            if rows.execute(f"SELECT 1 FROM jobs WHERE {_OPEN} AND model = ?", (model,)).fetchone():  # noqa: S608 - ours
                _resume(rows, model)
                return False
            _insert(rows, job)
            return True

        is_new = self.jobs.change(act)
        return self.open_job(model) or self.latest(model) or job, is_new

    def cancel(self, model: str, *, drop: bool = False) -> bool:
        """Cancel the open job of *model*, at once or by who is at it; tell whether there was one."""
        return self._end_or_wish(model, "cancelled", "drop" if drop else "cancel")

    def pause(self, model: str) -> bool:
        """Let the open job of *model* wait until it is resumed; tell whether there was one."""
        return self._end_or_wish(model, "paused", "pause")

    def resume(self, model: str) -> bool:
        """Let a paused job go on; tell whether there was one."""
        return self.jobs.change(lambda rows: _resume(rows, model))

    def retry(self, model: str, *, owner: str = "") -> Job:
        """
        Give the job of *model* that failed or was cancelled another turn.

        Raises: WrongState, where it did neither.
        """

        def act(rows: sqlite3.Connection) -> bool:
            found = rows.execute(
                "SELECT run, state FROM jobs WHERE lasting = 1 AND model = ? ORDER BY created_at DESC, rowid DESC",
                (model,),
            ).fetchone()
            if found is None or found[1] not in {"failed", "cancelled"}:
                return False
            _set(
                rows,
                "run = ?",
                found[0],
                state="queued",
                owner=owner,
                finished_at=0.0,
                error_kind="",
                error_what="",
                error_remedy="",
                note="",
            )
            return True

        if not self.jobs.change(act):
            raise WrongState(f"{model}: nothing of it failed or was cancelled", remedy="start it")
        return self.latest(model) or Job("", model)

    def prioritise(self, model: str, priority: int) -> bool:
        """Move the open job of *model* before those of lower priority; tell whether there was one."""
        return self.jobs.change(lambda rows: _set(rows, f"{_OPEN} AND model = ?", model, priority=priority))

    def clear(self, model: str) -> bool:
        """
        End whatever is told of *model* and moves no more; tell whether there was anything.

        Raises: Held, while a living process is at it.
        """
        with self.turn() as is_ours:
            if is_ours:
                self.recover()
            elif (job := self.open_job(model)) and job.claimed:
                raise Held(f"{model}: a living process is at it", remedy="cancel it")
        at_work = self.jobs.select("WHERE lasting = 0 AND model = ? AND state IN (?, ?, ?)", model, *AT_WORK)
        if any(job.is_alive for job in at_work):
            raise Held(f"{model}: a living run of the suite is at it", remedy="stop that run, or wait for its end")
        still = f"model = ? AND claimed = '' AND state IN ({', '.join('?' * 4)})"
        return self.jobs.change(
            lambda rows: _set(
                rows, still, model, *AT_WORK, "paused", state="cancelled", note="cleared", finished_at=time.time()
            )
        )

    # ---- working

    def turn(self) -> AbstractContextManager[bool]:
        """Hold the queue while nobody else does; tell whether it is held."""
        return hold_if_free(self._locks / "queue.lock")

    def recover(self) -> None:
        """Put back what was claimed by who is gone. Only for who has the turn, before it claims anything."""
        if not self.jobs.select("WHERE lasting = 1 AND claimed <> ''"):
            return

        def act(rows: sqlite3.Connection) -> None:
            for wish, state in _AFTER.items():
                end = {"finished_at": time.time()} if state == "cancelled" else {}
                _set(
                    rows,
                    f"{_OPEN} AND claimed <> '' AND wish = ?",
                    wish,
                    state=state,
                    claimed="",
                    wish="",
                    note="",
                    speed_bps=0.0,
                    **end,
                )
            rows.execute("UPDATE jobs SET claimed = '', wish = '' WHERE claimed <> ''")

        self.jobs.change(act)

    def claim(self, worker: str, can_bring: Callable[[Job], bool]) -> Job | None:
        """Take the first job that *worker* can bring. Only for who has the turn."""
        for job in self.jobs.select(f"WHERE {_OPEN} AND state = 'queued' {_ORDER}"):
            if can_bring(job) and self.jobs.change(lambda rows, job=job: _claim(rows, job, worker)):  # type: ignore[misc]
                return next(iter(self.jobs.select("WHERE run = ?", job.run)), None)
        return None

    def settle(self, job: Job) -> None:
        """Write how the work at *job* ended, and let go of it. A wish that came too late is forgotten."""

        def act(rows: sqlite3.Connection) -> None:
            told = {name: getattr(job, name) for name in _SETTLED}
            _set(rows, "run = ? AND claimed <> ''", job.run, claimed="", wish="", speed_bps=0.0, **told)

        self.jobs.change(act)

    def release(self, job: Job, *, note: str = "") -> str:
        """Let go of *job*, whose work was stopped, and give its state: as was wished, or waiting for another turn."""

        def act(rows: sqlite3.Connection) -> str:
            found = rows.execute("SELECT wish FROM jobs WHERE run = ? AND claimed <> ''", (job.run,)).fetchone()
            state = _AFTER[found[0]] if found else ""
            if state:
                told = {name: getattr(job, name) for name in _SETTLED if name not in {"finished_at", "state", "note"}}
                ended = time.time() if state == "cancelled" else 0.0
                _set(
                    rows,
                    "run = ?",
                    job.run,
                    state=state,
                    note=note,
                    claimed="",
                    wish="",
                    speed_bps=0.0,
                    finished_at=ended,
                    **told,
                )
            return state

        return self.jobs.change(act)

    # ---- jobs that only one process can bring

    def sign(self, owner: str) -> AbstractContextManager[bool]:
        """Show, as long as it is held, that the process called *owner* lives."""
        return hold_if_free(self._owner(owner))

    def is_living(self, owner: str) -> bool:
        """Tell whether the process called *owner* lives."""
        return is_held(self._owner(owner))

    def fail_orphans(self) -> list[Job]:
        """Fail, retryably, the jobs whose process is gone and that nobody else can bring; give those failed now."""
        failed: list[str] = []
        waiting = self.jobs.select(f"WHERE {_OPEN} AND owner <> '' AND claimed = ''")
        for owner in {job.owner for job in waiting if not self.is_living(job.owner)}:
            if self.jobs.change(lambda rows, owner=owner: _orphan(rows, owner)):  # type: ignore[misc]
                failed += [job.run for job in waiting if job.owner == owner]
            with contextlib.suppress(OSError):
                self._owner(owner).unlink()
        return [job for run in failed for job in self.jobs.select("WHERE run = ?", run)]

    def _owner(self, owner: str) -> Path:
        return self._locks / "owners" / f"{os.path.basename(owner)}.lock"  # noqa: PTH119 - a name, never a path

    def _end_or_wish(self, model: str, state: str, wish: Wish) -> bool:
        end = {"finished_at": time.time()} if state == "cancelled" else {}

        def act(rows: sqlite3.Connection) -> bool:
            return _set(rows, f"{_OPEN} AND model = ? AND claimed = ''", model, state=state, note="", **end) or _set(
                rows, f"{_OPEN} AND model = ? AND claimed <> ''", model, wish=wish
            )

        return self.jobs.change(act)


_SETTLED = (
    "state",
    "note",
    "current_file",
    "files_done",
    "files_total",
    "bytes_done",
    "bytes_total",
    "bytes_fetched",
    "error_kind",
    "error_what",
    "error_remedy",
    "is_retryable",
    "finished_at",
)


def _newest(jobs: Iterable[Job]) -> dict[str, Job]:
    """Give the newest of *jobs* by model; one that a run of the suite left behind when it died is none."""
    told = [job for job in jobs if job.lasting or job.is_over or job.is_alive]
    return {job.model: job for job in told} | {job.model: job for job in told if job.lasting and not job.is_over}


def _set(rows: sqlite3.Connection, where: str, *values: object, **changes: object) -> bool:
    """Change the rows that *where* chooses; tell whether there were any."""
    put = ", ".join((*(f"{name} = ?" for name in changes), NEXT_SEQ))
    return rows.execute(f"UPDATE jobs SET {put} WHERE {where}", (*changes.values(), *values)).rowcount > 0  # noqa: S608 - the names are ours


def _insert(rows: sqlite3.Connection, job: Job) -> None:
    row = asdict(job)
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    rows.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - the names are ours
    _set(rows, "run = ?", job.run)


def _resume(rows: sqlite3.Connection, model: str) -> bool:
    # A wish to cancel is taken back by asking for the model again: whoever is at it goes on, or begins anew.
    return _set(rows, f"{_OPEN} AND model = ? AND state = 'paused'", model, state="queued") or _set(
        rows, f"{_OPEN} AND model = ? AND wish <> ''", model, wish=""
    )


def _claim(rows: sqlite3.Connection, job: Job, worker: str) -> bool:
    now = time.time()
    return _set(
        rows,
        "run = ? AND state = 'queued' AND claimed = ''",
        job.run,
        state="verifying",
        claimed=worker,
        wish="",
        note="",
        attempts=job.attempts + 1,
        started_at=job.started_at or now,
        beat=now,
        pid=os.getpid(),
    )


def _orphan(rows: sqlite3.Connection, owner: str) -> bool:
    return _set(
        rows,
        f"{_OPEN} AND owner = ? AND claimed = ''",
        owner,
        state="failed",
        error_kind="interrupted",
        error_what="the process that registered this model has ended, and only it can bring it",
        error_remedy="start that program again, then retry",
        is_retryable=1,
        finished_at=time.time(),
    )
