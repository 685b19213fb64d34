"""Whatever a server does: the right bytes if it passes, one honest error if it lasts, and nothing in between."""

import gzip
import itertools
import threading
import time

import pytest

from modelready import errors
from modelready.model import Digest


def after_a_cut(fault):
    """Cut the first answer, so that the fault meets a resume."""
    return lambda server: (server.cut(400_000), fault(server))


PASSING = {
    "cut": lambda server: (server.cut(400_000),),
    "cut again and again": lambda server: [server.cut(40_000) for _ in range(20)],
    "cut after one byte, again and again": lambda server: [server.cut(1) for _ in range(20)],
    "reset": lambda server: (server.cut(400_000, reset=True),),
    "closed before an answer": lambda server: (server.refuse, server.refuse),
    "stalled before an answer": lambda server: (server.stall(silent=True),),
    "stalled in the body": lambda server: (server.stall(500_000),),
    "500": lambda server: (server.status(500),),
    "502": lambda server: (server.status(502), server.status(502)),
    "503 with a wait": lambda server: (server.status(503, Retry_After="0"),),
    "504": lambda server: (server.status(504),),
    "408": lambda server: (server.status(408),),
    "425": lambda server: (server.status(425),),
    "429 in seconds": lambda server: (server.status(429, Retry_After="0"),),
    "429 with a date": lambda server: (server.status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),),
    "429 with a rate limit": lambda server: (server.status(429, RateLimit='"x";r=0;t=0'),),
    "429 bare": lambda server: (server.status(429),),
    "range ignored once": after_a_cut(lambda server: server.whole),
    "range answered from elsewhere": after_a_cut(lambda server: server.misplaced),
    "range answered with shifted bytes": after_a_cut(lambda server: server.shifted),
    "416": after_a_cut(lambda server: server.status(416)),
    "503 on resume": after_a_cut(lambda server: server.status(503)),
    "206 without Content-Range": after_a_cut(lambda server: server.status(206)),
    "one byte flipped": lambda server: (server.flipped(17),),
    "one byte flipped, twice": lambda server: (server.flipped(17), server.flipped(1_000_000)),
    "page of another length": lambda server: (server.other(b"<html>", Content_Type="text/html"),) * 2,
    "shorter, cleanly announced": lambda server: (server.other(b"short"),),
    "chunked and cut": lambda server: (server.chunked(300_000),),
    "403 without a reason": lambda server: (server.status(403),),
    "chunked": lambda server: (server.chunked(),),
    "no etag": lambda server: (server.with_headers(ETag=None),),
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_a_passing_fault_costs_nothing_but_time(server, want, fetch, small, faults):
    """The right bytes arrive, whatever came before."""
    server.serve("weights.bin", small, *faults(server))

    assert fetch(want(), timeout_s=0.4) == [small]


@pytest.mark.parametrize(
    "faults",
    [PASSING[name] for name in ("cut", "reset", "range ignored once", "503 on resume", "stalled in the body")],
)
def test_a_passing_fault_throws_nothing_away(server, want, fetch, watching, small, faults):
    """What arrived before it is not asked for again."""
    server.serve("weights.bin", small, *faults(server))

    fetch(want(), timeout_s=0.4)

    assert "restarted" not in watching.events
    assert watching.count == len(small)


