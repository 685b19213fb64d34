"""Who may ask, and how much: addresses that lead here, pages that are ours, sizes, rates, and headers that say so."""

from __future__ import annotations

import hmac
import ipaddress
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 16 * 1024
#: Requests a second that one address may make for long, and at once.
RATE, BURST = 200.0, 3000.0
_MOST_ADDRESSES = 1024
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """Where the server listens, under which names it is known, and the token of its admin."""

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    admin_token: str = ""

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can ask."""
        return is_loopback(self.host)

    def is_admin(self, authorization: str | None) -> bool:
        """Tell whether *authorization*, a header, bears the admin's token; it takes as long for every wrong one."""
        scheme, _, token = (authorization or "").partition(" ")
        given, wanted = token.strip().encode(), self.admin_token.encode()
        return scheme.lower() == "bearer" and bool(wanted) and hmac.compare_digest(given, wanted)

    def knows(self, host: str) -> bool:
        """Tell whether *host*, of a request, is a name of this server; a name that anyone can point here is none."""
        name = _name_of(host)
        if name in _LOOPBACK_NAMES or name in self.names or name == self.host.lower():
            return True
        return not self.is_loopback and _is_address(name)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in."""

    status: int
    detail: str
    kind: str
    remedy: str
    retryable: bool = False

    def body(self) -> bytes:
        """Give it as a problem (RFC 9457)."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                "kind": self.kind,
                "remedy": self.remedy,
                "retryable": self.retryable,
            }
        ).encode()


class Rates:
    """How much each address has asked lately."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may(self, address: str) -> bool:
        """Count a request of *address*, and tell whether it is not one too many."""
        now = time.monotonic()
        left, then = self._left.pop(address, (self._burst, now))
        left = min(left + (now - then) * self._rate, self._burst)
        self._left[address] = (max(left - 1, 0.0), now)
        if len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return left >= 1


class Guards:
    """Stands before the application."""

    def __init__(self, app: ASGIApp, access: Access, rates: Rates | None = None) -> None:
        self._app, self._access, self._rates = app, access, rates or Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it in a few words."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(("/api/", "/metrics", "/healthz", "/readyz")):
                    headers.setdefault("cache-control", "no-store")
                elif scope["path"].startswith("/page/"):
                    headers.setdefault("cache-control", "no-cache")  # another version's scripts would not fit together
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_guarded)
            return
        body = refusal.body()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")] if refusal.status in {411, 413} else []
        headers += [(b"retry-after", b"1")] if refusal.status == HTTPStatus.TOO_MANY_REQUESTS else []
        await send_guarded({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send_guarded({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers, is_safe = Headers(scope=scope), scope["method"] in _SAFE
        if scope["path"] not in _PROBES and not self._rates.may((scope.get("client") or ("", 0))[0]):
            return Refusal(429, "too many requests from one address", "rate_limited", "ask less often", retryable=True)
        host = headers.get("host", "")
        if not self._access.knows(host):
            return _refused_host(host)
        if scope["path"].startswith("/api/") and (stranger := _stranger(headers, host)):
            return stranger
        if not is_safe:
            return _too_much(headers) or self._unknown(headers)
        return None

    def _unknown(self, headers: Headers) -> Refusal | None:
        """Refuse what would change something, where other machines can ask, to who has no token."""
        if self._access.is_loopback or self._access.is_admin(headers.get("authorization")):
            return None
        return Refusal(
            403,
            "this server listens beyond this machine, so what changes something needs the admin's token",
            "unauthorised",
            "send the header Authorization: Bearer, with the token of MODELREADY_ADMIN_TOKEN",
        )


def is_loopback(host: str) -> bool:
    """Tell whether *host* can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _refused_host(host: str) -> Refusal:
    return Refusal(
        421,
        f"{host[:100]!r} is no name of this server",
        "request",
        "ask it by its address, or start it with --allow-host NAME",
    )


def _stranger(headers: Headers, host: str) -> Refusal | None:
    """Refuse what a page of another origin asks: a browser that visits it must not start downloads here."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_ours = site in {None, "same-origin", "none"} and (origin is None or origin.partition("://")[2] == host)
    if is_ours:
        return None
    return Refusal(403, "a page of another origin asks", "request", "ask from the page of this server, or without one")


def _too_much(headers: Headers) -> Refusal | None:
    if "transfer-encoding" in headers:
        return Refusal(411, "the body has no length", "request", "send no body, or Content-Length with it")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()) or int(length.lstrip("0")[:12] or "0") > MOST_BODY:
        return Refusal(413, f"the body is larger than {MOST_BODY} bytes", "request", "send none: no call needs one")
    return None


def _name_of(host: str) -> str:
    """Give the name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
