"""What went wrong on the way, in words a person reads; never with a token or a signature in them."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import requests
import urllib3

from modelready import errors
from modelready.network.faults import Passing

if TYPE_CHECKING:
    from collections.abc import Iterator

_SILENT = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_NOT_THERE = (
    ConnectionRefusedError,
    urllib3.exceptions.ConnectTimeoutError,  # NewConnectionError is one of these
    requests.ConnectTimeout,
)
_PROXY = (urllib3.exceptions.ProxyError, requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL)
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_TLS_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)  # a connection that broke, encrypted or not
_CREDENTIALS = re.compile(r"(?i)(bearer\s+|//[^/@\s]*@|[?&][^\s'\"]*=)[^\s'\"]*")


def shown(url: str) -> str:
    """Give *url* without user, query and fragment, where secrets travel."""
    parts = split(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def host(url: str) -> str:
    """Give the host of *url*, with its port where it has one."""
    return split(url).netloc.rpartition("@")[2] or "the server"


def split(url: str) -> SplitResult:
    """Split *url*; what is no address has empty parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def reason(error: BaseException) -> str:
    """Give the innermost reason for *error* in a few words."""
    innermost = list(_causes(error))[-1]
    text = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
    return _CREDENTIALS.sub(r"\1…", str(text))


def unanswered(url: str, error: Exception) -> Passing:
    """Tell that a request got no answer, or no whole one, and why."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        raise errors.Untrusted(
            f"{host(url)}: its certificate is not accepted: {reason(error)}",
            remedy="set REQUESTS_CA_BUNDLE to your proxy's certificates, or mend the clock",
        )
    if any(isinstance(cause, _PROXY) for cause in causes):
        return _of_proxy(url, error)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Passing(
            errors.UnknownHost(
                f"{host(url)} cannot be reached: no name server knows it ({reason(error)})",
                remedy="check the endpoint's name, and this machine's name servers; what arrived is kept",
            )
        )
    if any(isinstance(cause, _NOT_THERE) or getattr(cause, "errno", None) in _NO_WAY for cause in causes):
        return Passing(
            errors.Offline(
                f"{host(url)} cannot be reached: {reason(error)}",
                remedy="check the network, proxy and endpoint, and provision again; what arrived is kept",
            )
        )
    if any(isinstance(cause, _SILENT) for cause in causes):
        return silent(url)
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _TLS_CUT) for cause in causes):
        return Passing(
            errors.Untrusted(
                f"{host(url)}: no encrypted connection comes about: {reason(error)}",
                remedy="check the endpoint (https where http is spoken?), and for a proxy on the way",
            )
        )
    return Passing(
        errors.ServerFault(
            f"{host(url)} broke the connection: {reason(error)}",
            remedy="provision again; what arrived is kept",
        )
    )


def _of_proxy(url: str, error: Exception) -> Passing:
    """Tell that the proxy, and not the source, is what does not answer."""
    return Passing(
        errors.ProxyRefused(
            f"{host(url)} cannot be reached through the proxy: {reason(error)}",
            remedy="check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the host in NO_PROXY; what arrived is kept",
        )
    )


def silent(url: str) -> Passing:
    """Tell that nothing came for too long."""
    return Passing(
        errors.Stalled(f"{host(url)} went silent", remedy="check the network and provision again; what arrived is kept")
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk down to what really happened; libraries put it in args, ``reason`` or ``__cause__``."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        yield error
        context = None if error.__suppress_context__ else error.__context__
        inner = (getattr(error, "reason", None), *getattr(error, "args", ()), error.__cause__, context)
        error = next((one for one in inner if isinstance(one, BaseException) and id(one) not in seen), error)
