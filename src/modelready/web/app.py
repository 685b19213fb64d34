"""The application: calls, errors, page and documents, put together."""

from __future__ import annotations

import contextlib
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from modelready import __version__
from modelready.web import answers, problems
from modelready.web.calls import router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modelready.web.service import Service

_PAGE = Path(__file__).parent / "page"
_ABOUT = """\
Brings models one at a time, verifies every byte, and tells how they stand.
Every error is application/problem+json with `kind`, `detail` and `remedy`.
"""


#: Seconds that the last notices may take when the server ends.
_NOTICE_S = 2.0


def create_app(service: Service) -> FastAPI:
    """Give the application that serves *service*; who may ask is not its matter."""
    app = FastAPI(
        title="modelready",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    app.state.service = service
    app.include_router(router)
    problems.add_handlers(app, service.board.hidden)
    app.add_api_route("/", _index, include_in_schema=False)
    app.add_api_route("/docs", lambda: HTMLResponse(_documents(app)), include_in_schema=False)
    if _PAGE.is_dir():
        app.mount("/page", StaticFiles(directory=_PAGE))
    _describe(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Go on with what waits in the queue; at the end keep what arrived."""
    service: Service = app.state.service
    await to_thread.run_sync(service.manager.begin)
    yield
    await service.feed.close()
    await to_thread.run_sync(service.manager.close)
    await to_thread.run_sync(service.notices.close, _NOTICE_S)


def _index() -> Response:
    page = _PAGE / "index.html"
    if page.is_file():
        return FileResponse(page, headers={"cache-control": "no-cache"})
    return PlainTextResponse("modelready: the page is not installed here; the API is at /docs\n")


def _describe(app: FastAPI) -> None:
    """Add to OpenAPI what no call answers as such: problems, and what events hold; leave out FastAPI's own errors."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        described = made()
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        for model in (answers.Problem, answers.Events):
            told = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= told.pop("$defs", {})
            schemas[model.__name__] = told
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual tells to


def _documents(app: FastAPI) -> str:
    """Give the calls as a page without any script, and without asking another server for one."""
    rows = []
    for path, verbs in app.openapi()["paths"].items():
        for verb, call in verbs.items():
            about = html.escape(call.get("description") or call.get("summary") or "")
            rows.append(f"<tr><td>{verb.upper()}</td><td><code>{html.escape(path)}</code></td><td>{about}</td></tr>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>modelready: the API</title></head><body>'
        f'<h1>The API of modelready {__version__}</h1><p>For programs: <a href="/openapi.json">openapi.json</a></p>'
        "<table><thead><tr><th>verb</th><th>path</th><th>answers</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></body></html>"
    )
