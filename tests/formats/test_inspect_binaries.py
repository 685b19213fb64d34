"""Weights other than safetensors, as the checks see them."""

import struct
from dataclasses import replace

import numpy as np
import onnx as library
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from onnx import helper

from modelready.inspection import applicability, dtypes, external, parts
from modelready.inspection import weights as inspected


def told(faults):
    return {one.path: one.message for one in faults}


@pytest.fixture
def gguf_file(tmp_path):
    """Write a GGUF file of one F32 and one Q4_K tensor."""

    def gguf_file(path="model.gguf", *, file_type=15, split=None, tensors=2):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        writer = GGUFWriter(place, "llama")
        if file_type is not None:
            writer.add_file_type(file_type)
        for key, number in (split or {}).items():
            writer.add_uint16(f"split.{key}", number) if key != "tensors.count" else writer.add_int32(
                f"split.{key}", number
            )
        for number in range(tensors):
            kind = GGMLQuantizationType.Q4_K
            writer.add_tensor(f"{place.stem}.{number}", np.ones((4, 144), np.uint8), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return place

    return gguf_file


@pytest.fixture
def onnx_file(tmp_path):
    """Write an ONNX model whose weights lie in *location*, as the library's own splitter writes it."""

    def onnx_file(path="model.onnx", *, location=None, dtype=np.float32):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        weights = library.numpy_helper.from_array(np.ones((64, 32), dtype), "w")
        value = helper.make_tensor_value_info("y", weights.data_type, [64, 32])
        graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [value], [weights])
        made = helper.make_model(graph, ir_version=9)
        if location:
            (place.parent / location).parent.mkdir(parents=True, exist_ok=True)
            library.save_model(made, place, save_as_external_data=True, location=location, size_threshold=0)
        else:
            library.save_model(made, place)
        return place

    return onnx_file


def lead_to(place, location):
    """Make the model at *place* name other external data."""
    model = library.load_model(place, load_external_data=False)
    (entry,) = [one for one in model.graph.initializer[0].external_data if one.key == "location"]
    entry.value = location
    place.write_bytes(model.SerializeToString())


def cut(place, count):
    place.write_bytes(place.read_bytes()[:-count])


# ---- who looks at what


@pytest.mark.parametrize(
    ("name", "content", "how"),
    [
        ("a.safetensors", b"", "inspected"),
        ("a.GGUF", b"", "inspected"),
        ("a.onnx", b"", "inspected"),
        ("a.h5", b"", "inspected"),
        ("a.tflite", b"", "signature only"),
        ("a.engine", b"", "not inspected"),
        ("a.bin", b"\x80\x02}q", "inspected"),
        ("a.bin", b"\0\1\2\3", "not inspected"),
        ("a.bin", b"GGUF", "inspected"),
        ("a.bin", b"lmgg", "inspected"),
        ("a.bin", b"lmgg" + bytes(99), "not inspected"),
        ("a.json", b"{}", ""),
        ("a.onnx_data", b"", ""),
    ],
)
def test_how_much_is_looked_at_is_told(write, name, content, how):
    """The certificate names the weights that nobody looked into."""
    assert inspected.seen(write(name, content)) == how


def test_a_bin_is_judged_by_its_beginning(write, gguf_file, model_in):
    """The end of its name promises nothing."""
    gguf_file("a.gguf").rename(write("a.bin"))
    write("b.bin", b"GGUF" + b"\3" * 20)
    write("c.bin", b"lmgg" + struct.pack("<11i", 51864, 1500, 384, 6, 1, 448, 384, 6, 1, 80, 1))
    write("d.bin", b"PK\3\4")
    write("e.bin", b"\0\1\2\3")

    assert set(told(inspected.unwhole(model_in().files))) == {"b.bin", "c.bin", "d.bin"}


def test_a_bin_that_vanished_is_passed_over(model_in):
    """files.are_there tells it."""
    assert inspected.unwhole(model_in(lost=["a.bin"]).files) == ()


