"""Pickles and archives as chance makes them: no crash, no hang, and no name that goes unseen."""

import io
import pickle
import pickletools
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pickle_bytes import short
from pickle_corpus import HARMFUL, HARMLESS
from pickle_judges import asked_of, named_in

from modelready.formats import pickles, runnable, torch_files
from modelready.formats.byte_views import Cursor, View

CORPUS = [(name, content) for name, content, *_ in (*HARMFUL.values(), *HARMLESS.values()) if len(content) < 20_000]
WORDS = ("os", "system", "collections", "OrderedDict", "a.b", "é")


def number(size):
    return st.integers(0, 40 if size == 1 else 300).map(lambda one: one.to_bytes(size, "little"))


#: Single opcodes with what belongs to them: a program of these runs far more often than bytes by chance do.
OPCODES = st.one_of(
    st.sampled_from([bytes([one]) for one in b"(012NRQbo.)]}adelstu\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"]),
    st.sampled_from([short(word) for word in WORDS]),
    st.sampled_from([b"X" + struct.pack("<I", len(word.encode())) + word.encode() for word in WORDS]),
    st.sampled_from([f"V{word}\n".encode() for word in WORDS[:5]] + [f"S'{word}'\n".encode() for word in WORDS[:5]]),
    st.sampled_from([f"c{one}\n{two}\n".encode() for one in WORDS[:2] for two in WORDS[:3]]),
    st.sampled_from([b"i" + b"os\nsystem\n", b"I1\n", b"I01\n", b"L5L\n", b"F1.5\n", b"p3\n", b"g3\n", b"Pabc\n"]),
    st.builds(lambda code, index: code + index, st.sampled_from([b"K", b"q", b"h"]), number(1)),
    st.builds(lambda code, index: code + index, st.sampled_from([b"J", b"r", b"j"]), number(4)),
    st.sampled_from([b"\x80\x04", b"\x95" + bytes(8), b"C\x02ab", b"U\x02os", b"\x8a\x01\x05", b"G" + bytes(8)]),
)


def scanned(content):
    return pickles.scan(Cursor(View(io.BytesIO(content), 0, len(content))))


@settings(max_examples=250, deadline=None)
@given(st.lists(OPCODES, max_size=40).map(b"".join))
def test_no_program_asks_for_a_name_that_was_not_seen(program):
    """On stacks and memos that no pickler would make, what reaches the unpickler was named, or told as untold."""
    names, untold = named_in(program)

    for unpickler in (pickle._Unpickler, pickle.Unpickler):
        assert untold or set(asked_of(unpickler, program)) <= names


@settings(max_examples=200, deadline=None)
@given(st.lists(OPCODES, max_size=30).map(lambda found: b"".join(found) + b"."))
def test_the_opcodes_are_those_of_pickletools(program):
    """Where Python's own table ends a pickle, so do we, as long as the stack holds; each name in it is ours."""
    try:
        told = [(one.name, argument, at) for one, argument, at in pickletools.genops(program)]
    except ValueError:
        told = []
    seen = scanned(program)

    if told and not seen.fault:
        assert seen.end == told[-1][2] + 1
        assert {one[1] for one in told if one[0] in {"GLOBAL", "INST"}} <= {" ".join(name) for name in seen.names}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_through(content):
    """Each file comes from somewhere."""
    seen = scanned(content)

    assert seen.end <= len(content)


@st.composite
def damaged(draw):
    """Draw a file of the corpus, with a few bytes changed, lost or doubled."""
    name, content = draw(st.sampled_from(CORPUS))
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at, size = draw(st.integers(0, len(content))), draw(st.integers(0, 8))
        content[at : at + size] = draw(st.one_of(st.binary(max_size=8), st.just(bytes(content[at : at + size]) * 2)))
    return name, bytes(content)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged())
def test_any_damaged_file_can_be_looked_into(tmp_path, file):
    """Whatever is wrong with it costs words, not a traceback."""
    name, content = file
    place = tmp_path / name
    place.write_bytes(content)

    assert all(one.what for one in runnable.findings(place))
    assert all(torch_files.faults(place))
