"""Whether the servers that a catalog needs are there: one small question each, bounded in time."""

from __future__ import annotations

import functools
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import __version__
from modelready.diagnosing import bounded
from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.diagnosing.tokens import of_hub
from modelready.errors import ModelreadyError, Stalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modelready.environment import Settings
    from modelready.model import Source

_PATIENCE_S = 5.0
_GRACE_S = 1.0
_NAMES_S = 10.0  # looking up a name may take so long
_CIVITAI = "https://civitai.com"
_WHO_AM_I = "/api/whoami-v2"
_SLOW_S = 2.0
_SKEW_WARNS_S, _SKEW_FAILS_S = 120.0, 900.0  # signed addresses live a quarter of an hour and more
_OK, _UNAUTHORISED, _FORBIDDEN, _BROKEN = 200, 401, 403, 500


@dataclass(frozen=True)
class Seen:
    """What a server answered, or why it did not; ``skew_s`` is how far this machine's clock runs ahead of its own."""

    endpoint: str
    host: str
    status: int | None = None
    latency_s: float = 0.0
    skew_s: float | None = None
    error: ModelreadyError | None = None
    took_token: bool | None = None  # None: it was sent none, or did not say

    @property
    def told(self) -> str:
        """Say in a few words what was seen."""
        if self.error is not None:
            return f"{self.host} does not answer now either"
        skew = "" if self.skew_s is None or abs(self.skew_s) < _SKEW_WARNS_S else f", and {skewed(self.skew_s)}"
        return f"{self.host} answers {self.status} within {self.latency_s * 1000:.0f} ms{skew}"


def of_source(source: Source, environ: Mapping[str, str], settings: Settings) -> str:
    """Give the endpoint that *source* is asked at; nothing for files of this machine."""
    if source.kind == "hf":
        return settings.hf_endpoint
    if source.kind == "civitai":
        return (environ.get("CIVITAI_ENDPOINT") or _CIVITAI).rstrip("/")
    from modelready.network import reasons  # noqa: PLC0415 - imports requests

    parts = reasons.split(source.address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.scheme in {"http", "https"} else ""


def look(endpoint: str, *, token: str | None = None, patience_s: float = _PATIENCE_S) -> Seen:
    """Ask *endpoint* one question, and wait a few seconds at most; *token* is sent to nobody else."""
    return _look_all({endpoint: token}, patience_s)[0]


def _look_all(tokens: Mapping[str, str | None], patience_s: float) -> list[Seen]:
    """Ask all endpoints at once, each with its token."""
    from modelready.network import reasons  # noqa: PLC0415 - imports requests

    works = [functools.partial(_ask, endpoint, token, patience_s) for endpoint, token in tokens.items()]
    found = bounded.all_within(patience_s + _GRACE_S + _NAMES_S, works)
    remedy = "check the network and the name servers"
    return [
        seen or Seen(endpoint, host := reasons.host(endpoint), error=Stalled(f"{host} went silent", remedy=remedy))
        for endpoint, seen in zip(tokens, found, strict=True)
    ]


def examine(
    environ: Mapping[str, str], settings: Settings, sources: Iterable[Source]
) -> Iterator[tuple[Finding, Seen | None]]:
    """Tell of every server that *sources* are asked at."""
    endpoints = sorted({of_source(one, environ, settings) for one in sources} - {""})
    token = of_hub(environ, settings)
    if settings.is_offline:
        names = ", ".join(endpoints) or "nobody"
        yield warn("endpoints", f"{names}: not asked, HF_HUB_OFFLINE forbids it", "unset it to provision"), None
        return
    if settings.disabled_by:
        yield warn("endpoints", f"{settings.disabled_by} forbids downloads", f"unset {settings.disabled_by}"), None
    sent = {one: token.letters if token and one == settings.hf_endpoint else None for one in endpoints}
    for seen in _look_all(sent, _PATIENCE_S):
        yield from ((finding, seen) for finding in _judged(seen, token.held_by if token else ""))


def skewed(skew_s: float) -> str:
    """Say how far the clock of this machine is off."""
    unit, amount = ("min", abs(skew_s) / 60) if abs(skew_s) < 2 * 3600 else ("h", abs(skew_s) / 3600)
    return f"this machine's clock is {amount:.0f} {unit} {'ahead' if skew_s > 0 else 'behind'}"


def _judged(seen: Seen, held_by: str) -> Iterator[Finding]:
    if seen.error is not None:
        yield fail("endpoints", seen.error.what, seen.error.remedy)
        return
    if seen.status is not None and seen.status >= _BROKEN:
        yield fail("endpoints", f"{seen.host} answers {seen.status}", "try again later, or use another endpoint")
        return
    text = f"{seen.host} answers within {seen.latency_s * 1000:.0f} ms"
    yield warn("endpoints", text, "a slow line or proxy") if seen.latency_s > _SLOW_S else ok("endpoints", text)
    if seen.took_token is False:
        yield fail("endpoints", f"{seen.host} refuses the token in {held_by}", "make a new one, and set it there")
    elif seen.took_token:
        yield ok("endpoints", f"{seen.host} takes the token in {held_by}")
    if seen.skew_s is not None and abs(seen.skew_s) > _SKEW_WARNS_S:
        judge = fail if abs(seen.skew_s) > _SKEW_FAILS_S else warn
        yield judge(
            "endpoints", f"{skewed(seen.skew_s)} of {seen.host}", "set the clock (NTP): signatures expire by it"
        )


def _ask(endpoint: str, token: str | None, patience_s: float) -> Seen:
    from modelready.network import headers, reasons  # noqa: PLC0415 - imports requests
    from modelready.network.access import Access  # noqa: PLC0415
    from modelready.network.faults import Passing  # noqa: PLC0415
    from modelready.network.http import Client  # noqa: PLC0415

    host, started = reasons.host(endpoint), time.monotonic()
    with closing(Client(Access(endpoint, token=token, user_agent=f"modelready/{__version__}"))) as client:
        watch = threading.Timer(patience_s + _GRACE_S, client.halt)
        watch.daemon = True
        watch.start()
        try:
            asking = {"Accept": "application/json"}
            reply = client.get(f"{endpoint}{_WHO_AM_I if token else '/'}", asking=asking, timeout_s=patience_s)
        except Passing as fault:
            return Seen(endpoint, host, error=fault.error)
        except ModelreadyError as error:
            return Seen(endpoint, host, error=error)
        finally:
            watch.cancel()
        reply.response.close()
    status = reply.response.status_code
    took = {_OK: True, _UNAUTHORISED: False, _FORBIDDEN: False}.get(status) if token else None
    at = headers.date(reply.response.headers.get("Date"))
    skew_s = None if at is None else time.time() - at
    return Seen(endpoint, host, status, time.monotonic() - started, skew_s, took_token=took)