@pytest.mark.parametrize(
    ("path", "asked", "applies"),
    [
        ("a.gguf", "weight_files", True),
        ("a.bin", "weight_files", True),
        ("a.engine", "weight_files", False),
        ("a-00001-of-00002.gguf", "sharded_model", True),
        ("a-00001-of-00002.bin", "sharded_model", True),
        ("a-00001-of-00002.parquet", "sharded_model", False),
        ("model.safetensors.index.json", "sharded_model", True),
        ("a.gguf", "typed_files", False),
    ],
)
def test_checks_are_collected_where_names_promise_something(model_in, no_models, path, asked, applies):
    """Before anything lies there."""
    assert applicability.applies(model_in(lost=[path]), {asked}, no_models) == applies


@pytest.mark.parametrize(("path", "applies"), [("a.gguf", True), ("a.pt", True), ("config.json", False)])
def test_a_named_dtype_is_asked_of_weights(model_in, no_models, path, applies):
    """A pattern may name it for configurations too."""
    model = model_in(lost=[path])
    named = replace(model, files=(replace(model.files[0], dtype="BF16"),))

    assert applicability.applies(named, {"typed_files"}, no_models) == applies


# ---- whole


def test_files_that_are_not_whole_are_told(gguf_file, onnx_file, write, model_in):
    """One voice a file; whole ones are passed over."""
    gguf_file("a.gguf")
    cut(gguf_file("b.gguf"), 100)
    onnx_file("a.onnx")
    cut(onnx_file("b.onnx"), 100)
    write("a.tflite", b"1234TFL3")
    write("b.tflite", b"<html></html>")

    assert set(told(inspected.unwhole(model_in().files))) == {"b.gguf", "b.onnx", "b.tflite"}


@pytest.mark.parametrize(
    ("content", "name", "remedy"),
    [
        pytest.param(struct.pack("<Q", 100_000_001) + b"{", "a.safetensors", "no other copy helps", id="header"),
        pytest.param(b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "a.gguf", "newer conversion", id="version 1"),
        pytest.param(b"GGUF" + struct.pack("<IQQ", 9**9, 0, 0), "a.gguf", "provision", id="a damaged one"),
    ],
)
def test_the_remedy_fits_the_fault(write, model_in, content, name, remedy):
    """Where the same file would come again, nobody is sent to provision."""
    place = write(name, content)
    if name.endswith(".safetensors"):
        with place.open("r+b") as file:
            file.truncate(8 + 100_000_001)

    (fault,) = inspected.unwhole(model_in().files)

    assert remedy in fault.remedy


def test_doubts_are_told_apart(gguf_file, model_in):
    """Loaders open the file: worth a warning, no refusal."""
    place = gguf_file()
    place.write_bytes(place.read_bytes() + bytes(500))
    model = model_in()

    assert inspected.unwhole(model.files) == ()
    assert "500 bytes follow its last tensor" in told(inspected.doubtful(model.files))["model.gguf"]


def test_a_file_that_may_not_be_read_is_told_once(model_in):
    """As a fault, and not as a doubt beside it."""
    model = model_in(lost=["a.gguf"])

    assert told(inspected.unwhole(model.files)) == {"a.gguf": "cannot be read: No such file or directory"}
    assert inspected.doubtful(model.files) == ()


# ---- parts


def split_in(gguf_file, count=3, total=6):
    for number in range(count):
        numbers = {"no": number, "count": count, "tensors.count": total}
        gguf_file(f"big-{number + 1:05}-of-{count:05}.gguf", split=numbers)


def test_all_parts_of_a_split_are_asked_for(gguf_file, model_in, tmp_path):
    """llama.cpp loads the first, and fails at the one that is not there."""
    split_in(gguf_file)
    assert inspected.incomplete_shards(model_in()) == ()

    (tmp_path / "big-00003-of-00003.gguf").unlink()

    faults = inspected.incomplete_shards(model_in())
    assert told(faults) == {"big-00003-of-00003.gguf": "big-00001-of-00003.gguf counts this shard, which is not there"}


def test_bin_shards_are_counted_as_well(write, model_in):
    """pytorch_model-00001-of-00002.bin."""
    write("pytorch_model-00001-of-00002.bin")

    assert list(told(inspected.incomplete_shards(model_in()))) == ["pytorch_model-00002-of-00002.bin"]


def test_parts_that_do_not_add_up_are_told(gguf_file, model_in):
    """One of them is of another version; each is whole."""
    split_in(gguf_file, total=6)
    gguf_file("big-00002-of-00003.gguf", split={"no": 1, "count": 3, "tensors.count": 6}, tensors=5)

    assert told(parts.mixed(model_in())) == {
        "big-00001-of-00003.gguf": "counts 6 tensors in all of its 3 parts, which have 9: of other versions?"
    }
    assert inspected.unwhole(model_in().files) == ()


