"""The body of an answer as views of one buffer: received straight into it where that is possible."""

from __future__ import annotations

import http.client
import select
import sys
import time
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from modelready import errors
from modelready.network import reasons, streams
from modelready.network.faults import Passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    from modelready.network.streams import Stream

_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
_SLOW_READ = 64 * 1024
_LINGER_S = 0.5  # what came stays no longer in the buffer,
_SOON_MS = 100  # or so long when nothing follows


def read(
    response: Response, *, length: int | None, buffer: memoryview, heard: Callable[[int], None]
) -> Iterator[memoryview]:
    """
    Give the *length* bytes of *response*, or all to its end, in views that hold until the next one is asked for.

    What came before a fault is given first. ``heard`` is told of every arrival.

    Raises:
        Passing: the body broke off, or went silent.

    """
    reader = streams.stream(response, heard)
    views = _copied(response, length, heard) if reader is None else _received(reader, length, buffer, heard)
    came = 0
    try:
        for view in views:
            came += len(view)
            yield view
    except _FAULTS as error:
        raise reasons.unanswered(response.url, error) from None
    if length is not None and came < length:
        raise cut(response.url, came, length)
    _free(response, reader)


def cut(url: str, came: int, length: int) -> Passing:
    """Tell that a body ended before it was whole."""
    what = f"{reasons.host(url)} broke off after {came} of {length} bytes"
    return Passing(errors.ServerFault(what, remedy="provision again; what arrived is kept"))


def _received(
    reader: Stream, length: int | None, buffer: memoryview, heard: Callable[[int], None]
) -> Iterator[memoryview]:
    length = sys.maxsize if length is None else length
    filled, since, more_comes = 0, time.monotonic(), _watch(reader)
    try:
        while length:
            # At most one read of the socket, so that a fault later costs nothing that came before.
            count = reader.readinto1(buffer[filled : min(filled + length, len(buffer))])
            if not count:
                break
            filled, length = filled + count, length - count
            heard(count)
            is_due = filled * 2 > len(buffer) or time.monotonic() - since > _LINGER_S
            if length and (is_due or not more_comes()):
                yield buffer[:filled]
                filled, since = 0, time.monotonic()
    except (*_FAULTS, Passing, errors.Stalled):
        if filled:
            yield buffer[:filled]
        raise
    if filled:
        yield buffer[:filled]


def _watch(reader: Stream) -> Callable[[], bool]:
    """Give a function that tells whether more bytes come so soon that those in the buffer may wait for them."""
    connected = reader.raw._sock  # noqa: SLF001 - a SocketIO does not give its socket
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    decrypted = getattr(connected, "pending", int)
    return lambda: bool(decrypted() or poll.poll(_SOON_MS))


def _copied(response: Response, length: int | None, heard: Callable[[int], None]) -> Iterator[memoryview]:
    came = 0
    for chunk in response.raw.stream(_SLOW_READ, decode_content=True):
        view = memoryview(chunk) if length is None else memoryview(chunk)[: length - came]
        came += len(view)
        heard(len(view))
        yield view


def _free(response: Response, reader: Stream | None) -> None:
    """Give the connection back for the next request: its whole answer was read."""
    if reader is not None:
        raw: Any = response.raw
        raw._fp.close()  # noqa: SLF001 - urllib3 itself was bypassed
        raw.release_conn()
