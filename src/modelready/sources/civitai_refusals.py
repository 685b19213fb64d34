"""What CivitAI's refusals mean, its login page included, and what to do about each."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from modelready import errors
from modelready.network import headers, reasons, words
from modelready.network.faults import Passing
from modelready.network.http import origin
from modelready.network.statuses import LATER, later

if TYPE_CHECKING:
    from modelready.network.http import Reply

_SIGNS = re.compile(r"\b(log ?in|sign ?in)\b", re.IGNORECASE)
_EARLY = re.compile(r"early[ -]?access", re.IGNORECASE)
_LEGAL = HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS


@dataclass(frozen=True)
class Refusals:
    """Reads the answers of one CivitAI, asked with one token or none."""

    endpoint: str
    token: str = field(repr=False)
    token_name: str

    def __call__(self, reply: Reply) -> errors.SourceError | Passing | None:
        """Say what *reply* means; None where it is no refusal of CivitAI's own, and not to come later."""
        status = reply.response.status_code
        if status in LATER:
            return _later(reply)
        if origin(reply.url) != origin(self.endpoint):
            return None
        if status < HTTPStatus.BAD_REQUEST:
            return self._of_page(reply) if words.is_page(reply.response) else None
        said = words.members(words.beginning(reply.response))
        if said is None and status == HTTPStatus.FORBIDDEN:
            return self._guarded(reply)
        return self._of_status(reply, said or {})

    @property
    def _remedy(self) -> str:
        """Give what to do about the token."""
        if self.token:
            return f"check the token in {self.token_name}: it is wrong, expired, or of an account that may not"
        return f"set {self.token_name} to an API key of your account at {reasons.host(self.endpoint)}"

    def _of_page(self, reply: Reply) -> errors.SourceError | Passing:
        """Tell the login page, the shop and what others show in their place: all come with status 200."""
        parts = reasons.split(reply.url)
        where = f"{reasons.host(self.endpoint)} answers with its page"
        if _EARLY.search(parts.query):
            return errors.Gated(f"{where} for early access", remedy=self._buy(""))
        title = words.title(words.beginning(reply.response))
        if "login" in parts.path.lower().split("/") or _SIGNS.search(title):
            return errors.Unauthorised(f"{where} {title or 'login'!r} instead of the file", remedy=self._remedy)
        return Passing(page(reply, title), is_answer=True)

    def _of_status(self, reply: Reply, said: dict[str, object]) -> errors.SourceError:
        response = reply.response
        texts = [one for one in (said.get("error"), said.get("message")) if isinstance(one, str)]
        texts = [one for one in texts if one != response.reason]
        told = words.plain(": ".join(texts), self.token).rstrip(". ")
        what = f"{reasons.host(self.endpoint)} answers {response.status_code} {response.reason or ''}".rstrip()
        what += f": {told}" if told else ""
        if _EARLY.search(told):
            return errors.Gated(what, remedy=self._buy(_date(said.get("deadline"))))
        return _KINDS.get(response.status_code, errors.ServerFault)(what, remedy=self._remedy_for(response.status_code))

    def _remedy_for(self, status: int) -> str:
        if status == HTTPStatus.UNAUTHORIZED:
            return self._remedy
        if status == HTTPStatus.FORBIDDEN:
            return (
                f"look at the model's page at {reasons.host(self.endpoint)}: its creator or your region forbids it"
                + ("" if self.token else f"; or set {self.token_name}")
            )
        if status == _LEGAL:
            return "the law forbids it where this machine is: provision elsewhere, or choose another model"
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            hint = "" if self.token else f"; if it is private, set {self.token_name}"
            return f"correct the version id or fileId in the catalog, or choose another version{hint}"
        return "correct the source in the catalog, or check CIVITAI_ENDPOINT"

    def _buy(self, until: str) -> str:
        wait = f", or wait until {until}" if until else ", or wait until it ends"
        token = "" if self.token else f" and set {self.token_name}"
        return f"buy early access on the model's page{token}{wait}"

    def _guarded(self, reply: Reply) -> Passing:
        error = errors.ServerFault(
            f"{reasons.host(reply.url)} answers 403 without a reason: its guard takes this machine for a robot",
            remedy="provision again later, or from another network",
        )
        return Passing(error, is_answer=True)


_KINDS: dict[int, type[errors.SourceError]] = {
    HTTPStatus.UNAUTHORIZED: errors.Unauthorised,
    HTTPStatus.FORBIDDEN: errors.Unauthorised,
    _LEGAL: errors.Unauthorised,
    HTTPStatus.NOT_FOUND: errors.NotFound,
    HTTPStatus.GONE: errors.NotFound,
}


def _later(reply: Reply) -> Passing:
    response = reply.response
    what = f"{reasons.host(reply.url)} answers {response.status_code} {response.reason or ''}".rstrip()
    wait_s = headers.wait_s(response.headers, time.time())
    return Passing(later(what, response.status_code, wait_s), wait_s=wait_s, is_answer=True)


def page(reply: Reply, title: str) -> errors.ServerFault:
    """Tell that a web page came, from wherever."""
    return errors.ServerFault(
        f"{reasons.host(reply.url)} answers with a web page{f' {title!r}' if title else ''} instead of the file",
        remedy="look for a captive portal or proxy on the way, and check CIVITAI_ENDPOINT",
    )


def _date(told: object) -> str:
    found = re.match(r"\d{4}-\d{2}-\d{2}", told) if isinstance(told, str) else None
    return found[0] if found else ""
