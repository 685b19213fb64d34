"""One tensor of an ONNX file: what it says it holds, and whether it does. Rules: ``onnx.proto`` of the ONNX project."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.formats.cursor import counted
from modelready.formats.protobuf import BYTES, FIXED32, FIXED64, VARINT, BrokenMessage, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRING = 8
#: ``TensorProto.DataType``: the name of each, and the bits of one element.
DTYPES: dict[int, tuple[str, int]] = {
    1: ("FLOAT", 32),
    2: ("UINT8", 8),
    3: ("INT8", 8),
    4: ("UINT16", 16),
    5: ("INT16", 16),
    6: ("INT32", 32),
    7: ("INT64", 64),
    9: ("BOOL", 8),
    10: ("FLOAT16", 16),
    11: ("DOUBLE", 64),
    12: ("UINT32", 32),
    13: ("UINT64", 64),
    14: ("COMPLEX64", 64),
    15: ("COMPLEX128", 128),
    16: ("BFLOAT16", 16),
    17: ("FLOAT8E4M3FN", 8),
    18: ("FLOAT8E4M3FNUZ", 8),
    19: ("FLOAT8E5M2", 8),
    20: ("FLOAT8E5M2FNUZ", 8),
    21: ("UINT4", 4),
    22: ("INT4", 4),
    23: ("FLOAT4E2M1", 4),
    24: ("FLOAT8E8M0", 8),
    25: ("UINT2", 2),
    26: ("INT2", 2),
    27: ("FLOAT6E2M3", 6),
    28: ("FLOAT6E3M2", 6),
}
#: How many entries of the typed fields one element takes, where it is not one.
_TWICE = {14, 15}
_PACKED = {21: 2, 22: 2, 23: 2, 25: 4, 26: 4}
#: Fields with the elements as numbers, and the bytes of one where all have as many.
_TYPED = {4: 4, 5: 0, 7: 0, 10: 8, 11: 0}
#: Which field holds the elements of which dtype; those of all others lie in ``int32_data``.
_FIELDS = {1: 4, 14: 4, 7: 7, _STRING: 6, 11: 10, 15: 10, 12: 11, 13: 11}
_DIMS, _TYPE, _STRINGS, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 6, 8, 9, 13, 14
#: Small messages that say nothing here: a segment, and pairs of texts.
_OTHERS = {3, 16}
_MOST_DIMENSIONS = 1024
_I64 = 2**63
#: Where onnxruntime keeps data that is not in a file.
_IN_MEMORY = "*/_ORT_MEM_ADDR_/*"


@dataclass(frozen=True, slots=True)
class External:
    """Where the data of one tensor lies outside of the model: ``length`` bytes of the file *location*."""

    tensor: str
    location: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor. ``size_bytes`` is what its elements take; None, where nobody here knows its type."""

    name: str
    dtype: str
    size_bytes: int | None
    external: External | None = None


