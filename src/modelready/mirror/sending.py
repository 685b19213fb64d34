"""An answer onto a socket: small ones in one call, files by sendfile, and all the ways to end too early."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from modelready.mirror.answers import Given, Stored, cut, length

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from modelready.mirror.answers import Answer, Pieces

_SMALL_BYTES = 64 << 10
_BLOCK_BYTES = 1 << 20
_TICKS_PER_S = 20  # how often a slow answer sends something
_LAST_CHUNK = b"0\r\n\r\n"
_LINGER_NOT = struct.pack("ii", 1, 0)


class Ended(Exception):
    """The connection is over, as it was meant to be."""


def head(answer: Answer, *, size: int, keeps_alive: bool) -> bytes:
    """Give the status line and the headers."""
    lines = [f"HTTP/1.1 {int(answer.status)} {_phrase(answer.status)}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in answer.headers.items()]
    if answer.is_chunked:
        lines += ["Transfer-Encoding: chunked"]
    elif answer.header("Content-Length") is None:
        lines += [f"Content-Length: {size}"]
    lines += [] if keeps_alive else ["Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Sender:
    """Hands the bytes of one answer to one connection; *sending* is told of body bytes just before they go."""

    def __init__(self, connection: socket.socket, *, sending: Callable[[int], None], stopping: threading.Event) -> None:
        self._connection, self._sending, self._stopping = connection, sending, stopping

    def send(self, start: bytes, pieces: Pieces, answer: Answer) -> None:
        """Send head and body as the answer says, its ending included."""
        ending = answer.ending
        if ending is not None and ending.after is None:
            self._end(ending.how)
        kept = pieces if ending is None or ending.after is None else cut(pieces, 0, ending.after)
        if answer.bytes_per_s is None and length(kept) <= _SMALL_BYTES and not answer.is_chunked:
            self._at_once(start, b"".join(_content(piece) for piece in kept))
        else:
            self._connection.sendall(start)
            self._in_blocks(kept, answer)
        if ending is not None:
            self._end(ending.how)
        if answer.is_chunked and pieces:
            self._connection.sendall(_LAST_CHUNK)

    def _at_once(self, start: bytes, body: bytes) -> None:
        self._sending(len(body))
        self._connection.sendall(start + body)

    def _in_blocks(self, pieces: Pieces, answer: Answer) -> None:
        bytes_per_s = answer.bytes_per_s
        block = _BLOCK_BYTES if bytes_per_s is None else max(1, int(bytes_per_s / _TICKS_PER_S))
        for piece in pieces:
            for at in range(0, len(piece), block):
                part = piece.cut(at, min(at + block, len(piece)))
                self._chunk(part) if answer.is_chunked else self._block(part)
                if bytes_per_s is not None and self._stopping.wait(len(part) / bytes_per_s):
                    raise Ended

    def _chunk(self, part: Stored | Given) -> None:
        self._connection.sendall(b"%x\r\n" % len(part))
        self._block(part)
        self._connection.sendall(b"\r\n")

    def _block(self, part: Stored | Given) -> None:
        self._sending(len(part))
        sent = 0
        try:
            sent = self._hand_over(part)
        finally:
            if sent < len(part):
                self._sending(sent - len(part))
        if sent < len(part):
            raise Ended  # the client went away, or the file on disk is shorter than it was

    def _hand_over(self, part: Stored | Given) -> int:
        if isinstance(part, Given):
            self._connection.sendall(part.content)
            return len(part)
        with part.place.open("rb", buffering=0) as file:
            with suppress(OSError):  # the position tells how much was sent before the client went away
                self._connection.sendfile(file, part.start, len(part))
            return file.tell() - part.start

    def _end(self, how: str) -> None:
        if how == "silence":
            self._wait_for_the_end()
        if how == "reset":
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._connection.close()
        raise Ended

    def _wait_for_the_end(self) -> None:
        """Say nothing until the client hangs up, or the mirror stops and shuts its connections."""
        while self._connection.recv(_SMALL_BYTES):
            pass


def _content(piece: Stored | Given) -> bytes:
    if isinstance(piece, Given):
        return piece.content
    with piece.place.open("rb", buffering=0) as file:
        file.seek(piece.start)
        content: bytes = file.read(len(piece))
    if len(content) < len(piece):
        raise Ended
    return content


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
