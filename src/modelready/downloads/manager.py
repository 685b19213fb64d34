"""The one manager of downloads: models of catalogs, and those that programs register, in one queue of one machine."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from modelready import grounds, proving
from modelready.downloads import infos, told
from modelready.downloads.functions import takes_stop
from modelready.downloads.infos import ModelInfo
from modelready.downloads.queue import Queue
from modelready.downloads.queue_worker import QueueWorker, dropped
from modelready.errors import DownloadsDisabled, RequestError, UnknownModel, WrongState
from modelready.layouts import looking
from modelready.patterns import meant
from modelready.placing import Options, locate
from modelready.placing.knowing import EXHAUSTIVE

if TYPE_CHECKING:
    import sqlite3
    import threading
    from collections.abc import Callable
    from types import TracebackType

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.model import Model, PlacedModel

#: How a start ended: a new job, one that was there, or nothing to do.
Started = Literal["queued", "joined", "completed"]


class UnifiedModelDownloadManager:
    """
    Brings models one at a time, whoever asks and from whichever process; its queue outlives them all.

    Made of nothing it knows no catalog: only what programs register. ``with`` it, or close it: it has a thread.
    """

    def __init__(
        self,
        asked: Requested | None = None,
        *,
        connections: int = 4,
        drained: Callable[[threading.Event], None] | None = None,
        ended: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self._ground = asked.ground if asked else grounds.bare(os.environ)
        self._asked, self._is_ours = asked, asked is None
        listed = asked.with_needs(list(asked.selected)) if asked else []
        self._listed = {one.name: one for one in listed}  # what a selected model needs is brought with it
        self._infos: dict[str, ModelInfo] = {}
        self._ended = ended
        self.queue = Queue(self._ground.jobs, self._ground.settings.home)
        self._worker = QueueWorker(
            self.queue, self._ground, Options(connections=connections), self._bringable, drained=drained, ended=ended
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Begin to bring what waits in the queue, from this process or an earlier one."""
        self._worker.begin()

    def close(self) -> None:
        """Stop; what runs keeps what arrived, and waits in the queue for the next process."""
        self._worker.stop()
        if self._is_ours:
            self._ground.close()

    # ---- registering

    def register_caption_generator(
        self,
        model_id: str,
        repo_id: str,
        description: str = "",
        total_size_estimate: int = 0,
        file_count_estimate: int = 0,
    ) -> ModelInfo:
        """Register a captioner of the Hub; of the family wdv3 only the ONNX file and the labels are brought."""
        return self._register_family(
            "caption", model_id, repo_id, description, total_size_estimate, file_count_estimate
        )

    def register_detection_model(
        self,
        model_id: str,
        repo_id: str,
        description: str = "",
        total_size_estimate: int = 0,
        file_count_estimate: int = 0,
    ) -> ModelInfo:
        """Register a detection model of the Hub; of the family jtp2 only its folder is brought."""
        return self._register_family(
            "detection", model_id, repo_id, description, total_size_estimate, file_count_estimate
        )

    def register_generic_model(
        self,
        model_id: str,
        download_func: Callable[..., object],
        description: str = "",
        model_path: str | Path | None = None,
    ) -> ModelInfo:
        """
        Register a model that *download_func* brings, in this process; others see it, join it and cancel it.

        A function that takes ``stop`` gets an event that is set when it shall end. How far it is, is told by the size
        of *model_path*, or of the Hub cache.
        """
        path = Path(model_path) if model_path is not None else None
        info = ModelInfo(model_id, "generic", description, model_path=path, download_func=download_func)
        self._worker.begin()
        return self._register(info, self._worker.name)

    def models(self) -> dict[str, Model | ModelInfo]:
        """Give every model that can be asked for: those of the catalogs, then those that programs registered."""
        known: dict[str, Model | ModelInfo] = dict(self._listed)
        others = {name: infos.read(name, row) for name, (_, row) in self._ground.jobs.registered().items()}
        found = {name: info for name, info in others.items() if info is not None} | self._infos
        return known | {name: info for name, info in found.items() if name not in known}

    # ---- asking

    def start_download(self, model_id: str, priority: int = 0) -> Started:
        """
        Ask for *model_id* and what it needs; higher *priority* comes first. One that was paused goes on.

        Raises: UnknownModel; DownloadsDisabled, where something would have to be brought.
        """
        found = self._found(model_id)
        if self.queue.open_job(model_id) is None and self.is_completed(model_id):
            return "completed"
        self._refuse_where_disabled(model_id)
        for need in self._needs(found):
            if not self.is_completed(need.name):
                self.queue.add(need.name, priority=priority)
        _, is_new = self.queue.add(model_id, owner=self._owner_of(found), priority=priority)
        self.begin()
        return "queued" if is_new else "joined"

    def cancel_download(self, model_id: str, *, drop: bool = False) -> bool:
        """
        Cancel the download of *model_id*; tell whether there was one. What arrived is kept unless *drop* says not.

        Raises: UnknownModel.
        """
        found = self._found_or_left(model_id)
        was_waiting = (job := self.queue.open_job(model_id)) is not None and not job.claimed
        is_cancelled = self.queue.cancel(model_id, drop=drop)
        model = found.model if isinstance(found, ModelInfo) else found
        if drop and was_waiting and model is not None:
            dropped(model, self._ground)
        if was_waiting and (job := self.queue.newest_of(model_id)) and job.state == "cancelled":
            self._ended(job)  # nobody was at it who would tell
        return is_cancelled

    def pause_download(self, model_id: str) -> bool:
        """
        Let the download of *model_id* wait until it is resumed; tell whether there was one.

        Raises: UnknownModel; WrongState, where its function cannot be made to wait.
        """
        found = self._found(model_id)
        job = self.queue.open_job(model_id)
        if job and job.claimed and isinstance(found, ModelInfo) and not _can_wait(found):
            raise WrongState(f"{model_id}: its function cannot be made to stop", remedy="cancel it, or let it end")
        return self.queue.pause(model_id)

    def resume_download(self, model_id: str) -> bool:
        """
        Let a paused download go on; tell whether there was one.

        Raises: UnknownModel, DownloadsDisabled.
        """
        self._found(model_id)
        self._refuse_where_disabled(model_id)
        is_resumed = self.queue.resume(model_id)
        self.begin()
        return is_resumed

    def retry_download(self, model_id: str) -> None:
        """
        Give a download that failed or was cancelled another turn.

        Raises: UnknownModel, DownloadsDisabled; WrongState, where it did neither.
        """
        found = self._found(model_id)
        self._refuse_where_disabled(model_id)
        self.queue.retry(model_id, owner=self._owner_of(found))
        self.begin()

    def prioritise_download(self, model_id: str, priority: int) -> bool:
        """Move the download of *model_id* before those of lower *priority*; tell whether there was one."""
        self._found(model_id)
        return self.queue.prioritise(model_id, priority)

    def clear_download(self, model_id: str) -> bool:
        """
        End what is told of *model_id* and moves no more; tell whether there was anything.

        Raises: UnknownModel; Held, while a living process is at it.
        """
        self._found_or_left(model_id)
        return self.queue.clear(model_id)

    # ---- looking

    def is_downloading(self, model_id: str) -> bool:
        """Tell whether *model_id* is being brought, or waits for its turn."""
        job = self.queue.open_job(model_id)
        return job is not None and job.state != "paused"

    def is_completed(self, model_id: str) -> bool:
        """Tell whether *model_id* is here and verified: its digests are known to be right, without reading a byte."""
        return self._is_here(self._found(model_id))

    def get_download_status(self, model_id: str) -> dict[str, Any]:
        """
        Give how *model_id* stands: the fields of the API's status.

        Raises: UnknownModel.
        """
        found = self._found_or_left(model_id)
        job = self.queue.open_job(model_id) or self.queue.newest_of(model_id)
        fields = self.job_fields(job) if job else self._fields_without_job(model_id, found)
        if job is None or job.is_over:
            fields |= self._standing_fields(found, job)
        is_here = self._is_in_cache(found)
        return fields | {"in_hf_cache": is_here, "queue": told.queue_fields(self.queue.told_jobs())}

    def get_queue_status(self) -> dict[str, Any]:
        """Give the queue's size, whether it runs, what it brings, and its jobs in the order of their turn."""
        jobs = self.queue.told_jobs()
        return told.queue_fields(jobs) | {"jobs": [self.job_fields(job) for job in jobs]}

    def get_history(self, most: int = 100) -> list[dict[str, Any]]:
        """Give the *most* newest downloads that have ended."""
        return [self.job_fields(job) for job in self.queue.history(most)]

    def job_fields(self, job: Job) -> dict[str, Any]:
        """Give *job* as it is told, with the words of its model."""
        known = self._asked.catalog.by_name.get(job.model) if self._asked else None
        info = self._infos.get(job.model)
        return told.job_fields(job, description=known.title if known else info.description if info else "")

    # ---- how

    def _found(self, model_id: str) -> Model | ModelInfo:
        if known := self._listed.get(model_id):
            return known
        if info := self._infos.get(model_id):
            return info
        known_ones = self.models()
        if model_id not in known_ones:
            near = meant(model_id, known_ones)
            raise UnknownModel(
                f"no model is called {model_id!r}",
                remedy=f"expected one that `modelready status` names, or that a program registered{near}",
            )
        return known_ones[model_id]

    def _found_or_left(self, model_id: str) -> Model | ModelInfo:
        """Give what *model_id* means; a job in the queue can be ended although no catalog names its model any more."""
        try:
            return self._found(model_id)
        except UnknownModel:
            if self.queue.latest(model_id) is None:
                raise
            return ModelInfo(model_id, "generic")

    def _bringable(self, name: str) -> Model | ModelInfo | None:
        """Give what this process can bring under *name*, if it can."""
        try:
            found = self._found(name)
        except UnknownModel:
            return None
        is_others = isinstance(found, ModelInfo) and found.model is None and found.download_func is None
        return None if is_others else found

    def _register_family(self, kind: str, model_id: str, repo_id: str, *about: Any) -> ModelInfo:
        description, size, count = about
        info = infos.of_family(
            kind, model_id, repo_id, description=description, total_size_estimate=size, file_count_estimate=count
        )
        return self._register(info, "")

    def _register(self, info: ModelInfo, owner: str) -> ModelInfo:
        if self._asked and info.model_id in self._asked.catalog.by_name:
            raise RequestError(
                f"{info.model_id!r} is the name of a model of the catalog", remedy="register it by another id"
            )
        self._infos[info.model_id] = info
        self._ground.jobs.change(partial(_keep, info=info, owner=owner))
        return info

    def _owner_of(self, found: Model | ModelInfo) -> str:
        if not isinstance(found, ModelInfo) or found.model is not None:
            return ""
        return self._ground.jobs.registered().get(found.model_id, ("", ""))[0]

    def _needs(self, found: Model | ModelInfo) -> list[Model]:
        if self._asked is None or isinstance(found, ModelInfo):
            return []
        return [one for one in self._asked.with_needs([found.name]) if one.name != found.name]

    def _refuse_where_disabled(self, model_id: str) -> None:
        if name := self._ground.settings.disabled_by:
            raise DownloadsDisabled(
                f"{model_id}: {name} forbids downloads", remedy=f"unset {name}, and start this program again"
            )

    def _placed(self, found: Model | ModelInfo) -> PlacedModel | None:
        model = found.model if isinstance(found, ModelInfo) else found
        if model is None or (model.layout == "folder" and model.folder is None):
            return None
        return locate(model, self._ground)

    def _is_here(self, found: Model | ModelInfo) -> bool:
        if isinstance(found, ModelInfo) and found.model is None:
            return self._is_function_done(found)
        placed = self._placed(found)
        return placed is not None and self._is_verified(placed)

    def _is_verified(self, placed: PlacedModel) -> bool:
        needed = [one for one in placed.files if not one.optional or looking.is_file(one.place)]
        if placed.faults or placed.known_by not in EXHAUSTIVE or not needed:
            return False
        if any(one.size is not None and looking.size(one.place) != one.size for one in needed):
            return False
        known = proving.remembered(needed, self._ground.ledger)
        return all(proving.is_as_expected(one, known.get(one.path)) for one in needed)

    def _is_function_done(self, info: ModelInfo) -> bool:
        latest = self.queue.latest(info.model_id)
        is_gone = info.model_path is not None and not info.model_path.exists()
        return latest is not None and latest.state == "completed" and not is_gone

    def _is_in_cache(self, found: Model | ModelInfo) -> bool:
        placed = self._placed(found)
        if placed is None or placed.model.layout != "hub-cache" or not placed.files:
            return False
        return all(one.optional or looking.is_file(one.place) for one in placed.files)

    def _fields_without_job(self, model_id: str, found: Model | ModelInfo) -> dict[str, Any]:
        from modelready.downloads.jobs import Job  # noqa: PLC0415 - for its names only

        fields = self.job_fields(Job("", model_id, state="not_started", created_at=0.0))
        if isinstance(found, ModelInfo):
            fields |= {"bytes_total": found.total_size_estimate, "files_total": found.file_count_estimate}
        return fields

    def _standing_fields(self, found: Model | ModelInfo, job: Job | None) -> dict[str, Any]:
        """Give what the disk says, where no download is open: a job that ended may be no longer true."""
        if self._is_here(found):
            return {"status": "completed", "percent": 100.0, "error": None}
        if job is not None and job.state != "completed":
            return {}
        state = "disabled" if self._ground.settings.disabled_by else "not_started"
        return {"status": state, "percent": None, "error": None}


def _can_wait(info: ModelInfo) -> bool:
    return info.model is not None or (info.download_func is not None and takes_stop(info.download_func))


def _keep(rows: sqlite3.Connection, *, info: ModelInfo, owner: str) -> None:
    rows.execute("INSERT OR REPLACE INTO registered VALUES (?, ?, ?)", (info.model_id, owner, info.row()))
