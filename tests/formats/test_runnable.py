"""What loading a file may run: the corpus of harmful and harmless files, and second opinions."""

import gzip
import io
import pickle
import struct
import time
import tracemalloc
import zipfile

import pytest
from pickle_bytes import SYSTEM, called, torch_zip, zipped
from pickle_corpus import HARMFUL, HARMLESS
from pickle_judges import asked_of, named_in
from picklescan import scanner as picklescan

from modelready.formats import byte_views, pickle_machine, pickle_stack, pickle_values, pickles, runnable
from modelready.formats.byte_views import Cursor, View


def told(place, allowed=()):
    return [f"{one.where} {one.what}".strip() for one in runnable.findings(place, allowed)]


@pytest.mark.parametrize(("name", "content", "words"), HARMFUL.values(), ids=HARMFUL)
def test_what_would_run_is_named(write, name, content, words):
    """Wherever it lies, and however it is named: what is loaded is what is told."""
    found = told(write(name, content))

    assert any(words in one for one in found), found


@pytest.mark.parametrize(("name", "content"), HARMLESS.values(), ids=HARMLESS)
def test_what_runs_nothing_is_not_accused(write, name, content):
    """A check that cries wolf is turned off."""
    assert told(write(name, content)) == []


# ---- second opinions


PICKLES = {what: one[1] for what, one in (HARMFUL | HARMLESS).items() if one[1][:1] not in {b"P", b"\x1f", b"\xff"}}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_unpicklers_are_asked_for_nothing_that_was_not_named(content):
    """Whatever way a name takes to Python's unpickler or to C's, the scan saw it come, or said that it cannot tell."""
    asked = [*asked_of(pickle._Unpickler, content), *asked_of(pickle.Unpickler, content)]

    names, untold = named_in(content)

    assert untold or set(asked) <= names


@pytest.mark.parametrize(("name", "content", "words"), HARMFUL.values(), ids=HARMFUL)
def test_picklescan_sees_nothing_that_is_not_seen_here(write, name, content, words):
    """A second opinion, from a scanner that is well kept: where it objects, so do we."""
    place = write(name, content)
    try:
        second = picklescan.scan_file_path(str(place), strict=True)
    except Exception:  # noqa: BLE001 - it has no opinion
        return

    dangerous = [one for one in second.globals if one.safety is not picklescan.SafetyLevel.Innocuous]

    assert not dangerous or told(place)


# ---- the ways through


def test_what_the_catalog_allows_is_not_told(write):
    """A trusted file may name what it needs, and nothing else."""
    place = write("model.pkl", called("a.b", "Net", protocol=2) + called("a.b", "Other", protocol=2))

    assert told(place, ["a.b.Net"]) == ["imports a.b.Other"]
    assert told(place, ["a.b.Net", "a.b.Other"]) == []


def test_what_cannot_be_told_cannot_be_allowed(write):
    """Nobody can name it."""
    place = write("model.pkl", b"\x80\x02\x82\x07)R.")

    assert told(place, ["a.b"]) == ["names a global by the extension code 7, which says nothing here"]


def test_an_extension_code_that_is_only_named_makes_no_pickle_of_other_bytes(write):
    """Random bytes may begin so; nothing is called, and nothing is marked as a pickle."""
    assert told(write("noise.dat", b"\x82\x07.")) == []
    assert told(write("call.dat", b"\x82\x07)R.")) != []
    assert told(write("marked.dat", b"\x80\x02\x82\x07.")) != []


def test_a_torchscript_program_is_told_as_what_it_is(write):
    """It is code on purpose, and no Python: it has its own classes, and imports nothing."""
    program = torch_zip(
        b"\x80\x02c__torch__.Net\nNet\n)\x81ctorch.jit._pickle\nbuild_intlist\n0.",
        ("constants.pkl", b"\x80\x02)."),
        ("code/__torch__/net.py", b"class Net(Module):\n"),
    )

    (found,) = runnable.findings(write("model.pt", program))

    assert found.is_meant
    assert "TorchScript program (1 file of code)" in found.what


def test_torchscript_names_are_refused_elsewhere(write):
    """In a file that is no TorchScript program, nobody but Python would read them."""
    assert told(write("model.pt", torch_zip(b"\x80\x02c__torch__.Net\nNet\n.")))


def test_compiled_code_is_told(write):
    """AOTInductor's archives carry a library that is run as it is."""
    found = runnable.findings(write("model.pt2", zipped(("model/data/aotinductor/x.so", b"\x7fELF"))))

    assert [(one.where, one.what, one.is_meant) for one in found] == [
        ("model/data/aotinductor/x.so", "is compiled code", True)
    ]


# ---- bounds


