"""One byte of a file is asked for, to learn its size, version and name: HEAD is refused too often to be used."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from modelready.errors import ModelreadyError, Offline, Stalled
from modelready.network import headers, reasons
from modelready.network.faults import Passing
from modelready.network.http import Client, origin
from modelready.network.retries import Patience, hush, interrupted, persist
from modelready.network.statuses import LATER, later
from modelready.sources.asking import cut_after

if TYPE_CHECKING:
    from modelready.network.access import Access
    from modelready.network.http import Reply

_GRACE_S = 1.0


class Prober:
    """Asks servers for the first byte of files; one found silent or unreachable is not asked again."""

    def __init__(self, access: Access, stop: threading.Event | None = None) -> None:
        self._access = access
        self._stop = stop or threading.Event()
        self._given_up: dict[tuple[str, str, int | None], ModelreadyError] = {}

    def ask(self, url: str) -> Reply:
        """
        Give what *url* answers, its body unread and its connection closed.

        Raises: RateLimited, ServerFault, Stalled, Offline, Interrupted.
        """
        hush()
        patience, found = Patience(self._access, self._stop), []
        try:
            persist(lambda: found.append(self._once(url, patience)), patience)
        except (Stalled, Offline) as error:
            self._given_up[origin(url)] = error
            raise
        return found[0]

    def _once(self, url: str, patience: Patience) -> Reply:
        if (error := self._given_up.get(origin(url))) is not None:
            raise error
        if self._stop.is_set():
            raise interrupted()
        with closing(Client(self._access)) as client, cut_after(patience.left_s + _GRACE_S, client):
            reply = client.get(url, asking={"Range": "bytes=0-0"}, timeout_s=patience.ask())
        response = reply.response
        response.close()
        if response.status_code in LATER:
            wait_s = headers.wait_s(response.headers, time.time())
            what = f"{reasons.host(reply.url)} answers {response.status_code} {response.reason or ''}".rstrip()
            raise Passing(later(what, response.status_code, wait_s), wait_s=wait_s, is_answer=True)
        return reply
