"""serve: the HTTP API and the page."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import click

from modelready import notices
from modelready.cli.shared import request_options
from modelready.errors import RequestError

if TYPE_CHECKING:
    from modelready.grounds import Requested

_NEEDED = ("fastapi", "prometheus_client", "sse_starlette", "uvicorn")
_EXAMPLES = """\b
Examples:
  modelready serve
  modelready serve --notify https://hooks.example/models
  MODELREADY_ADMIN_TOKEN=… modelready serve --host 0.0.0.0 --allow-host models.example.org
"""


@click.command(epilog=_EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another one needs MODELREADY_ADMIN_TOKEN.")
@click.option("--port", default=8091, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="A name that leads here; repeatable.")
@click.option("--jobs", default=4, show_default=True, type=click.IntRange(1, 64), help="Connections at once.")
@click.option("--no-certify", is_flag=True, help="Do not certify when the queue has run empty.")
@click.option(
    "--notify",
    multiple=True,
    metavar="URL",
    help="Post a small JSON there when a job or the certification ends; repeatable.",
)
@request_options
def serve(  # noqa: PLR0913 - a command's options
    asked: Requested,
    *,
    host: str,
    port: int,
    names: tuple[str, ...],
    jobs: int,
    no_certify: bool,
    notify: tuple[str, ...],
) -> int:
    """
    Serve the HTTP API and the page, on this machine alone unless --host says otherwise.

    Its queue outlives it: what it was bringing goes on where it was when it is started again.
    """
    if lacking := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise RequestError(
            f"serve needs the extra web, and {', '.join(lacking)} cannot be found",
            remedy="run `pip install '.[web]'` in a checkout of modelready",
        )
    from modelready.web.guards import Access  # noqa: PLC0415 - --help must be quick, and know it without the extra
    from modelready.web.service import Service  # noqa: PLC0415
    from modelready.web.serving import serve as served  # noqa: PLC0415

    access = Access(host, tuple(name.lower() for name in names), os.environ.get("MODELREADY_ADMIN_TOKEN", ""))
    options = None if no_certify else _suite_options()
    service = Service(asked, access, jobs, options, notices.urls(notify, os.environ))
    served(service, port, lambda address: click.echo(f"serving at {address}; its API is told at {address}/docs"))
    return 0


def _suite_options() -> list[str]:
    """Give the options of this call that the suite shares."""
    given = click.get_current_context().params
    options = [word for name in ("catalog", "model") for one in given[f"{name}s"] for word in (f"--{name}", str(one))]
    options += [word for one in given["require"] for word in ("--require", one)]
    return [*options, *(("--lock", str(given["lock"])) if given["lock"] else ())]
