"""
What the bytes of a tensor are: numbers, NaN, infinities, zeros, or one value over and over.

The bits of floats are those of IEEE 754 (F16, F32, F64), of bfloat16 and of the OCP 8-bit formats: E4M3 has no
infinity, E8M0 only exponents, and the FNUZ variants have one NaN, where others have minus zero. Whatever is no float
can be zero, and nothing else is said of it. numpy counts as fast as memory can be read; it takes a while to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelready.formats.safetensors_header import BITS

Bytes = NDArray[np.uint8]
Bits = NDArray[np.unsignedinteger[Any]]

_BYTE_BITS = 8


@dataclass(frozen=True, slots=True)
class _Float:
    """The bits of infinity, or of the first NaN where there is none; everything above them is NaN."""

    infinity: int
    has_infinity: bool = True


_FLOATS = {
    "F64": _Float(0x7FF0_0000_0000_0000),
    "F32": _Float(0x7F80_0000),
    "C64": _Float(0x7F80_0000),  # pairs of F32
    "F16": _Float(0x7C00),
    "BF16": _Float(0x7F80),
    "F8_E5M2": _Float(0x7C),
    "F8_E4M3": _Float(0x7F, has_infinity=False),
}
#: The bits of their only NaN.
_ONE_NAN = {"F8_E5M2FNUZ": 0x80, "F8_E4M3FNUZ": 0x80, "F8_E8M0": 0xFF}
_SIZES = {"C64": 4, "F4": 1, "F6_E2M3": 1, "F6_E3M2": 1}


@dataclass(frozen=True, slots=True)
class Values:
    """What some bytes hold: the bits of the first element, how many NaN and infinities, whether all are alike."""

    first: int = 0
    nan: int = 0
    plus: int = 0
    minus: int = 0
    is_zero: bool = False
    is_constant: bool = False


def is_float(dtype: str) -> bool:
    """Tell whether a tensor of *dtype* may hold what is no number."""
    return dtype in _FLOATS or dtype in _ONE_NAN


def size_of(dtype: str) -> int:
    """Give the bytes that belong together: one element, half of a complex one, or a byte that several share."""
    return _SIZES.get(dtype) or BITS[dtype] // _BYTE_BITS


def values(block: Bytes, dtype: str) -> Values:
    """Say what *block* holds: at least one element of *dtype*, and only whole ones."""
    size = size_of(dtype)
    bits = block.view(f"<u{size}")
    highest = int(bits.max())
    first = int(bits[0])
    # Most blocks end here, or after a look at one more number: the first element is neither zero nor the last one.
    is_constant = first == bits[-1] == highest and bool((bits == first).all())
    if dtype in _FLOATS:
        return _of_float(bits, _FLOATS[dtype], first, highest, is_constant=is_constant)
    nan = int(np.count_nonzero(bits == _ONE_NAN[dtype])) if dtype in _ONE_NAN else 0
    return Values(first, nan, is_zero=highest == 0, is_constant=is_constant)


def finite_patterns(block: Bytes, dtype: str) -> tuple[int, int] | None:
    """Give the lowest and the highest bits of the finite elements of *block*; None, where there is none."""
    bits = block.view(f"<u{size_of(dtype)}")
    magnitudes = bits & np.array(_sign(dtype) - 1, bits.dtype)
    finite = bits[magnitudes < _FLOATS[dtype].infinity]
    return (int(finite.min()), int(finite.max())) if len(finite) else None


def share_without_numbers(dtype: str) -> float:
    """Give which part of all patterns of bits is NaN or infinity: among random bytes so many are found."""
    if dtype not in _FLOATS:
        return 0.0
    return (_sign(dtype) - _FLOATS[dtype].infinity) / _sign(dtype)


def share_of_zeros(block: Bytes, dtype: str) -> float:
    """Give which part of the elements of *block* is zero; of no element, all."""
    bits = block.view(f"<u{size_of(dtype)}")
    return 1.0 - np.count_nonzero(bits) / len(bits) if len(bits) else 1.0


def _sign(dtype: str) -> int:
    return 1 << (size_of(dtype) * _BYTE_BITS - 1)


def _of_float(bits: Bits, kind: _Float, first: int, highest: int, *, is_constant: bool) -> Values:
    """
    Say what *bits* hold by two maxima: with sign the largest positive pattern, without it the largest negative one.

    So the usual block is read twice, and nothing is written.
    """
    size = bits.dtype.itemsize
    sign = 1 << (size * _BYTE_BITS - 1)
    positive = int(bits.view(f"<i{size}").max())
    if positive < kind.infinity and highest < sign + kind.infinity:
        is_zero = highest in {0, sign} and positive in {0, -sign}
        return Values(first, is_zero=is_zero, is_constant=is_constant)
    special = bits[(bits & np.array(sign - 1, bits.dtype)) >= kind.infinity]
    plus = int(np.count_nonzero(special == kind.infinity)) if kind.has_infinity else 0
    minus = int(np.count_nonzero(special == sign + kind.infinity)) if kind.has_infinity else 0
    return Values(first, len(special) - plus - minus, plus, minus, is_constant=is_constant)
