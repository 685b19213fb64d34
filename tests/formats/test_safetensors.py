"""The header of safetensors files, with the safetensors library as judge."""

import json
import struct

import pytest
import safetensors as library
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.formats import safetensors, safetensors_header
from modelready.formats.safetensors import BrokenHeader

ONE = {"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}


def opens(content):
    """Ask the safetensors library."""
    try:
        library.deserialize(content)
    except library.SafetensorError:
        return False
    return True


def entry(**fields):
    return {"a": {**ONE["a"], **fields}}


def test_a_whole_file_has_no_faults(write, weights):
    """What loads is never accused."""
    place = write("model.safetensors", weights("one", "two"))

    assert safetensors.faults(place) == ()
    assert opens(place.read_bytes())


def test_the_header_is_told(write, weights):
    """Other checks ask for names, dtypes and shapes."""
    header = safetensors.read_header(write("model.safetensors", weights("one", "two")))

    assert header.tensors["two"] == safetensors.Tensor("F32", (2, 2), 16, 32)
    assert header.metadata == {"format": "pt"}
    assert header.file_size == 8 + header.header_bytes + 32
    assert safetensors.coverage(header) == ()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda whole: whole[:-4096], "truncated by 4,096 bytes", id="cut short"),
        pytest.param(lambda whole: whole[:-1], "truncated by 1 byte:", id="one byte lost"),
        pytest.param(lambda whole: whole + b"x" * 17, "17 bytes too many", id="grown"),
        pytest.param(lambda whole: whole[:20], "truncated inside its header", id="cut in its header"),
        pytest.param(lambda _: b"", "has 0 bytes, too few", id="empty"),
        pytest.param(lambda _: b"1234567", "has 7 bytes, too few", id="seven bytes"),
        pytest.param(lambda _: b"<!DOCTYPE html><html>", "is no safetensors file", id="a page"),
        pytest.param(lambda _: struct.pack("<Q", 1) + b"{}", "is no safetensors file", id="a header of one byte"),
    ],
)
def test_the_bytes_missing_are_counted(write, pack, damage, words):
    """Who reads "truncated by 4,096 bytes" knows what happened; loaders say "incomplete metadata"."""
    whole = pack({"a": {"dtype": "U8", "shape": [8192], "data_offsets": [0, 8192]}}, bytes(8192))

    (told,) = safetensors.faults(write("model.safetensors", damage(whole)))

    assert words in told
    assert not opens(damage(whole))


def test_a_header_over_the_limit_is_told_on_its_own(tmp_path):
    """The file may be whole, and no loader opens it: another story than a pointer or a page."""
    place = tmp_path / "huge.safetensors"
    with place.open("wb") as file:
        file.write(struct.pack("<Q", 100_000_001) + b"{")
        file.truncate(8 + 100_000_001)

    (told,) = safetensors.faults(place)

    assert "loaders accept 100,000,000 at most" in told
    assert "may be whole" in told


def test_a_header_over_the_limit_is_another_story_than_a_pointer(write):
    """Loaders say "header too large" of both: one wants another publication, the other another download."""
    (told,) = safetensors.faults(write("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:"))

    assert safetensors.TOO_LONG not in told
    assert "is no safetensors file" in told


@pytest.mark.parametrize(("text", "level"), [("4", 4), ("None", None), ("", None), ("400", None), (None, None)])
def test_mflux_says_how_it_quantized(write, pack, text, level):
    """In the metadata of every shard that it saves."""
    metadata = {"mflux_version": "0.17.2"} | ({} if text is None else {"quantization_level": text})
    place = write("0.safetensors", pack({"__metadata__": metadata, **ONE}, b"1234"))

    assert safetensors.read_header(place).quantization_level == level


@pytest.mark.parametrize("padding", [0, 5 * 2**20], ids=["small", "large"])
def test_the_shares_of_dtypes_are_told(write, pack, padding):
    """The largest first; large headers are walked in little memory."""
    header = {
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "BF16", "shape": [6], "data_offsets": [4, 16]},
        "c": {"dtype": "I64", "shape": [0], "data_offsets": [16, 16]},
    }
    place = write("model.safetensors", pack(json.dumps(header).encode() + b" " * padding, bytes(16)))

    assert list(safetensors.shares(place).items()) == [("BF16", 0.75), ("F32", 0.25)]