LASTING = {
    "404": (lambda server: server.status(404), errors.NotFound, "correct the source"),
    "410": (lambda server: server.status(410), errors.NotFound, "410"),
    "401": (lambda server: server.status(401), errors.Unauthorised, "set HF_TOKEN"),
    "403": (lambda server: server.status(403), errors.Unauthorised, "HF_TOKEN"),
    "gated": (lambda server: server.status(403, X_Error_Code="GatedRepo"), errors.Gated, "accept the licence"),
    "private": (lambda server: server.status(401, X_Error_Code="RepoNotFound"), errors.NotFound, "HF_TOKEN"),
    "451": (lambda server: server.status(451), errors.ServerFault, "451"),
    "400": (lambda server: server.status(400), errors.ServerFault, "400"),
    "503": (lambda server: server.status(503), errors.ServerFault, "later"),
    "429": (lambda server: server.status(429, Retry_After="0"), errors.RateLimited, "fewer --jobs"),
    "429 for too long": (lambda server: server.status(429, Retry_After="3600"), errors.RateLimited, "in 3600 s"),
    "closed": (lambda server: server.refuse, errors.ServerFault, "broke the connection"),
    "cut at the same byte": (lambda server: server.cut(0), errors.ServerFault, "broke off after 0"),
    "silent": (lambda server: server.stall(silent=True), errors.Stalled, "went silent"),
    "stalled": (lambda server: server.stall(0), errors.Stalled, "went silent"),
    "flipped": (lambda server: server.flipped(17), errors.DigestMismatch, "the test says"),
    "shorter": (lambda server: server.other(b"short"), errors.LengthMismatch, "5 bytes instead of 1100003"),
    "chunked and shorter": (lambda server: server.chunked(content=b"short"), errors.LengthMismatch, "instead of"),
    "chunked and longer": (
        lambda server: server.chunked(content=bytes(1_200_000)),
        errors.LengthMismatch,
        "more than the 1100003 bytes",
    ),
    "page": (lambda server: server.other(b"<html>", Content_Type="text/html"), errors.LengthMismatch, "captive portal"),
    "linked size": (lambda server: server.with_headers(X_Linked_Size="17"), errors.LengthMismatch, "17 bytes"),
}


@pytest.mark.parametrize(("fault", "error", "words"), LASTING.values(), ids=LASTING)
def test_a_lasting_fault_is_one_honest_error(server, want, fetch, small, tmp_path, fault, error, words):
    """It names cause and remedy, leaves no wrong file, and a later run without the fault ends well."""
    server.serve("weights.bin", small, lasting=fault(server))

    with pytest.raises(error, match=words) as told:
        fetch(want(), timeout_s=0.3, silence_s=1.0, max_retries=3)

    assert type(told.value) is error
    assert told.value.remedy
    assert not (tmp_path / "weights.bin").exists()
    server.serve("weights.bin", small)
    assert fetch(want()) == [small]


@pytest.mark.parametrize("name", ["503", "closed", "cut at the same byte", "silent"])
def test_a_lasting_fault_names_the_file(server, want, fetch, small, name):
    """Whatever kept it from coming."""
    server.serve("weights.bin", small, lasting=LASTING[name][0](server))

    with pytest.raises(errors.SourceError, match=r"^weights\.bin: "):
        fetch(want(), timeout_s=0.3, silence_s=1.0, max_retries=1)


def test_a_page_of_the_right_length_is_recognised(server, want, fetch, page, small):
    """The digest refuses it, and the error says what it was."""
    server.serve("weights.bin", small, lasting=server.other(page.ljust(len(small)), Content_Type="text/html"))

    with pytest.raises(errors.DigestMismatch, match="captive portal"):
        fetch(want())


def test_a_page_without_a_digest_to_refuse_it_is_refused(server, want, fetch, page):
    """Nothing else would notice."""
    server.serve("weights.bin", b"", lasting=server.other(page, Content_Type="text/html; charset=utf-8"))

    with pytest.raises(errors.ServerFault, match="captive portal"):
        fetch(want(size=None, digests=()))


def test_a_page_that_is_wanted_arrives(server, want, fetch, page):
    """Some repositories hold pages."""
    server.serve("demo.html", page, lasting=server.with_headers(Content_Type="text/html"))

    assert fetch(want("demo.html", digests=())) == [page]


def test_a_portal_takes_nothing_away(server, want, fetch, watching, page, small):
    """What arrived before it came up is kept."""
    portal = server.other(page.ljust(len(small)), Content_Type="text/html")
    server.serve("weights.bin", small, server.cut(900_000), portal, portal)

    assert fetch(want()) == [small]
    assert "restarted" not in watching.events


def test_a_new_version_is_never_mixed_with_the_old_one(server, want, fetch, watching, small):
    """The server tells another version on resume: the file is begun anew."""
    newer = small[::-1]
    server.serve("weights.bin", small, server.cut(700_000), server.changed(newer, '"two"'))

    (got,) = fetch(want(digests=()))

    assert got == newer
    assert "restarted" in watching.events


def test_a_new_version_behind_the_old_name_is_noticed(server, want, fetch, small):
    """Same ETag, other bytes: only the digest can tell."""
    newer = small[::-1]
    server.serve("weights.bin", small, server.cut(700_000), server.changed(newer, '"one"'))

    (got,) = fetch(want(content=newer))

    assert got == newer


