"""What an answer means: the bytes asked for, a fault that may pass, or the end. The one place that knows statuses."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import errors
from modelready.network import headers, reasons, streams, words
from modelready.network.faults import Passing
from modelready.network.statuses import LATER, PROXY_WANTS_TO_KNOW, asked_by_proxy, later
from modelready.transfer import verdicts

if TYPE_CHECKING:
    from requests import Response

    from modelready.network.access import Access
    from modelready.network.http import Reply
    from modelready.transfer.wanted import Wanted

_SIGNATURE_SPENT = frozenset({400, 401, 403, 404, 410})
_GONE = frozenset({404, 410})
_ACCESS = frozenset({401, 403})
_OK, _PARTIAL, _FORBIDDEN, _UNSATISFIED = 200, 206, 403, 416


class WrongRange(Passing):
    """The server answered a range with other bytes, or with none."""


@dataclass(frozen=True)
class Body:
    """The bytes that an answer carries: from where, how many, of a file of what size and version."""

    offset: int
    length: int | None
    total: int | None
    validator: str | None
    is_page: bool
    ends_surely: bool = True  # a cut would be noticed


def judge(reply: Reply, wanted: Wanted, access: Access, *, start: int, end: int | None) -> Body:
    """
    Read what *reply* carries, asked for the bytes from *start* to *end*.

    Raises:
        Passing: it may go well later.
        SourceError: it will not.

    """
    response = reply.response
    if access.meaning and (meant := access.meaning(reply)):
        raise meant
    if response.status_code == _OK:
        return _whole(reply)
    if response.status_code == _PARTIAL:
        return _partial(response, wanted, start, end)
    if response.status_code == _UNSATISFIED:
        told = headers.unsatisfied_total(response.headers.get("Content-Range"))
        raise WrongRange(verdicts.no_such_range(wanted, start, told))
    raise _refusal(reply, wanted, access)


def _refusal(reply: Reply, wanted: Wanted, access: Access) -> Exception:
    response = reply.response
    status = response.status_code
    if reply.is_elsewhere(wanted.url) and status in _SIGNATURE_SPENT:
        # A signed address has a short life: asking its giver again renews it, at once where it was an old one.
        what = f"{_says(reply, wanted)} to an address that {reasons.host(wanted.url)} gave"
        error = errors.ServerFault(what, remedy="provision again; what arrived is kept")
        return Passing(error, wait_s=None if reply.is_fresh else 0.0, is_answer=True)
    if status in LATER:
        wait_s = headers.wait_s(response.headers, time.time())
        return Passing(later(_says(reply, wanted), status, wait_s), wait_s=wait_s, is_answer=True)
    if status == _FORBIDDEN and not response.headers.get("X-Error-Code"):
        # A firewall or an overloaded server says so too, and the listing was allowed; the Hub gives its reason.
        return Passing(_final(reply, wanted, access), is_answer=True)
    return _final(reply, wanted, access)


def _whole(reply: Reply) -> Body:
    response = reply.response
    is_packed = is_encoded(response)
    length = None if is_packed or _is_chunked(response) else headers.count(response.headers.get("Content-Length"))
    return Body(
        offset=0,
        length=length,
        total=length,
        validator=None if is_packed else headers.strong_validator(response.headers),
        is_page=words.is_page(response),
        ends_surely=length is not None or (_is_chunked(response) and not is_packed),
    )


def _partial(response: Response, wanted: Wanted, start: int, end: int | None) -> Body:
    given = headers.content_range(response.headers.get("Content-Range"))
    length = headers.count(response.headers.get("Content-Length"))
    is_asked = given and given.start == start and (end is None or given.end <= end)
    if not (given and is_asked) or is_encoded(response) or length not in {None, given.end - given.start}:
        told = response.headers.get("Content-Range") or "no Content-Range"
        raise WrongRange(verdicts.wrong_range(wanted, start, told))
    return Body(
        offset=start,
        length=given.end - start,
        total=given.total,
        validator=headers.strong_validator(response.headers),
        is_page=words.is_page(response),
    )


def _final(reply: Reply, wanted: Wanted, access: Access) -> errors.SourceError:
    what, status = _says(reply, wanted), reply.response.status_code
    code = reply.response.headers.get("X-Error-Code", "")
    token = _token(access)
    if code == "GatedRepo":
        remedy = f"accept the licence on {reasons.host(wanted.url)} and {token} (a token of that account)"
        return errors.Gated(f"{what}: the repository is gated", remedy=remedy)
    if status in _GONE or code in {"RepoNotFound", "EntryNotFound", "RevisionNotFound"}:
        return errors.NotFound(what, remedy=f"correct the source or its revision; if it is private, {token}")
    if status == PROXY_WANTS_TO_KNOW:
        return asked_by_proxy(what)
    if status in _ACCESS:
        return errors.Unauthorised(what, remedy=f"{token}, with the right to read this")
    return errors.ServerFault(what, remedy="correct the address, or use another endpoint")


def _token(access: Access) -> str:
    """Say what may be done about credentials; where none are sent, the address itself is one."""
    if not access.token_name:
        return "give an address that is signed anew"
    return f"check the token in {access.token_name}" if access.token else f"set {access.token_name}"


def _says(reply: Reply, wanted: Wanted) -> str:
    response = reply.response
    code = response.headers.get("X-Error-Code", "")
    extra = f", {code}" if code.isalnum() else ""
    return (
        f"{wanted.path}: {reasons.host(reply.url)} answers {response.status_code} {response.reason or ''}".rstrip()
        + extra
    )


def is_encoded(response: Response) -> bool:
    """Tell whether the body has to be unpacked to be the file."""
    return bool(streams.content_encoding(response))


def _is_chunked(response: Response) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()
