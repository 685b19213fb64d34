"""Files arrive whole, whatever their size and number, and what is told of them is true."""

import hashlib
import queue
import threading

import pytest

from modelready import errors
from modelready.model import Digest
from modelready.transfer import keeping


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_a_small_file_arrives_by_one_request(server, want, fetch, watching, small):
    """A listing already told size and digest: no HEAD, no range."""
    server.serve("weights.bin", small)

    (got,) = fetch(want())

    assert got == small
    assert [request.headers.get("range") for request in server.requests] == [None]
    assert watching.events == ["started", "verifying", "done"]
    assert watching.count == len(small)


def test_a_large_file_arrives_over_several_connections(server, want, fetch, watching, large):
    """Its pieces are asked for by range, of one version."""
    server.serve("weights.bin", large)

    (got,) = fetch(want())

    assert got == large
    assert len(server.requests) == 3
    assert {request.headers.get("if-range") for request in server.requests} == {None, '"one"'}
    assert server.sent("weights.bin") == len(large)


def test_many_files_arrive_together(server, want, fetch):
    """Small and empty ones beside each other, each with its own digest."""
    contents = {f"{number}.json": b"%d" % number * number for number in range(60)}
    for path, content in contents.items():
        server.serve(path, content)

    got = fetch(*(want(path) for path in contents))

    assert got == list(contents.values())
    assert len(server.requests) == 59


def test_a_proof_tells_every_digest(server, want, fetch, watching, small):
    """Layouts name blobs by git sha1, certificates by sha256."""
    server.serve("weights.bin", small)
    known = (Digest("git_sha1", git_sha1(small).upper()), Digest("md5", hashlib.md5(small).hexdigest()))

    fetch(want(digests=known))

    (proof,) = watching.proofs
    assert proof.size == len(small)
    assert proof.sha256 == hashlib.sha256(small).hexdigest()
    assert {(one.algorithm, one.hex) for one in proof.digests} == {
        ("git_sha1", git_sha1(small)),
        ("md5", hashlib.md5(small).hexdigest()),
        ("sha256", hashlib.sha256(small).hexdigest()),
    }


@pytest.mark.parametrize("size", [None, 1_100_003], ids=["size unknown", "size known"])
@pytest.mark.parametrize("digested", [True, False], ids=["digest known", "no digest"])
@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunked", "with a length"])
def test_less_is_known_of_a_plain_address(server, want, fetch, watching, small, size, digested, is_chunked):
    """The end of a chunked body is as sure as a length."""
    server.serve("weights.bin", small, lasting=server.chunked() if is_chunked else None)
    known = want(size=size) if digested else want(size=size, digests=())

    (got,) = fetch(known)

    assert got == small
    assert watching.proofs[0].sha256 == hashlib.sha256(small).hexdigest()


def test_an_end_that_nothing_proves_is_refused(server, want, fetch, small):
    """Without length, chunks and digest, a cut body looks like a whole one."""

    def until_closed(answering):
        answering.head(200, {"Connection": "close"})
        answering.body(small)
        return False

    server.serve("weights.bin", small, lasting=until_closed)

    with pytest.raises(errors.ServerFault, match="nothing proves the end"):
        fetch(want(size=None, digests=()))


def test_a_body_until_the_connection_closes_is_proved_by_its_digest(server, want, fetch, small):
    """HTTP/1.0 servers answer so."""

    def until_closed(answering):
        answering.head(200, {"Connection": "close"})
        answering.body(small)
        return False

    server.serve("weights.bin", small, lasting=until_closed)

    assert fetch(want(size=None)) == [small]


def test_nothing_is_asked_for_nothing(fetch):
    """An empty plan is done."""
    assert fetch() == []


def test_folders_are_made_for_the_part(server, want, fetch, tmp_path, small):
    """The caller names a place, not a folder it made."""
    server.serve("weights.bin", small)

    assert fetch(want(part=tmp_path / "a" / "b" / "w.part")) == [small]


def test_an_error_of_settle_ends_the_transfer(server, want, fetch, small):
    """The rename is the last thing that can fail."""
    server.serve("weights.bin", small)

    def refuse(proof):
        raise PermissionError(13, "Permission denied")

    with pytest.raises(errors.NotWritable, match="Permission denied"):
        fetch(want(), settle=refuse)


def test_a_bug_in_a_watcher_is_not_swallowed(server, want, fetch, watching, small):
    """Whatever a thread raises reaches the caller."""
    server.serve("weights.bin", small)
    watching.received = lambda wanted, count: 1 / 0

    with pytest.raises(ZeroDivisionError):
        fetch(want())


def test_a_stop_set_before_ends_at_once(server, want, fetch, small):
    """Nothing is begun that nobody wants any more."""
    server.serve("weights.bin", small, lasting=server.stall(silent=True))
    stop = threading.Event()
    stop.set()

    with pytest.raises(errors.Interrupted):
        fetch(want(), stop=stop)


def test_no_thread_stays_behind(server, want, fetch, small, large):
    """Whoever called is alone again."""
    server.serve("weights.bin", large)
    server.serve("small.bin", small)
    before = threading.active_count()

    fetch(want(), want("small.bin"))

    assert [one for one in threading.enumerate() if one.name.startswith("modelready")] == []
    assert threading.active_count() <= before + 8


def test_no_small_file_is_waited_for_when_all_are_there(server, want, fetch, small, monkeypatch):
    """Many are synced together; a model of few must not wait for nothing."""
    in_vain = []

    class Recording(queue.SimpleQueue):
        def get(self, block=True, timeout=None):
            try:
                return super().get(block, timeout)
            except queue.Empty:
                in_vain.append(timeout)
                raise

    monkeypatch.setattr(keeping.queue, "SimpleQueue", Recording)
    monkeypatch.setattr(keeping, "_GATHERING_S", 30.0)
    for number in range(3):
        server.serve(f"{number}.bin", small[: 1000 + number])

    assert len(fetch(*(want(f"{number}.bin") for number in range(3)))) == 3
    assert [timeout for timeout in in_vain if timeout] == []