BROKEN = [
    pytest.param(b"{]", "no valid JSON", id="no JSON"),
    pytest.param(b'{"\xff": 1}', "no valid JSON in UTF-8 (at byte 2)", id="no UTF-8"),
    pytest.param(b'{"a":' + b"[" * 100_000, "", id="nested without end"),
    pytest.param(b'{"a":{"dtype":"U8","shape":[' + b"9" * 5000 + b"]}}", "no", id="a number of 5,000 digits"),
    pytest.param(entry(x=float("nan")), "NaN", id="NaN"),
    pytest.param(b'{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', "surrogate", id="half a pair"),
    pytest.param({"__metadata__": {"a": 1}}, "__metadata__", id="metadata of numbers"),
    pytest.param({"__metadata__": "x"}, "__metadata__", id="metadata that is a text"),
    pytest.param({"a": 1}, "no dtype, shape", id="an entry that is a number"),
    pytest.param({"a": {"dtype": "U8"}}, "no dtype, shape", id="no shape"),
    pytest.param(entry(dtype="U9"), "unknown dtype 'U9'", id="unknown dtype"),
    pytest.param(entry(dtype=8), "unknown dtype", id="dtype that is a number"),
    pytest.param(entry(shape=[4.0]), "whole numbers", id="fractions"),
    pytest.param(entry(shape=[True, 4]), "whole numbers", id="truth in a shape"),
    pytest.param(entry(shape=4), "whole numbers", id="a shape that is a number"),
    pytest.param(entry(data_offsets=[-1, 3]), "whole numbers", id="negative offset"),
    pytest.param(b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[-0,4]}}', "whole numbers", id="minus zero"),
    pytest.param(entry(data_offsets=[0, 4, 4]), "whole numbers", id="three offsets"),
    pytest.param(entry(shape=[2**64]), "whole numbers", id="more than 64 bits"),
    pytest.param(entry(shape=[5]), "needs 5 bytes, its offsets span 4", id="shape and offsets disagree"),
    pytest.param(entry(shape=[]), "'one number'", id="a scalar of four bytes"),
    pytest.param(entry(shape=[2**40, 2**40, 0]), "larger than any file", id="overflow though nothing in it"),
    pytest.param(entry(shape=[2**62]), "larger than any file", id="overflow of bits"),
    pytest.param(entry(dtype="F4", shape=[7]), "whole byte", id="half a byte"),
    pytest.param(entry(x=1e300 * 1e300), "Infinity", id="infinity"),
    pytest.param(
        b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1e999}}',
        "no loader reads",
        id="1e999 in a field more",
    ),
    pytest.param(
        b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":' + b"[" * 130 + b"]" * 130 + b"}}",
        "no loader reads",
        id="nested too deeply in a field more",
    ),
    pytest.param({"a": ONE["a"], "b": ONE["a"]}, "overlaps", id="overlap"),
    pytest.param(entry(data_offsets=[1, 5]), "leaves a gap", id="gap"),
]


@pytest.mark.parametrize(("header", "words"), BROKEN)
def test_a_broken_header_is_told_in_words(write, pack, header, words):
    """The library says where its parser stood; we say what is wrong, and never less strictly."""
    place = write("model.safetensors", pack(header, b"1234"))

    (told,) = safetensors.faults(place)

    assert words in told
    assert not opens(place.read_bytes())


def test_a_name_that_comes_twice_is_refused(write, pack):
    """The format forbids it, and which of the two a loader takes is chance."""
    one = json.dumps(ONE)[1:-1]

    (told,) = safetensors.faults(write("model.safetensors", pack(f"{{{one},{one}}}".encode(), b"1234")))

    assert "names 'a' twice" in told


@pytest.mark.parametrize(
    ("header", "data"),
    [
        pytest.param({}, b"", id="nothing"),
        pytest.param(b"{}" + b" " * 70, b"", id="padding"),
        pytest.param({"__metadata__": None, **ONE}, b"1234", id="no metadata"),
        pytest.param({"b": {**ONE["a"], "data_offsets": [4, 8]}, **ONE}, b"12345678", id="out of order"),
        pytest.param(
            {**ONE, "z": {"dtype": "F32", "shape": [0, 3], "data_offsets": [4, 4]}}, b"1234", id="no elements"
        ),
        pytest.param(entry(dtype="F4", shape=[8]), b"1234", id="half bytes"),
        pytest.param(entry(dtype="F6_E2M3", shape=[2, 8], data_offsets=[0, 12]), bytes(12), id="six bits"),
        pytest.param(entry(note={"kept": [1, 2.5, None]}), b"1234", id="a field more"),
        pytest.param({"a-01": ONE["a"]}, b"1234", id="a name with -0"),
        pytest.param(b'{"\\ud83d\\ude00":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}', b"1234", id="escaped"),
    ],
)
def test_what_the_library_opens_is_not_accused(write, pack, header, data):
    """Rare is not wrong."""
    place = write("model.safetensors", pack(header, data))

    assert safetensors.faults(place) == ()
    assert opens(place.read_bytes())


