"""A CivitAI served from this machine: the API, the download that redirects to a second origin, and every refusal."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlencode

from modelready.errors import RequestError
from modelready.mirror.answers import Answer, Given, of_json
from modelready.mirror.cdn import Cdn, Origin, Tickets
from modelready.mirror.log import Log
from modelready.mirror.misbehaviour import Misbehaviour
from modelready.mirror.repos import ServedFile
from modelready.mirror.routes import Call
from modelready.mirror.server import Server
from modelready.mirror.sites import CdnSite, noted, spoiled

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from modelready.mirror.faults import Faults
    from modelready.mirror.log import Entry, Request
    from modelready.mirror.routes import Asked

#: Who may load a version: everybody; who brings the token (else 401, or the login page); who bought it; nobody.
Terms: TypeAlias = Literal["open", "token", "login-page", "early-access", "archived", "no-downloads", "region"]

_API, _DOWNLOAD = "/api/v1/model-versions/", "/api/download/models/"
_LOGIN = "<!DOCTYPE html><html><head><title>Log in | Civitai</title></head><body>Please log in.</body></html>"
_GUARD = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body></body></html>"
_EARLY_UNTIL = "2099-01-01T00:00:00.000Z"
_ROBOTS = ("", "python-urllib")
_REFUSED = {
    "early-access": (
        HTTPStatus.FORBIDDEN,
        {
            "error": "Early Access",
            "deadline": _EARLY_UNTIL,
            "message": "The creator of this asset has set this version to early access. You can purchase access.",
        },
    ),
    "archived": (HTTPStatus.GONE, {"error": "Model archived, not available for download"}),
    "no-downloads": (HTTPStatus.FORBIDDEN, {"error": "Creator has disabled downloads for this file"}),
    "region": (HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, {"error": "Not available in your region"}),
}
_NO_LOGIN = {
    "error": "Unauthorized",
    "message": "The creator of this asset requires you to be logged in to download it",
}


@dataclass(frozen=True)
class Offered:
    """One file of a version, and what the API says of it."""

    id: int
    file: ServedFile
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """One version of a model."""

    id: int
    offered: tuple[Offered, ...] = ()
    terms: Terms = "open"
    mode: str | None = None


@dataclass
class Counter:
    """The versions that are offered."""

    versions: dict[int, Version] = field(default_factory=dict)

    def find(self, text: str) -> Version | None:
        """Give the version of that id."""
        return self.versions.get(int(text)) if text.isascii() and text.isdecimal() else None


class Civitai(Misbehaviour):
    """
    A CivitAI served from this machine, as far as a download needs it.

    *token* opens versions whose terms ask for one. Files come from a second origin by signed addresses that answer 400
    to an Authorization header; a `Cdn` says when they expire. HEAD is answered 401 and urllib's own User-Agent 403, as
    the real one does. In patterns of faults a version's id stands for the repository; kinds are version, download, cdn.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, token: str = "", cdn: Cdn | None = None) -> None:
        super().__init__()
        self._address, self._token = (host, port), token
        self._log, self._tickets, self._counter = Log(), Tickets(cdn or Cdn()), Counter()
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Give the endpoint, as CIVITAI_ENDPOINT wants it."""
        host, port = self._address
        return f"http://{host}:{self._servers[0].port if self._servers else port}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """Give what was asked, in the order it came, as far as each has come."""
        return self._log.requests()

    def start(self) -> None:
        """Serve, until `stop`."""
        if self._servers:
            return
        host, port = self._address
        second = Server((host, 0), site=CdnSite(self._tickets, self._log, self.faults), log=self._log)
        site = CivitaiSite(self._counter, self._token, Origin(self._tickets, second.port), self._log, self.faults)
        try:
            first = Server((host, port), site=site, log=self._log)
        except OSError as error:
            second.server_close()
            remedy = "choose another host or port"
            raise RequestError(f"cannot listen on {host} port {port}: {error.strerror}", remedy=remedy) from error
        self._servers, self._address = [first, second], (host, first.port)
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        """Stop serving; a later `start` takes the same port."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.stop()

    def offer(self, version: int, place: str | os.PathLike[str], **facts: Any) -> int:
        """
        Offer the file at *place* as one more of *version*, the first of them as the primary one; give its id.

        *facts* are said by the API in place of what is true: name, type, metadata, hashes, sizeKB, primary, id.
        """
        path, old = Path(place), self._counter.versions.get(version, Version(version))
        about = path.stat()
        name = str(facts.get("name", path.name))
        file = ServedFile(name, path, about.st_size, is_lfs=True, modified_ns=about.st_mtime_ns)
        made = int(facts.get("id", version * 100 + len(old.offered)))
        one = Offered(made, file, {"primary": not old.offered, **facts})
        self._counter.versions[version] = replace(old, offered=(*old.offered, one))
        return made

    def set_terms(self, version: int, terms: Terms, *, mode: str | None = None) -> None:
        """Say who may load *version*; *mode* is what the API says of its model, such as Archived."""
        self._counter.versions[version] = replace(self._counter.versions[version], terms=terms, mode=mode)

    def remove(self, version: int) -> None:
        """Offer *version* no more."""
        del self._counter.versions[version]

    def expire_urls(self) -> None:
        """Let every signed address given out so far be expired."""
        self._tickets.expire()

    def bytes_sent(self, glob: str = "*") -> int:
        """Give how many bytes of files were sent, for files whose name, or version/name, matches."""
        return self._log.bytes_sent(glob)


