"""How a check waits for its model: by the row that tells of it, from any process."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from modelready.downloads.jobs import Job

if TYPE_CHECKING:
    from modelready.downloads.jobs import Jobs

#: Seconds between two looks at a row: the first, and the most.
_FIRST_LOOK_S, _LAST_LOOK_S = 0.005, 0.1
#: Seconds without any sign of life after which the process that brings a model is taken for dead.
_PATIENCE_S = 60.0


class Arrivals:
    """Waits for the jobs of one run."""

    def __init__(self, jobs: Jobs, run: str) -> None:
        self._jobs, self._run = jobs, run

    def wait(self, model: str) -> Job:
        """Give the job of *model* once it is over; a job whose process died has failed."""
        pause, alive = _FIRST_LOOK_S, time.monotonic()
        seen = 0.0
        while True:
            job = self._jobs.of_run(self._run, model)
            if job is not None and job.is_over:
                return job
            if job is not None and job.beat != seen:
                seen, alive = job.beat, time.monotonic()
            if time.monotonic() - alive > _PATIENCE_S:
                return _lost(job or Job(self._run, model))
            time.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK_S)


def _lost(job: Job) -> Job:
    return replace(
        job,
        state="failed",
        error_kind="stalled",
        error_what=f"the process that brings {job.model} has told nothing for {_PATIENCE_S:.0f} s",
        error_remedy="run `modelready provision` again: it goes on where this one stopped",
    )
