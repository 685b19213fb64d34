"""Checks of weights, as whole runs judge them: what fails, what is unproved, and what nobody looked into."""

from __future__ import annotations

import json
import struct

import numpy as np
import onnx as library
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from onnx import helper

CATALOG = """
[[model]]
name   = "mixed"
source = "hf:acme/mixed"
layout = "folder"
folder = "mixed"

[[model.file]]
path  = "model.gguf"
dtype = "Q4_K_M"

[[model.file]]
path  = "unet.safetensors"
dtype = "float8_e4m3fn"

[[model.file]]
path = "model.onnx"

[[model.file]]
path = "model.onnx_data"

[[model.file]]
path = "model.engine"
"""
UNREADABLE = '\n[[model.file]]\npath = "model.pt"\ndtype = "F16"\n'


def safetensors(dtype, width):
    header = json.dumps({"a": {"dtype": dtype, "shape": [64], "data_offsets": [0, 64 * width]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(64 * width)


@pytest.fixture
def filled(machine):
    """Give a machine whose folder somebody filled with weights of many formats."""
    folder = machine.place / "mixed"
    folder.mkdir()
    machine.catalog(CATALOG)
    writer = GGUFWriter(folder / "model.gguf", "llama")
    writer.add_file_type(15)
    writer.add_tensor("a", np.ones((4, 144), np.uint8), raw_dtype=GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    weights = library.numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    value = helper.make_tensor_value_info("y", weights.data_type, [8, 8])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [value], [weights])
    about = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 0}
    library.save_model(helper.make_model(graph, ir_version=9), folder / "model.onnx", **about)
    (folder / "unet.safetensors").write_bytes(safetensors("F8_E4M3", 1))
    (folder / "model.engine").write_bytes(b"ftrt" + bytes(99))
    return machine


def test_weights_of_many_formats_are_proved_and_the_unseen_named(filled, judged):
    """Who reads the certificate knows for which files only digests speak."""
    outcome = judged(filled)

    assert outcome.status == 0, outcome.text
    assert {"weights.are_whole[mixed]", "weights.have_the_named_dtype[mixed]"} <= set(outcome.passed)
    assert "mixed: no check looks into model.engine (not inspected)" in outcome.text
    assert {one["name"]: one["annotations"].get("structure") for one in outcome.certificate["subject"]} == {
        "mixed/model.gguf": "inspected",
        "mixed/unet.safetensors": "inspected",
        "mixed/model.onnx": "inspected",
        "mixed/model.onnx_data": None,
        "mixed/model.engine": "not inspected",
    }


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(
            lambda folder: (folder / "unet.safetensors").write_bytes(safetensors("BF16", 2)),
            "weights.have_the_named_dtype[mixed]",
            id="bf16 called fp8",
        ),
        pytest.param(
            lambda folder: (folder / "model.onnx_data").write_bytes(bytes(200)),
            "weights.are_whole[mixed]",
            id="external data cut short",
        ),
    ],
)
def test_each_damage_fails_one_check(filled, judged, damage, check):
    """What is wrong is told by the one check that fails."""
    damage(filled.place / "mixed")

    outcome = judged(filled)

    assert outcome.status == 1
    assert outcome.failed == [check]


def test_a_dtype_that_nobody_can_read_leaves_the_model_unproved(filled, judged):
    """A check that cannot look is never a pass; the reason says what to do."""
    filled.catalog(CATALOG + UNREADABLE)
    (filled.place / "mixed" / "model.pt").write_bytes(b"\x80\x02}q\0.")

    outcome = judged(filled)

    assert outcome.status == 1
    assert outcome.failed == []
    assert outcome.model("mixed")["verdict"] == "unproved"
    assert "the dtype of model.pt cannot be read: name none for it in the catalog" in outcome.text
