"""One question to a server's API: with a time-out, retried while that makes sense, never for ever."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from modelready.errors import Interrupted, ModelreadyError, ServerFault, Stalled
from modelready.transfer import headers, reasons
from modelready.transfer.answers import LATER, later
from modelready.transfer.faults import Passing
from modelready.transfer.http import FAULTS, Client, origin

if TYPE_CHECKING:
    from modelready.transfer import Access
    from modelready.transfer.http import Reply

#: Seconds that all tries of a question may take together, and that a server may ask us to stay away.
_BUDGET_S, _MOST_WAIT_S = 45.0, 120.0
_MOST_BYTES = 256 * 1024 * 1024  # of one answer
_OK = 200


class Refused(Exception):
    """The server answered with a status that asking again does not change."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(f"{status} {code}".rstrip())


@dataclass(frozen=True)
class Answer:
    """What was answered, and by which address in the end."""

    json: Any
    url: str


class Asker:
    """Asks one server; a server found silent or unreachable is not asked again."""

    def __init__(self, access: Access, *, timeout_s: float, stop: threading.Event | None = None) -> None:
        self._access, self._timeout_s = access, timeout_s
        self._stop = stop or threading.Event()
        self._local = threading.local()
        self._given_up: ModelreadyError | None = None

    @property
    def next_page(self) -> str | None:
        """Give the address of the page after the one this thread was answered last."""
        page: str | None = getattr(self._local, "next_page", None)
        return page

    def ask(self, url: str) -> Answer:
        """
        Ask for *url* and give the JSON it answers.

        Raises: Refused, RateLimited, ServerFault, Stalled, Offline, Interrupted.
        """
        import stamina  # noqa: PLC0415 - only where something is asked for

        started = time.monotonic()
        try:
            for attempt in stamina.retry_context(
                on=lambda error: self._wait(error, started),
                attempts=self._access.max_retries + 1,
                timeout=None,
                wait_initial=0.5,
                wait_max=8.0,
            ):
                with attempt:
                    return self._once(url, started)
        except Passing as passing:
            if isinstance(passing.error, Stalled) or passing.error.kind == "offline":
                self._given_up = passing.error
            raise passing.error from None
        raise AssertionError("stamina gives at least one attempt")  # unreachable

    def _once(self, url: str, started: float) -> Answer:
        if self._given_up is not None:
            raise self._given_up
        if self._stop.is_set():
            raise Interrupted("stopped while a source was asked", remedy="run the same command again")
        client = Client(self._access)
        try:
            reply = client.get(url, asking={"Accept": "application/json"}, timeout_s=self._timeout_s)
            return self._read(reply, started)
        finally:
            client.close()

    def _read(self, reply: Reply, started: float) -> Answer:
        response = reply.response
        if response.status_code in LATER:
            wait_s = headers.wait_s(response.headers, time.time())
            what = f"{reasons.host(reply.url)} answers {response.status_code} {response.reason or ''}".rstrip()
            raise Passing(later(what, response.status_code, wait_s), wait_s=wait_s)
        if response.status_code != _OK:
            raise Refused(response.status_code, response.headers.get("X-Error-Code", ""))
        try:
            found = json.loads(self._body(reply, started))
        except ValueError:
            raise Passing(_no_json(reply)) from None
        following = response.links.get("next", {}).get("url")
        self._local.next_page = self._same_origin(urljoin(reply.url, following)) if following else None
        return Answer(found, reply.url)

    def _body(self, reply: Reply, started: float) -> bytes:
        body = bytearray()
        try:
            for chunk in reply.response.iter_content(64 * 1024):
                body += chunk
                if len(body) > _MOST_BYTES or time.monotonic() - started > _BUDGET_S:
                    raise reasons.silent(reply.url)
        except FAULTS as error:
            raise reasons.unanswered(reply.url, error) from None
        return bytes(body)

    def _same_origin(self, url: str) -> str:
        if origin(url) != origin(self._access.endpoint):
            raise ServerFault(
                f"{reasons.host(self._access.endpoint)} continues its listing at {reasons.host(url)}",
                remedy="check HF_ENDPOINT: a listing is read from one server",
            )
        return url

    def _wait(self, error: Exception, started: float) -> bool | float:
        """Say whether to ask again, and in how many seconds."""
        if not isinstance(error, Passing) or self._stop.is_set():
            return False
        if error.wait_s is not None:
            return error.wait_s if error.wait_s <= _MOST_WAIT_S else False
        return time.monotonic() - started < _BUDGET_S - self._timeout_s


def _no_json(reply: Reply) -> ServerFault:
    kind = reply.response.headers.get("Content-Type", "no content type").partition(";")[0]
    return ServerFault(
        f"{reasons.host(reply.url)} answers with {kind} where JSON was expected",
        remedy="look for a login page or proxy on the way (a captive portal?), and check HF_ENDPOINT",
    )
