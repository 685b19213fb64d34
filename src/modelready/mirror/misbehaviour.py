"""The ways a mirror can be told to misbehave, one method each."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias, TypedDict, Unpack

from modelready.mirror import gitobjects
from modelready.mirror.answers import Answer, Ending, Given, Stored, cut, of_json
from modelready.mirror.faults import Fault, Faults, Meeting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelready.mirror.faults import Stage

Body: TypeAlias = "bytes | Callable[[int], bytes]"  # or made from the length of the true body

_SHA256_DIGITS = 64


class When(TypedDict, total=False):
    """
    Which requests meet a fault.

    *kind* is a call: revision, tree, paths, head, get, cdn, whoami, harnesses, xet-token, reconstruction, xorb; or
    several: "body" is whichever of get, cdn and xorb carries the bytes of a file, "api" the first three, "xet" the last
    three, "any" all. The first *skip* of them pass unharmed, then *times* of them meet the fault, or all (None).

    What is told of a file's bytes is told of a xorb's own where one is sent: up to 48 MB of the file, with eight bytes
    before each 96 KiB.
    """

    kind: str
    times: int | None
    skip: int


class Misbehaviour:
    """
    Faults by method, each for the files that a pattern names by path or by repo/path.

    For calls about no file the pattern is matched with the repository. Two faults of one sort on one file come one
    after the other: while the first lasts, the second waits.
    """

    def __init__(self) -> None:
        self.faults = Faults()

    def heal(self) -> None:
        """Behave well again."""
        self.faults.clear()

    def flip_byte(self, glob: str, *, at: int | None = None, **when: Unpack[When]) -> None:
        """Send one byte of a file inverted: the one at offset *at*, or in the middle."""

        def acts_on(_: Meeting, answer: Answer) -> bool:
            return answer.is_file and answer.size > (at or 0)

        def change(answer: Answer) -> Answer:
            return _flipped(answer, answer.size // 2 if at is None else at)

        self._add(f"flip {at}", glob, "whole", change, when={"kind": "body", **when}, acts_on=acts_on)

    def change_after(
        self, glob: str, body: Body, *, requests: int = 1, etag: str | None = None, **when: Unpack[When]
    ) -> None:
        """
        Serve another file after so many requests for this one, as if it were replaced in the meantime.

        *etag* is what it claims to be; by default it is honest, so that If-Range sees the change.
        """

        def change(answer: Answer) -> Answer:
            return _other(answer, body(answer.size) if callable(body) else body, etag)

        self._add("content", glob, "whole", change, when={"kind": "body", "skip": requests, **when}, acts_on=_is_file)

    def cut_short(self, glob: str, size: int, **when: Unpack[When]) -> None:
        """Serve a file as if it ended after *size* bytes, and announce just that length."""

        def acts_on(_: Meeting, answer: Answer) -> bool:
            return answer.size > size

        def change(answer: Answer) -> Answer:
            return replace(answer, pieces=cut(answer.pieces, 0, size))

        self._add("content", glob, "whole", change, when={"kind": "body", **when}, acts_on=acts_on)

    def ignore_range(self, glob: str, **when: Unpack[When]) -> None:
        """Answer a request for a part with the whole."""

        def acts_on(meeting: Meeting, answer: Answer) -> bool:
            return answer.is_file and "range" in meeting.asked.headers

        def change(answer: Answer) -> Answer:
            return replace(answer, takes_ranges=False)

        self._add("range", glob, "whole", change, when={"kind": "body", **when}, acts_on=acts_on)

    def shift_range(self, glob: str, *, by: int = 1, **when: Unpack[When]) -> None:
        """Answer a request for a part with bytes from elsewhere in the file, and claim they are the right ones."""

        def acts_on(_: Meeting, answer: Answer) -> bool:
            return answer.is_file and answer.status == HTTPStatus.PARTIAL_CONTENT

        def change(answer: Answer) -> Answer:
            turned = by % answer.size
            pieces = cut(answer.pieces, turned, answer.size) + cut(answer.pieces, 0, turned)
            return replace(answer, pieces=pieces)

        self._add("range", glob, "sent", change, when={"kind": "body", **when}, acts_on=acts_on)

    def status(
        self,
        glob: str,
        code: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        **when: Unpack[When],
    ) -> None:
        """Answer with a status, such as 503 with a Retry-After."""
        plain = of_json({"error": f"told to answer {code}"}, status=code)
        answer = plain if body is None else replace(plain, pieces=(Given(body),))
        answer = answer.with_header_map(headers or {})
        self._add("answer", glob, "whole", lambda _: answer, when={"kind": "get", **when})

    def replace_body(self, glob: str, body: Body, *, status: int = HTTPStatus.OK, **when: Unpack[When]) -> None:
        """Answer with a page of somebody else, such as a captive portal's, with none of the Hub's headers."""

        def change(answer: Answer) -> Answer:
            content = body(answer.size) if callable(body) else body
            return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, (Given(content),))

        self._add("answer", glob, "whole", change, when={"kind": "get", **when})

    def no_header(self, glob: str, name: str, **when: Unpack[When]) -> None:
        """Leave a header out."""
        self._header(glob, name, None, {"kind": "any", **when})

    def header(self, glob: str, name: str, value: str, **when: Unpack[When]) -> None:
        """Send a header with that value, whatever is true."""
        self._header(glob, name, value, {"kind": "any", **when})

    def slow(self, glob: str, bytes_per_s: float, **when: Unpack[When]) -> None:
        """Send no faster than that."""

        def change(answer: Answer) -> Answer:
            return replace(answer, bytes_per_s=bytes_per_s)

        self._add("speed", glob, "sent", change, when={"kind": "body", **when})

    def chunked(self, glob: str, **when: Unpack[When]) -> None:
        """Send a body in chunks, without telling its length."""

        def change(answer: Answer) -> Answer:
            return replace(answer, is_chunked=True)

        self._add("chunks", glob, "sent", change, when={"kind": "body", **when})

    def drop_after(self, glob: str, size: int | None, *, reset: bool = False, **when: Unpack[When]) -> None:
        """End the connection after *size* body bytes, or before any answer (None); with a reset, or a plain end."""
        self._end(glob, Ending(size, "reset" if reset else "close"), {"kind": "body", **when})

    def stall(self, glob: str, *, after: int | None = None, **when: Unpack[When]) -> None:
        """Go silent after so many body bytes, or before any answer (None), until the client goes away."""
        self._end(glob, Ending(after, "silence"), {"kind": "body", **when})

    def _header(self, glob: str, name: str, value: str | None, when: When) -> None:
        def change(answer: Answer) -> Answer:
            return answer.with_header_map({name: value})

        self._add(f"header {name.lower()}", glob, "sent", change, when=when)

    def _end(self, glob: str, ending: Ending, when: When) -> None:
        def acts_on(meeting: Meeting, answer: Answer) -> bool:
            # An answer that is shorter is not cut, and does not use the fault up.
            return ending.after is None or (meeting.asked.method != "HEAD" and answer.sent_size > ending.after)

        def change(answer: Answer) -> Answer:
            return replace(answer, ending=ending)

        self._add("end", glob, "sent", change, when=when, acts_on=acts_on)

    def _add(  # noqa: PLR0913 - the parts of a fault
        self,
        slot: str,
        glob: str,
        stage: Stage,
        change: Callable[[Answer], Answer],
        *,
        when: When,
        acts_on: Callable[[Meeting, Answer], bool] | None = None,
    ) -> None:
        def acts(meeting: Meeting, answer: Answer) -> bool:
            return (answer.is_file or when["kind"] != "body") and (acts_on is None or acts_on(meeting, answer))

        self.faults.add(
            Fault(
                slot=slot,
                glob=glob,
                kind=when["kind"],
                stage=stage,
                change=change,
                acts_on=acts,
                times=when.get("times"),
                skip=when.get("skip", 0),
            )
        )


def _is_file(_: Meeting, answer: Answer) -> bool:
    return answer.is_file


def _other(answer: Answer, content: bytes, etag: str | None) -> Answer:
    """Give the answer with another file in it, whose name says so unless *etag* is what it claims."""
    is_sha256 = len((answer.header("ETag") or "").strip('"')) == _SHA256_DIGITS
    name = etag or (hashlib.sha256(content).hexdigest() if is_sha256 else gitobjects.content_id(content))
    changed = replace(answer, pieces=(Given(content),)).with_headers(ETag=f'"{name}"')
    if answer.header("X-Linked-Etag") is None:
        return changed
    return changed.with_headers(X_Linked_Etag=f'"{name}"', X_Linked_Size=str(len(content)))


def _flipped(answer: Answer, at: int) -> Answer:
    byte = b"".join(_read(piece) for piece in cut(answer.pieces, at, at + 1))
    turned = Given(bytes([byte[0] ^ 0xFF]))
    return replace(answer, pieces=(*cut(answer.pieces, 0, at), turned, *cut(answer.pieces, at + 1, answer.size)))


def _read(piece: Stored | Given) -> bytes:
    if isinstance(piece, Given):
        return piece.content
    with piece.place.open("rb") as file:
        file.seek(piece.start)
        return file.read(len(piece))
