"""A small message to an address that somebody named: tried a few times, never for long, never with a token of ours."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

import requests
import stamina

from modelready import errors
from modelready.environment import unraced
from modelready.network import headers, reasons
from modelready.network.faults import Passing
from modelready.network.http import FAULTS
from modelready.network.retries import hush
from modelready.network.statuses import LATER, later

if TYPE_CHECKING:
    from collections.abc import Mapping

_ATTEMPTS = 4
_TIMEOUT_S = 5.0  # to connect, and then to be answered
_LONGEST_S = 30.0  # with all tries
_LONGEST_WAIT_S = 8.0
_TAKEN = range(200, 300)


def check(url: str) -> None:
    """
    Let an address pass that a message may go to: https anywhere, http on this machine only.

    Raises: RequestError, which tells nothing of *url* but its host: what stands behind that is often a secret.
    """
    parts = reasons.split(url)
    shown = f"{parts.scheme or '…'}://{reasons.host(url)}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(url):
        raise errors.RequestError(f"{shown}: is no address to post to", remedy="give one, like https://hooks.example/x")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise errors.RequestError(f"{shown}: what is posted there could be read on the way", remedy="give https://…")


def post(url: str, message: Mapping[str, object], *, user_agent: str) -> None:
    """
    Post *message* to *url* as JSON.

    Raises: SourceError, where it is not taken.
    """
    hush()
    try:
        for attempt in stamina.retry_context(
            on=_again, attempts=_ATTEMPTS, timeout=_LONGEST_S, wait_initial=0.5, wait_max=_LONGEST_WAIT_S
        ):
            with attempt:
                _once(url, message, user_agent)
    except Passing as fault:
        raise fault.error from fault


def _again(error: Exception) -> bool | float:
    """Tell whether, or after how many seconds, another try may help."""
    if not isinstance(error, Passing):
        return False
    return True if error.wait_s is None else min(error.wait_s, _LONGEST_WAIT_S)


def _once(url: str, message: Mapping[str, object], user_agent: str) -> None:
    host = reasons.host(url)
    try:
        with requests.Session() as session, _answer(session, url, message, user_agent) as response:
            status, told = response.status_code, response.headers
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError):
        raise errors.ServerFault(f"{host}: nothing can be posted to such an address", remedy="correct it") from None
    except FAULTS as error:
        raise reasons.unanswered(url, error) from None
    if status in _TAKEN:
        return
    what = f"{host} answers {status}"
    if status in LATER:
        wait_s = headers.wait_s(told, time.time())
        raise Passing(later(what, status, wait_s), wait_s=wait_s, is_answer=True)
    raise errors.ServerFault(what, remedy="correct the address")


def _answer(session: requests.Session, url: str, message: Mapping[str, object], user_agent: str) -> requests.Response:
    """Post, and give the answer. No redirect is followed and no netrc read: it goes where it was told, no further."""
    settings = unraced(lambda: session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None))
    session.trust_env = False
    return session.post(
        url,
        json=message,
        headers={"User-Agent": user_agent},
        auth=_auth_of(url),
        timeout=_TIMEOUT_S,
        allow_redirects=False,
        **settings,
    )


def _auth_of(url: str) -> tuple[str, str] | None:
    """Give user and password, where *url* itself holds them."""
    user, password = requests.utils.get_auth_from_url(url)
    return (user, password) if user else None


def _has_port(url: str) -> bool:
    """Tell whether *url* names a port that there is, or none."""
    try:
        return reasons.split(url).port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
