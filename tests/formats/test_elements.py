"""What the bytes of tensors hold: held against numpy, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.formats import elements

#: Exponent and mantissa bits, and how the largest exponent is read.
FORMATS = {
    "F64": (11, 52, "ieee"),
    "F32": (8, 23, "ieee"),
    "C64": (8, 23, "ieee"),
    "F16": (5, 10, "ieee"),
    "BF16": (8, 7, "ieee"),
    "F8_E5M2": (5, 2, "ieee"),
    "F8_E4M3": (4, 3, "all ones"),
    "F8_E5M2FNUZ": (5, 2, "minus zero"),
    "F8_E4M3FNUZ": (4, 3, "minus zero"),
}


def read_by_the_book(pattern, dtype):
    """Say what one element is, from its bits alone: "nan", "inf", "-inf", "zero" or "number"."""
    exponents, mantissas, nan = FORMATS[dtype]
    mantissa, exponent = pattern & (1 << mantissas) - 1, pattern >> mantissas & (1 << exponents) - 1
    sign = pattern >> mantissas + exponents
    if nan == "minus zero":
        special = "nan" if (sign, exponent, mantissa) == (1, 0, 0) else ""
    elif exponent != (1 << exponents) - 1:
        special = ""
    elif nan == "all ones":
        special = "nan" if mantissa == (1 << mantissas) - 1 else ""
    else:
        special = "nan" if mantissa else ("-inf" if sign else "inf")
    return special or ("number" if exponent or mantissa else "zero")


def told(patterns, dtype):
    size = elements.size_of(dtype)
    return elements.values(np.array(patterns, f"<u{size}").view(np.uint8), dtype)


@pytest.mark.parametrize("dtype", [name for name in FORMATS if elements.size_of(name) == 1])
def test_every_small_float_is_read_by_the_book(dtype):
    """All 256 of each."""
    found = [told([pattern], dtype) for pattern in range(256)]

    kinds = [read_by_the_book(pattern, dtype) for pattern in range(256)]
    assert [one.nan for one in found] == [kind == "nan" for kind in kinds]
    assert [(one.plus, one.minus) for one in found] == [(kind == "inf", kind == "-inf") for kind in kinds]
    assert [one.is_zero for one in found] == [kind == "zero" for kind in kinds]


@pytest.mark.parametrize("dtype", [name for name in FORMATS if elements.size_of(name) > 1])
@settings(max_examples=40)
@given(data=st.data())
def test_floats_are_counted_as_by_the_book(dtype, data):
    """Whatever the bits, and wherever they lie among others."""
    bits = 8 * elements.size_of(dtype)
    exponents, mantissas, _ = FORMATS[dtype]
    edges = [(1 << exponents) - 1 << mantissas, (1 << exponents) - 2 << mantissas, 0]
    near = [edge + sign + step for edge in edges for sign in (0, 1 << bits - 1) for step in (0, 1)]
    patterns = data.draw(st.lists(st.sampled_from(near) | st.integers(0, 2**bits - 1), min_size=1, max_size=40))

    found, kinds = told(patterns, dtype), [read_by_the_book(one, dtype) for one in patterns]

    assert (found.nan, found.plus, found.minus) == tuple(kinds.count(kind) for kind in ("nan", "inf", "-inf"))
    assert found.is_zero == (set(kinds) == {"zero"})
    assert found.is_constant == (len(set(patterns)) == 1)
    assert found.first == patterns[0]


@pytest.mark.parametrize(("dtype", "kind"), [("F64", "f8"), ("F32", "f4"), ("F16", "f2")])
@settings(max_examples=40)
@given(data=st.data())
def test_floats_are_counted_as_numpy_counts(dtype, kind, data):
    """The book above is ours; numpy reads the same."""
    bits = 8 * elements.size_of(dtype)
    patterns = np.array(data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=40)), f"<u{bits // 8}")
    numbers = patterns.view(f"<{kind}")

    found = told(patterns, dtype)

    assert found.nan == np.isnan(numbers).sum()
    assert found.plus + found.minus == np.isinf(numbers).sum()
    with np.errstate(invalid="ignore"):  # numpy 1 warns of signalling NaNs
        assert found.is_zero == (not numbers.any())


@given(st.lists(st.integers(0, 255), min_size=8, max_size=64).map(lambda one: one[: len(one) // 8 * 8]))
def test_whole_numbers_are_zero_or_not(values):
    """Nothing else is said of them, and of elements that share bytes."""
    for dtype in ("U8", "I8", "BOOL", "I16", "I32", "U64", "F4", "F6_E2M3"):
        found = elements.values(np.array(values, np.uint8), dtype)

        assert (found.nan, found.plus, found.minus, found.is_zero) == (0, 0, 0, not any(values))


def test_an_exponent_may_be_no_number():
    """OCP MX: 255 is the NaN of E8M0."""
    assert told([1, 255, 254], "F8_E8M0").nan == 1


@given(st.lists(st.floats(width=32), min_size=1, max_size=30))
def test_finite_elements_are_told_from_the_others(numbers):
    """A mask has one of them only."""
    block = np.array(numbers, "<f4")
    finite = block[np.isfinite(block)].view("<u4")

    found = elements.finite_patterns(block.view(np.uint8), "F32")

    assert found == ((finite.min(), finite.max()) if len(finite) else None)


def test_zeros_are_counted():
    """Of no element at all, all are: nothing is known beside it."""
    block = np.array([0, 1, 0, 2], "<f4").view(np.uint8)

    assert elements.share_of_zeros(block, "F32") == 0.5
    assert elements.share_of_zeros(block[:0], "F32") == 1.0


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F8_E5M2", "F8_E4M3"])
def test_so_many_patterns_are_no_numbers(dtype):
    """Counted over all of them: that is what random bytes would hold."""
    count = 1 << 8 * elements.size_of(dtype)

    found = told(range(count), dtype)

    assert elements.share_without_numbers(dtype) == (found.nan + found.plus + found.minus) / count
