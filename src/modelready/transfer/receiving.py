"""One request at a time until a piece is there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from modelready import errors
from modelready.network import retries
from modelready.network.faults import Passing
from modelready.transfer import answers, bodies, verdicts

if TYPE_CHECKING:
    from modelready.network.access import Access
    from modelready.network.http import Client, Reply
    from modelready.network.retries import Patience
    from modelready.transfer.answers import Body
    from modelready.transfer.fetches import Piece

_SMALLEST_STEP = 128 * 1024
_SHARE = 64  # of what arrived may lie in one connection's buffer


class Receiver:
    """What one worker receives with: its client, its buffer, its access."""

    def __init__(self, client: Client, access: Access, buffer: memoryview) -> None:
        self._client, self._access, self._buffer = client, access, buffer

    def bring(self, piece: Piece, patience: Patience) -> None:
        """
        Bring what *piece* lacks, however often that breaks off.

        Raises:
            ModelreadyError: it cannot be brought.
            Outdated: the file was begun anew.

        """
        try:
            while not piece.is_done:
                retries.persist(lambda: self._receive(piece, patience), patience)
        except errors.SourceError as error:
            raise verdicts.about(piece.fetch.wanted, error) from error.__cause__

    def _receive(self, piece: Piece, patience: Patience) -> None:
        fetch = piece.fetch
        if piece.is_done:
            return  # the fault came after the last byte
        if piece.position and not piece.part.resumes_safely:
            fetch.begin_again(piece, verdicts.unresumable(fetch.wanted))
        reply = self._client.get(fetch.target or fetch.wanted.url, asking=_asking(piece), timeout_s=patience.ask())
        with contextlib.closing(reply.response):
            body = self._judged(piece, reply)
            fetch.accept(piece, body, reply.linked_size)
            if fetch.is_large:
                fetch.target = reply.url
            self._take(piece, body, reply, patience)

    def _judged(self, piece: Piece, reply: Reply) -> Body:
        fetch = piece.fetch
        try:
            return answers.judge(reply, fetch.wanted, self._access, start=piece.position, end=piece.end)
        except answers.WrongRange as doubt:
            fetch.doubt_ranges(piece, doubt.error)
        except Passing:
            fetch.target = None
            raise

    def _take(self, piece: Piece, body: Body, reply: Reply, patience: Patience) -> None:
        if not (body.ends_surely or piece.fetch.wanted.digests or piece.fetch.wanted.size):
            raise verdicts.unprovable(piece.fetch.wanted)
        step = min(max(_SMALLEST_STEP, piece.part.count // _SHARE), len(self._buffer))
        views = bodies.read(
            reply.response,
            length=body.length,
            buffer=self._buffer[:step],
            heard=lambda count: patience.heard(count, reply.url),
        )
        for view in views:
            patience.progress += piece.fetch.store(piece, view)
        if body.length is None and not (body.ends_surely or piece.is_done or piece.part.size is None):
            raise bodies.cut(reply.url, piece.position, piece.part.size)
        if body.length is None:
            piece.fetch.end(piece)


def _asking(piece: Piece) -> dict[str, str]:
    """Give the headers that ask for exactly what *piece* lacks, of the version that is known."""
    if not (piece.position or piece.fetch.is_divided):
        return {}
    last = "" if piece.end is None else piece.end - 1
    asked = {"Range": f"bytes={piece.position}-{last}"}
    if piece.part.validator:
        asked["If-Range"] = piece.part.validator
    return asked
