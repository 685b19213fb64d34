"""Who brings the jobs of the queue: one thread a process, one job a machine."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from modelready.diagnosing import causes
from modelready.downloads.functions import Call
from modelready.downloads.infos import ModelInfo
from modelready.downloads.progress import Progress
from modelready.errors import Bug, Interrupted, ModelreadyError
from modelready.layouts import atomically
from modelready.layouts.locking import hold
from modelready.placing import locate, plan_all, provision
from modelready.placing.examining import manifest_file
from modelready.placing.places import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelready.diagnosing.causes import Diagnosis
    from modelready.downloads.jobs import Job
    from modelready.downloads.queue import Queue
    from modelready.grounds import Ground
    from modelready.layouts.locking import Holder
    from modelready.model import Model
    from modelready.placing import Options

#: Seconds between two looks for a job, and between two looks at what is wished of the one at work.
_LOOK_S, _WISH_S = 0.25, 0.1
#: Seconds between two signs of life of jobs that wait for this process.
_BEAT_S = 2.0


class QueueWorker:
    """Takes jobs from the queue, as long as it is not stopped; what it began and did not end waits for the next one."""

    def __init__(  # noqa: PLR0913 - what it works on, then who is told; the latter by name
        self,
        queue: Queue,
        ground: Ground,
        options: Options,
        find: Callable[[str], Model | ModelInfo | None],
        *,
        drained: Callable[[threading.Event], None] | None = None,
        ended: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self.name = uuid.uuid4().hex
        self._queue, self._ground, self._options, self._find = queue, ground, options, find
        self._drained, self._has_brought, self._ended = drained, False, ended
        self._diagnosing = causes.Diagnosing(os.environ, ground.settings)
        self._stop, self._woken, self._signed = threading.Event(), threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._refusal: ModelreadyError | None = None

    def begin(self) -> None:
        """
        Start the thread, once; from then on others see that this process lives.

        Raises: NotWritable, when the state folder cannot be written.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="bringing the queue", daemon=True)
                self._thread.start()
        self._signed.wait()
        if self._refusal is not None:
            raise self._refusal
        self._woken.set()

    def stop(self) -> None:
        """Stop what runs, and keep what arrived: the job waits in the queue for the next process."""
        self._stop.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            with contextlib.suppress(ModelreadyError):  # the next process tells of them
                self._fail_orphans()

    def _work(self) -> None:
        try:
            with self._queue.sign(self.name):
                self._signed.set()
                self._take_turns()
        except ModelreadyError as error:
            self._refusal = error
        finally:
            self._signed.set()

    def _take_turns(self) -> None:
        beat = 0.0
        while not self._stop.is_set():
            self._woken.clear()
            try:
                is_busy = self._turn()
                if time.monotonic() - beat > _BEAT_S:
                    beat = time.monotonic()
                    self._fail_orphans()
            except ModelreadyError:  # a state folder that cannot be written now may be later
                is_busy = False
            if not is_busy:
                self._woken.wait(_LOOK_S)

    def _fail_orphans(self) -> None:
        for job in self._queue.fail_orphans():
            self._ended(job)

    def _turn(self) -> bool:
        """Bring one job, if there is one for us; tell whether there was."""
        jobs = self._queue.open_jobs()
        if not any(job.claimed or self._can_bring(job) for job in jobs) or self._is_turn_of_another(jobs):
            self._tell_drained(jobs)
            return False
        with self._queue.turn() as is_ours:
            if not is_ours:
                return False
            self._queue.recover()
            job = self._queue.claim(self.name, self._can_bring)
            if job is None:
                return False
            self._bring(job)
        self._has_brought = True
        return True

    def _is_turn_of_another(self, jobs: Sequence[Job]) -> bool:
        """Tell whether the first job that waits is one that only another process, which lives, can bring."""
        first = next((job for job in jobs if job.state == "queued" and not job.claimed), None)
        return first is not None and first.owner not in {"", self.name} and self._queue.is_living(first.owner)

    def _tell_drained(self, jobs: Sequence[Job]) -> None:
        """Tell, once, that everything was brought."""
        if self._has_brought and not any(job.state == "queued" or job.claimed for job in jobs):
            self._has_brought = False
            if self._drained:
                self._drained(self._stop)

    def _can_bring(self, job: Job) -> bool:
        return job.owner in {"", self.name} and self._find(job.model) is not None

    def _bring(self, job: Job) -> None:
        stop, over = threading.Event(), threading.Event()
        watching = threading.Thread(target=self._watch, args=(job, stop, over), name="wishes", daemon=True)
        watching.start()
        try:
            self._brought(job, stop)
        finally:
            over.set()
            watching.join()

    def _brought(self, job: Job, stop: threading.Event) -> None:
        found = self._find(job.model)
        call = self._call(found) if isinstance(found, ModelInfo) and found.model is None else None
        model = found.model if isinstance(found, ModelInfo) else found
        progress = Progress(_with_estimates(job, found), self._queue.jobs)
        try:
            with progress:
                if call is not None:
                    self._call_alone(call, progress, stop)
                elif model is not None:
                    plan = next(plan_all([model], self._ground, self._options, stop=stop))[1]
                    if isinstance(plan, ModelreadyError):
                        raise plan  # noqa: TRY301 - the one place where a failure is told
                    provision(plan, self._ground, self._options, progress=progress, stop=stop)
        except Interrupted:
            self._interrupted(progress.job, model, call)
        except ModelreadyError as error:
            self._settle(_failed(progress.job, self._diagnose(error, model)))
        except Exception as error:  # noqa: BLE001 - a bug fails one job, and the queue goes on
            self._settle(_failed(progress.job, causes.plain(Bug(error))))
        else:
            self._settle(replace(progress.job, state="completed", note="", finished_at=time.time()))

    def _diagnose(self, error: ModelreadyError, model: Model | None) -> Diagnosis:
        return self._diagnosing.diagnose(error, model) if model is not None else causes.plain(error)

    def _settle(self, job: Job) -> None:
        self._queue.settle(job)
        self._ended(job)

    def _call(self, info: ModelInfo) -> Call:
        settings = self._ground.settings
        return Call(info, settings.hf_cache, settings.max_retries)

    def _call_alone(self, call: Call, progress: Progress, stop: threading.Event) -> None:
        """Call the function while the machine brings nothing else."""

        def waiting(holder: Holder, seconds: float) -> None:
            progress.tell(state="queued", note=f"waits for {holder} ({seconds:.0f} s)")

        with hold(self._ground.settings.home / "locks" / "active.lock", waiting=waiting, stop=stop):
            progress.tell(note="")
            call.bring(progress, stop)

    def _interrupted(self, job: Job, model: Model | None, call: Call | None) -> None:
        note = ""
        if self._queue.wish(job.run) == "drop" and model is not None:
            note = dropped(model, self._ground)
        elif call is not None:
            note = "its function runs on until it returns"
        if self._queue.release(job, note=note) == "cancelled":
            self._ended(replace(job, state="cancelled", finished_at=time.time()))
        if call is not None:
            call.join(self._stop)

    def _watch(self, job: Job, stop: threading.Event, over: threading.Event) -> None:
        """Set *stop* when somebody wishes that *job* ends, or this process does."""
        while not over.wait(_WISH_S):
            if self._stop.is_set() or self._queue.wish(job.run):
                stop.set()
                return