@dataclass(frozen=True)
class CivitaiSite:
    """The first origin: the API, and the download that redirects."""

    counter: Counter
    token: str = field(repr=False)
    origin: Origin
    log: Log
    faults: Faults

    def exchange(self, asked: Asked) -> tuple[Answer, Entry]:
        """Answer a request."""
        call = _call(asked)
        entry = noted(self.log, asked, call)
        return spoiled(self.faults, asked, call, self._answer(asked, call)), entry

    def _answer(self, asked: Asked, call: Call) -> Answer:
        if asked.headers.get("user-agent", "").lower().split("/")[0] in _ROBOTS:
            return _page(_GUARD, HTTPStatus.FORBIDDEN)
        if call.kind == "other":
            is_login = asked.target.partition("?")[0] == "/login"
            return _page(_LOGIN) if is_login else of_json({"error": "Not found"}, status=HTTPStatus.NOT_FOUND)
        version = self.counter.find(call.repo)
        if version is None:
            return of_json({"error": "Model not found"}, status=HTTPStatus.NOT_FOUND)
        return self._described(version, asked) if call.kind == "version" else self._loaded(version, asked, call)

    def _described(self, version: Version, asked: Asked) -> Answer:
        home = f"http://{asked.headers.get('host', 'localhost')}{_DOWNLOAD}{version.id}"
        is_gone = version.mode in {"Archived", "TakenDown"}
        return of_json(
            {
                "id": version.id,
                "modelId": version.id,
                "name": "v1",
                "status": "Published",
                "availability": "EarlyAccess" if version.terms == "early-access" else "Public",
                "model": {"name": "made for this", "type": "Checkpoint", "nsfw": False, "mode": version.mode},
                "files": [] if is_gone else [_entry(one, home) for one in version.offered],
                "downloadUrl": home,
            }
        )

    def _loaded(self, version: Version, asked: Asked, call: Call) -> Answer:
        is_mine = self._knows(asked, call)
        if asked.method != "GET":
            return of_json({"error": "Unauthorized"}, status=HTTPStatus.UNAUTHORIZED)  # with a good token too
        one = _selected(version, call)
        if one is None:
            return of_json({"error": "File not found"}, status=HTTPStatus.NOT_FOUND)
        if version.terms in {"token", "login-page"} and not is_mine:
            return self._unknown(version, asked)
        if version.terms in _REFUSED:
            status, said = _REFUSED[version.terms]
            return of_json(said, status=status)
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, {"Location": self._signed(version, one, asked)})

    def _unknown(self, version: Version, asked: Asked) -> Answer:
        if version.terms == "token" or asked.headers.get("content-type") == "application/json":
            return of_json(_NO_LOGIN, status=HTTPStatus.UNAUTHORIZED)
        target = urlencode({"returnUrl": f"/models/{version.id}", "reason": "download-auth"})
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, {"Location": f"/login?{target}"})

    def _knows(self, asked: Asked, call: Call) -> bool:
        brought = asked.bearer or call.query.get("token", "")
        return bool(self.token) and hmac.compare_digest(brought.encode(), self.token.encode())

    def _signed(self, version: Version, one: Offered, asked: Asked) -> str:
        path, _, query = self.origin.address(str(version.id), one.file, asked).partition("?")
        named = {"X-Amz-Expires": "86400", "response-content-disposition": f'attachment; filename="{one.file.path}"'}
        return f"{path}?{urlencode(named)}&{query}"


def _call(asked: Asked) -> Call:
    path, _, query = asked.target.partition("?")
    asks = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    for start, kind in ((_API, "version"), (_DOWNLOAD, "download")):
        if path.startswith(start):
            return Call(kind, unquote(path.removeprefix(start)), query=asks)
    return Call("other")


def _selected(version: Version, call: Call) -> Offered | None:
    """Give the file that is asked for; by type and format only where there is one, as the real one does at times."""
    if file_id := call.query.get("fileId"):
        return next((one for one in version.offered if str(one.id) == file_id), None)
    if {"type", "format", "size", "fp"} & set(call.query):
        return version.offered[0] if len(version.offered) == 1 else None
    return next((one for one in version.offered if one.facts.get("primary")), None)


def _entry(one: Offered, home: str) -> dict[str, Any]:
    sha256 = one.file.etag
    true: dict[str, Any] = {
        "id": one.id,
        "sizeKB": one.file.size / 1024,
        "name": one.file.path,
        "type": "Model",
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "metadata": {"format": "SafeTensor", "size": "full", "fp": "fp16"},
        "hashes": {"AutoV2": sha256[:10].upper(), "SHA256": sha256.upper()},
    }
    said = true | dict(one.facts)
    query = {"type": said["type"], **{key: said["metadata"][key] for key in ("format",) if key in said["metadata"]}}
    return said | {"downloadUrl": home if said["primary"] else f"{home}?{urlencode(query, quote_via=quote)}"}


def _page(text: str, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, (Given(text.encode()),))
