"""One question to a server: with a time-out, retried while that makes sense, never for ever."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

from modelready.errors import ModelreadyError, Offline, ServerFault, Stalled
from modelready.network import headers, reasons, streams
from modelready.network.faults import Passing
from modelready.network.http import FAULTS, Client, origin
from modelready.network.retries import Patience, hush, interrupted, persist
from modelready.network.statuses import LATER, PROXY_WANTS_TO_KNOW, asked_by_proxy, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modelready.network.access import Access
    from modelready.network.http import Reply

Found = TypeVar("Found")

_MOST_BYTES = 64 * 1024 * 1024  # of one answer
_READ = 64 * 1024
_GRACE_S = 1.0
_OK = 200


class Refused(Exception):
    """The server answered with a status that asking again does not change."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(f"{status} {code}".rstrip())


@dataclass(frozen=True)
class Answer:
    """What was answered, by which address in the end, and where it goes on."""

    json: Any
    url: str
    next_page: str | None


class Asker:
    """Asks one server; a server found silent or unreachable is not asked again."""

    def __init__(self, access: Access, stop: threading.Event | None = None) -> None:
        self._access = access
        self._stop = stop or threading.Event()
        self._given_up: ModelreadyError | None = None

    def ask(self, url: str) -> Answer:
        """
        Ask for *url* and give the JSON it answers.

        Raises: Refused, RateLimited, ServerFault, Stalled, Offline, Interrupted.
        """
        return self.put(url, {"Accept": "application/json"}, self._read)

    def put(self, url: str, asking: Mapping[str, str], read: Callable[[Reply, Patience], Found]) -> Found:
        """
        Ask for *url* with the headers *asking*, and give what *read* makes of the answer.

        Raises: as `ask`, and what the source itself says that an answer means.
        """
        hush()
        patience = Patience(self._access, self._stop)
        found: list[Found] = []
        try:
            persist(lambda: found.append(self._once(url, asking, read, patience)), patience)
        except (Stalled, Offline) as error:
            self._given_up = error
            raise
        return found[0]

    def _once(
        self, url: str, asking: Mapping[str, str], read: Callable[[Reply, Patience], Found], patience: Patience
    ) -> Found:
        if self._given_up is not None:
            raise self._given_up
        if self._stop.is_set():
            raise interrupted()
        with closing(Client(self._access)) as client:
            with cut_after(patience.left_s + _GRACE_S, client):
                reply = client.get(url, asking=asking, timeout_s=patience.ask())
            with closing(reply.response):
                if self._access.meaning and (meant := self._access.meaning(reply)):
                    raise meant
                return read(reply, patience)

    def _read(self, reply: Reply, patience: Patience) -> Answer:
        response = reply.response
        if response.status_code in LATER:
            wait_s = headers.wait_s(response.headers, time.time())
            what = f"{reasons.host(reply.url)} answers {response.status_code} {response.reason or ''}".rstrip()
            raise Passing(later(what, response.status_code, wait_s), wait_s=wait_s, is_answer=True)
        if response.status_code == PROXY_WANTS_TO_KNOW:
            raise asked_by_proxy(f"{reasons.host(reply.url)} is asked through a proxy, which answers 407")
        if response.status_code != _OK:
            raise Refused(response.status_code, response.headers.get("X-Error-Code", ""))
        try:
            found = json.loads(_body(reply, patience, self._access))
        except (ValueError, RecursionError):  # nested too deeply for anybody: no answer of a Hub
            raise Passing(_no_json(reply, self._access), is_answer=True) from None
        following = response.links.get("next", {}).get("url")
        return Answer(found, reply.url, self._same_origin(urljoin(reply.url, following)) if following else None)

    def _same_origin(self, url: str) -> str:
        if origin(url) != origin(self._access.endpoint):
            raise ServerFault(
                f"{reasons.host(self._access.endpoint)} continues its listing at {reasons.host(url)}",
                remedy=f"check {self._access.endpoint_name}: a listing is read from one server",
            )
        return url


@contextmanager
def cut_after(seconds: float, client: Client) -> Iterator[None]:
    """Cut the connections of *client* after *seconds*: headers that only trickle are no answer."""
    watch = threading.Timer(seconds, client.halt)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _body(reply: Reply, patience: Patience, access: Access) -> bytes:
    body = bytearray()
    try:
        for piece in _pieces(reply, lambda count: patience.heard(count, reply.url)):
            body += piece
            if len(body) > _MOST_BYTES:
                raise _no_end(reply, access)
    except (*FAULTS, HTTPException) as error:
        raise reasons.unanswered(reply.url, error) from None
    return bytes(body)


def _pieces(reply: Reply, heard: Callable[[int], None]) -> Iterator[bytes | memoryview]:
    response = reply.response
    found = streams.stream(response, heard)
    if found is None:
        yield response.content
        return
    length = None if streams.is_coded(response) else headers.count(response.headers.get("Content-Length"))
    reader = found if length is None else streams.Bounded(found, length)
    buffer = memoryview(bytearray(_READ))
    while count := reader.readinto1(buffer):
        heard(count)
        yield buffer[:count]


def _no_end(reply: Reply, access: Access) -> ServerFault:
    return ServerFault(f"{reasons.host(reply.url)} answers without end", remedy=f"check {access.endpoint_name}")


def _no_json(reply: Reply, access: Access) -> ServerFault:
    kind = reply.response.headers.get("Content-Type", "no content type").partition(";")[0]
    return ServerFault(
        f"{reasons.host(reply.url)} answers with {kind} where JSON was expected",
        remedy=f"look for a login page or proxy on the way (a captive portal?), and check {access.endpoint_name}",
    )
