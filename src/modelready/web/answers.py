"""What the API answers: the one description of it, from which OpenAPI is made. No answer holds a path or a token."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DownloadState = Literal[
    "not_started", "queued", "downloading", "verifying", "paused", "completed", "failed", "cancelled", "disabled"
]
ModelState = Literal["complete", "partial", "missing", "damaged", "unknown"]
Outcome = Literal["passed", "warned", "failed", "skipped"]

_ERROR = {
    "kind": "gated",
    "message": "black-forest-labs/FLUX.1-dev: its licence was not accepted with this token",
    "remedy": "accept it at the Hub, then run it again",
    "retryable": False,
}
_QUEUE = {"size": 2, "running": True, "currently_downloading": "qwen3-tts-1.7b"}
_JOB = {
    "model_id": "qwen3-tts-1.7b",
    "status": "downloading",
    "description": "Qwen3-TTS 12Hz 1.7B Base",
    "current_file": "model.safetensors",
    "files_done": 3,
    "files_total": 9,
    "bytes_done": 1_204_224_000,
    "bytes_total": 4_540_000_000,
    "bytes_fetched": 1_204_000_000,
    "speed_bps": 88_400_000.0,
    "percent": 26.5,
    "eta_s": 37.7,
    "attempts": 1,
    "priority": 0,
    "note": "",
    "created_at": "2026-11-26T08:00:00Z",
    "started_at": "2026-11-26T08:00:01Z",
    "finished_at": None,
    "error": None,
}
_STATUS = _JOB | {"in_hf_cache": False, "queue": _QUEUE}
_CHECK = {"id": "files.are_there", "outcome": "passed", "message": ""}
_VERDICT = {"result": "proved", "when": "2026-11-26T07:00:00Z", "checks": [_CHECK]}
_MODEL = {
    "name": "qwen3-tts-1.7b",
    "title": "Qwen3-TTS 12Hz 1.7B Base",
    "kind": "tts",
    "tags": ["tts", "qwen"],
    "source": "hf:Qwen/Qwen3-TTS-12Hz-1.7B-Base@fd4b25",
    "licence": "apache-2.0",
    "gated": False,
    "required": True,
    "because": "ENABLE_QWEN_TTS is set",
    "decided_by": "ENABLE_QWEN_TTS",
    "state": "partial",
    "bytes_on_disk": 1_000,
    "bytes_wanted": 4_540_000_000,
    "files_present": 8,
    "files_wanted": 9,
    "needs": ["qwen3-tts-tokenizer"],
    "lacking": [{"path": "model.safetensors", "bytes": 3_857_413_744}],
    "verdict": _VERDICT,
    "job": _JOB,
}


def _shown(example: dict[str, Any]) -> ConfigDict:
    """Make *example* part of what OpenAPI says; fields that nobody knows are refused."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Failure(BaseModel):
    """Why a download failed, and what to do next. ``kind`` is one of the closed list in docs/errors.md."""

    model_config = _shown(_ERROR)

    kind: str
    message: str
    remedy: str
    retryable: bool


class Queue(BaseModel):
    """The queue in three words: open jobs, whether one is being brought, and which."""

    model_config = _shown(_QUEUE)

    size: int
    running: bool
    currently_downloading: str | None


class Job(BaseModel):
    """One download. Sizes are in bytes; times are UTC; ``percent`` and ``eta_s`` are null where nobody can tell."""

    model_config = _shown(_JOB)

    model_id: str
    status: DownloadState
    description: str = ""
    current_file: str = ""
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_fetched: int = Field(default=0, description="travelled for this job: what was there before does not count")
    speed_bps: float = 0.0
    percent: float | None = None
    eta_s: float | None = None
    attempts: int = 0
    priority: int = Field(default=0, description="higher ones come first")
    note: str = Field(default="", description="what it waits for, in words")
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: Failure | None = None


class Status(Job):
    """How the download of one model stands. ``completed`` means verified, not merely present."""

    model_config = _shown(_STATUS)

    in_hf_cache: bool
    queue: Queue


class QueueStatus(BaseModel):
    """The queue and its open jobs, in the order in which they will be brought."""

    model_config = _shown({"queue": _QUEUE, "jobs": [_JOB]})

    queue: Queue
    jobs: list[Job]


class History(BaseModel):
    """The jobs that have ended, newest first."""

    model_config = _shown({"jobs": [_JOB | {"status": "failed", "error": _ERROR}]})

    jobs: list[Job]


class Lacking(BaseModel):
    """A file that is not there, or not right, by its path in the source; ``bytes`` is null where nobody knows."""

    model_config = _shown({"path": "model.safetensors", "bytes": 3_857_413_744})

    path: str
    bytes: int | None