@pytest.mark.parametrize("is_digested", [True, False])
def test_a_file_that_never_settles_is_given_up(server, want, fetch, small, is_digested):
    """Each answer names another version: only a digest can tell that the bytes are the same."""
    server.serve("weights.bin", small)
    versions = iter(range(1000))

    def changing(answering):
        answering.thing.etag = f'"{next(versions)}"'
        return server.cut(100_000)(answering)

    server.things["weights.bin"].lasting = changing

    if is_digested:
        assert fetch(want()) == [small]
    else:
        with pytest.raises(errors.ServerFault, match="changes while it is fetched"):
            fetch(want(digests=()))


def test_one_whose_bytes_never_settle_is_given_up_too(server, want, fetch, small):
    """Nothing of two versions is taken for either."""
    server.serve("weights.bin", small)
    wanted, versions = want(), itertools.count(1)

    def changing(answering):
        number = next(versions)
        answering.thing.etag, answering.thing.content = f'"{number}"', bytes([number % 256]) * len(small)
        return server.cut(100_000)(answering)

    server.things["weights.bin"].lasting = changing

    with pytest.raises(errors.ModelreadyError, match=r"weights\.bin"):
        fetch(wanted)
    assert not wanted.part.with_suffix("").exists()


def test_a_file_without_version_and_digest_is_not_patched_together(server, want, fetch, watching, small):
    """Going on could mix two versions unseen."""
    server.serve("weights.bin", small, server.cut(700_000), etag=None)

    assert fetch(want(digests=())) == [small]
    assert "restarted" in watching.events


def test_a_file_that_cannot_be_resumed_safely_is_given_up(server, want, fetch, small):
    """It breaks off each time."""
    server.serve("weights.bin", small, etag=None, lasting=server.cut(700_000))

    with pytest.raises(errors.ServerFault, match="names no version"):
        fetch(want(digests=()))


def test_a_server_that_ignores_ranges_and_cuts_is_given_up(server, want, fetch, small):
    """The same bytes again are no progress."""

    def fault(answering):
        answering.well(span=None, most=600_000)
        return False

    server.serve("weights.bin", small, lasting=fault)

    with pytest.raises(errors.ServerFault, match="ignores which bytes"):
        fetch(want())


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_bytes_in_another_encoding_are_not_taken_for_the_file(server, want, fetch, small, encoding):
    """Identity was asked for; what cannot be decoded or proved is an error, not a file."""
    server.serve("weights.bin", small, lasting=server.with_headers(Content_Encoding=encoding))

    with pytest.raises(errors.ServerFault):
        fetch(want(digests=(), size=None), max_retries=1)


def test_a_compressed_answer_is_unpacked(server, want, fetch, small):
    """Some servers compress whatever is asked for."""
    server.serve("weights.bin", small, lasting=server.other(gzip.compress(small), Content_Encoding="gzip"))

    assert fetch(want()) == [small]


def test_one_lasting_fault_ends_the_others_soon(server, want, fetch, small):
    """Nobody waits for 40 GB to hear of a 404; what arrived is kept."""
    server.serve("weights.bin", small, lasting=server.stall(500_000))

    with pytest.raises(errors.NotFound):
        fetch(want(), want("absent.json", content=b"{}"), timeout_s=30.0)


def test_nobody_listens(want, fetch, server, small):
    """A refused connection is told as offline."""
    server.serve("weights.bin", small)
    server.close()

    with pytest.raises(errors.Offline, match="cannot be reached"):
        fetch(want())


def test_a_name_that_does_not_resolve(want, fetch, server, small):
    """So is a host that nobody knows."""
    server.serve("weights.bin", small)

    with pytest.raises(errors.Offline, match=r"no-such-host\.invalid"):
        fetch(want(url="http://no-such-host.invalid/x"), max_retries=1)


def test_a_silent_server_costs_one_silence_for_many_files(server, want, fetch, small):
    """The first file found so ends all."""
    for number in range(30):
        server.serve(f"{number}.bin", small, lasting=server.stall(silent=True))
    started = time.monotonic()

    with pytest.raises(errors.Stalled):
        fetch(*(want(f"{number}.bin") for number in range(30)), timeout_s=10.0, silence_s=1.0)

    assert time.monotonic() - started < 10  # the limit is 1 s and a little; a time-out a file would be 30


