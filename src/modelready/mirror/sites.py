"""The origins of a mirror: each turns a request into an answer, faults included, and into an entry of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.mirror.answers import Answer, in_range
from modelready.mirror.faults import Meeting
from modelready.mirror.hub import file_answer
from modelready.mirror.log import Entry
from modelready.mirror.routes import FILE_KINDS, Call, call_of

if TYPE_CHECKING:
    from modelready.mirror.cas import Cas
    from modelready.mirror.cdn import Tickets
    from modelready.mirror.faults import Faults
    from modelready.mirror.hub import Hub
    from modelready.mirror.log import Log
    from modelready.mirror.routes import Asked


@dataclass(frozen=True)
class HubSite:
    """The Hub itself."""

    hub: Hub
    log: Log
    faults: Faults

    def exchange(self, asked: Asked) -> tuple[Answer, Entry]:
        """Answer a request to the Hub."""
        call = call_of(asked)
        entry = noted(self.log, asked, call)
        return spoiled(self.faults, asked, call, self.hub.answer(asked, call)), entry


@dataclass(frozen=True)
class CdnSite:
    """The second origin: files by signed address, never with a token."""

    tickets: Tickets
    log: Log
    faults: Faults

    def exchange(self, asked: Asked) -> tuple[Answer, Entry]:
        """Answer a request to the second origin."""
        ticket = self.tickets.find(asked.target)
        call = Call("cdn", ticket.repo, path=ticket.file.path) if ticket else Call("cdn")
        entry = noted(self.log, asked, call)
        used = self.tickets.use(asked)
        answer = used if isinstance(used, Answer) else file_answer(used.file, {"ETag": f'"{used.file.etag}"'})
        return spoiled(self.faults, asked, call, answer), entry


@dataclass(frozen=True)
class CasSite:
    """Xet's server."""

    cas: Cas
    log: Log
    faults: Faults

    def exchange(self, asked: Asked) -> tuple[Answer, Entry]:
        """Answer a request to Xet's server."""
        call, answer = self.cas.answer(asked)
        entry = noted(self.log, asked, call)
        return spoiled(self.faults, asked, call, answer), entry


def noted(log: Log, asked: Asked, call: Call) -> Entry:
    """Begin the entry of a request in the log."""
    entry = Entry(
        method=asked.method,
        path=asked.target,
        repo=call.repo,
        file=_file(call),
        kind=call.kind,
        range=asked.headers.get("range"),
        if_range=asked.headers.get("if-range"),
        has_authorization="authorization" in asked.headers,
    )
    log.started(entry)
    return entry


def spoiled(faults: Faults, asked: Asked, call: Call, answer: Answer) -> Answer:
    """Give the answer as the faults in force make it, and the part of it that was asked for."""
    meeting = Meeting(asked, call.kind, call.repo, _file(call))
    whole = faults.spoil(meeting, answer, "whole")
    part = in_range(whole, asked.headers if asked.method == "GET" else {})
    return faults.spoil(meeting, part, "sent")


def _file(call: Call) -> str:
    """Give the file that a call is about; listings are about a repository."""
    return call.path if call.kind in FILE_KINDS else ""