def drop_partials(model: Model, ground: Ground) -> None:
    """
    Delete what arrived of files of *model* that are not whole.

    Raises: NotWritable, where they cannot be deleted; Held, where another process is at them.
    """
    layout = layout_of(model, ground.settings)
    files = [(manifest_file(one), one.place) for one in locate(model, ground).files]
    with layout.lock():
        for file, place in files:
            part = layout.part(file, place)
            with atomically.told(part):
                part.unlink(missing_ok=True)


def dropped(model: Model, ground: Ground) -> str:
    """Delete what arrived of files of *model* that are not whole; tell why that was not possible, if it was not."""
    try:
        drop_partials(model, ground)
    except ModelreadyError as error:
        return f"what arrived is still here: {error}"
    return ""


def _with_estimates(job: Job, found: Model | ModelInfo | None) -> Job:
    """Give *job* with what its registration guessed, until its source tells."""
    if isinstance(found, ModelInfo):
        return replace(
            job,
            bytes_total=job.bytes_total or found.total_size_estimate,
            files_total=job.files_total or found.file_count_estimate,
        )
    return job


def _failed(job: Job, told: Diagnosis) -> Job:
    return replace(
        job,
        state="failed",
        note="",
        error_kind=told.kind,
        error_what=told.told,
        error_remedy=told.remedy,
        is_retryable=int(told.retryable),
        finished_at=time.time(),
    )
