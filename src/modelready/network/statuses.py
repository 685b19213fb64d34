"""Statuses by which a server says: come back later."""

from __future__ import annotations

from modelready import errors

LATER = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 598, 599})
PROXY_WANTS_TO_KNOW = 407
_TOO_MANY = 429


def later(what: str, status: int, wait_s: float | None) -> errors.SourceError:
    """Tell that the server went on asking to come back later."""
    if status == _TOO_MANY:
        when = f" in {wait_s:.0f} s" if wait_s else " later"
        return errors.RateLimited(what, remedy=f"provision again{when}, or with fewer --jobs; what arrived is kept")
    return errors.ServerFault(what, remedy="provision again later; what arrived is kept")


def asked_by_proxy(what: str) -> errors.ProxyRefused:
    """Tell that a proxy on the way lets nobody through that it does not know."""
    return errors.ProxyRefused(what, remedy="give the proxy's user and password in HTTPS_PROXY or HTTP_PROXY")
