"""A job as people and programs are told of it: the fields of a status, and no path in them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelready.downloads.jobs import Job


def job_fields(job: Job, *, description: str = "") -> dict[str, Any]:
    """Give *job* by the names that status answers have. Times are ISO 8601, UTC."""
    done, total = max(job.bytes_done, 0), job.bytes_total
    return {
        "model_id": job.model,
        "status": job.state,
        "description": description,
        "current_file": job.current_file,
        "files_done": job.files_done,
        "files_total": job.files_total,
        "bytes_done": done,
        "bytes_total": total,
        "bytes_fetched": job.bytes_fetched,
        "speed_bps": round(job.speed_bps, 1),
        "percent": _percent(job),
        "eta_s": round(max(total - done, 0) / job.speed_bps, 1) if job.speed_bps >= 1 and total else None,
        "attempts": job.attempts,
        "priority": job.priority,
        "note": job.note,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "error": _error(job),
    }


def queue_fields(jobs: Sequence[Job]) -> dict[str, Any]:
    """Give the summary of the open *jobs*: how many, whether one is at work, and which."""
    at_work = next((job for job in jobs if is_at_work(job)), None)
    return {
        "size": len(jobs),
        "running": at_work is not None,
        "currently_downloading": at_work.model if at_work else None,
    }


def is_at_work(job: Job) -> bool:
    """Tell whether some process is at *job* now; one that it waits for another is not."""
    return job.state in {"downloading", "verifying"}


def _percent(job: Job) -> float | None:
    if job.state == "completed":
        return 100.0
    if not job.bytes_total:
        return None
    return round(min(100.0 * max(job.bytes_done, 0) / job.bytes_total, 100.0), 1)


def _error(job: Job) -> dict[str, Any] | None:
    if not job.error_what:
        return None
    return {
        "kind": job.error_kind,
        "message": job.error_what,
        "remedy": job.error_remedy,
        "retryable": bool(job.is_retryable),
    }


def _time(seconds: float) -> str | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds") if seconds else None
