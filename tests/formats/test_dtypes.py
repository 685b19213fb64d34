"""The names of dtypes, as people write them."""

import pytest

from modelready.formats import dtypes
from modelready.formats.ggml_types import FILE_TYPES, TYPES
from modelready.formats.onnx_tensors import DTYPES
from modelready.formats.safetensors_header import BITS


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("BF16", "BF16"),
        ("bfloat16", "BF16"),
        ("torch.bfloat16", "BF16"),
        ("float32", "F32"),
        ("fp16", "F16"),
        ("half", "F16"),
        ("F8_E4M3", "F8_E4M3"),
        ("float8_e4m3fn", "F8_E4M3"),
        ("fp8_e4m3fn", "F8_E4M3"),
        ("fp8-e5m2", "F8_E5M2"),
        ("FLOAT8E4M3FN", "F8_E4M3"),
        ("FLOAT", "F32"),
        ("DOUBLE", "F64"),
        ("int8", "I8"),
        ("UINT4", "U4"),
    ],
)
def test_usual_spellings_mean_the_same(name, word):
    """Of torch, of safetensors, of ONNX, of model cards."""
    assert dtypes.is_known(name)
    assert dtypes.canonical(name) == word
    assert dtypes.share(name, {word: 0.75, "I64": 0.25}) == 0.75


def test_every_word_of_a_header_is_known():
    """What a header can say, a catalog can ask for."""
    words = [*BITS, *(name for name, _ in DTYPES.values()), *(one.name for one in TYPES.values()), *FILE_TYPES.values()]

    assert [word for word in words if not dtypes.is_known(word)] == []


@pytest.mark.parametrize("name", ["F8", "fp8", "float8"])
def test_fp8_leaves_open_which(name):
    """Both kinds together."""
    assert dtypes.share(name, {"F8_E4M3": 0.5, "F8_E5M2": 0.25, "BF16": 0.25}) == 0.75
    assert not dtypes.holds_most(name, {"BF16": 1.0})


@pytest.mark.parametrize("name", ["", "x", "BF17", "fp7", "float", "int9", "Q"])
def test_unknown_names_are_unknown(name):
    """A slip in the catalog is told as one; "float" alone is ONNX's word for F32."""
    assert dtypes.is_known(name) == (name == "float")


@pytest.mark.parametrize(
    ("shares", "most"),
    [
        ({"F8_E4M3": 0.97, "BF16": 0.02, "F32": 0.01}, True),
        ({"BF16": 0.6, "F8_E4M3": 0.4}, False),
        ({"F8_E4M3": 0.4, "BF16": 0.35, "F32": 0.25}, True),
        ({}, False),
    ],
)
def test_most_bytes_decide(shares, most):
    """Scales, norms and embeddings have dtypes of their own."""
    assert dtypes.holds_most("fp8_e4m3fn", shares) == most


@pytest.mark.parametrize("name", ["nvfp4", "mxfp4", "F4"])
def test_four_bits_lie_two_in_a_byte(name):
    """Writers call such tensors U8."""
    assert dtypes.holds_most(name, {"U8": 0.8, "F8_E4M3": 0.1, "BF16": 0.1})


@pytest.mark.parametrize(
    ("name", "file_type", "is_so"),
    [
        ("Q4_K_M", "Q4_K_M", True),
        ("q4_k_m", "Q4_K_M", True),
        ("Q4_K_M", "Q4_K_S", False),
        ("Q4_K", "Q4_K_S", True),
        ("Q4_K", "Q5_K_S", False),
        ("UD-Q4_K_XL", "Q4_K_M", True),
        ("Q6_K_L", "Q6_K", True),
        ("UD-Q8_K_XL", "Q8_0", True),
        ("Q8_0", "Q8_0", True),
        ("Q8_0", "Q4_0", False),
        ("IQ4_XS", "IQ4_XS", True),
        ("IQ4_XS", "IQ4_NL", False),
        ("bf16", "BF16", True),
        ("fp16", "F16", True),
        ("F16", "BF16", False),
    ],
)
def test_quantizations_are_compared_as_strictly_as_they_are_named(name, file_type, is_so):
    """Makers of mixtures have names that llama.cpp has no number for."""
    assert dtypes.is_quantized_so(name, file_type) == is_so