@pytest.mark.parametrize("dtype", sorted(safetensors_header.BITS))
def test_every_dtype_is_as_wide_as_the_library_has_it(write, pack, dtype):
    """A new dtype must not be called broken, nor counted wrong."""
    bits = safetensors_header.BITS[dtype]
    place = write("model.safetensors", pack(entry(dtype=dtype, shape=[8], data_offsets=[0, bits]), bytes(bits)))

    assert safetensors.faults(place) == ()
    assert opens(place.read_bytes())


def test_a_file_that_shrinks_meanwhile_is_told(write, pack, monkeypatch):
    """A download running over the file must not raise a riddle."""
    place = write("model.safetensors", pack(ONE, b"1234"))
    whole = place.stat()
    place.write_bytes(place.read_bytes()[:30])
    monkeypatch.setattr(safetensors.os, "fstat", lambda _: whole)

    (told,) = safetensors.faults(place)

    assert told == "became shorter while it was read"


# ---- large headers


@pytest.fixture
def as_large(monkeypatch):
    """Let every header count as large, and a group of entries as long after few bytes."""
    monkeypatch.setattr(safetensors, "_LARGE", 0)
    monkeypatch.setattr(safetensors_header, "_LONGEST_ENTRY", 200)


@pytest.mark.parametrize(("header", "_words"), BROKEN)
def test_a_large_header_is_held_to_the_same_rules(write, pack, as_large, header, _words):
    """Looked through piece by piece, it hides nothing."""
    assert len(safetensors.faults(write("model.safetensors", pack(header, b"1234")))) == 1


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="none"),
        pytest.param({"note": "x" * 1000}, id="a long text"),
        pytest.param({f"key {number}": 'quoted "{}" \\' for number in range(100)}, id="many texts"),
    ],
)
def test_a_large_header_that_is_well_passes(write, pack, as_large, metadata):
    """Kohya writes megabytes of notes into a LoRA."""
    tensors = {
        f"layer.{number}": {"dtype": "U8", "shape": [1], "data_offsets": [number, number + 1]} for number in range(50)
    }
    front = write("front.safetensors", pack({"__metadata__": metadata, **tensors}, bytes(50)))
    back = write("back.safetensors", pack({**tensors, "__metadata__": metadata}, bytes(50)))

    assert safetensors.faults(front) == safetensors.faults(back) == ()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"{" + b" " * 300 + b"}", id="nothing but space"),
        pytest.param(b'{"__metadata__":null}' + b" " * 300, id="padding"),
    ],
)
def test_a_large_header_may_be_empty(write, pack, as_large, header):
    """Padding is the writer's choice."""
    assert safetensors.faults(write("model.safetensors", pack(header))) == ()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        pytest.param(json.dumps(ONE).encode() + b"x", "after its end", id="more after the end"),
        pytest.param(
            ("{" + ",".join([json.dumps(ONE)[1:-1]] * 9) + "}").encode(), "twice", id="one name in several groups"
        ),
        pytest.param(entry(x="y" * 1000), "no loader reads", id="a long field more"),
        pytest.param({"__metadata__": {"a": "b" * 1000, "c": 1}}, "no valid JSON of tensors and texts", id="a number"),
        pytest.param({"__metadata__": {"a": "b" * 1000, "c": "d\n"}}, None, id="an escaped newline"),
        pytest.param(b'{"__metadata__":{"a":"' + b"b" * 1000 + b'\n"}}', "at character", id="a bare newline"),
    ],
)
def test_large_headers_hide_nothing(write, pack, as_large, header, words):
    """What the pieces cannot show alone is looked at between them."""
    told = safetensors.faults(write("model.safetensors", pack(header, b"1234")))

    assert (words or "bytes too many") in told[0]


