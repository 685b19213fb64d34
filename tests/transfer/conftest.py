"""A server of raw sockets that misbehaves as told, and what a transfer needs to be tried against it."""

import contextlib
import hashlib
import random
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stamina

from modelready.model import Digest
from modelready.transfer import Access, Wanted, bring

PAGE = b"<!DOCTYPE html><html><title>Sign in to the network</title></html>"


@dataclass
class Request:
    """A question that was asked, and how many bytes of body it was answered with."""

    path: str
    headers: dict[str, str]
    sent: int = 0


@dataclass
class Thing:
    """What a path serves."""

    content: bytes
    etag: str | None = '"one"'
    faults: list = field(default_factory=list)  # one a request, then all is well
    lasting: object = None  # for every request


class Answering:
    """One request being answered on one connection."""

    def __init__(self, server, connection, request, thing):
        self.server, self.connection, self.request, self.thing = server, connection, request, thing

    @property
    def span(self):
        """The range asked for, if the version fits."""
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.request.headers.get("range", ""))
        version = self.request.headers.get("if-range")
        if not match or (version and version != self.thing.etag):
            return None
        end = min(int(match[2]) + 1 if match[2] else len(self.thing.content), len(self.thing.content))
        return int(match[1]), end

    def head(self, status, headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        self.connection.sendall(f"HTTP/1.1 {status} Reason\r\n{lines}\r\n".encode("latin-1"))

    def body(self, view):
        for at in range(0, len(view), 1 << 16):
            self.connection.sendall(view[at : at + (1 << 16)])
            self.request.sent += len(view[at : at + (1 << 16)])

    def well(self, *, most=None, content=None, shift=0, span=..., headers=()):
        """Answer as a good server does, or nearly so."""
        content = self.thing.content if content is None else content
        span = self.span if span is ... else span
        start, end = span or (0, len(content))
        shown = {"Content-Length": end - start, "ETag": self.thing.etag}
        if span:
            if start >= len(content):
                return self.head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": 0})
            shown["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self.head(206 if span else 200, shown | dict(headers))
        view = memoryview(content)[start + shift : end + shift]
        self.body(view if most is None else view[:most])
        return None

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server:
    """Serves things on loopback; its methods make the faults that a thing can be given."""

    def __init__(self):
        self.requests = []
        self.things = {}
        self.closing = threading.Event()
        self.encrypt = None
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._connections = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, path, content, *faults, etag='"one"', lasting=None):
        self.things[path] = Thing(content, etag, list(faults), lasting)
        return f"{self.url}/{path}"

    def close(self):
        self.closing.set()
        for one in (self._listening, *tuple(self._connections)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def asked(self, path):
        return [request for request in self.requests if request.path == path]

    def sent(self, path):
        return sum(request.sent for request in self.asked(path))

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                if self.encrypt:
                    connection = self.encrypt.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._connections.add(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as reader:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._answer(connection, reader):
                pass
        self._connections.discard(connection)

    def _answer(self, connection, reader):
        line = reader.readline().split()
        if not line:
            return False
        pairs = iter(lambda: reader.readline().decode("latin-1").strip(), "")
        headers = {name.lower(): value.strip() for name, _, value in (pair.partition(":") for pair in pairs)}
        request = Request(line[1].decode().lstrip("/").partition("?")[0], headers)
        self.requests.append(request)
        thing = self.things.get(request.path)
        answering = Answering(self, connection, request, thing)
        if thing is None:
            answering.head(404, {"Content-Length": 0, "X-Error-Code": "EntryNotFound"})
            return True
        fault = thing.faults.pop(0) if thing.faults else thing.lasting
        return (fault or Answering.well)(answering) is None

    # ---- faults: each is called with the answering, and gives False to close the connection

    @staticmethod
    def cut(after, *, reset=False):
        """Send so many bytes of body, then close."""

        def fault(answering):
            answering.well(most=after)
            if reset:
                answering.reset()
            return False

        return fault

    @staticmethod
    def refuse(answering):
        """Close before answering."""
        return False

    def stall(self, after=0, *, silent=False, for_s=60.0):
        """Send so many bytes of body, or not even a head, then nothing."""

        def fault(answering):
            if not silent:
                answering.well(most=after)
            self.closing.wait(for_s)
            return False

        return fault

    def trickle(self, every_s, *, head=False):
        """Send one byte at a time."""

        def fault(answering):
            if head:
                answering.connection.sendall(b"HTTP/1.1 200 ")
            else:
                answering.well(most=0)
            while not self.closing.wait(every_s):
                answering.connection.sendall(b"x")
            return False

        return fault

    @staticmethod
    def status(status, body=b"", **headers):
        """Answer with another status."""
        shown = {name.replace("_", "-"): value for name, value in headers.items()}

        def fault(answering):
            answering.head(status, {"Content-Length": len(body)} | shown)
            answering.body(body)

        return fault

    @staticmethod
    def whole(answering):
        """Ignore the range."""
        answering.well(span=None)

    @staticmethod
    def shifted(answering):
        """Answer a range with the right header and other bytes."""
        answering.well(shift=-7 if answering.span and answering.span[0] else 0)

    @staticmethod
    def misplaced(answering):
        """Answer a range with the bytes of another one, and say so."""
        span = answering.span
        answering.well(span=(0, span[1] - span[0]) if span else None)

    @staticmethod
    def flipped(at):
        """Send one wrong byte."""

        def fault(answering):
            content = bytearray(answering.thing.content)
            content[at] ^= 1
            answering.well(content=bytes(content))

        return fault

    @staticmethod
    def other(content, **headers):
        """Send something else."""

        def fault(answering):
            answering.well(content=content, headers={name.replace("_", "-"): value for name, value in headers.items()})

        return fault

    @staticmethod
    def with_headers(**headers):
        """Answer well, with other headers."""
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda answering: answering.well(headers=shown)

    @staticmethod
    def chunked(cut_after=None, content=None):
        """Send without a length."""

        def fault(answering):
            answering.head(200, {"Transfer-Encoding": "chunked", "ETag": answering.thing.etag})
            body = (answering.thing.content if content is None else content)[:cut_after]
            for at in range(0, len(body), 70_000):
                piece = body[at : at + 70_000]
                answering.connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                answering.request.sent += len(piece)
            if cut_after is not None:
                return False
            answering.connection.sendall(b"0\r\n\r\n")
            return None

        return fault

    @staticmethod
    def changed(content, etag, then=None):
        """From now on serve another version."""

        def fault(answering):
            answering.thing.content, answering.thing.etag = content, etag
            return (then or Answering.well)(answering)

        return fault


class Watching:
    """Remembers what a transfer tells."""

    def __init__(self):
        self.events, self.proofs, self.count, self.kept = [], [], 0, 0
        self._lock = threading.Lock()

    def started(self, wanted, kept):
        self.events.append("started")
        self.kept += kept

    def received(self, wanted, count):
        with self._lock:
            self.count += count

    def restarted(self, wanted):
        self.events.append("restarted")

    def verifying(self, wanted):
        self.events.append("verifying")

    def done(self, proof):
        self.events.append("done")
        self.proofs.append(proof)


def settle(proof):
    """Give a proved part its final name."""
    proof.wanted.part.replace(proof.wanted.part.with_suffix(""))


@pytest.fixture
def server():
    """Serve on loopback, and misbehave."""
    one = Server()
    yield one
    one.close()


@pytest.fixture
def other_server():
    """Serve on loopback under another origin."""
    one = Server()
    yield one
    one.close()


@pytest.fixture
def watching():
    """Remember what the transfer tells."""
    return Watching()


@pytest.fixture
def no_waits():
    """Back off for no time at all."""
    stamina.set_testing(True, attempts=1000, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def want(server, tmp_path):
    """Give what is wanted of a path of the server, as its listing would tell it."""

    def give(path="weights.bin", content=None, **changes):
        content = server.things[path].content if content is None else content
        told = {
            "url": f"{server.url}/{path}",
            "part": tmp_path / f"{path}.part",
            "path": path,
            "size": len(content),
            "digests": (Digest("sha256", hashlib.sha256(content).hexdigest(), "the test"),),
        }
        return Wanted(**(told | changes))

    return give


@pytest.fixture
def fetch(server, watching, no_waits):
    """Bring what is wanted; give the bytes that stand under the final names."""

    def run(*wanted, connections=4, stop=None, resume=True, settle=settle, **access):
        told = {"endpoint": server.url, "timeout_s": 2.0} | access
        bring(
            wanted,
            access=Access(**told),
            connections=connections,
            settle=settle,
            watcher=watching,
            stop=stop or threading.Event(),
            resume=resume,
        )
        return [Path(one.part).with_suffix("").read_bytes() for one in wanted]

    return run


@pytest.fixture(scope="session")
def small():
    """Give a megabyte and a bit."""
    return random.Random(1).randbytes(1_100_003)


@pytest.fixture(scope="session")
def large():
    """Give a file that is divided among connections."""
    return random.Random(2).randbytes((80 << 20) + 4321)


@pytest.fixture(scope="session")
def page():
    """Give what a captive portal shows."""
    return PAGE
