"""One connection's requests: kept alive, redirected by our own rules, cut off when told to stop."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from modelready import errors
from modelready.environment import unraced
from modelready.network import headers, logs, reasons
from modelready.network.faults import Passing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.network.access import Access

_MOST_REDIRECTS = 10
_MOST_OF_A_REDIRECT = 64 * 1024  # read of its body, so that the connection can be used again
_LONGEST_CONNECT_S = 10.0
_GRACE_S = 1.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
#: Addresses that preparing leaves as they are: no query, no escapes, no name that begins with a dot.
_PLAIN = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(?::[1-5]?\d{1,4})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")

FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class Reply:
    """An answer, where it came from in the end, the size the way there promised, and whether redirects led there."""

    response: requests.Response
    url: str
    linked_size: int | None
    is_fresh: bool = False

    def is_elsewhere(self, url: str) -> bool:
        """Tell whether another origin than that of *url* answered."""
        return origin(self.url) != origin(url)


class Client:
    """The requests of one worker: one kept connection a host, the token only for the origin it belongs to."""

    def __init__(self, access: Access) -> None:
        logs.hide_queries()
        self._access = access
        self._home = origin(access.endpoint)
        self._sockets = Sockets()
        self._session = requests.Session()
        self._asked_at: float | None = None
        self._settings: dict[tuple[str, str, int | None], dict[str, Any]] = {}
        for scheme in _PORTS:
            self._session.mount(f"{scheme}://", _adapter(self._sockets))

    def get(self, url: str, *, asking: Mapping[str, str], timeout_s: float) -> Reply:
        """
        Ask for *url*, following redirects.

        Raises:
            Passing: nothing was answered, or redirects lead nowhere.
            SourceError: a redirect would give up encryption.

        """
        self._asked_at, cuts = time.monotonic(), self._sockets.cuts
        try:
            reply = self._followed(url, asking, timeout_s)
        except Passing as fault:
            if self._sockets.cuts > cuts:
                raise reasons.silent(url) from fault
            raise
        finally:
            self._asked_at = None
        if self._sockets.cuts > cuts:
            # Headers that are cut off look like headers that end.
            reply.response.close()
            raise reasons.silent(url)
        return reply

    @property
    def is_unreachable(self) -> bool:
        """
        Tell whether, halted, it still waits for a name or a connection, which nothing can cut short.

        Its thread may be left to itself: whenever that ends, it finds itself halted, and touches nothing.
        """
        asked_at, halted_at = self._asked_at, self._sockets.halted_at
        return asked_at is not None and halted_at is not None and time.monotonic() - halted_at > _GRACE_S

    def cut_if_older(self, moment: float) -> None:
        """Cut the connections if an answer has been waited for since before *moment*: its headers only trickle."""
        if self._asked_at and self._asked_at < moment:
            self._sockets.cut()

    def halt(self) -> None:
        """Cut every connection, those that are yet to be made included."""
        self._sockets.halt()

    def close(self) -> None:
        """Close what is kept alive."""
        self._session.close()
        self._sockets.close()

    def _followed(self, url: str, asking: Mapping[str, str], timeout_s: float) -> Reply:
        seen: dict[str, None] = {}
        linked_size = None
        while url not in seen and len(seen) <= _MOST_REDIRECTS:
            seen[url] = None
            response = self._send(url, asking, timeout_s)
            linked_size = headers.count(response.headers.get("X-Linked-Size")) or linked_size
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return Reply(response, url, linked_size, is_fresh=len(seen) > 1)
            _drain(response)
            url = _aim(url, target)
        what = "redirects in a circle" if url in seen else f"redirects more than {_MOST_REDIRECTS} times"
        raise Passing(
            errors.ServerFault(
                f"{reasons.shown(next(iter(seen)))} {what}, last to {reasons.shown(url)}",
                remedy="look for a proxy or a portal on the way, or correct the address",
            )
        )

    def _send(self, url: str, asking: Mapping[str, str], timeout_s: float) -> requests.Response:
        sent = {"User-Agent": self._access.user_agent, "Accept": "*/*", "Accept-Encoding": "identity", **asking}
        here = origin(url)
        if self._access.token and here == self._home:
            sent["Authorization"] = f"Bearer {self._access.token}"
        try:
            request = prepared(url, sent)
            adapter = self._session.get_adapter(url)
            timeout = (min(timeout_s, _LONGEST_CONNECT_S), timeout_s)
            return adapter.send(request, stream=True, timeout=timeout, **self._settings_for(here, url))
        except requests.exceptions.InvalidProxyURL as error:
            raise reasons.unanswered(url, error).error from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as error:
            what = f"{reasons.shown(url)}: {reasons.reason(error)}"
            raise errors.ServerFault(what, remedy="correct the address") from None
        except FAULTS as error:
            raise reasons.unanswered(url, error) from None

    def _settings_for(self, here: tuple[str, str, int | None], url: str) -> dict[str, Any]:
        if here not in self._settings:
            merged = unraced(
                lambda: self._session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            )
            self._settings[here] = {name: merged[name] for name in ("proxies", "verify", "cert")}
        return self._settings[here]


def prepared(url: str, sent: Mapping[str, str]) -> requests.PreparedRequest:
    """Prepare a request by itself, for an adapter: so no netrc is read, no cookie kept, nothing merged per call."""
    if not _PLAIN.fullmatch(url):
        return requests.Request("GET", url, headers=sent, params="").prepare()
    # Nothing in it would be changed; for thousands of files that is not found out anew.
    plain = requests.PreparedRequest()
    plain.prepare_method("GET")
    plain.url = url
    plain.prepare_headers(sent)
    return plain


def origin(url: str) -> tuple[str, str, int | None]:
    """Give scheme, host and port: what a token belongs to."""
    parts = reasons.split(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or _PORTS.get(parts.scheme.lower())


class Sockets:
    """The open sockets of one client, for another thread to cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.halted_at: float | None = None
        self.cuts = 0

    def add(self, connected: socket.socket) -> None:
        """Keep a second handle on *connected*: TLS takes the first one over."""
        with self._lock:
            self._forget_closed()
            self._open.append(connected.dup())
            if self.halted_at is not None:
                _cut(self._open[-1])

    def cut(self) -> None:
        """Shut every connection down."""
        self.cuts += 1
        with self._lock:
            for one in self._open:
                _cut(one)

    def halt(self) -> None:
        """Shut every connection down, and each new one at once."""
        self.halted_at = self.halted_at or time.monotonic()
        self.cut()

    def close(self) -> None:
        """Let go of every handle."""
        with self._lock:
            for one in self._open:
                one.close()
            self._open.clear()

    def _forget_closed(self) -> None:
        while len(self._open) > len(_PORTS):
            self._open.pop(0).close()


def _cut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was first
        one.shutdown(socket.SHUT_RDWR)


def _adapter(sockets: Sockets) -> HTTPAdapter:
    """Make an adapter whose connections can be cut from another thread."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sockets.add(connected := super()._new_conn())
            return connected

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sockets.add(connected := super()._new_conn())
            return connected

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=1)
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
    return adapter


def _aim(url: str, target: str) -> str:
    # Header bytes arrive as latin-1; an address in UTF-8 is meant.
    with contextlib.suppress(UnicodeError):
        target = target.encode("latin-1").decode("utf-8")
    try:
        after = urljoin(url, target)
    except ValueError:
        after = ""
    scheme = reasons.split(after).scheme
    if scheme not in _PORTS or (scheme == "http" and reasons.split(url).scheme == "https"):
        raise errors.ServerFault(
            f"{reasons.shown(url)} redirects to {reasons.shown(after)}, which is no encrypted address",
            remedy="look for a proxy or a portal on the way; nothing was sent there",
        )
    return after.partition("#")[0]


def _drain(response: requests.Response) -> None:
    try:
        length = headers.count(response.headers.get("Content-Length"))
        if length is not None and length <= _MOST_OF_A_REDIRECT:
            response.raw.drain_conn()
    finally:
        response.close()
