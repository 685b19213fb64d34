"""A plain file server on loopback, as good or as poor as told."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Say nothing: clients go away."""


@dataclass(frozen=True)
class Item:
    """What a path serves."""

    content: bytes = b""
    etag: str | None = None
    modified: float | None = None  # seconds since the epoch
    has_ranges: bool = True
    has_length: bool = True
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    most: int | None = None  # so many bytes of bodies in all, then connections just end
    names_part: bool = True  # a 206 says its version
    stalls: bool = False  # what ends too early falls silent instead

    @property
    def version(self) -> dict[str, str]:
        """Give the headers that name the version."""
        named = {"ETag": self.etag} if self.etag else {}
        return named | ({"Last-Modified": formatdate(self.modified, usegmt=True)} if self.modified else {})


@dataclass(frozen=True)
class Asked:
    """A question that was asked."""

    path: str  # with its query
    headers: dict[str, str]


class Depot:
    """Serves items by path, the query left out; remembers what was asked."""

    def __init__(self):
        self.items: dict[str, Item] = {}
        self.asked: list[Asked] = []
        self.sent: dict[int, int] = {}
        self.closing = threading.Event()
        self.after_look = lambda: None  # called when one byte was given
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, path: str, content: bytes = b"", **facts) -> str:
        """Serve *content* at *path*; give its address."""
        self.items[path] = Item(content, **facts)
        return f"{self.url}/{path}"

    def change(self, path: str, **facts) -> None:
        """Serve something else there."""
        self.items[path] = replace(self.items[path], **facts)

    def ranges(self, path: str) -> list[str]:
        """Give the ranges asked of *path*, without the one byte that only looks."""
        found = [one.headers.get("range", "") for one in self.asked if one.path.partition("?")[0] == f"/{path}"]
        return [one for one in found if one != "bytes=0-0"]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(depot: Depot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            depot.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
            item = depot.items.get(self.path.partition("?")[0].lstrip("/"), Item(b"not here", status=404))
            with suppress(OSError):
                _answer(self, item, depot.sent, depot.closing)
            if self.headers.get("Range") == "bytes=0-0":
                depot.after_look()

        def log_message(self, *_):
            """Say nothing."""

    return Handler


def _answer(handler: BaseHTTPRequestHandler, item: Item, sent: dict[int, int], closing: threading.Event) -> None:
    span = _span(handler.headers, item)
    start, end = span or (0, len(item.content))
    if span and start >= len(item.content):
        return _head(handler, 416, {"Content-Range": f"bytes */{len(item.content)}", "Content-Length": "0"})
    status = 206 if span else item.status
    told = (item.version if item.names_part or not span else {}) | item.headers
    told |= {"Content-Range": f"bytes {start}-{end - 1}/{len(item.content)}"} if span else {}
    told |= {"Content-Length": str(end - start)} if item.has_length else {"Connection": "close"}
    _head(handler, status, told)
    body = item.content[start:end]
    left = len(body) if item.most is None or len(body) == 1 else max(item.most - sent.get(id(item), 0), 0)
    sent[id(item)] = sent.get(id(item), 0) + min(left, len(body))
    handler.wfile.write(body[:left])
    if item.stalls and left < len(body):
        closing.wait()
    handler.close_connection = not item.has_length or left < len(body)
    return None


def _head(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def _span(headers, item: Item) -> tuple[int, int] | None:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
    if not (found and item.has_ranges and item.status == 200):
        return None
    if headers.get("If-Range", "") not in {"", *item.version.values()}:
        return None
    last = int(found[2]) + 1 if found[2] else len(item.content)
    return int(found[1]), min(last, len(item.content))
