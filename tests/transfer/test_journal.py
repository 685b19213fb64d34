"""The journal in a part file: what it says comes back, and nothing else is ever believed."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready.transfer import Wanted, boots, journal, parts, ranges
from modelready.transfer.journal import Journal

SIZE = 10**13
SPANS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, 10**9)), max_size=80)


def set_of(spans):
    """Merge *spans* (start, length) into ranges."""
    found = ()
    for start, length in spans:
        found = ranges.added(found, start, min(start + length, SIZE))
    return found


def note(**changes):
    """Give a journal of a file."""
    told = {"size": SIZE, "digests": {"sha256": "ab" * 32}, "validator": '"one"', "arrived": ((0, 5), (7, 9))}
    return Journal(**(told | {"durable": ((0, 3),), "boot": "this", "sequence": 4} | changes))


@given(SPANS, SPANS, st.integers(0, 2**62))
def test_what_was_written_is_read(arrived, durable, sequence):
    """Of very many ranges the longest are kept; none is ever invented."""
    written = note(arrived=set_of(arrived), durable=set_of(durable), sequence=sequence)

    read = journal.decode(journal.encode(written))

    assert read is not None
    assert ranges.common(read.arrived, written.arrived) == read.arrived
    assert ranges.common(read.durable, written.durable) == read.durable
    assert len(written.arrived) > 48 or read.arrived == written.arrived
    assert (read.size, read.sequence, read.validator) == (SIZE, sequence, '"one"')


@given(st.binary(max_size=2 * journal.SLOT))
def test_arbitrary_bytes_are_no_journal(noise):
    """Nor do they crash."""
    assert journal.newest(noise, SIZE) is None


@given(st.integers(0, journal.SLOT - 1), st.integers(1, 255))
def test_a_changed_byte_makes_a_journal_worthless(at, change):
    """Only the padding may change unnoticed, and it says nothing."""
    slot = bytearray(journal.encode(note()))
    end = len(bytes(slot).rstrip(b"\0"))
    slot[min(at, end - 1)] ^= change

    assert journal.decode(bytes(slot)) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_valid_json_that_makes_no_sense_is_no_journal(row):
    """A checksum says that it is whole, not that it is true."""
    assert journal.decode(sealed(row)) is None


def test_each_nonsense_is_refused():
    """Ranges beyond the file or backwards, numbers that are none."""
    row = vars(note()) | {"arrived": [[0, 5]], "durable": []}
    wrong = [{"size": -1}, {"size": True}, {"size": "7"}, {"arrived": [[5, 0]]}, {"arrived": [[0, SIZE + 1]]}]
    wrong += [{"arrived": [[0]]}, {"arrived": 7}, {"digests": []}, {"sequence": None}, {"arrived": [[-1, 5]]}]

    assert journal.decode(sealed(row)) is not None
    assert [journal.decode(sealed(row | one)) for one in wrong] == [None] * len(wrong)


def sealed(row):
    """Write *row* as a slot with a right checksum."""
    text = json.dumps(row).encode()
    return (b"modelready journal 1\n" + hashlib.sha256(text).hexdigest().encode() + text).ljust(journal.SLOT, b"\0")


def test_the_newer_slot_wins():
    """They are written in turn."""
    older, newer = journal.encode(note(sequence=4)), journal.encode(note(sequence=5, arrived=((0, 9),)))

    assert journal.newest(newer + older, SIZE).sequence == 5
    assert journal.newest(older + newer, SIZE).sequence == 5
    assert journal.newest(older + newer[:100].ljust(journal.SLOT, b"\0"), SIZE).sequence == 4
    assert journal.newest(older + newer, SIZE + 1) is None


def test_after_another_boot_only_synced_bytes_are_trusted():
    """And where the boot is unknown, too."""
    assert note().trusted("this") == ((0, 5), (7, 9))
    assert note().trusted("other") == ((0, 3),)
    assert note(boot="").trusted("") == ((0, 3),)


def test_a_journal_fits_one_file_only():
    """What is known of both must agree, and something must be known of both, or nothing of either."""
    assert note().fits({"sha256": "ab" * 32, "md5": "x"})
    assert not note().fits({"sha256": "cd" * 32})
    assert not note().fits({"md5": "x"})
    assert not note().fits({})
    assert not note(digests={}).fits({"md5": "x"})
    assert note(digests={}).fits({})


def test_a_validator_that_fills_the_slot_leaves_a_journal_that_trusts_nothing():
    """Rather no resume than half a note."""
    read = journal.decode(journal.encode(note(validator='"' + "x" * 5000 + '"')))

    assert (read.validator, read.arrived) == (None, ())


@given(SPANS)
def test_gaps_and_ranges_make_the_whole(spans):
    """Nothing twice, nothing never."""
    arrived = set_of(spans)

    missing = ranges.gaps(arrived, SIZE)

    assert ranges.total(arrived) + ranges.total(missing) == SIZE
    assert ranges.common(arrived, missing) == ()
    assert set_of([(start, end - start) for start, end in (*arrived, *missing)]) == ((0, SIZE),)


def test_a_boot_has_a_name():
    """On this system; elsewhere it may be empty, and then only synced bytes are believed."""
    assert boots.boot() == boots.boot()


class Libc:
    """A Mac's C library."""

    def __init__(self, result):
        self.result = result

    def sysctlbyname(self, name, buffer, length, *nothing):
        buffer.value = b"A-B-C"
        return self.result


@pytest.mark.parametrize(("result", "name"), [(0, "A-B-C"), (-1, "")])
def test_a_mac_names_its_boot(monkeypatch, tmp_path, result, name):
    """By sysctl."""
    monkeypatch.setattr(boots, "LINUX", tmp_path / "absent")
    monkeypatch.setattr(boots.sys, "platform", "darwin")
    monkeypatch.setattr(boots.ctypes, "CDLL", lambda none: Libc(result))

    assert boots.boot.__wrapped__() == name


def test_a_system_that_tells_no_boot_is_believed_nothing(monkeypatch, tmp_path):
    """Neither Linux nor a Mac."""
    monkeypatch.setattr(boots, "LINUX", tmp_path / "absent")
    monkeypatch.setattr(boots.sys, "platform", "plan9")

    assert boots.boot.__wrapped__() == ""


@given(SPANS, st.integers(0, SIZE - 1), st.integers(1, 10**12))
def test_what_a_stretch_lacks_is_what_the_whole_lacks_of_it(spans, start, length):
    """A connection adds nothing that is there, and leaves nothing out."""
    arrived, end = set_of(spans), min(start + length, SIZE)

    assert ranges.lacking(arrived, start, end) == ranges.common(ranges.gaps(arrived, SIZE), ((start, end),))


def test_bytes_that_are_there_stay_as_they_are(tmp_path):
    """They may have been hashed: an answer that brings them once more, and others, changes nothing of the file."""
    part = parts.Part(Wanted("http://127.0.0.1/a", tmp_path / "a", "a", 10), resume=True)

    first = part.write(3, memoryview(b"345"), part.generation)
    second = part.write(0, memoryview(b"xxxxxxxxxx"), part.generation)
    part.trim()

    assert [(at, bytes(some)) for at, some in first] == [(3, b"345")]
    assert [(at, bytes(some)) for at, some in second] == [(0, b"xxx"), (6, b"xxxx")]
    assert (tmp_path / "a").read_bytes() == b"xxx345xxxx"