@pytest.mark.parametrize("is_head", [False, True], ids=["body", "head"])
def test_a_trickle_is_silence(server, want, fetch, small, is_head):
    """A byte now and then keeps no watchdog quiet."""
    server.serve("weights.bin", small, lasting=server.trickle(0.05, head=is_head))

    with pytest.raises(errors.ModelreadyError) as told:
        fetch(want(), timeout_s=1.0, silence_s=1.0)

    assert told.value.retryable


def test_large_files_survive_the_same_faults(server, want, fetch, watching, large):
    """Several connections, each with its own trouble."""
    faults = (server.cut(1 << 20), server.status(503), server.cut(5 << 20, reset=True), server.misplaced, server.refuse)
    server.serve("weights.bin", large, *faults)

    assert fetch(want()) == [large]
    assert watching.count == len(large)


@pytest.mark.parametrize("fault", ["whole", "shifted", "misplaced"])
def test_a_large_file_from_a_server_that_is_wrong_about_ranges(server, want, fetch, large, fault):
    """It is fetched whole, by one connection."""
    server.serve("weights.bin", large, lasting=getattr(server, fault))

    assert fetch(want()) == [large]


@pytest.mark.parametrize("connections", [1, 4])
def test_servers_that_do_not_agree_on_the_version_are_judged_by_the_digest(server, want, fetch, large, connections):
    """Behind one address several may serve the same bytes, each with an ETag of its own."""
    tags = itertools.count()
    server.serve("weights.bin", large, lasting=lambda answering: answering.well(headers={"ETag": f'"{next(tags)}"'}))

    assert fetch(want(), connections=connections) == [large]


def test_a_large_file_that_changes_meanwhile(server, want, fetch, watching, large):
    """Connections that bring the old version are refused."""
    newer = large[::-1]
    server.serve("weights.bin", large, server.cut(3 << 20), server.changed(newer, '"two"'))

    assert fetch(want(content=newer)) == [newer]


def test_a_large_file_with_a_flipped_byte_is_fetched_again(server, want, fetch, watching, large):
    """Hashed behind the connections, refused, fetched whole."""
    server.serve("weights.bin", large, server.flipped(5))

    assert fetch(want()) == [large]
    assert "restarted" in watching.events


def test_digests_that_cannot_be_are_an_error(server, want, fetch):
    """An empty file has one digest only."""
    server.serve("empty", b"")

    with pytest.raises(errors.DigestMismatch):
        fetch(want("empty", digests=(Digest("sha256", "0" * 64),)))


def test_a_server_that_allows_fewer_connections_gets_fewer(server, want, fetch, large):
    """Those it turns away are given up while others are served."""
    busy = threading.Semaphore(2)

    def crowded(answering):
        if not busy.acquire(blocking=False):
            return server.status(503)(answering)
        try:
            time.sleep(0.05)
            return answering.well()
        finally:
            busy.release()

    server.serve("weights.bin", large, lasting=crowded)

    assert fetch(want(), connections=6, max_retries=1) == [large]


def test_a_connection_that_waits_for_what_came_by_another_is_cut_off(server, want, fetch, large):
    """One that was answered with the whole file need not get all of it, where others brought the rest."""
    others = threading.Semaphore(0)

    def brought_by_others(answering):
        answering.well()
        others.release()

    def cut_when_others_began(answering):
        answering.well(most=0)
        others.acquire()
        others.acquire()
        return False

    def whole_and_stalled(answering):
        answering.well(span=None, most=40 << 20)
        answering.connection.recv(1)
        return False

    firsts = iter([cut_when_others_began, whole_and_stalled])

    def by_range(answering):
        return (brought_by_others if answering.span[0] else next(firsts))(answering)

    server.serve("weights.bin", large, lasting=by_range)

    assert fetch(want(), connections=3, timeout_s=50) == [large]


def test_a_body_that_never_ends_after_its_last_byte_is_enough(server, want, fetch, small):
    """Size and digest are right: whatever the connection does then does not matter."""

    def open_ended(answering):
        answering.head(200, {"ETag": '"one"'})
        answering.body(small)
        server.closing.wait(30)
        return False

    server.serve("weights.bin", small, lasting=open_ended)

    assert fetch(want(), timeout_s=0.3) == [small]
