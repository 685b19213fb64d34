"""However a transfer ends, what had arrived is not asked for again, and nothing torn is believed."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from modelready import errors
from modelready.transfer import boots, journal, kept

RUNNER = """
import hashlib, sys, threading
from pathlib import Path
from modelready.model import Digest
from modelready.transfer import Access, Wanted, bring

class Quiet:
    def started(self, wanted, kept): pass
    def received(self, wanted, count): pass
    def restarted(self, wanted): pass
    def verifying(self, wanted): pass
    def done(self, proof): pass

url, part, size, digest = sys.argv[1:]
wanted = Wanted(url, Path(part), "weights.bin", int(size), (Digest("sha256", digest),))
bring([wanted], access=Access(url), connections=4, settle=lambda proof: None, watcher=Quiet(), stop=threading.Event())
"""


def paced(answering, pause_s=0.004):
    """Answer well, but slowly enough to be killed meanwhile."""
    start, end = answering.span or (0, len(answering.thing.content))
    answering.well(most=0)
    view = memoryview(answering.thing.content)[start:end]
    for at in range(0, len(view), 1 << 16):
        answering.body(view[at : at + (1 << 16)])
        time.sleep(pause_s)


def run_until(server, wanted, count, ending):
    """Run a transfer in a process of its own and end it when *count* bytes were sent."""
    arguments = [wanted.url, str(wanted.part), str(wanted.size), wanted.digests[0].hex]
    process = subprocess.Popen([sys.executable, "-c", RUNNER, *arguments], stderr=subprocess.PIPE)
    while server.sent("weights.bin") < count and process.poll() is None:
        time.sleep(0.001)
    sent = server.sent("weights.bin")
    process.send_signal(ending)
    _, told = process.communicate(timeout=20)
    server.requests.clear()
    return sent, told.decode()


@pytest.mark.parametrize(
    ("ending", "share"),
    [(signal.SIGKILL, 0.1), (signal.SIGKILL, 0.6), (signal.SIGKILL, 0.95), (signal.SIGTERM, 0.6), (signal.SIGINT, 0.6)],
)
def test_a_killed_transfer_goes_on_where_it_was(server, want, fetch, watching, large, share, ending):
    """Not a tenth of what had arrived is asked for again."""
    server.serve("weights.bin", large, lasting=paced)
    wanted = want()
    sent, _ = run_until(server, wanted, share * len(large), ending)
    server.serve("weights.bin", large)

    assert fetch(wanted) == [large]
    # Bytes in the kernel's buffers were sent but never arrived.
    assert server.sent("weights.bin") <= len(large) - 0.9 * sent + (4 << 20)
    assert watching.kept == len(large) - server.sent("weights.bin")


def test_a_small_file_is_resumed_too(server, want, fetch, small):
    """From a quarter of a megabyte on it is worth it."""
    server.serve("weights.bin", small, lasting=paced)
    wanted = want()
    sent, _ = run_until(server, wanted, 800_000, signal.SIGKILL)
    server.serve("weights.bin", small)

    assert fetch(wanted) == [small]
    assert server.sent("weights.bin") < len(small) - sent + 400_000


@pytest.fixture
def interrupted(server, fetch, watching, monkeypatch):
    """Stop a transfer when so much arrived; the server is well again afterwards."""
    stop = threading.Event()

    def run(wanted, content, after, then):
        server.serve("weights.bin", content, lasting=server.stall(after))
        with monkeypatch.context() as patch:
            patch.setattr(watching, "received", lambda wanted, count: then() if kept_so_far(count) == after else None)
            with pytest.raises((errors.Interrupted, KeyboardInterrupt)) as told:
                fetch(wanted, stop=stop, timeout_s=30.0)
        server.requests.clear()
        server.serve("weights.bin", content)
        return told.type

    arrived = []

    def kept_so_far(count):
        arrived.append(count)
        return sum(arrived)

    return lambda wanted, content, after, then=stop.set: run(wanted, content, after, then)


def test_a_stop_ends_soon_and_keeps_what_arrived(server, want, fetch, interrupted, watching, small):
    """Reads that block are cut; the very last byte that arrived is in the journal."""
    wanted = want(content=small)
    started = time.monotonic()

    interrupted(wanted, small, 700_000)

    assert time.monotonic() - started < 10  # the stalled read would last 30
    assert kept(wanted) == 700_000
    assert fetch(wanted) == [small]
    assert server.requests[0].headers["range"] == f"bytes=700000-{len(small) - 1}"
    assert server.requests[0].headers["if-range"] == '"one"'


def test_a_keyboard_interrupt_keeps_what_arrived(want, interrupted, small):
    """Ctrl-C in the main thread, with nobody to set an event."""
    wanted = want(content=small)

    ended = interrupted(wanted, small, 700_000, lambda: os.kill(os.getpid(), signal.SIGINT))

    assert ended is KeyboardInterrupt
    assert kept(wanted) == 700_000


def test_no_resume_starts_at_zero(server, want, fetch, interrupted, watching, small):
    """Who asks for it gets every byte anew."""
    wanted = want(content=small)
    interrupted(wanted, small, 700_000)
    watching.kept = 0

    assert fetch(wanted, resume=False) == [small]
    assert watching.kept == 0
    assert server.requests[0].headers.get("range") is None


def test_after_a_power_cut_only_synced_bytes_are_believed(server, want, fetch, interrupted, small, monkeypatch):
    """The page cache died with the old kernel."""
    wanted = want(content=small)
    interrupted(wanted, small, 700_000)
    monkeypatch.setattr(boots, "boot", lambda: "another boot")

    assert kept(wanted) == 0
    assert fetch(wanted) == [small]
    assert server.sent("weights.bin") == len(small)


def test_after_a_power_cut_synced_bytes_are_kept(server, want, fetch, interrupted, small, monkeypatch):
    """What fdatasync returned for is there."""
    wanted = want(content=small)
    interrupted(wanted, small, 700_000)
    rewrite(wanted.part, len(small), durable=((0, 500_000),))
    monkeypatch.setattr(boots, "boot", lambda: "another boot")

    assert kept(wanted) == 500_000
    assert fetch(wanted) == [small]
    assert server.sent("weights.bin") == len(small) - 500_000


def rewrite(part, size, **changes):
    """Change what both slots of a journal say."""
    note = journal.newest(part.read_bytes()[size:], size)
    with part.open("r+b") as file:
        file.seek(size)
        slot = journal.encode(journal.Journal(**(vars(note) | changes)))
        file.write(slot + slot)


def test_bytes_torn_by_a_power_cut_are_noticed(server, want, fetch, interrupted, watching, small):
    """Even if the journal lied, the digest reads the kept prefix again."""
    wanted = want(content=small)
    interrupted(wanted, small, 700_000)
    with wanted.part.open("r+b") as file:
        file.write(bytes(4096))

    assert fetch(wanted) == [small]
    assert "restarted" in watching.events


@pytest.mark.parametrize("changes", [{"size": 1_200_000}, {"digest": "0" * 64}], ids=lambda one: next(iter(one)))
def test_a_part_of_another_file_is_not_gone_on_with(server, want, fetch, interrupted, small, changes):
    """The journal says which file its bytes are of."""
    wanted = want(content=small)
    interrupted(wanted, small, 700_000)
    other = random.Random(9).randbytes(1_200_000 if "size" in changes else len(small))
    server.serve("weights.bin", other)

    assert fetch(want()) == [other]
    assert server.requests[0].headers.get("range") is None


def test_a_whole_part_is_proved_and_not_fetched(server, want, fetch, small):
    """It was killed between the last byte and its name."""
    server.serve("weights.bin", small)
    wanted = want()
    wanted.part.write_bytes(small)

    assert fetch(wanted) == [small]
    assert server.requests == []


def test_a_whole_part_that_is_wrong_is_fetched(server, want, fetch, small):
    """Its length alone is no proof."""
    server.serve("weights.bin", small)
    wanted = want()
    wanted.part.write_bytes(bytes(len(small)))

    assert fetch(wanted) == [small]
    assert server.sent("weights.bin") == len(small)


@pytest.mark.parametrize("resume", [True, False])
def test_a_part_with_another_name_is_never_written_to(server, want, fetch, small, tmp_path, resume):
    """A run that was killed while it gave a file a second place left it: what has the first one keeps its bytes."""
    server.serve("weights.bin", small)
    wanted = want()
    other = tmp_path / "of-another-model.bin"
    other.write_bytes(b"x" * len(small))
    os.link(other, wanted.part)

    assert fetch(wanted, resume=resume) == [small]
    assert other.read_bytes() == b"x" * len(small)


def test_a_whole_large_part_is_proved_and_not_fetched(server, want, fetch, large):
    """The same by the thread that follows large files."""
    server.serve("weights.bin", large)
    wanted = want()
    wanted.part.write_bytes(large)

    assert fetch(wanted) == [large]
    assert server.requests == []


def test_a_part_without_journal_and_digest_is_not_believed(server, want, fetch, small):
    """Nothing says what it is."""
    server.serve("weights.bin", small)
    wanted = want(digests=())
    wanted.part.write_bytes(bytes(len(small)))

    assert kept(wanted) == 0
    assert fetch(wanted) == [small]


def test_an_unknown_size_is_remembered(server, want, fetch, interrupted, small):
    """The server told it the first time."""
    wanted = want(content=small, size=None, digests=())
    interrupted(wanted, small, 700_000)

    assert fetch(wanted) == [small]
    assert server.sent("weights.bin") == len(small) - 700_000


def test_another_size_of_unknown_is_another_version(server, want, fetch, interrupted, small):
    """It grew between the runs, under the same ETag."""
    wanted = want(content=small, size=None, digests=())
    interrupted(wanted, small, 700_000)
    server.serve("weights.bin", small + b"more")

    assert fetch(wanted) == [small + b"more"]


def test_a_small_rest_leaves_nothing_behind(server, want, fetch, tmp_path):
    """A few kilobytes are fetched anew sooner than noted."""
    server.serve("weights.bin", b"x" * 5000, lasting=server.cut(0))

    with pytest.raises(errors.ServerFault):
        fetch(want(), max_retries=1)

    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_of_nothing_is_nothing(want, server):
    """Asking opens and makes nothing."""
    server.serve("weights.bin", b"abc")
    wanted = want()

    assert kept(wanted) == 0
    assert not wanted.part.exists()


def test_a_stop_does_not_wait_for_a_host_that_never_answers(want, fetch, small, server):
    """Nothing can cut a connection short that is still being made."""
    server.serve("weights.bin", small)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(address)
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        started = time.monotonic()

        with pytest.raises(errors.Interrupted):
            fetch(want(url=f"http://127.0.0.1:{address[1]}/x"), stop=stop, timeout_s=30.0)

        for one in full:
            one.close()
    assert time.monotonic() - started < 8  # a connection is waited for 10 s
