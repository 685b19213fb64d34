"""
Why an error is likely to have happened on this machine: what is known of its tokens, disks, network and clock.

An error says what happened and what to do; the cause between them differs from machine to machine.
"""

from __future__ import annotations

import datetime as dt
import getpass
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import sizes
from modelready.diagnosing import endpoints, places, tokens
from modelready.errors import Held, PatternWithoutMatch, Renamed
from modelready.inspection import words
from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelready.diagnosing.endpoints import Seen
    from modelready.environment import Settings
    from modelready.errors import ModelreadyError
    from modelready.model import Model

_LOOK_S = 2.0
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_LOOPBACK = ("127.", "localhost", "[::1]")


@dataclass(frozen=True)
class Diagnosis:
    """An error as everybody tells it: terminal, rows, page and certificate."""

    kind: str
    what: str
    cause: str
    remedy: str
    retryable: bool

    @property
    def told(self) -> str:
        """Give what happened, and why it is likely to have happened here."""
        return f"{self.what} ({self.cause})" if self.cause else self.what

    def __str__(self) -> str:
        return f"{self.told}; {self.remedy}" if self.remedy else self.told


def plain(error: ModelreadyError) -> Diagnosis:
    """Tell *error* where nothing has to be looked at."""
    return Diagnosis(error.kind, error.what, "", error.remedy, error.retryable)


@dataclass
class Diagnosing:
    """Diagnoses the errors of one command; a server is looked at once, for two seconds."""

    environ: Mapping[str, str]
    settings: Settings
    _seen: dict[str, Seen] = field(default_factory=dict)

    def diagnose(self, error: ModelreadyError, model: Model, place: Path | None = None) -> Diagnosis:
        """Diagnose *error*, met when *model* was to come to *place*."""
        case = _Case(self, error, model, place)
        cause = _CAUSES.get(error.kind, _nothing)(case)
        return Diagnosis(error.kind, error.what, cause, error.remedy, error.retryable)

    def look(self, endpoint: str) -> Seen:
        """Look at *endpoint*, once."""
        if endpoint not in self._seen:
            self._seen[endpoint] = endpoints.look(endpoint, patience_s=_LOOK_S)
        return self._seen[endpoint]


@dataclass(frozen=True)
class _Case:
    """One error, and where it was met."""

    known: Diagnosing
    error: ModelreadyError
    model: Model
    place: Path | None

    @property
    def endpoint(self) -> str:
        return endpoints.of_source(self.model.source, self.known.environ, self.known.settings)

    @property
    def folder(self) -> Path:
        """Give the folder in question: the one that the error names, or the model's."""
        named = Path(self.error.what.partition(": ")[0])
        if named.is_absolute():
            return named
        return self.place or self.model.folder or self.known.settings.hf_cache


def _nothing(_: _Case) -> str:
    return ""


def _token(case: _Case) -> str:
    if isinstance(case.error, PatternWithoutMatch | Renamed):  # the listing was given: no token would change it
        return ""
    kind = case.model.source.kind
    if kind == "hf":
        return tokens.whence(case.known.environ, case.known.settings)
    if kind == "civitai":
        token = tokens.of_civitai(case.known.environ)
        return f"the token in {token.held_by} is sent" if token else "CIVITAI_TOKEN is not set"
    return ""


def _server(case: _Case) -> str:
    """Say how the server is now, where it is the server that failed."""
    if isinstance(case.error, Held) or not case.endpoint or case.known.settings.is_offline:
        return ""
    return case.known.look(case.endpoint).told


def _offline(case: _Case) -> str:
    if case.known.settings.is_offline:
        name = "HF_HUB_OFFLINE" if case.known.environ.get("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE"
        return f"{name} is set on this machine"
    if case.endpoint.partition("://")[2].startswith(_LOOPBACK):
        return f"nothing listens at {case.endpoint}, an address of this machine"
    return f"{_proxy_words(case)}; {_whose(case)}"


def _name(case: _Case) -> str:
    servers = _name_servers()
    named = f"this machine asks {', '.join(servers)} for names" if servers else "this machine has no name server"
    return f"{named}; {_whose(case)}"


def _certificate(case: _Case) -> str:
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M")
    bundle = next((name for name in _BUNDLES if case.known.environ.get(name)), "")
    trusted = f"{bundle} says who is trusted" if bundle else f"{_BUNDLES[0]} is not set"
    return f"the clock of this machine says {now} UTC; {trusted}; {_proxy_words(case)}"


def _proxy(case: _Case) -> str:
    return _proxy_words(case)


def _disk(case: _Case) -> str:
    room, files = places.free(case.folder)
    told = f"{sizes.told(room)} free at {words.folded(places.Place(case.folder).existing)}"
    return f"{told}, and no more files can be made there" if files == 0 else told


def _rights(case: _Case) -> str:
    there = places.Place(case.folder).existing
    seen = looking.look(there)
    mode = f", which belongs to user {seen.st_uid} with mode {seen.st_mode & 0o7777:o}" if seen else ""
    return f"this is {_user()}, writing below {words.folded(there)}{mode}"


def _mount(case: _Case) -> str:
    there = places.Place(case.folder).existing
    return f"{words.folded(there)} is mounted read-only" if places.is_read_only(there) else ""


def _between(case: _Case) -> str:
    return f"{_proxy_words(case)}; {_whose(case)}" if case.endpoint else ""


def _revision(case: _Case) -> str:
    source = case.model.source
    if source.is_pinned:
        return "the catalog pins a commit, which cannot move: the server, or the lock, is another"
    return f"the catalog follows {source.revision}, which moves" if source.kind == "hf" else ""


def _switch(case: _Case) -> str:
    name = case.known.settings.disabled_by
    return f"{name}={case.known.environ.get(name, '')} on this machine" if name else ""


def _proxy_words(case: _Case) -> str:
    from modelready.network import reasons  # noqa: PLC0415 - imports requests

    found = next((name for name in _PROXIES if case.known.environ.get(name)), None)
    return f"{found} names {reasons.host(case.known.environ[found])}" if found else "no proxy is set"


def _whose(case: _Case) -> str:
    """Say who chose the endpoint."""
    name = {"hf": "HF_ENDPOINT", "civitai": "CIVITAI_ENDPOINT"}.get(case.model.source.kind)
    if name is None:
        return "the catalog names the address"
    return f"{name} is set to {case.endpoint}" if case.known.environ.get(name) else f"{name} is not set"


def _name_servers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]


def _user() -> str:
    number = os.getuid() if hasattr(os, "getuid") else ""
    try:
        return f"user {number} ({getpass.getuser()})"
    except (OSError, KeyError):  # a user without a name, as containers have them
        return f"user {number}"


_CAUSES: Mapping[str, Callable[[_Case], str]] = {
    "not_found": _token,
    "gated": _token,
    "unauthorised": _token,
    "rate_limited": _token,
    "offline": _offline,
    "dns": _name,
    "tls": _certificate,
    "proxy": _proxy,
    "stalled": _server,
    "server_fault": _server,
    "disk_full": _disk,
    "permission": _rights,
    "read_only": _mount,
    "digest_mismatch": _between,
    "moved_revision": _revision,
    "disabled": _switch,
}
