"""Bodies in chunks, and packed ones, are read as they come: never longer, and never more, than can be borne."""

from __future__ import annotations

import gzip
import http.client
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import errors
from modelready.network import streams


def _read(stream, step=7):
    """Give all that *stream* holds."""
    found, buffer = b"", memoryview(bytearray(step))
    while count := stream.readinto1(buffer):
        found += buffer[:count]
    return found


def _buffered(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


def _chunked(content: bytes, sizes) -> bytes:
    """Give *content* in chunks of *sizes*, over and over."""
    wire, at, turn = b"", 0, 0
    while at < len(content):
        piece = content[at : at + sizes[turn % len(sizes)]]
        wire += b"%x;note=1\r\n%s\r\n" % (len(piece), piece)
        at, turn = at + len(piece), turn + 1
    return wire + b"0\r\nTrailer: 1\r\n\r\n"


def _trickle_a_chunk(server):
    def fault(answering):
        answering.head(200, {"Transfer-Encoding": "chunked"})
        answering.connection.sendall(b"%x\r\n" % len(answering.thing.content))
        while not server.closing.wait(0.05):
            answering.connection.sendall(b"x")
        return False

    return fault


def _line_without_end(answering):
    answering.head(200, {"Transfer-Encoding": "chunked"})
    answering.connection.sendall(b"5;" + b"a" * 100_000)
    answering.well(most=0)
    return False


def test_a_chunk_that_trickles_is_given_up(server, want, fetch, small):
    """A byte now and then would keep a reader of whole chunks waiting for days."""
    server.serve("weights.bin", small, lasting=_trickle_a_chunk(server))

    with pytest.raises(errors.Stalled, match="went silent"):
        fetch(want(), silence_s=1.0, max_retries=0)


def test_the_size_of_a_chunk_is_no_novel(server, want, fetch, small):
    """Memory is not the server's to fill."""
    server.serve("weights.bin", small, lasting=_line_without_end)

    with pytest.raises(errors.ServerFault, match="more than 4096 bytes for the size of a chunk"):
        fetch(want(), max_retries=0)


def test_a_packed_answer_in_chunks_is_unpacked(server, want, fetch, small):
    """Servers that pack do not know the length beforehand."""

    def fault(answering):
        answering.head(200, {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"})
        answering.connection.sendall(_chunked(gzip.compress(small), [70_000]))

    server.serve("weights.bin", small, lasting=fault)

    assert fetch(want()) == [small]


def test_what_was_packed_in_another_way_is_told(server, want, fetch, small):
    """Nothing packed was asked for."""
    server.serve("weights.bin", small, lasting=server.with_headers(Content_Encoding="br"))

    with pytest.raises(errors.ServerFault, match="packs its answer as 'br'"):
        fetch(want(), max_retries=0)


def test_a_bomb_is_unpacked_no_further_than_promised(server, want, fetch, small):
    """A kilobyte that swells to a gigabyte is cut off where the file should end."""
    bomb = gzip.compress(bytes(64 << 20))
    server.serve("weights.bin", small, lasting=server.other(bomb, Content_Encoding="gzip"))

    with pytest.raises(errors.LengthMismatch, match="sends more than"):
        fetch(want())


def test_a_connection_is_used_again_after_chunks(server, want, fetch, small):
    """Its whole answer was read."""
    server.serve("weights.bin", small, lasting=server.chunked())
    server.serve("config.json", b"{}", lasting=server.chunked())

    assert fetch(want(), want("config.json"), connections=1) == [small, b"{}"]


@given(st.binary(max_size=300), st.lists(st.integers(1, 90), min_size=1), st.integers(1, 64))
def test_chunks_are_put_together(content, sizes, step):
    """However they were cut, and in whatever steps they are read."""
    wire = _buffered(_chunked(content, sizes) + b"next answer")

    assert _read(streams.Chunked(wire, lambda _: None), step) == content
    assert wire.read() == b"next answer"


@given(st.binary(max_size=60) | st.text("0123456789af;\r\n-_ x", max_size=40).map(str.encode))
def test_nonsense_in_chunks_ends(wire):
    """In bytes or in a fault that may pass; never in waiting."""
    try:
        found = _read(streams.Chunked(_buffered(wire), lambda _: None))
    except http.client.HTTPException:
        return

    assert len(found) < len(wire)


@given(st.binary(max_size=3000), st.integers(1, 50), st.sampled_from([gzip.compress, zlib.compress]), st.integers(0, 9))
def test_packed_bytes_are_unpacked_or_refused(content, step, pack, lost):
    """A packed body that was cut is not taken for a whole one."""
    packed = pack(content)
    stream = streams.Unpacked(_buffered(packed[: len(packed) - lost]), lambda _: None)

    if lost:
        with pytest.raises(http.client.HTTPException):
            _read(stream, step)
    else:
        assert _read(stream, step) == content