@pytest.mark.parametrize("refused", [["big-00002-of-00003.gguf"], []])
def test_parts_that_others_tell_of_are_passed_over(gguf_file, model_in, tmp_path, refused):
    """A part that is absent, broken or refused."""
    split_in(gguf_file, total=7)
    if not refused:
        (tmp_path / "big-00002-of-00003.gguf").write_bytes(b"GGUF")

    assert parts.mixed(model_in(), refused=refused) == ()


def test_parts_without_a_total_are_not_judged(gguf_file, model_in):
    """Older splitters wrote none."""
    split_in(gguf_file, total=0)

    assert parts.mixed(model_in()) == ()


# ---- external data


def test_external_data_that_are_there_are_well(onnx_file, model_in, tmp_path):
    """Beside the model, or below."""
    onnx_file("a/model.onnx", location="model.onnx_data")
    onnx_file("b/model.onnx", location="sub/w.bin")
    lead_to(onnx_file("c/model.onnx", location="w.bin"), "sub/../w.bin")
    (tmp_path / "c" / "sub").mkdir()

    assert external.broken(model_in().files, model_in()) == ()


def test_external_data_that_nobody_listed_are_told(onnx_file, model_in, tmp_path):
    """`include = ["*.onnx"]` leaves the weights out, and the model opens nowhere."""
    onnx_file("onnx/model.onnx", location="./sub/model.onnx_data")
    (tmp_path / "onnx/sub/model.onnx_data").unlink()
    model = model_in()

    (fault,) = external.broken(model.files, model)

    assert (fault.path, fault.message) == (
        "onnx/sub/model.onnx_data",
        "the external data that onnx/model.onnx names are not there",
    )
    assert "widen its `include`" in fault.remedy


def test_external_data_that_are_listed_were_told_before(onnx_file, model_in, tmp_path):
    """files.are_there names them: one fault, one voice."""
    onnx_file(location="w.bin")
    model = model_in()
    (tmp_path / "w.bin").unlink()

    assert external.broken(model.files, model) == ()


def test_external_data_that_no_digest_speaks_for_are_a_doubt(onnx_file, model_in):
    """They are there, and nobody listed them: the catalog's patterns leave them out."""
    onnx_file("a/model.onnx", location="w.bin")
    lead_to(onnx_file("b/model.onnx", location="w.bin"), "../elsewhere")
    whole = model_in()
    without = replace(whole, files=tuple(one for one in whole.files if one.path != "a/w.bin"))

    assert external.unlisted(whole.files, whole) == ()
    assert told(external.unlisted(without.files, without)) == {
        "a/w.bin": "holds weights of a/model.onnx, and is no file of tiny"
    }


def test_optional_external_data_may_be_absent(onnx_file, model_in, tmp_path):
    """The catalog says so, as of shards."""
    onnx_file(location="w.bin")
    model = model_in(rules={"w.bin": {"optional": True}})
    (tmp_path / "w.bin").unlink()

    assert external.broken(model.files, model) == ()


def test_refused_external_data_are_passed_over(onnx_file, model_in, tmp_path):
    """What an earlier check refused needs no second objection."""
    onnx_file(location="w.bin")
    cut(tmp_path / "w.bin", 10)
    model = model_in()

    assert external.broken(model.files, model, refused=["w.bin"]) == ()
    assert told(external.broken(model.files, model)) == {
        "w.bin": "truncated by 10 bytes: model.onnx reads 8,192 bytes of it, it has 8,182"
    }


def test_external_data_elsewhere_are_refused(onnx_file, model_in, tmp_path):
    """A model that comes from elsewhere reads no file of this machine."""
    lead_to(onnx_file("a/model.onnx", location="w.bin"), "../../secret")
    model = model_in()

    (fault,) = external.broken(model.files, model)

    assert (fault.path, fault.message) == (
        "a/model.onnx",
        "its external data lead out of its folder, to '../../secret'",
    )
    assert fault.remedy.startswith("do not load it")


def test_a_broken_model_names_no_external_data(onnx_file, model_in):
    """weights.unwhole told it."""
    cut(onnx_file(location="w.bin"), 10)

    assert external.broken(model_in().files, model_in()) == ()


