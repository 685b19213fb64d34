"""ONNX models, with the onnx library as writer and judge."""

import tracemalloc
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx as library
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from modelready.formats import onnx, onnx_tensors, protobuf
from modelready.formats.onnx import BrokenModel, External, Output, UnknownModel
from modelready.formats.onnx_tensors import DTYPES

EVERY_DTYPE = [number for number in TensorProto.DataType.values() if number]


def graph(initializers=(), nodes=None, outputs=None):
    nodes = nodes or [helper.make_node("Identity", ["x"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])]
    outputs = outputs or [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])]
    return helper.make_graph(nodes, "g", inputs, outputs, list(initializers))


def model(*initializers, **about):
    made = helper.make_model(graph(initializers, **about), producer_name="acme")
    made.opset_import[0].version = 18
    made.ir_version = 9
    return made


def raw(name="w", dims=(2, 3), data=bytes(24), dtype=TensorProto.FLOAT):
    return TensorProto(name=name, dims=dims, data_type=dtype, raw_data=data)


def outside(name="w", dims=(2, 3), dtype=TensorProto.FLOAT, **entries):
    tensor = TensorProto(name=name, dims=dims, data_type=dtype, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": "w.bin", **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


@pytest.fixture
def saved(write):
    """Write a model, or its bytes, and give the place."""

    def saved(content):
        return write("model.onnx", content if isinstance(content, bytes) else content.SerializeToString())

    return saved


# ---- what is well


def test_a_whole_model_has_no_faults(saved):
    """What loads is never accused."""
    made = model(raw(), numpy_helper.from_array(np.arange(6, dtype=np.int64), "shape"))
    library.checker.check_model(made)

    assert onnx.faults(saved(made)) == ()
    assert onnx.doubts(saved(made)) == ()


def test_what_a_model_says_of_itself_is_told(saved):
    """Other checks ask for its outputs, its operators and its dtype."""
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 9083]),
        helper.make_tensor_value_info("z", TensorProto.FLOAT, None),
        helper.make_value_info("q", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [2]))),
        helper.make_tensor_value_info("s", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("u", TensorProto.FLOAT, [None, 1]),
    ]
    found = onnx.read(saved(model(raw(), raw("h", (6,), bytes(12), TensorProto.FLOAT16), outputs=outputs)))

    assert (found.producer, found.ir_version, found.opsets) == ("acme", 9, {"": 18})
    assert found.outputs == (
        Output("y", ("batch", 9083)),
        Output("z", None),
        Output("q", None),
        Output("s", ()),
        Output("u", (None, 1)),
    )
    assert onnx.outputs(saved(model(outputs=outputs))) == found.outputs
    assert found.tensor_count == 2
    assert found.shares == {"FLOAT": 24 / 36, "FLOAT16": 12 / 36}


def test_every_dtype_of_the_library_is_known():
    """A dtype without its size would be inspected by nobody."""
    assert sorted([*DTYPES, TensorProto.STRING]) == EVERY_DTYPE
    assert all(TensorProto.DataType.Name(number) == name for number, (name, _) in DTYPES.items())


@pytest.mark.parametrize("dtype", EVERY_DTYPE, ids=TensorProto.DataType.Name)
@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_what_the_library_makes_of_numbers_is_as_long_as_we_say(saved, dtype, count):
    """Typed or raw, packed by two, by four, or four in three bytes."""
    values = [b"a"] * count if dtype == TensorProto.STRING else np.ones(count, np.float32)
    typed = helper.make_tensor("w", dtype, [count], values)
    made = [typed]
    if dtype != TensorProto.STRING:
        array = numpy_helper.to_array(typed)
        made.append(numpy_helper.from_array(array, "v"))

    assert onnx.faults(saved(model(*made))) == ()


def test_tensors_are_found_wherever_they_lie(saved):
    """In attributes, in branches, in sparse tensors, in functions."""
    branch = helper.make_graph([], "b", [], [], [raw("inner")])
    sparse = helper.make_sparse_tensor(raw("values", (6,)), raw("indices", (6,), bytes(48), TensorProto.INT64), [9])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=raw("constant")),
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
        helper.make_node("Constant", [], ["s"], sparse_value=sparse),
    ]
    made = model(nodes=nodes)
    made.functions.append(helper.make_function("d", "f", [], ["c"], nodes[:1], []))
    made.graph.sparse_initializer.append(sparse)

    assert onnx.read(saved(made)).tensor_count == 1 + 2 + 2 + 1 + 2


