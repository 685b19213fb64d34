"""Serving on a socket until a signal comes."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from modelready.errors import RequestError
from modelready.web.app import create_app
from modelready.web.guards import Guards, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.web.guards import Access
    from modelready.web.service import Service

_GRACE_S, _BACKLOG = 3, 1024


def check(access: Access) -> None:
    """
    See that who listens beyond this machine has a token.

    Raises: RequestError.
    """
    if not is_loopback(access.host) and not access.admin_token:
        raise RequestError(
            f"--host {access.host}: other machines could ask, and MODELREADY_ADMIN_TOKEN is not set",
            remedy="set MODELREADY_ADMIN_TOKEN to a long random text, or leave --host out",
        )


def listen(host: str, port: int) -> socket.socket:
    """
    Take the port.

    Raises: RequestError, when it cannot be had.
    """
    with contextlib.ExitStack() as undo:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
            # Only where the protocol is named does asyncio send small answers at once (TCP_NODELAY): 40 ms each.
            taken = undo.enter_context(socket.socket(family, kind, protocol))
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(place)
            taken.listen(_BACKLOG)  # who reads the address may ask at once
        except OSError as error:
            raise RequestError(
                f"{host}:{port} cannot be served ({error.strerror or error})", remedy="choose another --port or --host"
            ) from error
        undo.pop_all()
        return taken


def serve(service: Service, port: int, told: Callable[[str], None]) -> None:
    """
    Serve until SIGTERM or Ctrl-C; *told* gets the address.

    Raises: RequestError, when the address cannot be had, or would need a token. NotWritable, when the state folder
    cannot be written.
    """
    check(service.access)
    with listen(service.access.host, port) as taken:
        service.manager.begin()
        server = Server(service)
        # uvicorn stops gently and then raises the signal again: for us that is the end, and a good one.
        signal.signal(signal.SIGTERM, _end)
        told(address(taken))
        server.run(sockets=[taken])


class Server(uvicorn.Server):
    """Serves *service*; whoever listens to its events is told the end before connections are waited for."""

    def __init__(self, service: Service) -> None:
        super().__init__(_config(service))
        self._feed = service.feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the events, then do what uvicorn does."""
        await self._feed.close()
        await super().shutdown(sockets=sockets)


def _config(service: Service) -> uvicorn.Config:
    """Give how the server is run: it names neither itself nor who asked."""
    return uvicorn.Config(
        Guards(create_app(service), service.access),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=1000,
        ws="none",
    )


def address(taken: socket.socket) -> str:
    """Give the address of the socket, as a browser is told."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)