# ---- dtype


@pytest.fixture
def typed(model_in):
    """Give the files of a model for which the catalog names *dtype*."""

    def typed(dtype):
        return tuple(replace(one, dtype=dtype) for one in model_in().files)

    return typed


@pytest.fixture
def mixed_safetensors(write, pack):
    """Write a file of *most* bytes, with a few of F32 beside them."""

    def mixed_safetensors(most="F8_E4M3"):
        size = 960 if most.startswith("F8") else 1920
        header = {
            "a": {"dtype": most, "shape": [960], "data_offsets": [0, size]},
            "b": {"dtype": "F32", "shape": [10], "data_offsets": [size, size + 40]},
        }
        return write("model.safetensors", pack(header, bytes(size + 40)))

    return mixed_safetensors


@pytest.mark.parametrize("name", ["fp8", "F8_E4M3", "float8_e4m3fn", "fp8_e4m3fn"])
def test_the_named_dtype_may_be_spelled_as_people_do(mixed_safetensors, typed, name):
    """Scales and norms of other dtypes are normal."""
    mixed_safetensors()

    assert dtypes.differing(typed(name)) == ()


def test_a_bf16_file_called_fp8_is_told(mixed_safetensors, typed):
    """The story of a script that renamed what it found."""
    mixed_safetensors("BF16")

    (fault,) = dtypes.differing(typed("fp8_e4m3fn"))

    assert fault.message == (
        "its header says BF16 for 98% of its bytes, F32 for 2% of its bytes; the catalog says fp8_e4m3fn"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Q4_K_M", None),
        ("UD-Q4_K_XL", None),
        ("Q4_K", None),
        ("Q8_0", "its header says Q4_K_M, Q4_K for 100% of its bytes; the catalog says Q8_0"),
        ("F16", "its header says Q4_K_M, Q4_K for 100% of its bytes; the catalog says F16"),
    ],
)
def test_a_quantization_is_judged_by_its_file_type(gguf_file, typed, name, words):
    """What llama.cpp shows for it."""
    gguf_file()

    assert list(told(dtypes.differing(typed(name))).values()) == ([words] if words else [])


@pytest.mark.parametrize(("name", "is_well"), [("Q4_K", True), ("Q8_0", False)])
@pytest.mark.parametrize("file_type", [None, 1])
def test_nearly_all_bytes_outweigh_a_file_type(gguf_file, typed, file_type, name, is_well):
    """Some writers leave it out, or leave it as it was."""
    gguf_file(file_type=file_type)

    assert (dtypes.differing(typed(name)) == ()) == is_well


@pytest.mark.parametrize(("name", "is_well"), [("float16", True), ("fp16", True), ("float32", False)])
def test_an_onnx_model_is_judged_by_its_tensors(onnx_file, typed, name, is_well):
    """External ones included."""
    onnx_file(dtype=np.float16, location="w.bin")

    assert (dtypes.differing([one for one in typed(name) if one.path == "model.onnx"]) == ()) == is_well


def test_a_file_without_tensors_has_no_dtype(gguf_file, typed):
    """So it is not the one that the catalog names."""
    gguf_file(file_type=None, tensors=0)

    assert "names no tensor" in dtypes.differing(typed("BF16"))[0].message


def test_a_slip_in_the_catalog_is_told_as_one(mixed_safetensors, typed):
    """The file may be well."""
    mixed_safetensors()

    (fault,) = dtypes.differing(typed("fp9"))

    assert "which no header says" in fault.message
    assert "in the catalog" in fault.remedy


@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf", "model.onnx"])
def test_a_file_that_is_not_whole_was_told_before(write, typed, name):
    """weights.are_whole refuses it."""
    write(name, b"nothing at all")

    assert dtypes.differing(typed("BF16")) == ()


def test_a_file_that_vanished_is_told(model_in):
    """Not a crash, not a pass."""
    (one,) = model_in(lost=["a.gguf"]).files

    assert "cannot be read" in dtypes.differing([replace(one, dtype="BF16")])[0].message


def test_files_for_which_no_dtype_is_named_are_passed_over(gguf_file, model_in):
    """The catalog asks for nothing."""
    gguf_file()

    assert dtypes.differing(model_in().files) == ()