def test_archives_inside_archives_end_somewhere(write):
    """What lies deeper than any model is told, not followed."""
    content = SYSTEM
    for _ in range(12):
        content = zipped(("a.zip", content))

    assert any("archives, one inside the other" in one for one in told(write("model.zip", content)))


def test_what_cannot_be_looked_into_hides_nothing_else(write, monkeypatch):
    """One member that is too large, and the next one is looked into all the same, as deep as before."""
    monkeypatch.setattr(byte_views, "MOST_HELD", 1000)
    large = zipped(("b", bytes(2000)))
    members = [(f"{one}.zip", large) for one in range(10)]

    found = told(
        write("model.zip", zipped(*members, ("x.zip", zipped(("y.pkl", SYSTEM))), method=zipfile.ZIP_DEFLATED))
    )

    assert len(found) == 11
    assert "x.zip/y.pkl imports os.system" in found


def test_a_bomb_is_left(write, monkeypatch):
    """What unpacks without end is not followed, and not called fine."""
    monkeypatch.setattr(byte_views, "MOST_UNPACKED", 10_000_000)
    bomb = gzip.compress(b"\x80\x04B\x00\x00\x00\x80" + bytes(30_000_000))

    assert any("too many to be looked into" in one for one in told(write("model.pkl.gz", bomb)))


def test_a_compressed_archive_in_an_archive_is_held_up_to_a_limit(write, monkeypatch):
    """A zip is read from its end, so one that lies compressed must be held."""
    monkeypatch.setattr(byte_views, "MOST_HELD", 1000)
    inner = zipped(("a.pkl", SYSTEM), ("b", bytes(2000)))

    (found,) = told(write("model.zip", zipped(("inner.zip", inner), method=zipfile.ZIP_DEFLATED)))

    assert found.startswith("inner.zip lies compressed")


def test_too_many_pickles_are_told(write):
    """No file of a model is a stream of so many."""
    assert told(write("values.pkl", b"\x80\x02N." * 10_001)) == [
        "holds more than 10,000 pickles, too many to be followed"
    ]


def test_a_pickle_without_end_is_told(write, monkeypatch):
    """What is not followed to its end may name anything behind that."""
    monkeypatch.setattr(pickle_machine, "_MOST_STEPS", 1_000)

    assert told(write("values.pkl", b"\x80\x02" + b"N0" * 1_000 + SYSTEM)) == [
        "has more than 1,000 opcodes, too many to be followed"
    ]


def test_payloads_are_passed_over(tmp_path):
    """Two gigabytes of bytes take no time: nothing of them is read."""
    place = tmp_path / "model.pkl"
    with place.open("wb") as file:
        file.write(b"\x80\x04\x8e" + struct.pack("<Q", 2**31))
        file.seek(2**31, 1)
        file.write(b"0" + SYSTEM[2:])

    began = time.monotonic()
    found = told(place)

    assert found == ["imports os.system"]
    assert time.monotonic() - began < 5


LIMITS = (
    (pickle_stack, "_DEEPEST", 1_000),
    (pickle_stack, "_MOST_MARKS", 1_000),
    (pickle_values, "_MOST_REMEMBERED", 1_000),
    (pickle_values, "_MOST_AHEAD", 1_000),
    (pickle_machine, "_MOST_NAMES", 100),
    (pickle_machine, "_MOST_KNOWN", 1_000),
    (pickle_machine, "_MOST_STORAGES", 1_000),
)
MUCH = {
    "marks": b"\x80\x02" + b"(" * 30_000,
    "values": b"\x80\x02" + b"K\x01" * 10_000,
    "tuples in tuples": b"\x80\x02)" + b"\x85" * 10_000,
    "lists in lists": b"\x80\x02" + b"]" * 10_000 + b"a" * 9_999,
    "one long list": b"\x80\x02](" + b"K\x01" * 10_000 + b"e.",
    "memos": b"\x80\x02K\x01" + b"\x94" * 10_000,
    "memos far apart": b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", 7 * one) for one in range(1, 20_000)),
    "names": b"\x80\x02" + b"".join(b"c%d\n%b\n0" % (one, b"n" * 500) for one in range(2_000)),
    "storages": b"\x80\x02" + b"".join(b"K\x01J" + struct.pack("<I", one) + b"\x86Q0" for one in range(10_000)),
    "a line without an end": b"c" + b"a" * 2_000_000,
}


@pytest.mark.parametrize("content", MUCH.values(), ids=MUCH)
def test_memory_is_bounded(content, monkeypatch):
    """Whatever is pushed, nested, remembered or named: what is kept does not grow with it."""
    for module, name, limit in LIMITS:
        monkeypatch.setattr(module, name, limit)
    view = View(io.BytesIO(content), 0, len(content))
    tracemalloc.start()
    try:
        pickles.scan(Cursor(view))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 500_000
