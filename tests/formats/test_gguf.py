"""GGUF headers, with gguf's GGUFWriter as writer and its GGUFReader as judge."""

import struct
import time
import tracemalloc
import warnings

import gguf as library
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready.formats import gguf
from modelready.formats.ggml_types import FILE_TYPES, TYPES
from modelready.formats.gguf import BrokenHeader, UnknownHeader

U8, U32, I32, TEXT, ARRAY, U64 = 0, 4, 5, 8, 9, 10


def text(content):
    content = content if isinstance(content, bytes) else content.encode()
    return struct.pack("<Q", len(content)) + content


def value(key, kind, content):
    return text(key) + struct.pack("<I", kind) + content


def tensor(name, dims=(4,), kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def packed(values=(), tensors=(), data=b"", *, version=3, counts=None, alignment=32):
    """Give the bytes of a GGUF file made by hand, as wrong as a test wants it."""
    count, fields = counts or (len(tensors), len(values))
    head = b"GGUF" + struct.pack("<IQQ", version, count, fields) + b"".join(values) + b"".join(tensors)
    return head + (bytes(-len(head) % alignment) + data if tensors else data)


ONE = packed([], [tensor("a")], bytes(16))


@pytest.fixture
def written(tmp_path):
    """Write a file as converters write it: values, a vocabulary, tensors of several types."""

    def written(name="model.gguf", *, order=library.GGUFEndian.LITTLE, file_type=15, count=4, alignment=None, split=()):
        place = tmp_path / name
        writer = library.GGUFWriter(place, "llama", endianess=order)
        if file_type is not None:
            writer.add_file_type(file_type)
        if alignment:
            writer.add_custom_alignment(alignment)
        for key, number in dict(split).items():
            writer.add_uint16(f"split.{key}", number)
        writer.add_array("tokenizer.ggml.tokens", ["cat", "dog", "", "ünï"])
        writer.add_array("numbers", [1, 2, 3])
        writer.add_chat_template("{{ messages }}" * 200)
        for place_in_file in range(count):
            writer.add_tensor(f"norm.{place_in_file}", np.ones((place_in_file + 1,), np.float32))
            blocks = np.ones((2, 3 * 144), np.uint8)
            writer.add_tensor(f"weight.{place_in_file}", blocks, raw_dtype=library.GGMLQuantizationType.Q4_K)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return place

    return written


def reads(place):
    """Ask GGUFReader."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy speaks of overflows before it fails
            library.GGUFReader(place)
    except (ValueError, KeyError, IndexError, OverflowError, MemoryError, TypeError):
        return False
    return True


# ---- the tables


def test_the_sizes_of_types_are_the_librarys():
    """A wrong size would accuse every file of that quantization."""
    theirs = {int(number): sizes for number, sizes in library.GGML_QUANT_SIZES.items()}

    assert {number: (TYPES[number].block, TYPES[number].size_bytes) for number in theirs if number in TYPES} == theirs
    assert {library.GGMLQuantizationType(number).name for number in theirs} <= {one.name for one in TYPES.values()}


def test_the_names_of_quantizations_are_the_librarys():
    """What the catalog calls Q4_K_M is number 15."""
    theirs = {int(one): one.name.removeprefix("MOSTLY_").removeprefix("ALL_") for one in library.LlamaFileType}
    theirs.pop(library.LlamaFileType.GUESSED)

    assert {number: FILE_TYPES.get(number) for number in theirs} == theirs


# ---- what is well


@pytest.mark.parametrize("order", library.GGUFEndian, ids=["little", "big"])
@pytest.mark.parametrize("alignment", [None, 8, 256])
def test_what_the_library_writes_has_no_faults(written, order, alignment):
    """In either byte order, with any alignment; what loads is never accused."""
    place = written(order=order, alignment=alignment)

    assert gguf.faults(place) == ()
    assert reads(place)


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_are_read(write, version):
    """They differ in byte order alone."""
    place = write("model.gguf", packed([], [tensor("a")], bytes(16), version=version))

    assert gguf.faults(place) == ()
    assert gguf.read_header(place).version == version
    assert reads(place)


def test_the_header_is_told(written):
    """Other checks ask what the model is built like, and how it was quantized."""
    header = gguf.read_header(written())

    assert header.architecture == "llama"
    assert (header.file_type, header.quantization) == ("Q4_K_M", "Q4_K_M")
    assert len(header.tensors) == 8
    assert list(header.shares) == ["Q4_K", "F32"]
    assert header.shares["Q4_K"] > 0.9
    assert (header.split_count, header.split_number) == (0, 1)
    assert "tokenizer.chat_template" not in header.values


def test_without_a_file_type_most_bytes_say_what_it_is(written):
    """Converters may leave it out."""
    assert gguf.read_header(written(file_type=None)).quantization == "Q4_K"


def test_every_value_type_is_walked(tmp_path):
    """Whatever kind of number a converter writes."""
    writer = library.GGUFWriter(tmp_path / "model.gguf", "llama")
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        getattr(writer, f"add_{kind}")(kind, 3)
    writer.add_bool("bool", val=True)
    writer.add_array("words", ["a", "b"])
    writer.add_array("flags", [True, False])
    writer.add_array("fractions", [0.5, 1.5])
    writer.add_tensor("a", np.zeros((2,), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    header = gguf.read_header(tmp_path / "model.gguf")

    assert gguf.faults(tmp_path / "model.gguf") == ()
    assert {header.values[one] for one in ("uint8", "int64", "float32", "float64")} == {3}
    assert header.values["bool"] is True


def test_padding_after_the_last_tensor_may_be_absent(write):
    """llama.cpp asks for the tensor's own bytes alone."""
    place = write("model.gguf", packed([], [tensor("a"), tensor("b", (1,), 0, 32)], bytes(36)))

    assert gguf.faults(place) == ()
    assert gguf.doubts(place) == ()
    assert reads(place)


def test_image_models_have_long_names_and_many_dimensions(write):
    """ComfyUI-GGUF reads what llama.cpp would refuse."""
    place = write("model.gguf", packed([], [tensor("x" * 120, (1, 1, 1, 1, 4))], bytes(16)))

    assert gguf.faults(place) == ()
    assert reads(place)


# ---- what is wrong


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        pytest.param(1, "truncated by 1 byte:", id="one byte"),
        pytest.param(1000, "truncated by 1,000 bytes:", id="a thousand"),
    ],
)
def test_the_bytes_missing_are_counted(written, lost, words):
    """From the header alone."""
    place = written()
    padding = -864 % 32
    place.write_bytes(place.read_bytes()[: -lost - padding])

    (told,) = gguf.faults(place)

    assert told.startswith(words)
    assert not reads(place)