class Check(BaseModel):
    """What one check said of one model, or of the machine."""

    model_config = _shown(_CHECK)

    id: str
    outcome: Outcome
    message: str


class Verdict(BaseModel):
    """What the last certificate says of one model: proved, failed, unproved, not required, not selected."""

    model_config = _shown(_VERDICT)

    result: str
    when: datetime | None
    reason: str = ""
    checks: list[Check]


class Model(BaseModel):
    """One model of the catalog, or registered: what it needs, has and lacks."""

    model_config = _shown(_MODEL)

    name: str
    title: str
    kind: str
    tags: list[str]
    source: str
    licence: str
    gated: bool
    required: bool
    because: str
    decided_by: str | None
    state: ModelState
    bytes_on_disk: int
    bytes_wanted: int | None
    files_present: int = 0
    files_wanted: int | None = Field(default=None, description="null where nobody knows which files there are")
    needs: list[str] = Field(default=[], description="models that this one cannot do without")
    lacking: list[Lacking]
    verdict: Verdict | None
    job: Job | None


class Models(BaseModel):
    """Every model, in the catalog's order."""

    model_config = _shown({"models": [_MODEL]})

    models: list[Model]


class Used(BaseModel):
    """What one model takes of a place, in bytes."""

    model_config = _shown({"model": "qwen3-tts-1.7b", "bytes": 4_540_000_000})

    model: str
    bytes: int


class Place(BaseModel):
    """A place where models lie, by its label: Hub cache, models folder, or the model that it belongs to."""

    model_config = _shown(
        {
            "label": "Hub cache",
            "total": 500_000_000_000,
            "free": 120_000_000_000,
            "used": [{"model": "qwen3-tts-1.7b", "bytes": 4_540_000_000}],
        }
    )

    label: str
    total: int
    free: int
    used: list[Used]


class Disk(BaseModel):
    """The places where models lie; those on one disk share its ``total`` and ``free``."""

    model_config = _shown({"places": []})

    places: list[Place]


class JudgedModel(BaseModel):
    """A model and what the certificate says of it."""

    model_config = _shown({"name": "tiny", "required": True, "verdict": "proved", "reason": "", "revision": "fd4b25"})

    name: str
    required: bool
    verdict: str
    reason: str
    revision: str


class Certificate(BaseModel):
    """The last certificate in human words. ``result`` is null where there is none yet; ``words`` is one sentence."""

    model_config = _shown(
        {
            "result": "PASSED",
            "words": "PASSED on 2026-11-26 at 07:00 UTC: 4 of 4 required models are proved",
            "when": "2026-11-26T07:00:00Z",
            "partial": False,
            "models": [{"name": "tiny", "required": True, "verdict": "proved", "reason": "", "revision": "fd4b25"}],
            "failures": [],
            "warnings": [{"id": "weights.are_not_blank[tiny]", "outcome": "warned", "message": "not read whole"}],
        }
    )

    result: Literal["PASSED", "FAILED"] | None
    words: str
    when: datetime | None
    partial: bool
    models: list[JudgedModel]
    failures: list[Check]
    warnings: list[Check]


class Health(BaseModel):
    """The server is alive; ``ready`` is what /readyz says, ``why`` the reason in words."""

    model_config = _shown({"status": "ok", "why": ""})

    status: Literal["ok", "not ready"]
    why: str = ""


class Problem(BaseModel):
    """An error as RFC 9457 wants it (application/problem+json), with what to do next."""

    model_config = _shown(
        {
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "DISABLE_MODEL_DOWNLOADS forbids downloads",
            "kind": "disabled",
            "remedy": "unset DISABLE_MODEL_DOWNLOADS and start the server again",
            "retryable": False,
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    kind: str
    remedy: str
    retryable: bool = False


class Events(BaseModel):
    """
    What GET /api/events sends (server-sent events): the name of the event, and the type of its data.

    Every event has an id; who comes back with `Last-Event-ID` gets every job that changed since, as it is now.
    ``job`` comes for each change of a job (at most four a second), ``queue`` when the queue's summary changed,
    ``models`` when /api/models and /api/disk are worth asking again, ``certificate`` when there is another one.
    """

    model_config = _shown({"job": _JOB, "queue": _QUEUE, "models": {}, "certificate": {}})

    job: Job
    queue: Queue
    models: dict[str, str] = Field(description="always empty: ask /api/models and /api/disk again")
    certificate: dict[str, str] = Field(description="always empty: ask /api/certificate and /api/models again")