@dataclass(slots=True)
class _Read:
    """What the fields of a tensor have said so far."""

    dims: list[int] = field(default_factory=list)
    dtype: int = 0
    name: str = ""
    raw: int | None = None
    typed: Counter[int] = field(default_factory=Counter)
    is_external: bool = False
    places: dict[str, str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Give its name in quotes, on one line of a screen."""
        return repr(self.name if len(self.name) <= 80 else f"{self.name[:77]}…")  # noqa: PLR2004 - a line on a screen

    @property
    def count(self) -> int:
        """Give the number of its elements."""
        count = 1
        for length in self.dims:
            count *= length
            if count >= _I64 or length >= _I64:
                raise BrokenMessage(f"the tensor {self.told} is larger than any file")
        return count


def read(wire: Wire, end: int, depth: int) -> Tensor:
    """
    Read the tensor that ends at *end*, but not its elements.

    Raises: BrokenMessage, where it does not hold what it says it holds, and what *wire* raises.
    """
    found = _Read()
    for number, kind, value in wire.fields(end, depth):
        if number in _TYPED:
            found.typed[number] += _entries(wire, _TYPED[number], kind, value)
        elif kind == VARINT:
            _take_number(found, number, value)
        elif kind == BYTES:
            _take_bytes(wire, found, number, value)
    if found.dtype not in DTYPES and found.dtype != _STRING:
        return _of_unknown_type(found)
    count = found.count
    if found.is_external:
        return _external(found, count)
    _check_data(found, count)
    return Tensor(found.name, *_size(found.dtype, count))


def _take_number(found: _Read, number: int, value: int) -> None:
    if number == _DIMS:
        _add(found, value)
    elif number == _TYPE:
        found.dtype = value
    elif number == _LOCATION:
        found.is_external = value == 1


def _take_bytes(wire: Wire, found: _Read, number: int, length: int) -> None:
    end = wire.position + length
    if number == _DIMS:
        while wire.position < end:
            _add(found, wire.varint())
    elif number == _STRINGS:
        found.typed[number] += 1
    elif number == _RAW:
        found.raw = length
    elif number == _NAME:
        found.name = wire.text(length)
    elif number == _EXTERNAL:
        key, text = _pair(wire, end)
        found.places[key] = text
    elif number in _OTHERS:
        _pair(wire, end)


def _add(found: _Read, length: int) -> None:
    found.dims.append(length)
    if len(found.dims) > _MOST_DIMENSIONS:
        raise BrokenMessage(f"a tensor has more than {_MOST_DIMENSIONS:,} dimensions")


def _entries(wire: Wire, width: int, kind: int, value: int) -> int:
    """Count the numbers of a field: packed into bytes, or one alone."""
    if kind == BYTES:
        return wire.check_width(value, width) if width else wire.count_varints(value)
    return int(kind == {4: FIXED32, 8: FIXED64, 0: VARINT}[width])


def _pair(wire: Wire, end: int) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    for number, kind, length in wire.fields(end, 1):
        if kind == BYTES and number in texts:
            texts[number] = wire.text(length, most=4096)
    return texts[1], texts[2]


def _of_unknown_type(found: _Read) -> Tensor:
    if found.dtype == 0:
        raise BrokenMessage(f"the tensor {found.told} does not say of which type it is")
    return Tensor(found.name, f"type {found.dtype}", None)


def _size(dtype: int, count: int) -> tuple[str, int | None]:
    if dtype == _STRING:
        return "STRING", None
    name, bits = DTYPES[dtype]
    return name, -(-count * bits // 8)


def _check_data(found: _Read, count: int) -> None:
    """Refuse a tensor with other data than its shape asks for; readers fail when they come to it."""
    name, size = _size(found.dtype, count)
    shape = "x".join(map(str, found.dims)) or "one number"
    if found.raw is not None and (found.raw or not found.typed):
        if size is None:
            raise BrokenMessage(f"the tensor {found.told} holds texts as raw bytes")
        if found.raw != size:
            raise BrokenMessage(
                f"the tensor {found.told} ({name}, {shape}) needs {counted(size)}, it has {found.raw:,}"
            )
        return
    held = found.typed[_FIELDS.get(found.dtype, 5)]
    wanted = count * 2 if found.dtype in _TWICE else -(-count // _PACKED.get(found.dtype, 1))
    if held != wanted:
        raise BrokenMessage(f"the tensor {found.told} ({name}, {shape}) needs {wanted:,} numbers, it has {held:,}")


def _external(found: _Read, count: int) -> Tensor:
    name, size = _size(found.dtype, count)
    if size is None:
        raise BrokenMessage(f"the tensor {found.told} holds texts in external data, where only numbers can lie")
    location = found.places.get("location", "")
    if location == _IN_MEMORY:
        raise BrokenMessage(f"the tensor {found.told} lies in the memory of the program that wrote it")
    offset, length = _number(found.places, "offset", 0, found), _number(found.places, "length", size, found)
    if length != size:
        raise BrokenMessage(f"the tensor {found.told} needs {counted(size)}, its external data are {counted(length)}")
    return Tensor(found.name, name, size, External(found.name, location, offset, length))


def _number(places: Mapping[str, str], key: str, otherwise: int, found: _Read) -> int:
    text = places.get(key, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or int(text[:20]) >= _I64:
        raise BrokenMessage(f"the tensor {found.told} has {text[:40]!r} for the {key} of its external data")
    return int(text)
