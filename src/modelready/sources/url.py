"""One file behind an address: what its server tells of it, and what it means when the server refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready import __version__, addresses
from modelready.errors import NotFound, ServerFault, Unauthorised
from modelready.model import Manifest, ManifestFile
from modelready.network import dispositions, headers, reasons
from modelready.network.access import Access
from modelready.patterns import is_literal
from modelready.rules import rule_for
from modelready.sources import told
from modelready.sources.probing import Prober

if TYPE_CHECKING:
    import threading

    from requests import Response

    from modelready.environment import Settings
    from modelready.errors import SourceError
    from modelready.model import Model
    from modelready.network.http import Reply

_GOOD = frozenset({200, 206})
_EMPTY = 416
_GONE = frozenset({404, 410})
_REFUSED = frozenset({401, 402, 403, 407})
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class UrlSource:
    """Resolves an address to its one file; no credential is ever sent, the address itself is all there is."""

    def __init__(self, settings: Settings, stop: threading.Event | None = None) -> None:
        self._access = Access(
            endpoint="",
            user_agent=f"modelready/{__version__}",
            timeout_s=settings.read_timeout_s,
            max_retries=settings.max_retries,
            token_name="",
        )
        self._prober = Prober(replace(self._access, timeout_s=settings.metadata_timeout_s), stop)

    def access(self) -> Access:
        """Give how its bytes are asked for."""
        return self._access

    def resolve(self, model: Model, revision: str | None = None) -> Manifest:  # noqa: ARG002 - a server has one version
        """
        Give the file as its server has it now.

        Raises: NotFound, Unauthorised, RateLimited, Offline, Stalled, ServerFault.
        """
        url = model.source.address
        reply = self._prober.ask(url)
        response = reply.response
        _check_place(model, reply)
        size = told.size(response)
        if response.status_code not in _GOOD and not (response.status_code == _EMPTY and size == 0):
            raise _refusal(model, reply)
        path = _name(model, response)
        _check_page(model, path, reply)
        validator = headers.strong_validator(response.headers)
        file = ManifestFile(path, size, told.digests(response.headers), url=url, validator=validator)
        return Manifest(model.source.text, told.revision(response.headers), (file,))


def _name(model: Model, response: Response) -> str:
    """Give what the file is called: by its server only where the catalog says so."""
    if any(row.name_from for row in model.files):
        if name := dispositions.file_name(response.headers.get("Content-Disposition")):
            return name
        raise ServerFault(
            f"{model.name}: {reasons.host(response.url)} gives the file no name (Content-Disposition)",
            remedy="remove name_from, and name the file with save_as",
        )
    return addresses.file_name(model.source) or _named_by_catalog(model)


def _named_by_catalog(model: Model) -> str:
    """Give the name that a row gives the file of an address without one: its path, or where it is saved."""
    row = next(row for row in model.files if row.save_as)
    return row.path if is_literal(row.path) else PurePosixPath(row.save_as or "").name


def _check_place(model: Model, reply: Reply) -> None:
    """Let only encrypted addresses pass, and this machine: nobody on the way may change the bytes."""
    parts = reasons.split(reply.url)
    if parts.scheme == "http" and not addresses.is_loopback(parts.hostname or ""):
        raise ServerFault(
            f"{model.name}: {model.source.text} redirects to {reasons.shown(reply.url)}, which is not encrypted",
            remedy="name an https:// address",
        )


def _check_page(model: Model, path: str, reply: Reply) -> None:
    """Refuse a web page that comes instead of the file; not where a digest of the catalog will tell."""
    kind = reply.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    rule = rule_for(model, path)
    is_told_later = path.lower().endswith((".html", ".htm", ".xhtml")) or (rule and rule.digests)
    if kind in _PAGES and not is_told_later:
        raise ServerFault(
            f"{model.name}: {reasons.host(reply.url)} answers with a web page instead of {path}"
            " (a login, a licence to accept, a captive portal)",
            remedy="open the address in a browser, and name that of the file itself; or name the file's sha256",
        )


def _refusal(model: Model, reply: Reply) -> SourceError:
    status = reply.response.status_code
    what = f"{model.name}: {reasons.host(reply.url)} answers {status} {reply.response.reason or ''}".rstrip()
    what = f"{what} for {model.source.text}"
    if status in _GONE:
        return NotFound(what, remedy="correct the address in the catalog: the file is gone, or was never there")
    if status in _REFUSED:
        remedy = "a signed address may have expired: put a new one in the catalog, or bring the file by hand (file:)"
        return Unauthorised(what, remedy=remedy)
    return ServerFault(what, remedy="open the address in a browser, and correct it in the catalog")
