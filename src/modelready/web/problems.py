"""Errors as the API tells them: application/problem+json, with what to do next."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from modelready.errors import (
    Bug,
    DownloadsDisabled,
    Held,
    ModelreadyError,
    NotWritable,
    RequestError,
    UnknownModel,
    WrongState,
)
from modelready.web.answers import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class Refused(ModelreadyError):
    """Who asked may not."""

    kind = "unauthorised"


_STATUSES: tuple[tuple[type[ModelreadyError], int], ...] = (
    (Refused, 403),
    (UnknownModel, 404),
    (DownloadsDisabled, 403),
    (Held, 409),
    (WrongState, 409),
    (NotWritable, 503),
    (RequestError, 400),
)


def add_handlers(app: FastAPI, hidden: Callable[[Any], Any]) -> None:
    """Let *app* answer every error as a problem, free of paths and tokens."""
    from fastapi.exceptions import RequestValidationError  # noqa: PLC0415 - beside its only use
    from starlette.exceptions import HTTPException  # noqa: PLC0415

    async def of_ours(_request: Request, error: ModelreadyError) -> JSONResponse:
        told = of(status_of(error), hidden(error.what), error.kind, hidden(error.remedy))
        return problem(told.model_copy(update={"retryable": error.retryable}))

    async def of_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return problem(of(422, hidden(wrong), "request", "see /docs for what is expected"))

    async def of_http(_request: Request, error: HTTPException) -> JSONResponse:
        told = of(error.status_code, str(error.detail), "request", "see /docs for the calls that there are")
        return problem(told, error.headers)

    async def of_bug(_request: Request, error: Exception) -> JSONResponse:
        what = f"a bug of modelready: {type(error).__name__}"
        return problem(of(500, what, Bug.kind, "report it; what the server printed has more"))

    app.add_exception_handler(ModelreadyError, of_ours)  # type: ignore[arg-type]  # starlette knows only Exception
    app.add_exception_handler(RequestValidationError, of_request)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, of_http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, of_bug)


def status_of(error: ModelreadyError) -> int:
    """Give the status by which *error* is answered."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(told: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Give *told* as an answer."""
    return JSONResponse(told.model_dump(), status_code=told.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def of(status: int, detail: str, kind: str, remedy: str) -> Problem:
    """Describe what went wrong; trying again without a change does not help."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, kind=kind, remedy=remedy)
