"""Models of whisper.cpp, made as its own converter makes them."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.formats import ggml

#: vocabulary; context, state, heads and layers of audio; those of text; mels; file type: F16.
NUMBERS = (51864, 1500, 384, 6, 1, 448, 384, 6, 1, 80, 1)
COUNT = 7 + 4 + 15 + 24


def tensor(name, dims=(4,), kind=0, size=16):
    text = name.encode()
    return struct.pack(f"<3i{len(dims)}i", len(dims), len(text), kind, *dims) + text + bytes(size)


def whisper(tensors=None, *, numbers=NUMBERS, filters=(80, 2), words=(b"a", b"", b"bc")):
    """Give the bytes of a Whisper of one layer each."""
    head = b"lmgg" + struct.pack("<11i", *numbers) + struct.pack("<2i", *filters) + bytes(4 * max(0, filters[0] * 2))
    vocabulary = struct.pack("<i", len(words)) + b"".join(struct.pack("<I", len(one)) + one for one in words)
    tensors = [tensor(f"t{place}") for place in range(COUNT)] if tensors is None else tensors
    return head + vocabulary + b"".join(tensors)


def vad(layers=2, count=None):
    """Give the bytes of a model of voice activity detection."""
    kind = b"silero-16k"
    head = b"lmgg" + struct.pack("<i", len(kind)) + kind + struct.pack("<5i", 6, 2, 0, 512, 64)
    sizes = struct.pack("<i", layers) + bytes(12 * layers) + bytes(16)
    return head + sizes + b"".join(tensor(f"t{place}") for place in range(2 * layers + 7 if count is None else count))


@pytest.mark.parametrize("content", [whisper(), vad()], ids=["whisper", "voice activity detection"])
def test_a_whole_model_has_no_faults(write, content):
    """What loads is never accused."""
    place = write("ggml-base.bin", content)

    assert ggml.knows(place)
    assert ggml.faults(place) == ()
    assert ggml.doubts(place) == ()


def test_quantized_tensors_are_counted_in_blocks(write):
    """ggml-large-v3-q5_0.bin: 32 numbers take 22 bytes."""
    tensors = [tensor("q", (32, 2), 6, 44)] + [tensor(f"t{place}", (2, 2), 1, 8) for place in range(COUNT - 1)]
    model = ggml.read(write("ggml-base-q5_0.bin", whisper(tensors)))

    assert model.tensor_count == COUNT
    assert model.sizes == {"Q5_0": 44, "F16": 8 * (COUNT - 1)}


@pytest.mark.parametrize(("layers", "expected"), [(4, 167), (6, 245), (12, 479), (24, 947), (32, 1259)])
def test_the_count_of_tensors_is_whisper_cpps(write, layers, expected):
    """Its own message names these numbers: "not all tensors loaded from model file - expected 245"."""
    numbers = (*NUMBERS[:4], layers, *NUMBERS[5:8], layers, *NUMBERS[9:])

    (told,) = ggml.faults(write("ggml-base.bin", whisper([], numbers=numbers)))

    assert told == f"truncated: it has 0 of the {expected:,} tensors of such a model"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "does not begin with 'lmgg'", id="empty"),
        pytest.param(b"<html>", "does not begin with 'lmgg'", id="a page"),
        pytest.param(whisper()[:-1], "inside its tensor 50 of 50: it lacks at least 1 byte", id="one byte lost"),
        pytest.param(whisper()[:-20], "inside its tensor 50 of 50", id="cut in a tensor's header"),
        pytest.param(whisper([tensor("a")] * 3), "it has 3 of the 50 tensors", id="cut between tensors"),
        pytest.param(whisper()[:30], "before its first tensor", id="cut in the numbers"),
        pytest.param(whisper()[:200], "before its first tensor", id="cut in the filters"),
        pytest.param(whisper([], words=[b"a" * 999])[:-500], "before its first tensor", id="cut in the vocabulary"),
        pytest.param(whisper(filters=(-1, 2)), "less than nothing", id="negative filters"),
        pytest.param(whisper([tensor("a", kind=99)] * COUNT), "is no tensor", id="unknown type"),
        pytest.param(whisper([tensor("a", (1,) * 5)] * COUNT), "is no tensor", id="five dimensions"),
        pytest.param(whisper([tensor("")] * COUNT), "is no tensor", id="nameless"),
        pytest.param(whisper([tensor("a", (-4,))] * COUNT), "less than nothing", id="negative dimension"),
        pytest.param(whisper([tensor("a", (3,), 2)] * COUNT), "goes by blocks", id="half a block"),
        pytest.param(whisper() + bytes(12), "takes them for one more", id="more behind"),
        pytest.param(vad(count=10), "10 of the 11 tensors", id="voice activity detection, cut"),
    ],
)
def test_what_whisper_cpp_refuses_is_told(write, content, words):
    """Each rule of its loader, in words."""
    (told,) = ggml.faults(write("ggml-base.bin", content))

    assert words in told
    assert ggml.doubts(write("ggml-base.bin", content)) == ()


def test_a_few_bytes_behind_are_a_doubt(write):
    """Too few for a tensor: whisper.cpp takes them for the end."""
    place = write("ggml-base.bin", whisper() + b"12345")

    assert ggml.faults(place) == ()
    assert ggml.doubts(place) == ("5 bytes follow its last tensor: whisper.cpp passes over them",)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"lmgg" + struct.pack("<11i", 50257, 1024, 768, 12, 12, 1, 0, 0, 0, 0, 0), id="GPT-2"),
        pytest.param(b"lmgg" + struct.pack("<i", 7) + b"unknown" + bytes(99), id="another name"),
    ],
)
def test_other_models_of_ggml_are_left_alone(write, content):
    """They share the magic, and nobody here knows them: no accusation, and nobody says fine."""
    place = write("model.bin", content)

    assert not ggml.knows(place)
    assert ggml.faults(place) == ()
    assert ggml.doubts(place) == ()


WHOLE = whisper()


@settings(deadline=None, max_examples=100)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_wherever_it_is_cut_it_is_told(tmp_path_factory, length):
    """Every byte counts."""
    place = tmp_path_factory.getbasetemp() / "ggml-cut.bin"
    place.write_bytes(WHOLE[:length])

    assert len(ggml.faults(place)) == 1


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, len(WHOLE) - 1), bytes_there=st.binary(min_size=1, max_size=8))
def test_whatever_lies_there_costs_little(tmp_path_factory, place, bytes_there):
    """No crash, no hang, whatever a disk or a line does to a file."""
    file = tmp_path_factory.getbasetemp() / "ggml-changed.bin"
    file.write_bytes(WHOLE[:place] + bytes_there + WHOLE[place + len(bytes_there) :])

    assert len(ggml.faults(file)) <= 1
    assert len(ggml.doubts(file)) <= 1