@pytest.mark.parametrize("size", [0, 3, 4, 7, 8, 23, 24, 60, 200])
def test_a_file_cut_in_its_header_is_told(written, size):
    """Wherever the download stopped."""
    place = written()
    place.write_bytes(place.read_bytes()[:size])

    (told,) = gguf.faults(place)

    assert "truncated" in told or "is no GGUF file" in told


POWER = struct.pack("<I", 8)
WRONG = [
    pytest.param(b"GGML" + ONE[4:], "is no GGUF file", id="other magic"),
    pytest.param(packed(version=1), "is GGUF version 1, which no program reads", id="version 1"),
    pytest.param(packed(version=0xDEADBEEF), "has the GGUF version 3,735,928,559", id="nonsense for a version"),
    pytest.param(packed(counts=(0, 2**60)), "announces 1,152,921,504,606,846,976 values", id="values without end"),
    pytest.param(packed(counts=(2**60, 0)), "announces 1,152,921,504,606,846,976 tensors", id="tensors without end"),
    pytest.param(packed([value("a", 13, b"")]), "unknown type 13", id="unknown value type"),
    pytest.param(packed([value("a", U8, b"1"), value("a", U8, b"1")]), "names the key 'a' twice", id="key twice"),
    pytest.param(packed([value("", U8, b"1")] * 2), "a key without a name", id="nameless key"),
    pytest.param(packed([value(b"\xff", U8, b"1")]), "no UTF-8", id="a key that is no text"),
    pytest.param(packed([value("a", TEXT, struct.pack("<Q", 2**62))]), "damaged, no reader", id="text without end"),
    pytest.param(packed([value("a", TEXT, struct.pack("<Q", 99))]), "truncated inside its header", id="text cut"),
    pytest.param(
        packed([value("a", ARRAY, struct.pack("<IQ", TEXT, 2**40))]), "truncated inside its header", id="words cut"
    ),
    pytest.param(
        packed([value("a", ARRAY, struct.pack("<IQQ", TEXT, 2, 2**50) + b"12345678")]),
        "truncated inside its header",
        id="a long word",
    ),
    pytest.param(
        packed([value("a", ARRAY, struct.pack("<IQ", U64, 2**61))]), "truncated inside its header", id="numbers cut"
    ),
    pytest.param(packed([value("a", ARRAY, struct.pack("<IQ", 13, 1))]), "array of the unknown type", id="array type"),
    pytest.param(packed([value("a", ARRAY, struct.pack("<IQ", ARRAY, 1))]), "array of the", id="array of arrays"),
    pytest.param(packed([value("general.alignment", U8, b"\x08")]), "general.alignment is 8", id="alignment as u8"),
    pytest.param(packed([value("general.alignment", U32, struct.pack("<I", 24))]), "power of two", id="alignment 24"),
    pytest.param(packed([value("general.alignment", U32, bytes(4))]), "power of two", id="alignment 0"),
    pytest.param(packed([], [tensor("a"), tensor("a", offset=32)], bytes(48)), "tensor 'a' twice", id="tensor twice"),
    pytest.param(packed([], [tensor("a", (2**40, 2**40))], b""), "larger than any file", id="too many elements"),
    pytest.param(packed([], [tensor("a", (2**63,))], b""), "larger than any file", id="a negative dimension"),
    pytest.param(packed([], [tensor("a", (4,) * 17)], b""), "17 dimensions", id="17 dimensions"),
    pytest.param(packed([], [tensor("a", (33,), 2)], bytes(99)), "rows of 33; Q4_0 goes by 32", id="half a block"),
    pytest.param(packed([], [tensor("a", (), 2)], bytes(99)), "rows of 1; Q4_0", id="one quantized number"),
    pytest.param(packed([], [tensor("a", offset=1)], bytes(99)), "begins at byte 1", id="no alignment"),
    pytest.param(packed([], [tensor("a"), tensor("b")], bytes(99)), "begins at byte 0", id="overlap"),
    pytest.param(packed([], [tensor("a"), tensor("b", offset=64)], bytes(99)), "expected 32", id="gap"),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_what_llama_cpp_refuses_is_told(write, content, words):
    """Each rule of its reader, in words."""
    (told,) = gguf.faults(write("model.gguf", content))

    assert words in told
    assert gguf.doubts(write("model.gguf", content)) == ()


# ---- what nobody can tell


def test_an_unknown_type_is_no_accusation_and_no_pass(write):
    """Forks have types of their own, the future has others."""
    tensors = [tensor("a"), tensor("b", (7,), 155, 32), tensor("c", (4,), 0, 9984)]
    place = write("model.gguf", packed([], tensors, bytes(20_000)))

    assert gguf.faults(place) == ()
    assert gguf.doubts(place) == ("not inspected beyond its header: it has tensors of the unknown types 155",)


def test_beside_an_unknown_type_the_known_ones_are_judged(write):
    """A file cut short is told all the same."""
    tensors = [tensor("b", (7,), 155), tensor("c", (4,), 0, 9984)]

    (told,) = gguf.faults(write("model.gguf", packed([], tensors, bytes(5_000))))

    assert told.startswith("truncated by 5,000 bytes")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(packed(version=4), "it is GGUF version 4, known are 2 and 3", id="a newer version"),
        pytest.param(packed([value("x" * 2000, U8, b"1")]), "longer than any real one", id="a very long name"),
        pytest.param(packed(counts=(0, 2**17)) + bytes(2**21), "131,072 values", id="very many values"),
    ],
)
def test_what_goes_beyond_anything_real_is_left_alone(write, content, words):
    """Memory and time stay bounded, and nobody is accused."""
    place = write("model.gguf", content)

    assert gguf.faults(place) == ()
    assert words in gguf.doubts(place)[0]
    with pytest.raises(UnknownHeader):
        gguf.read_header(place)


