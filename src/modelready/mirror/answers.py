"""What is answered: status, headers, and a body made of pieces of files and of bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True)
class Stored:
    """The bytes of a file from *start* up to *stop*."""

    place: Path
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, start: int, stop: int) -> Stored:
        """Give the part from *start* up to *stop*, counted within this piece."""
        return Stored(self.place, self.start + start, self.start + stop)


@dataclass(frozen=True)
class Given:
    """Bytes that lie in no file."""

    content: bytes

    def __len__(self) -> int:
        return len(self.content)

    def cut(self, start: int, stop: int) -> Given:
        """Give the part from *start* up to *stop*."""
        return Given(self.content[start:stop])


Pieces: TypeAlias = "tuple[Stored | Given, ...]"


def length(pieces: Pieces) -> int:
    """Give how many bytes the pieces are together."""
    return sum(len(piece) for piece in pieces)


def cut(pieces: Pieces, start: int, stop: int) -> Pieces:
    """Give the part of the pieces from *start* up to *stop*."""
    return tuple(_cut(pieces, start, stop))


def _cut(pieces: Pieces, start: int, stop: int) -> Iterable[Stored | Given]:
    before = 0
    for piece in pieces:
        first, last = max(start - before, 0), min(stop - before, len(piece))
        if first < last:
            yield piece.cut(first, last)
        before += len(piece)


@dataclass(frozen=True)
class Ending:
    """How an answer ends before its time: after so many body bytes, or (None) before its first header."""

    after: int | None
    how: str  # close, reset, silence


@dataclass(frozen=True)
class Answer:
    """An answer in full; *start* and *stop* say which part of the body is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Pieces = ()
    start: int = 0
    stop: int | None = None
    is_file: bool = False  # carries a file of a repository, not a message about one
    takes_ranges: bool = True
    ending: Ending | None = None
    bytes_per_s: float | None = None
    is_chunked: bool = False  # sent in chunks, without a Content-Length

    @property
    def size(self) -> int:
        """Give the length of the whole body, sent or not."""
        return length(self.pieces)

    @property
    def sent(self) -> Pieces:
        """Give the part of the body that is sent."""
        return self.pieces if self.stop is None else cut(self.pieces, self.start, self.stop)

    @property
    def sent_size(self) -> int:
        """Give how many bytes of the body are sent."""
        return self.size if self.stop is None else self.stop - self.start

    def with_headers(self, **headers: str | None) -> Answer:
        """Give the answer with other headers, named with underscores; None takes one away."""
        return self.with_header_map({name.replace("_", "-"): value for name, value in headers.items()})

    def with_header_map(self, headers: Mapping[str, str | None]) -> Answer:
        """Give the answer with other headers, whatever the case of their names; None takes one away."""
        gone = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in gone}
        return replace(self, headers=kept | {name: value for name, value in headers.items() if value is not None})

    def header(self, name: str) -> str | None:
        """Give a header, whatever the case of its name."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


def of_json(content: Any, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a value as JSON."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return Answer(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, (Given(body),))


def refusal(status: int, message: str, code: str | None = None) -> Answer:
    """Answer that it may not or cannot be, in the Hub's own form."""
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return of_json({"error": message}, status=status, headers=headers)


def in_range(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Give the part of a file that Range and If-Range ask for; what makes no sense gets the whole."""
    asked = headers.get("range")
    if not (asked and answer.is_file and answer.takes_ranges and answer.status == HTTPStatus.OK):
        return answer
    if headers.get("if-range", answer.header("ETag")) != answer.header("ETag"):
        return answer
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match[0] == "bytes=-":
        return answer
    return _part(answer, *_span(match[1], match[2], answer.size))


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _part(answer: Answer, start: int, stop: int) -> Answer:
    if start >= stop:
        return Answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{answer.size}"})
    part = replace(answer, status=HTTPStatus.PARTIAL_CONTENT, start=start, stop=stop)
    return part.with_headers(Content_Range=f"bytes {start}-{stop - 1}/{answer.size}")
