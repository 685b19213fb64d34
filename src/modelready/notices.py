"""Notice of what has ended, posted to whoever wants to know: names, counts and kinds, never a token or a path."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from modelready import __version__, explanations
from modelready.errors import RequestError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelready.certificate import Run
    from modelready.downloads.jobs import Job

_MOST_NAMES = 100
_END = None


def urls(given: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """
    Give the addresses that were *given*, else those of MODELREADY_NOTIFY, which commas or spaces separate.

    Raises: RequestError, for one that nothing may be posted to.
    """
    found = tuple(given) or tuple(filter(None, re.split(r"[,\s]+", environ.get("MODELREADY_NOTIFY", ""))))
    if not found:
        return ()
    from modelready.network import posts  # noqa: PLC0415 - imports requests

    for one in found:
        try:
            posts.check(one)
        except RequestError as error:
            raise RequestError(
                f"{'--notify' if given else 'MODELREADY_NOTIFY'}: {error.what}", remedy=error.remedy
            ) from error
    return found


def of_run(run: Run, headline: str) -> dict[str, object]:
    """Give the notice of a certification that ended; ``text`` is what chat programs show."""
    required = [one for one in run.models if one.is_required and one.verdict != "not selected"]
    not_ready = [one.name for one in required if one.verdict != "proved"]
    kinds = sorted({fault.kind for one in run.verdicts for fault in one.faults} - {""})
    return {
        "event": "certification",
        "text": f"modelready: {headline}",
        "result": "PASSED" if run.passed else "FAILED",
        "finished": run.finished,
        "version": __version__,
        "partial": run.is_partial,
        "required": len(required),
        "ready": len(required) - len(not_ready),
        "not_ready": not_ready[:_MOST_NAMES],
        "checks": dict(Counter(one.outcome for one in run.verdicts)),
        "kinds": kinds,
    }


def of_job(job: Job) -> dict[str, object]:
    """Give the notice of a job that ended."""
    failed = (
        {"kind": job.error_kind, "retryable": explanations.errors()[job.error_kind].retry} if job.error_kind else {}
    )
    why = f" ({job.error_kind})" if job.error_kind else ""
    return {
        "event": "job",
        "text": f"modelready: {job.model} {job.state}{why}",
        "result": job.state,
        "model": job.model,
        "version": __version__,
        "files": job.files_done,
        "bytes": job.bytes_done,
        "fetched": job.bytes_fetched,
        "seconds": round(max(job.finished_at - job.started_at, 0.0), 1) if job.started_at else 0.0,
        **failed,
    }


class Notices:
    """
    Posts notices to all of *addresses*, each in its order and in a thread of its own; nobody waits until `close`.

    One that cannot be reached is told nothing more but how the run ended. ``failures`` says who was not told, and why.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self.failures: list[str] = []
        self._lines = [_Line(one) for one in addresses]

    def job(self, job: Job) -> None:
        """Tell that *job* ended; one that found everything in place is no news."""
        if job.state != "completed" or job.bytes_fetched:
            self._tell(of_job(job))

    def run(self, run: Run, headline: str) -> None:
        """Tell that a certification ended."""
        self._tell(of_run(run, headline))

    def close(self, patience_s: float) -> None:
        """Wait until all is told, or *patience_s* have passed."""
        end = time.monotonic() + patience_s
        for line in self._lines:
            line.waiting.put(_END)
        for line in self._lines:
            self.failures += line.ended(max(end - time.monotonic(), 0.0))

    def _tell(self, notice: dict[str, object]) -> None:
        for line in self._lines:
            line.waiting.put(notice)


class _Line:
    """The notices for one address."""

    def __init__(self, url: str) -> None:
        self.waiting: queue.SimpleQueue[dict[str, object] | None] = queue.SimpleQueue()
        self._url = url
        self._failure = ""
        self._thread = threading.Thread(target=self._work, name="giving notice", daemon=True)
        self._thread.start()

    def ended(self, patience_s: float) -> list[str]:
        """Give what went wrong, once all is told or *patience_s* have passed."""
        from modelready.network import reasons  # noqa: PLC0415 - imports requests

        self._thread.join(patience_s)
        if self._thread.is_alive():
            return [f"{reasons.host(self._url)} takes no notice within {patience_s:.0f} s"]
        return [self._failure] if self._failure else []

    def _work(self) -> None:
        from modelready.network import posts  # noqa: PLC0415 - imports requests

        while (notice := self.waiting.get()) is not _END:
            if self._failure and notice["event"] == "job":
                continue
            try:
                posts.post(self._url, notice, user_agent=f"modelready/{__version__}")
            except SourceError as error:
                self._failure = error.what
