"""The second origin that large files come from: signed addresses that expire, and no tokens."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from modelready.mirror.answers import Answer, Given, refusal

if TYPE_CHECKING:
    from modelready.mirror.repos import ServedFile
    from modelready.mirror.routes import Asked


_OTHER_NAMES = {"127.0.0.1": "localhost", "::1": "localhost", "localhost": "127.0.0.1"}


@dataclass(frozen=True)
class Cdn:
    """How long a signed address is good: for so many seconds, for so many GETs, or (None) for ever."""

    expires_s: float | None = None
    uses: int | None = None


@dataclass(frozen=True)
class Ticket:
    """A file that a signed address opens, while it lasts."""

    repo: str
    file: ServedFile
    expires_at: float | None
    uses: int | None


@dataclass(frozen=True)
class Origin:
    """
    Where the second origin listens.

    On loopback it goes by the other name of this machine, because clients tell origins apart by host name; elsewhere
    by the name under which the Hub was reached.
    """

    tickets: Tickets
    port: int

    def address(self, repo: str, file: ServedFile, asked: Asked) -> str:
        """Give a new signed URL for *file*."""
        host = urlsplit(f"//{asked.headers.get('host', 'localhost')}").hostname or "localhost"
        other = _OTHER_NAMES.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{other}:{self.port}{self.tickets.sign(repo, file)}"


class Tickets:
    """The signed addresses given out, and which of them still open their file."""

    def __init__(self, terms: Cdn) -> None:
        self._terms = terms
        self._lock = threading.Lock()
        self._tickets: dict[str, Ticket] = {}

    def sign(self, repo: str, file: ServedFile, *, path: str | None = None) -> str:
        """Give a new address for *file*, or for something of it at *path*, as path and query."""
        lasts_s, uses = self._terms.expires_s, self._terms.uses
        signature = secrets.token_hex(32)
        expires_at = None if lasts_s is None else time.monotonic() + lasts_s
        with self._lock:
            self._tickets[signature] = Ticket(repo, file, expires_at, uses)
        expires = int(time.time() + (3600 if lasts_s is None else lasts_s))
        query = urlencode({"Expires": expires, "Signature": signature})
        return f"{path or f'/{quote(repo)}/{file.etag}'}?{query}"

    def expire(self) -> None:
        """Let every address given out so far be expired."""
        with self._lock:
            self._tickets = {key: replace(ticket, uses=0) for key, ticket in self._tickets.items()}

    def find(self, target: str) -> Ticket | None:
        """Give the ticket of an address, expired or not."""
        return self._tickets.get(_signature(target))

    def use(self, asked: Asked) -> Ticket | Answer:
        """Count one use of a request's ticket and give it, or give the refusal that the request meets."""
        if "authorization" in asked.headers:
            return refusal(HTTPStatus.BAD_REQUEST, "Only one auth mechanism allowed")
        with self._lock:
            ticket = self._tickets.get(_signature(asked.target))
            if ticket is None:
                return _denied("Access denied")
            if ticket.uses == 0 or (ticket.expires_at is not None and time.monotonic() >= ticket.expires_at):
                return _denied("Request has expired")
            if ticket.uses is not None and asked.method == "GET":
                self._tickets[_signature(asked.target)] = replace(ticket, uses=ticket.uses - 1)
        return ticket


def _signature(target: str) -> str:
    return target.rpartition("Signature=")[2]


def _denied(message: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>{message}</Message></Error>'
    return Answer(HTTPStatus.FORBIDDEN, {"Content-Type": "application/xml"}, (Given(body.encode()),))
