"""The background worker: plans all models at once, then brings them one by one."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready.diagnosing import causes
from modelready.downloads.jobs import Job
from modelready.downloads.progress import Progress
from modelready.errors import Bug, Interrupted, ModelreadyError
from modelready.placing import plan_all, provision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelready.diagnosing.causes import Diagnosis
    from modelready.downloads.jobs import Jobs
    from modelready.grounds import Ground
    from modelready.model import Model
    from modelready.placing import Options, Plan

#: Seconds between two signs of life in the rows of jobs that wait.
_BEAT_S = 2.0


@dataclass(frozen=True)
class Order:
    """What a worker is to bring: models in order, on which ground, under which run; who hears how it goes."""

    models: Sequence[Model]
    ground: Ground
    run: str
    options: Options
    ended: Callable[[Job], None] = lambda _: None
    begins: Callable[[Plan], None] = lambda _: None


class Worker:
    """Brings the models of an order in a thread; its story is told in the rows of its run."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._jobs: Jobs = order.ground.jobs
        self._diagnosing = causes.Diagnosing(os.environ, order.ground.settings)
        self._stop = threading.Event()
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="bringing models", daemon=True)

    def start(self) -> None:
        """
        Write a row for every model, and begin.

        Raises: NotWritable, when the state folder cannot be written.
        """
        jobs = [Job(self._order.run, one.name, place) for place, one in enumerate(self._order.models)]
        self._jobs.write(*jobs)
        self._thread.start()

    def stop(self) -> BaseException | None:
        """Stop what still runs, keep what arrived, and give the bug that ended the work, if one did."""
        self._stop.set()
        self._thread.join(timeout=10)
        return self._bug

    def join(self) -> BaseException | None:
        """Wait until every model was brought or has failed."""
        self._thread.join()
        return self._bug

    def _work(self) -> None:
        beat = threading.Thread(target=self._beat, name="sign of life", daemon=True)
        beat.start()
        try:
            self._bring_all()
        except BaseException as error:  # noqa: BLE001 - a bug must end the waiting of the checks, and the run with 3
            self._bug = error
        finally:
            self._end_the_rest()
            self._stop.set()
            beat.join()

    def _bring_all(self) -> None:
        order = self._order
        for model, plan in plan_all(order.models, order.ground, order.options, stop=self._stop):
            if isinstance(plan, ModelreadyError):
                self._end(_failed(self._job(model), self._diagnosing.diagnose(plan, model)))
            else:
                self._bring(plan)

    def _bring(self, plan: Plan) -> None:
        self._order.begins(plan)
        progress = Progress(self._job(plan.model), self._jobs)
        try:
            with progress:
                note = provision(plan, self._order.ground, self._order.options, progress=progress, stop=self._stop)
                progress.tell(state="completed", note=note, finished_at=time.time())
        except ModelreadyError as error:
            # Only now, when no progress is told any more: that would stand over the reason.
            self._end(_failed(progress.job, self._diagnosing.diagnose(error, plan.model, plan.placed.root)))
        else:
            self._order.ended(progress.job)

    def _end(self, *jobs: Job) -> None:
        self._jobs.write(*jobs)
        for job in jobs:
            self._order.ended(job)

    def _job(self, model: Model) -> Job:
        found = self._jobs.of_run(self._order.run, model.name) or Job(self._order.run, model.name)
        return replace(found, started_at=time.time(), beat=time.time())

    def _end_the_rest(self) -> None:
        if self._bug is None:
            error: ModelreadyError = Interrupted("stopped before its turn", remedy="run the same command again")
        else:
            error = Bug(self._bug)
        rest = [job for job in self._jobs.all_of_run(self._order.run) if not job.is_over]
        self._end(*(_failed(job, causes.plain(error)) for job in rest))

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT_S):
            self._jobs.beat(self._order.run)


def _failed(job: Job, told: Diagnosis) -> Job:
    return replace(
        job,
        state="cancelled" if told.kind == Interrupted.kind else "failed",
        note="",
        error_kind=told.kind,
        error_what=told.told,
        error_remedy=told.remedy,
        finished_at=time.time(),
        beat=time.time(),
    )