def test_bytes_behind_the_last_tensor_are_a_doubt(write):
    """llama.cpp and GGUFReader pass over them; a part that was appended twice looks the same."""
    place = write("model.gguf", packed([], [tensor("a")], bytes(16 + 16 + 100)))

    assert gguf.faults(place) == ()
    assert gguf.doubts(place)[0].startswith("100 bytes follow its last tensor")
    assert reads(place)


def test_a_vocabulary_is_a_doubt(write):
    """llama.cpp's own tests use them; as a model it generates nothing."""
    assert gguf.doubts(write("model.gguf", packed())) == ("has no tensors: a vocabulary, and no model",)


def test_the_other_byte_order_is_a_doubt(written):
    """The file is well, for another machine."""
    assert "byte order" in gguf.doubts(written(order=library.GGUFEndian.BIG))[0]


# ---- parts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("big-00002-of-00003.gguf", None, id="its own name"),
        pytest.param("big.gguf", "finds the parts by names like NAME-00002-of-00003.gguf", id="no number"),
        pytest.param("big-00001-of-00003.gguf", "is part 2 of 3 by its header, and part 1 of 3", id="other number"),
        pytest.param("big-00002-of-00002.gguf", "is part 2 of 3 by its header, and part 2 of 2", id="other count"),
    ],
)
def test_a_part_has_the_name_that_leads_to_the_others(written, name, words):
    """llama.cpp knows them by their names alone."""
    told = gguf.faults(written(name, split={"no": 1, "count": 3}))

    assert (told == ()) if words is None else (words in told[0])


