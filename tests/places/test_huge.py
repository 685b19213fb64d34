"""Files beyond 32 bits and repositories of thousands of files, in flat memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelready import transfer
from modelready.errors import Interrupted
from modelready.model import Digest
from modelready.network.access import Access
from modelready.transfer import boots, journal

MIB = 1024 * 1024
GIB = 1024 * MIB
MOST_MB = 300


def counted(start, end):
    """Give the bytes from *start* to *end* of a file that says every 8 bytes where it is."""
    first = start // 8
    return b"".join(number.to_bytes(8, "big") for number in range(first, -(-end // 8)))[start % 8 :][: end - start]


def zeros(start, end):
    """Give the bytes from *start* to *end* of a file of nothing."""
    return bytes(end - start)


class Server(ThreadingHTTPServer):
    """A server of one file that lies nowhere."""

    daemon_threads = True

    def __init__(self, content, size):
        self.content, self.size, self.asked = content, size, []
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    """Answers ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        start, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        self.server.asked.append((start, last + 1))
        self.send_response(206)
        self.send_header("Content-Length", str(last + 1 - start))
        self.send_header("Content-Range", f"bytes {start}-{last}/{self.server.size}")
        self.send_header("ETag", '"one"')
        self.end_headers()
        self.wfile.write(self.server.content(start, last + 1))

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server(request):
    """Give the server that the test's parameters describe."""
    with Server(*request.param) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def lacking(place, size, digests, *holes):
    """Leave a part of *size* bytes at *place* that lacks only *holes*."""
    arrived, end = [], 0
    for start, stop in holes:
        arrived.append((end, start))
        end = stop
    if end < size:
        arrived.append((end, size))
    arrived = tuple(one for one in arrived if one[0] < one[1])
    note = journal.Journal(size, digests, '"one"', arrived, arrived, boots.boot(), 1)
    with place.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(journal.encode(note) * 2)


class Watching:
    """Sets *stop* when *count* bytes have come."""

    def __init__(self, stop, count):
        self.stop, self.left, self.lock = stop, count, threading.Lock()

    def started(self, wanted, kept):
        """Begin."""

    def received(self, wanted, count):
        """Count."""
        with self.lock:
            self.left -= count
            if self.left <= 0:
                self.stop.set()

    restarted = verifying = done = lambda *_: None


def bring(wanted, watcher, stop, settled):
    """Bring *wanted* with four connections."""
    access = Access(endpoint=wanted.url, token=None, user_agent="test", timeout_s=10, max_retries=1)
    transfer.bring([wanted], access=access, connections=4, settle=settled.append, watcher=watcher, stop=stop)


@pytest.mark.parametrize("server", [(counted, 60 * GIB)], indirect=True, ids=["60 GiB"])
def test_offsets_beyond_32_bits(server, tmp_path):
    """What lacks at the start, around 2, 4 and 32 GiB and at the end is asked for, and lands exactly there."""
    size = 60 * GIB
    edges = (2 * GIB, 4 * GIB, 32 * GIB)
    holes = [(0, 4096), *((edge - 5000, edge + 3000) for edge in edges), (size - 100_001, size)]
    digest = Digest("sha256", "0" * 64, "nobody: this test stops before")
    wanted = transfer.Wanted(f"http://127.0.0.1:{server.server_port}/a", tmp_path / "a", "a", size, (digest,))
    lacking(wanted.part, size, {"sha256": "0" * 64}, *holes)
    missing = sum(end - start for start, end in holes)
    stop = threading.Event()

    with pytest.raises(Interrupted):
        bring(wanted, Watching(stop, missing), stop, [])

    assert sorted(server.asked) == holes
    assert transfer.kept(wanted) == size
    with wanted.part.open("rb") as file:
        for start, end in holes:
            assert os.pread(file.fileno(), end - start, start) == counted(start, end)
    assert wanted.part.stat().st_blocks * 512 < MIB


SIZE = 2 * GIB + 64 * MIB
SHA256 = "70ad09e2d656481c560afede293f158609e2badc4e4197bf7446a7b27df989b9"  # of that many zeros


@pytest.mark.parametrize("server", [(zeros, SIZE)], indirect=True, ids=["over 2 GiB"])
def test_a_file_that_signed_32_bits_cannot_count_is_proved(server, tmp_path):
    """Its last megabytes travel, all of it is hashed, and nothing but its bytes is left."""
    wanted = transfer.Wanted(
        f"http://127.0.0.1:{server.server_port}/a", tmp_path / "a", "a", SIZE, (Digest("sha256", SHA256, "test"),)
    )
    lacking(wanted.part, SIZE, {"sha256": SHA256}, (2 * GIB - MIB, 2 * GIB + MIB), (SIZE - MIB, SIZE))
    settled = []

    bring(wanted, Watching(threading.Event(), SIZE), threading.Event(), settled)

    assert [(proof.size, proof.sha256) for proof in settled] == [(SIZE, SHA256)]
    assert sum(end - start for start, end in server.asked) == 3 * MIB
    assert wanted.part.stat().st_size == SIZE


#: A process inherits the peak of whoever starts it, and the tests' own is large: so a small one starts it.
STARTER = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""


def spent(machine, *arguments):
    """Run a command, and give how it ended and the most memory that it had, in megabytes."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STARTER, *machine.command(*arguments)],
        env=machine.environment,
        cwd=machine.place,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    status, peak_kib = map(int, done.stdout.splitlines()[-1].split())
    return status, peak_kib / 1024


def test_thousands_of_files_in_pages(machine, hub, serve, monkeypatch):
    """Listings come in pages, files of no bytes among them; memory stays flat; a second run asks nothing."""
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)  # measuring coverage takes memory of its own
    count = 1200
    serve({f"{number // 500}/{number:05}.txt": b"" if number % 50 == 0 else b"%d" % number for number in range(count)})

    brought = spent(machine, "provision")
    pages = [one for one in hub.requests if "/tree/" in one.path]
    hub.forget()
    again, certified = spent(machine, "provision"), spent(machine, "certify")

    assert len(pages) == 2
    assert [one[0] for one in (brought, again, certified)] == [0, 0, 0]
    assert max(one[1] for one in (brought, again, certified)) < MOST_MB
    assert len(hub.requests) == 0
    assert len(list(machine.cache.glob("models--*/snapshots/*/*/*.txt"))) == count


def test_a_file_of_no_bytes_is_proved_like_any_other(machine, serve, cached):
    """It has a digest too."""
    serve({"empty.bin": b"", "b/also.txt": b""})

    done = machine.run("provision")

    assert done.returncode == 0, done.stdout
    assert cached(machine.cache) == {"empty.bin": b"", "b/also.txt": b""}
