"""HTTP/1.1 over sockets: one thread a connection, kept alive, every connection closed at the stop."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from modelready.mirror.answers import refusal
from modelready.mirror.routes import Asked
from modelready.mirror.sending import Ended, Sender, head

if TYPE_CHECKING:
    from modelready.mirror.answers import Answer
    from modelready.mirror.log import Entry, Log

_LONGEST_LINE = 64 << 10
_MOST_HEADERS = 200
_LARGEST_BODY = 64 << 20
_BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class Site(Protocol):
    """What answers at an address."""

    def exchange(self, asked: Asked) -> tuple[Answer, Entry]:
        """Answer a request, and give its entry in the log."""
        ...


class BadRequest(Exception):
    """What came is not HTTP, or too much of it."""


@dataclass(frozen=True)
class _Incoming:
    asked: Asked
    keeps_alive: bool


class Server(socketserver.ThreadingTCPServer):
    """Serves one site at one address from background threads."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], *, site: Site, log: Log) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Connection)
        self.site, self.log = site, log
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="mirror", daemon=True)

    @property
    def port(self) -> int:
        """Give the port that was taken."""
        return int(self.socket.getsockname()[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Shut every connection and wait until no thread of the server is left."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._lock:
            left = dict(self._connections)
        for connection in left:
            _shut(connection)
        for thread in left.values():
            thread.join(5)

    def opened(self, connection: socket.socket) -> None:
        """Note a connection that the calling thread serves."""
        with self._lock:
            self._connections[connection] = threading.current_thread()
        if self.stopping.is_set():
            _shut(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.pop(connection, None)


class _Connection(socketserver.StreamRequestHandler):
    """One client's connection, request after request."""

    disable_nagle_algorithm = True
    rbufsize = 16 << 10
    server: Server

    def setup(self) -> None:
        """Open the connection."""
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.server.opened(self.connection)

    def handle(self) -> None:
        """Serve until either side has enough."""
        try:
            while self._serve_one():
                pass
        except (Ended, OSError):
            return  # the client went away, or was sent away

    def finish(self) -> None:
        """Close the connection."""
        self.server.closed(self.connection)
        super().finish()

    def _serve_one(self) -> bool:
        """Serve one request; tell whether another may follow."""
        try:
            incoming = _read(cast("BinaryIO", self.rfile))
        except BadRequest as error:
            answer = refusal(HTTPStatus.BAD_REQUEST, str(error))
            self.connection.sendall(head(answer, size=0, keeps_alive=False))
            return False
        if incoming is None:
            return False
        answer, entry = self.server.site.exchange(incoming.asked)
        try:
            self._send(incoming, answer, entry)
        finally:
            self.server.log.finished(entry)
        return incoming.keeps_alive

    def _send(self, incoming: _Incoming, answer: Answer, entry: Entry) -> None:
        log = self.server.log
        is_sent = incoming.asked.method != "HEAD" and answer.status not in _BODILESS
        pieces = answer.sent if is_sent else ()
        log.answered(entry, int(answer.status), answer.sent_size if is_sent else 0)
        if answer.ending is not None and answer.ending.how == "reset":
            self.rfile.close()  # it holds the socket open, and a reset needs it closed
        sender = Sender(self.connection, sending=lambda size: log.sending(entry, size), stopping=self.server.stopping)
        sender.send(head(answer, size=answer.sent_size, keeps_alive=incoming.keeps_alive), pieces, answer)


def _read(stream: BinaryIO) -> _Incoming | None:
    """Read one request; None when the client has hung up."""
    line = _line(stream)
    if not line:
        return None
    try:
        method, target, version = line.split(" ")
    except ValueError:
        raise BadRequest("the request line is not HTTP") from None
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequest("only HTTP/1.1 and HTTP/1.0 are spoken here")
    headers = _headers(stream)
    wish = headers.get("connection", "").lower()
    keeps_alive = "close" not in wish if version == "HTTP/1.1" else "keep-alive" in wish
    return _Incoming(Asked(method, _path(target), headers, _body(stream, headers)), keeps_alive)


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = _line(stream)
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadRequest("too many headers")


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise BadRequest("a body needs a Content-Length here")
    size = headers.get("content-length", "0")
    if not re.fullmatch(r"\d{1,9}", size) or int(size) > _LARGEST_BODY:
        raise BadRequest("the Content-Length makes no sense")
    return stream.read(int(size)) if int(size) else b""


def _line(stream: BinaryIO) -> str:
    line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise BadRequest("a line is too long")
    return line.decode("latin-1").rstrip("\r\n")


def _path(target: str) -> str:
    """Give path and query; a proxy's absolute form is accepted too."""
    if target.startswith("/"):
        return target
    _, _, rest = target.partition("://")
    return f"/{rest.partition('/')[2]}"


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already