# ---- speed, memory, anything at all


def test_a_large_vocabulary_costs_little(write):
    """150,000 words and as many merges; what a reader needs minutes for."""
    words = b"".join(text(f"word{number}") for number in range(150_000))
    array = struct.pack("<IQ", TEXT, 150_000) + words
    content = packed([value("tokens", ARRAY, array), value("merges", ARRAY, array)], [tensor("a")], bytes(16))
    place = write("model.gguf", content)

    started = time.process_time()
    told = gguf.faults(place)
    took = time.process_time() - started

    assert told == ()
    assert took < 0.5  # measured: 0.04 s


def test_a_header_full_of_nothing_ends_soon(tmp_path):
    """A sparse file of 4 GB that announces texts without end."""
    place = tmp_path / "model.gguf"
    array = struct.pack("<IQ", TEXT, 2**28)
    with place.open("wb") as file:
        file.write(packed([value("a", ARRAY, array)]))
        file.truncate(2**32)

    tracemalloc.start()
    told = gguf.doubts(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "268,435,456 texts in 'a', more than anybody looks at" in told[0]
    assert peak < 10 * 2**20


SMALL = packed(
    [
        value("general.architecture", TEXT, text("llama")),
        value("general.alignment", U32, struct.pack("<I", 32)),
        value("words", ARRAY, struct.pack("<IQ", TEXT, 2) + text("cat") + text("dog")),
        value("numbers", ARRAY, struct.pack("<IQ", I32, 2) + bytes(8)),
    ],
    [tensor("a", (4, 2)), tensor("b", (256,), 12, 32)],
    bytes(32 + 144),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder that examples share."""
    return tmp_path_factory.mktemp("gguf")


def held_against_the_library(folder, content):
    place = folder / "model.gguf"
    place.write_bytes(content)
    told, doubted = gguf.faults(place), gguf.doubts(place)
    if not told and not any(one.startswith("not inspected") for one in doubted):
        assert reads(place), "fine, and GGUFReader refuses it"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255) | st.sampled_from([0, 1, 255])), max_size=3
    ),
    length=st.integers(len(SMALL) - 200, len(SMALL) + 40),
)
def test_a_changed_file_is_never_fine_for_us_alone(folder, changes, length):
    """Whatever a disk or a line does to a file: no crash, no hang, and never fine where the library fails."""
    content = bytearray(SMALL + bytes(40))
    for place, byte in changes:
        content[place] = byte

    held_against_the_library(folder, bytes(content[:length]))


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=200), head=st.sampled_from([b"", b"GGUF", b"GGUF\3\0\0\0", SMALL[:40], SMALL[:80]]))
def test_arbitrary_bytes_are_never_fine_for_us_alone(folder, content, head):
    """Anything may lie under the name."""
    held_against_the_library(folder, head + content)


def test_a_broken_header_is_an_error_for_whoever_asks(write):
    """Other checks hear why."""
    with pytest.raises(BrokenHeader, match="no GGUF file"):
        gguf.read_header(write("model.gguf", b"<html>"))