def test_a_fault_deep_inside_is_told(saved):
    """A branch's weights are as needed as others."""
    branch = helper.make_graph([], "b", [], [], [raw("inner", data=bytes(20))])
    made = model(nodes=[helper.make_node("If", ["x"], ["y"], then_branch=branch)])

    assert onnx.faults(saved(made)) == ("is no ONNX model: the tensor 'inner' (FLOAT, 2x3) needs 24 bytes, it has 20",)


# ---- what is wrong


@pytest.mark.parametrize("lost", [1, 50, 1000, 5000])
def test_a_file_cut_short_is_told(saved, lost):
    """By at least so many bytes: what came after the graph is not known."""
    whole = model(raw(dims=(1500,), data=bytes(6000))).SerializeToString()

    (told,) = onnx.faults(saved(whole[:-lost]))

    assert "truncated: it lacks at least" in told or "opset_import" in told


def test_without_its_end_a_model_has_no_operators(saved):
    """The graph may be whole, cut exactly there."""
    made = model(raw())
    made.ClearField("opset_import")

    assert "opset_import" in onnx.faults(saved(made))[0]


def _without(name):
    made = model(raw())
    made.ClearField(name)
    return made


WRONG = [
    pytest.param(b"", "has no graph", id="empty"),
    pytest.param(b"<!DOCTYPE html><html>", "no known kind", id="a page"),
    pytest.param(_without("graph"), "has no graph", id="no graph"),
    pytest.param(_without("ir_version"), "ir_version", id="no ir_version"),
    pytest.param(model(raw(data=bytes(25))), "needs 24 bytes, it has 25", id="too much"),
    pytest.param(model(raw(data=b"")), "needs 24 bytes, it has 0", id="nothing in it"),
    pytest.param(model(raw(dtype=0)), "does not say of which type", id="no type"),
    pytest.param(model(raw(dims=(2**40, 2**40))), "larger than any file", id="overflow"),
    pytest.param(model(raw(dims=(-1,))), "larger than any file", id="a negative dimension"),
    pytest.param(model(raw(dims=[1] * 1025)), "1,024 dimensions", id="very many dimensions"),
    pytest.param(model(raw(dtype=TensorProto.STRING)), "texts as raw bytes", id="texts as bytes"),
    pytest.param(model(TensorProto(name="w", dims=[3], data_type=1)), "needs 3 numbers, it has 0", id="no data"),
    pytest.param(
        model(TensorProto(name="w", dims=[3], data_type=1, float_data=[1, 2])), "needs 3 numbers, it has 2", id="few"
    ),
    pytest.param(
        model(TensorProto(name="w", dims=[3], data_type=7, int64_data=[1, 2, 2**40, -1])), "it has 4", id="many"
    ),
    pytest.param(model(outside(dtype=TensorProto.STRING)), "only numbers can lie", id="texts outside"),
    pytest.param(model(outside(length=20)), "needs 24 bytes, its external data are 20", id="length and shape differ"),
    pytest.param(model(outside(offset=-4)), "has '-4' for the offset", id="a negative offset"),
    pytest.param(model(outside(length="many")), "has 'many' for the length", id="a length in words"),
    pytest.param(model(outside(offset="9" * 30)), "for the offset", id="an offset without end"),
    pytest.param(model(outside(location="*/_ORT_MEM_ADDR_/*")), "in the memory of the program", id="in memory"),
    pytest.param(b"\x08\x09\x3a\x02\x08", "truncated", id="cut in a field"),
    pytest.param(b"\x08" + b"\xff" * 10 + b"\x01", "longer than any", id="a number without end"),
    pytest.param(b"\x08" + b"\xff" * 3, "truncated", id="a number cut"),
    pytest.param(b"\x00\x00", "the number 0", id="field 0"),
    pytest.param(b"\x0c", "no known kind", id="the end of no group"),
    pytest.param(b"\x3a\x04\x0a\x09ab", "7 bytes after", id="longer than its message"),
    pytest.param(b"\x3a\x02\x0d\x01" + b"x" * 99, "after the end of its message", id="over the end"),
    pytest.param(b"\x0b\x08\x01", "has no end", id="a group without end"),
    pytest.param(b"\x0b" * 200, "more than 100 deep", id="groups without end"),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_what_is_no_model_is_told(saved, content, words):
    """Each rule, in words."""
    (told,) = onnx.faults(saved(content))

    assert words in told
    assert onnx.doubts(saved(content)) == ()


def test_a_model_nested_without_end_is_told(saved):
    """As deep as protobuf itself reads, and no deeper: Python's stack holds."""
    inner = library.GraphProto()
    for _ in range(60):
        outer = library.GraphProto()
        outer.node.add().attribute.add().g.CopyFrom(inner)
        inner = outer
    deep = b"\x08\x09\x3a" + _length(inner.ByteSize()) + inner.SerializeToString()

    assert "more than 100 deep" in onnx.faults(saved(deep))[0]


def _length(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def test_more_than_protobuf_reads_is_told(tmp_path):
    """Such models keep their weights in external data."""
    place = tmp_path / "model.onnx"
    with place.open("wb") as file:
        file.truncate(2**31)

    assert "protobuf reads 2,147,483,647 at most" in onnx.faults(place)[0]


def test_dimensions_may_be_packed(saved):
    """As newer writers pack every list of numbers, and readers take both."""
    made = model(raw(dims=(), data=bytes(24)))
    tensor = made.graph.initializer[0].SerializeToString() + b"\x0a\x02\x02\x03"
    lead = made.graph
    lead.ClearField("initializer")
    body = lead.SerializeToString() + b"\x2a" + _length(len(tensor)) + tensor
    made.ClearField("graph")
    content = made.SerializeToString() + b"\x3a" + _length(len(body)) + body
    assert list(library.load_model_from_string(content).graph.initializer[0].dims) == [2, 3]

    assert onnx.faults(saved(content)) == ()


def test_groups_are_passed_over(saved):
    """Nobody writes them any more, and every reader skips them."""
    group = b"\xd3\x01" + b"\x08\x01" + b"\x0a\x02ab" + b"\x15abcd" + b"\x0b\x0c" + b"\xd4\x01"
    content = group + model(raw()).SerializeToString()
    library.load_model_from_string(content)

    assert onnx.faults(saved(content)) == ()


# ---- what nobody can tell


def test_an_unknown_dtype_is_no_accusation_and_no_pass(saved):
    """The future has others."""
    place = saved(model(raw(dtype=99)))

    assert onnx.faults(place) == ()
    assert onnx.doubts(place) == ("not inspected wholly: it has tensors of the unknown type 99",)


def test_a_model_without_end_is_left_alone(saved, monkeypatch):
    """Time stays bounded."""
    monkeypatch.setattr(protobuf, "MOST_FIELDS", 10)
    place = saved(model(raw(), raw("v")))

    assert onnx.faults(place) == ()
    assert "more than 10 fields" in onnx.doubts(place)[0]
    with pytest.raises(UnknownModel):
        onnx.outputs(place)


# ---- external data


def test_external_data_are_named(saved):
    """Where they lie, and how many bytes: other checks look."""
    made = model(outside(offset=4096, length=24), outside("v", (2,), location="sub/v.bin"))

    assert onnx.read(saved(made)).external == [External("w", "w.bin", 4096, 24), External("v", "sub/v.bin", 0, 8)]
    assert onnx.read(saved(made)).sizes == {"FLOAT": 32}


@pytest.mark.parametrize(
    ("location", "leaves"),
    [
        ("w.bin", False),
        ("./w.bin", False),
        ("sub/w.bin", False),
        ("sub/../w.bin", False),
        ("", True),
        (".", True),
        ("sub/..", True),
        ("../w.bin", True),
        ("sub/../../w.bin", True),
        ("/etc/passwd", True),
        ("C:\\w.bin", True),
        ("C:w.bin", True),
        ("\\\\host\\w.bin", True),
        ("..\\w.bin", True),
        ("w\0.bin", True),
    ],
)
def test_external_data_stay_in_their_folder(location, leaves):
    """A model comes from elsewhere."""
    assert onnx.leaves_its_folder(location) == leaves


# ---- speed, memory, anything at all


def test_weights_are_not_read(tmp_path):
    """Two gigabytes of weights, sparse: memory stays small."""
    place = tmp_path / "model.onnx"
    head, size = model(raw(dims=(2**29 - 2**20,), data=b"")), (2**29 - 2**20) * 4
    tensor = head.graph.initializer[0].SerializeToString().removesuffix(b"\x4a\x00") + b"\x4a" + _length(size)
    head.graph.ClearField("initializer")
    lead = head.graph.SerializeToString() + b"\x2a" + _length(len(tensor) + size) + tensor
    head.ClearField("graph")
    with place.open("wb") as file:
        file.write(head.SerializeToString() + b"\x3a" + _length(len(lead) + size) + lead)
        file.truncate(file.tell() + size)

    tracemalloc.start()
    told = onnx.faults(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert told == ()
    assert peak < 5 * 2**20


SMALL = model(raw(), outside(), numpy_helper.from_array(np.arange(3), "n"), helper.make_tensor("t", 1, [2], [1, 2]))
SMALL_BYTES = SMALL.SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder that examples share, with external data in it."""
    folder = tmp_path_factory.mktemp("onnx")
    (folder / "w.bin").write_bytes(bytes(24))
    return folder


def all_tensors_of(message):
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in value if field.is_repeated else [value]:
            if isinstance(one, TensorProto):
                yield one
            else:
                yield from all_tensors_of(one)


def held_against_the_library(folder, content):
    place = folder / "model.onnx"
    place.write_bytes(content)
    if onnx.faults(place) or onnx.doubts(place):
        return
    try:
        parsed = library.load_model_from_string(content)
    except DecodeError:
        pytest.fail("fine, and protobuf refuses it")
    assert parsed.HasField("graph")
    for one in all_tensors_of(parsed):
        if one.data_location != TensorProto.EXTERNAL and one.data_type != TensorProto.STRING:
            one.ClearField("segment")
            assert list(numpy_helper.to_array(one).shape) == list(one.dims)


@settings(deadline=None, max_examples=150)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(SMALL_BYTES) - 1), st.integers(0, 255) | st.sampled_from([0, 1, 255])), max_size=3
    ),
    length=st.integers(len(SMALL_BYTES) - 60, len(SMALL_BYTES)),
)
def test_a_changed_file_is_never_fine_for_us_alone(folder, changes, length):
    """Whatever a disk or a line does to a file: no crash, no hang, and never fine where the library fails."""
    content = bytearray(SMALL_BYTES)
    for place, byte in changes:
        content[place] = byte

    held_against_the_library(folder, bytes(content[:length]))


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=200), head=st.sampled_from([b"", b"\x08\x09", b"\x08\x09\x3a\x20", SMALL_BYTES[:60]]))
def test_arbitrary_bytes_are_never_fine_for_us_alone(folder, content, head):
    """Anything may lie under the name."""
    held_against_the_library(folder, head + content)


@settings(deadline=None, max_examples=60)
@given(
    tensors=st.lists(
        st.tuples(
            st.sampled_from([one for one in EVERY_DTYPE if one != TensorProto.STRING]),
            st.lists(st.integers(0, 4), max_size=3),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_what_the_library_makes_is_never_accused(folder, tensors):
    """Any dtypes, any shapes, typed or raw."""
    made = []
    for place, (dtype, dims, is_raw) in enumerate(tensors):
        tensor = helper.make_tensor(f"w{place}", dtype, dims, np.ones(int(np.prod(dims)), np.float32))
        made.append(numpy_helper.from_array(numpy_helper.to_array(tensor), f"w{place}") if is_raw else tensor)
    place = folder / "made.onnx"
    place.write_bytes(model(*made).SerializeToString())

    assert onnx.faults(place) == ()


def test_whoever_asks_for_outputs_hears_why_there_are_none(saved):
    """Other checks tell the reason."""
    with pytest.raises(BrokenModel, match="no graph"):
        onnx.outputs(saved(b""))


def test_a_count_of_packed_numbers_is_a_count_of_their_last_bytes(write):
    """However long they are."""
    numbers = b"".join(map(_length, range(0, 200_000, 7)))
    with write("numbers", numbers).open("rb") as file:
        assert protobuf.Wire(file).count_varints(len(numbers)) == len(range(0, 200_000, 7))
    assert onnx_tensors.DTYPES[1] == ("FLOAT", 32)


def test_a_real_model_has_no_faults(saved):
    """A pitch detector, as its makers publish it."""
    try:
        (place,) = [one.locate() for one in metadata.files("swift-f0") if one.suffix == ".onnx"]
    except metadata.PackageNotFoundError:
        pytest.skip("swift-f0 is not installed: `nox -s tests` brings it")

    assert onnx.faults(place) == ()
    assert onnx.doubts(place) == ()
    assert onnx.outputs(place) == (Output("pitch", (1, "frames")), Output("confidence", (1, "frames")))
    assert onnx.faults(saved(Path(place).read_bytes()[:-1000]))[0].startswith("truncated: it lacks at least")
