"""Xet's own server: how a file is put together, and the xorbs it is put together from."""

from __future__ import annotations

import re
import secrets
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelready.mirror.answers import Answer, of_json, refusal
from modelready.mirror.routes import Call
from modelready.mirror.xorbs import xorb_of

if TYPE_CHECKING:
    from modelready.mirror.cdn import Tickets
    from modelready.mirror.repos import Commit, Repository, ServedFile
    from modelready.mirror.routes import Asked
    from modelready.mirror.xorbs import Hashes, Known, Term, Xorb

_RECONSTRUCTION = re.compile(r"/v([12])/reconstructions/([0-9a-f]{64})")
_XORB = re.compile(r"/xorbs/[0-9a-f]{64}/(\d{1,9})")
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?")
_TOKEN_S = 3600


class Tokens:
    """The short-lived tokens that open Xet's server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expiries: dict[str, int] = {}

    def issue(self) -> tuple[str, int]:
        """Give a new token and when it expires, in seconds since 1970."""
        token, expiry = f"xet_{secrets.token_hex(16)}", int(time.time()) + _TOKEN_S
        with self._lock:
            self._expiries[token] = expiry
        return token, expiry

    def open(self, token: str | None) -> bool:
        """Tell whether a token is good."""
        return time.time() < self._expiries.get(token or "", 0)


@dataclass(frozen=True)
class Xet:
    """What the Hub knows of Xet: the hashes of its files, and where to send who wants one."""

    hashes: Hashes
    tokens: Tokens
    port: int

    def headers(self, repository: Repository, commit: Commit, file: ServedFile, asked: Asked) -> dict[str, str]:
        """Give what tells a client that a file may be brought by Xet; nothing where it may not."""
        xet_hash = self.hashes.of(repository, commit, file)
        if xet_hash is None:
            return {}
        route = (
            f"http://{asked.headers.get('host', 'localhost')}/api/models/{repository.name}/xet-read-token/{commit.sha}"
        )
        how = f"{self._address(asked)}/v1/reconstructions/{xet_hash}"
        links = f'<{route}>; rel="xet-auth", <{how}>; rel="xet-reconstruction-info"'
        return {"X-Xet-Hash": xet_hash, "X-Xet-Refresh-Route": route, "Link": links}

    def token(self, asked: Asked) -> Answer:
        """Give a token and the address of the server it opens."""
        (token, expiry), address = self.tokens.issue(), self._address(asked)
        headers = {"X-Xet-Cas-Url": address, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expiry)}
        return of_json({"casUrl": address, "accessToken": token, "exp": expiry}, headers=headers)

    def _address(self, asked: Asked) -> str:
        host = urlsplit(f"//{asked.headers.get('host', 'localhost')}").hostname or "localhost"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True)
class Cas:
    """Answers what is asked of Xet's server."""

    hashes: Hashes
    tokens: Tokens
    tickets: Tickets

    def answer(self, asked: Asked) -> tuple[Call, Answer]:
        """Answer a request, and tell what it was."""
        path = asked.target.partition("?")[0]
        if path == "/v1/telemetry":
            return Call("telemetry"), Answer(HTTPStatus.NO_CONTENT)
        if match := _RECONSTRUCTION.fullmatch(path):
            return self._reconstruction(asked, version=int(match[1]), xet_hash=match[2])
        if match := _XORB.fullmatch(path):
            return self._xorb(asked, int(match[1]))
        return Call("other"), refusal(HTTPStatus.NOT_FOUND, "no such thing here")

    def _reconstruction(self, asked: Asked, *, version: int, xet_hash: str) -> tuple[Call, Answer]:
        known = self.hashes.find(xet_hash)
        call = Call("reconstruction", known.repo, path=known.file.path) if known else Call("reconstruction")
        if not self.tokens.open(asked.bearer):
            return call, refusal(HTTPStatus.UNAUTHORIZED, "the token is unknown or has expired")
        if known is None or not known.file.is_unchanged():
            return call, refusal(HTTPStatus.NOT_FOUND, "no file has that hash")
        span = _span(asked.headers.get("range"), known.file.size)
        if span is None:
            return call, refusal(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "the range is outside of the file")
        return call, of_json(self._plan(asked, known, span, version=version))

    def _plan(self, asked: Asked, known: Known, span: tuple[int, int], *, version: int) -> dict[str, Any]:
        terms = known.terms(*span)
        before = terms[0].xorb.start + terms[0].xorb.length(0, terms[0].first)
        fetch = _fetch_v1 if version == 1 else _fetch_v2
        return {
            "offset_into_first_range": span[0] - before,
            "terms": [_of_term(known, term) for term in terms],
            "fetch_info" if version == 1 else "xorbs": {
                known.name(term.xorb): [fetch(term, self._address(asked, known, term.xorb))] for term in terms
            },
        }

    def _address(self, asked: Asked, known: Known, xorb: Xorb) -> str:
        path = f"/xorbs/{known.name(xorb)}/{xorb.number}"
        return f"http://{asked.headers.get('host', 'localhost')}{self.tickets.sign(known.repo, known.file, path=path)}"

    def _xorb(self, asked: Asked, number: int) -> tuple[Call, Answer]:
        ticket = self.tickets.find(asked.target)
        call = Call("xorb", ticket.repo, path=ticket.file.path) if ticket else Call("xorb")
        used = self.tickets.use(asked)
        if isinstance(used, Answer):
            return call, used
        if not used.file.is_unchanged():
            return call, refusal(HTTPStatus.CONFLICT, f"{used.file.path} changed on disk since it was added")
        return call, _xorb_answer(used.file, number)


def _xorb_answer(file: ServedFile, number: int) -> Answer:
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    return Answer(HTTPStatus.OK, headers, xorb_of(file.size, number).pieces(file), is_file=True)


def _span(asked: str | None, size: int) -> tuple[int, int] | None:
    if asked is None:
        return 0, size
    match = _RANGE.fullmatch(asked.strip())
    if match is None:
        return None
    start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    return (start, stop) if start < stop else None


def _of_term(known: Known, term: Term) -> dict[str, Any]:
    length = term.xorb.length(term.first, term.last)
    return {"hash": known.name(term.xorb), "unpacked_length": length, "range": _chunks(term)}


def _fetch_v1(term: Term, address: str) -> dict[str, Any]:
    return {"range": _chunks(term), "url": address, "url_range": _bytes(term)}


def _fetch_v2(term: Term, address: str) -> dict[str, Any]:
    return {"url": address, "ranges": [{"chunks": _chunks(term), "bytes": _bytes(term)}]}


def _chunks(term: Term) -> dict[str, int]:
    return {"start": term.first, "end": term.last}


def _bytes(term: Term) -> dict[str, int]:
    """Give the place of the chunks in the xorb; Xet counts the last byte in."""
    return {"start": term.xorb.position(term.first), "end": term.xorb.position(term.last) - 1}