def test_names_twice_are_found_between_groups(write, pack, as_large):
    """Two groups of entries may each be well and name one tensor both."""
    tensors = [
        (f"layer.{number % 49}", {"dtype": "U8", "shape": [1], "data_offsets": [number, number + 1]})
        for number in range(50)
    ]
    text = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(one)}" for name, one in tensors) + "}"

    (told,) = safetensors.faults(write("model.safetensors", pack(text.encode(), bytes(50))))

    assert told == "its header names a tensor twice"


# ---- anything at all

NAMES = st.text(max_size=4) | st.sampled_from(["a", "b", "__metadata__"])
NUMBERS = st.integers(0, 9) | st.integers(-2, 2**65) | st.floats()
SHAPES = st.lists(NUMBERS, max_size=3)
ENTRIES = st.fixed_dictionaries(
    {"dtype": st.sampled_from([*safetensors_header.BITS, "U9"]), "shape": SHAPES, "data_offsets": SHAPES},
    optional={"x": st.recursive(NUMBERS | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2))},
)
HEADERS = st.dictionaries(NAMES, ENTRIES | st.none() | st.dictionaries(NAMES, st.text(max_size=3)), max_size=3)


@st.composite
def contiguous(draw):
    """Draw headers that are nearly or quite right, so that the last rules are reached as well."""
    header, end = {}, 0
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        dtype = draw(st.sampled_from([*safetensors_header.BITS]))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        bits = safetensors_header.BITS[dtype]
        for length in shape:
            bits *= length
        size = bits // 8 + draw(st.sampled_from([0] * 9 + [1]))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    return header, end + draw(st.sampled_from([0] * 5 + [1, -1]))


def judge(folder, content):
    place = folder / "any.safetensors"
    place.write_bytes(content)
    told = safetensors.faults(place)
    assert told or opens(content), "fine, for a file that the library refuses"
    return told


@given(case=contiguous())
@settings(max_examples=300, deadline=None)
def test_nearly_right_files_are_judged_as_the_library_does(tmp_path_factory, pack, case):
    """Both ways: nothing is fine that it refuses, nothing is accused that it opens."""
    header, size = case
    content = pack(header, bytes(max(size, 0)))

    told = judge(tmp_path_factory.getbasetemp(), content)

    assert bool(told) != opens(content)


@given(header=HEADERS, data=st.binary(max_size=12))
@settings(max_examples=300, deadline=None)
def test_arbitrary_headers_are_never_fine_for_us_alone(tmp_path_factory, pack, header, data):
    """Whatever JSON a header holds: no crash, and no pass that a loader would regret."""
    judge(tmp_path_factory.getbasetemp(), pack(header, data))


@given(edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4), cut=st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_mutated_files_are_never_fine_for_us_alone(tmp_path_factory, pack, edits, cut):
    """Bytes flipped anywhere in a real file."""
    content = bytearray(
        pack({"__metadata__": {"k": "v\u00e9"}, **ONE, "b": {**ONE["a"], "data_offsets": [4, 8]}}, bytes(8))
    )
    for place, value in edits:
        content[place % len(content)] = value

    judge(tmp_path_factory.getbasetemp(), bytes(content[: len(content) - cut]))


@given(content=st.binary(max_size=40))
def test_arbitrary_bytes_are_never_fine_for_us_alone(tmp_path_factory, content):
    """No crash on anything."""
    judge(tmp_path_factory.getbasetemp(), content)


def test_both_ways_of_reading_agree(write, pack, monkeypatch):
    """A header is not judged by its length."""
    whole = pack(
        {f"t{one}": {"dtype": "U8", "shape": [1], "data_offsets": [one, one + 1]} for one in range(9)}, bytes(9)
    )
    cases = [whole, whole[:-1], whole + b"x", whole.replace(b"[3, 4]", b"[4, 4]")]
    small = [safetensors.faults(write("model.safetensors", case)) for case in cases]
    monkeypatch.setattr(safetensors, "_LARGE", 0)

    large = [safetensors.faults(write("model.safetensors", case)) for case in cases]

    assert [len(one) for one in large] == [len(one) for one in small] == [0, 1, 1, 1]


def test_read_header_raises_what_faults_tells(write, pack):
    """Who wants the header cannot do with half of it."""
    with pytest.raises(BrokenHeader, match="unknown dtype"):
        safetensors.read_header(write("model.safetensors", pack(entry(dtype="U9"), b"1234")))
