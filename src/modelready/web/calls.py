"""The calls of the API: each asks the manager or the board, and says nothing of its own."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sse_starlette import EventSourceResponse

from modelready.errors import WrongState
from modelready.web import answers, metrics
from modelready.web.problems import MEDIA_TYPE, Refused, of, problem
from modelready.web.service import Service

ModelId = Annotated[
    str, Path(min_length=1, max_length=200, description="the name of a model, as GET /api/models gives")
]
Admin = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="the token of MODELREADY_ADMIN_TOKEN")),
]

Drop = Annotated[bool, Query(description="delete what arrived; otherwise it is kept, and used by the next try")]

_GRACE_S = 2.0
_MOST_DIGITS = 18  # of an event's id; a longer one is none of ours, and too large for the queue
_SAID = {
    400: "the request makes no sense",
    403: "not allowed: downloads are disabled, another origin asks, or the admin's token is wanted",
    404: "no model has this name",
    409: "it makes no sense as the download stands",
    411: "a body without a length",
    413: "a body that is too large",
    421: "the Host header is no name of this server",
    422: "a value is not as the call wants it",
    429: "too many requests",
    503: "the state folder cannot be written",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a call may answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _SAID[status], "content": content} for status in sorted({*statuses, 421, 429})}


def _service(request: Request) -> Service:
    return request.app.state.service  # type: ignore[no-any-return]


Served = Annotated[Service, Depends(_service)]
_CHANGES = _problems(403, 404, 411, 413, 422, 503)
router = APIRouter()


# ---- one model


@router.post(
    "/api/model-download/{model_id}/start",
    status_code=202,
    tags=["downloads"],
    responses={200: {"model": answers.Status, "description": "joined, or completed"}, **_CHANGES},
)
def start(
    served: Served, response: Response, model_id: ModelId, priority: Annotated[int, Query(ge=-1000, le=1000)] = 0
) -> answers.Status:
    """Bring a model and what it needs: 202 for a new download, 200 where one runs or nothing is to be done."""
    started = served.manager.start_download(model_id, priority)
    response.status_code = 202 if started == "queued" else 200
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/cancel", tags=["downloads"], responses=_CHANGES)
def cancel(
    served: Served,
    model_id: ModelId,
    drop: Drop = False,  # noqa: FBT002 - a query
) -> answers.Status:
    """Cancel a download; where there is none, nothing happens."""
    served.manager.cancel_download(model_id, drop=drop)
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/pause", tags=["downloads"], responses={**_CHANGES, **_problems(409)})
def pause(served: Served, model_id: ModelId) -> answers.Status:
    """Let a download wait until it is resumed; 409 where there is none."""
    if not served.manager.pause_download(model_id):
        raise WrongState(f"{model_id}: nothing is being downloaded", remedy="start it")
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/resume", tags=["downloads"], responses={**_CHANGES, **_problems(409)})
def resume(served: Served, model_id: ModelId) -> answers.Status:
    """Let a paused download go on where it was; 409 where none is paused."""
    if not served.manager.resume_download(model_id):
        raise WrongState(f"{model_id}: no download of it is paused", remedy="start it")
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/retry", tags=["downloads"], responses={**_CHANGES, **_problems(409)})
def retry(served: Served, model_id: ModelId) -> answers.Status:
    """Give a download that failed or was cancelled another turn; 409 where it did neither."""
    served.manager.retry_download(model_id)
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/priority", tags=["downloads"], responses={**_CHANGES, **_problems(409)})
def prioritise(
    served: Served, model_id: ModelId, value: Annotated[int, Query(ge=-1000, le=1000, description="higher comes first")]
) -> answers.Status:
    """Move a download that waits; 409 where there is none."""
    if not served.manager.prioritise_download(model_id, value):
        raise WrongState(f"{model_id}: nothing is being downloaded", remedy="start it")
    return served.status(model_id)


@router.post("/api/model-download/{model_id}/clear", tags=["downloads"], responses={**_CHANGES, **_problems(409)})
def clear(served: Served, model_id: ModelId, admin: Admin) -> answers.Status:
    """End what is told of a model and moves no more; for the admin. 409 while a living process is at it."""
    if admin is None or not served.access.is_admin(f"{admin.scheme} {admin.credentials}"):
        raise Refused(
            "only the admin may clear",
            remedy="start the server with MODELREADY_ADMIN_TOKEN, and send it as Authorization: Bearer",
        )
    served.manager.clear_download(model_id)
    return served.status(model_id)


@router.get("/api/model-download-status/{model_id}", tags=["downloads"], responses=_problems(404, 422))
def status(served: Served, model_id: ModelId) -> answers.Status:
    """How the download of one model stands; completed means verified."""
    return served.status(model_id)


# ---- the queue


@router.get("/api/model-download-queue-status", tags=["queue"], responses=_problems())
def queue_status(served: Served) -> answers.QueueStatus:
    """The queue, and its open jobs in the order of their turn."""
    found = served.board.hidden(served.manager.get_queue_status())
    return answers.QueueStatus.model_validate({"jobs": found.pop("jobs"), "queue": found})


@router.get("/api/model-download-history", tags=["queue"], responses=_problems(422))
def history(served: Served, most: Annotated[int, Query(ge=1, le=1000)] = 100) -> answers.History:
    """The downloads that have ended, newest first."""
    return answers.History.model_validate({"jobs": served.board.hidden(served.manager.get_history(most))})


@router.get(
    "/api/events",
    tags=["queue"],
    response_class=EventSourceResponse,
    responses={
        200: {"description": answers.Events.__doc__, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **_problems(503),
    },
)
async def events(
    served: Served,
    last_event_id: Annotated[str | None, Header(description="the id of the last event that was heard")] = None,
) -> Response:
    """The queue as it moves, as server-sent events."""
    if served.feed.is_full:
        return problem(of(503, "too many listen", "rate_limited", "close other pages of this server"))
    is_number = last_event_id and last_event_id.isascii() and last_event_id.isdecimal()
    since = int(last_event_id[:_MOST_DIGITS]) if last_event_id and is_number else None
    # The feed ends what it gives when the server ends; only what has not ended then is cut off.
    return EventSourceResponse(
        served.feed.listen(since),
        ping=15,
        send_timeout=30,
        shutdown_event=anyio.Event(),
        shutdown_grace_period=_GRACE_S,
    )


# ---- what there is


@router.get("/api/models", tags=["machine"], responses=_problems())
def models(served: Served) -> answers.Models:
    """Every model: what it needs, has and lacks, its last verdict, and its newest download."""
    return answers.Models.model_validate({"models": served.board.models()})


@router.get("/api/disk", tags=["machine"], responses=_problems())
def disk(served: Served) -> answers.Disk:
    """The places where models lie, how full they are, and by which models."""
    return answers.Disk.model_validate({"places": served.board.disk()})


@router.get("/api/certificate", tags=["machine"], responses=_problems())
def certificate(served: Served) -> answers.Certificate:
    """The last certificate in human words."""
    return answers.Certificate.model_validate(served.board.certificate())


# ---- for programs that watch


@router.get("/healthz", tags=["machine"], responses=_problems())
def healthz() -> answers.Health:
    """The server is alive."""
    return answers.Health(status="ok")


@router.get(
    "/readyz",
    tags=["machine"],
    responses={503: {"model": answers.Health, "description": "not ready, and why"}, **_problems()},
)
def readyz(served: Served, response: Response) -> answers.Health:
    """200 only while the last certificate is PASSED and still true of the files; a look at each, no byte is read."""
    why = served.board.doubts()
    response.status_code = 503 if why else 200
    return answers.Health(status="not ready" if why else "ok", why=why)


@router.get(
    "/metrics",
    tags=["machine"],
    response_class=Response,
    responses={200: {"content": {"application/openmetrics-text": {"schema": {"type": "string"}}}}, **_problems()},
)
def measured(served: Served) -> Response:
    """Jobs, bytes, speed, models and readiness, as OpenMetrics."""
    return Response(metrics.text(served.manager, served.board), media_type=metrics.CONTENT_TYPE)
