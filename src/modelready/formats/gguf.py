"""
GGUF files: the header walked whole, and whether its tensors lie in the file. No weight is read.

Where the readers differ, the rules are llama.cpp's (``ggml/src/gguf.cpp``, ``src/llama-model-loader.h``), but for names
of more than 63 letters and tensors of more than 4 dimensions: image models have both, and ComfyUI-GGUF reads them.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.formats.cursor import Cursor, CutShort, counted
from modelready.formats.ggml_types import FILE_TYPES, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAGIC = b"GGUF"
#: What llama.cpp and GGUFReader read.
VERSIONS = (2, 3)
#: Further than that nobody looks: real headers have less than a hundredth of it.
MOST_FIELDS, MOST_TENSORS, MOST_TEXTS = 2**16, 2**17, 2**24
#: Words of the faults that another copy of the file would not mend.
TOO_OLD, MISNAMED = "which no program reads any more", "by its header, and"
_FUTURE = range(4, 100)
_LONGEST_TEXT = 2**30
_LONGEST_KEPT = 2**10
_MOST_DIMENSIONS = 16
_ALIGNMENT = 32
_I64, _U64 = 2**63, 2**64
#: By the number of a value's type, its letter in ``struct``; beside them stand texts and arrays.
_LETTERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_WIDTHS = {"B": 1, "b": 1, "?": 1, "H": 2, "h": 2, "I": 4, "i": 4, "f": 4, "Q": 8, "q": 8, "d": 8}
_U32, _TEXT, _ARRAY = 4, 8, 9
_PART = re.compile(r".*-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


class BrokenHeader(ValueError):
    """No program opens the file; the message says why, in words."""


class UnknownHeader(Exception):
    """The file may be whole, and nobody here can tell; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header tells it; ``offset`` counts from where the data starts. Size 0: of an unknown type."""

    name: str
    dims: tuple[int, ...]
    type_number: int
    offset: int
    size_bytes: int

    @property
    def type_name(self) -> str:
        """Give what ggml calls its elements."""
        known = TYPES.get(self.type_number)
        return known.name if known else f"type {self.type_number}"


@dataclass(frozen=True)
class Header:
    """What a file says of itself. ``values`` holds its numbers and its short texts, no arrays."""

    version: int
    is_native: bool
    tensors: tuple[Tensor, ...]
    data_start: int
    alignment: int
    file_size: int
    values: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """Give what the model is built like: ``llama``, ``qwen3``, ``flux``."""
        return str(self.values.get("general.architecture", ""))

    @property
    def file_type(self) -> str:
        """Give the quantization it claims (``Q4_K_M``), or nothing."""
        told = self.values.get("general.file_type")
        return FILE_TYPES.get(told, "") if isinstance(told, int) else ""

    @property
    def shares(self) -> dict[str, float]:
        """Give the types of its tensors, each with its share of their bytes, the largest first."""
        sizes = Counter[str]()
        for one in self.tensors:
            sizes[one.type_name] += one.size_bytes
        total = sizes.total()
        return {name: size / total for name, size in sizes.most_common() if size}

    @property
    def quantization(self) -> str:
        """Give the quantization it claims, or else the type of most of its bytes."""
        return self.file_type or next(iter(self.shares), "")

    @property
    def split_number(self) -> int:
        """Give which part of a split model the file is, counted from 1."""
        return _whole(self.values.get("split.no")) + 1

    @property
    def split_count(self) -> int:
        """Give how many parts the model has; 0, if it was never split."""
        return _whole(self.values.get("split.count"))

    @property
    def split_tensors(self) -> int:
        """Give how many tensors all parts have together; 0, if it does not tell."""
        return _whole(self.values.get("split.tensors.count"))


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if llama.cpp opens it and every tensor lies in it.

    Raises: OSError, where it cannot be read.
    """
    try:
        header = read_header(path)
    except BrokenHeader as error:
        return (str(error),)
    except UnknownHeader:  # told as a doubt
        return ()
    return _wrong(header, path)


def doubts(path: Path) -> tuple[str, ...]:
    """
    Say what may be wrong with the file, or could not be inspected; only of one without faults.

    Raises: OSError, where it cannot be read.
    """
    try:
        header = read_header(path)
    except BrokenHeader:
        return ()
    except UnknownHeader as error:
        return (f"not inspected beyond its beginning: {error}",)
    return () if _wrong(header, path) else tuple(_doubts(header))


def read_header(path: Path) -> Header:
    """
    Read the header, and hold every rule against it but whether its tensors lie in the file.

    Raises: BrokenHeader, UnknownHeader, in words. OSError, where the file cannot be read.
    """
    with path.open("rb") as file:
        cursor = Cursor(file)
        try:
            return _header(cursor)
        except CutShort as error:
            raise BrokenHeader(f"truncated inside its header: {error}") from error


# ---- the header


def _header(cursor: Cursor) -> Header:
    version, is_native = _version(cursor)
    tensor_count, field_count = cursor.numbers("QQ")
    _check_count("values", field_count, MOST_FIELDS, cursor.remaining // 13)
    _check_count("tensors", tensor_count, MOST_TENSORS, cursor.remaining // 24)
    values = _values(cursor, field_count)
    alignment = int(values.get("general.alignment", _ALIGNMENT))
    tensors = tuple(_tensors(cursor, tensor_count))
    start = _padded(cursor.position, alignment) if tensors else cursor.position
    return Header(version, is_native, tensors, start, alignment, cursor.size, values)


def _version(cursor: Cursor) -> tuple[int, bool]:
    """Give the version, and whether its bytes stand in this machine's order; sets the cursor's."""
    if cursor.size < len(MAGIC) or cursor.take(len(MAGIC)) != MAGIC:
        raise BrokenHeader("is no GGUF file: it does not begin with GGUF")
    told = cursor.take(4)
    # As both readers decide: a small number whose low half is empty was written the other way round.
    cursor.order = ">" if int.from_bytes(told, "little") & 0xFFFF == 0 else "<"
    version = int.from_bytes(told, "big" if cursor.order == ">" else "little")
    if version == 1:
        raise BrokenHeader(f"is GGUF version 1, {TOO_OLD}")
    if version in _FUTURE:
        raise UnknownHeader(f"it is GGUF version {version}, known are {VERSIONS[0]} and {VERSIONS[1]}")
    if version not in VERSIONS:
        raise BrokenHeader(f"has the GGUF version {version:,}; expected {VERSIONS[0]} or {VERSIONS[1]}")
    return version, (cursor.order == ">") == (sys.byteorder == "big")


def _check_count(what: str, count: int, most: int, possible: int) -> None:
    if count > possible:
        raise BrokenHeader(f"announces {count:,} {what}, more than the file could hold: truncated, or damaged")
    if count > most:
        raise UnknownHeader(f"it has {count:,} {what}, more than anybody looks at")


def _values(cursor: Cursor, count: int) -> dict[str, int | float | str]:
    """Walk the keys and values, and keep what is short."""
    found: dict[str, int | float | str] = {}
    seen: set[int] = set()
    texts = MOST_TEXTS
    for _ in range(count):
        key = _name(cursor, "key")
        if not key or _is_twice(key, seen):
            raise BrokenHeader(f"names the key {_short(key)} twice" if key else "has a key without a name")
        kind = cursor.number("I")
        if kind == _ARRAY:
            texts -= _skip_array(cursor, key, texts)
        elif kind == _TEXT:
            text = _text(cursor)
            if text is not None:
                found[key] = text
        elif kind in _LETTERS:
            found[key] = cursor.number(_LETTERS[kind])
        else:
            raise BrokenHeader(f"{_short(key)} has a value of the unknown type {kind:,}")
        if key == "general.alignment":
            _check_alignment(kind, found.get(key))
    return found


def _check_alignment(kind: int, value: object) -> None:
    if kind != _U32 or not isinstance(value, int) or value == 0 or value & (value - 1):
        raise BrokenHeader(f"its general.alignment is {value!r}; expected a power of two, as a u32")


def _skip_array(cursor: Cursor, key: str, texts: int) -> int:
    """Move on behind an array; give how many texts it had."""
    kind, count = cursor.number("I"), cursor.number("Q")
    if kind == _TEXT:
        if 8 * count > cursor.remaining:
            raise CutShort(8 * count - cursor.remaining)
        if count > texts:
            raise UnknownHeader(f"it has {count:,} texts in {_short(key)}, more than anybody looks at")
        cursor.skip_texts(count, "Q")
        return count
    if kind not in _LETTERS:
        raise BrokenHeader(f"{_short(key)} is an array of the unknown type {kind:,}")
    cursor.skip(count * _WIDTHS[_LETTERS[kind]])
    return 0


def _text(cursor: Cursor) -> str | None:
    """Give a text; None, if it is long: templates, licences."""
    length = cursor.number("Q")
    if length > _LONGEST_KEPT:
        _check_length(length)
        cursor.skip(length)
        return None
    return cursor.take(length).decode("utf-8", "replace")


def _name(cursor: Cursor, what: str) -> str:
    length = cursor.number("Q")
    _check_length(length)
    if length > _LONGEST_KEPT:
        cursor.skip(0 if length <= cursor.remaining else length)
        raise UnknownHeader(f"a {what} has a name of {counted(length)}, longer than any real one")
    try:
        return cursor.take(length).decode()
    except UnicodeDecodeError as error:
        raise BrokenHeader(f"a {what} has a name that is no UTF-8") from error


def _check_length(length: int) -> None:
    if length > _LONGEST_TEXT:
        raise BrokenHeader(f"announces a text of {counted(length)} in its header: damaged, no reader accepts that")


def _is_twice(name: str, seen: set[int]) -> bool:
    code = hash(name)
    is_twice = code in seen
    seen.add(code)
    return is_twice


def _tensors(cursor: Cursor, count: int) -> Iterator[Tensor]:
    seen: set[int] = set()
    for _ in range(count):
        name = _name(cursor, "tensor")
        if _is_twice(name, seen):
            raise BrokenHeader(f"names the tensor {_short(name)} twice")
        dimensions = cursor.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise BrokenHeader(f"{_short(name)} has {dimensions:,} dimensions, more than any program reads")
        dims = cursor.numbers("Q" * dimensions)
        kind, offset = cursor.numbers("IQ")
        yield Tensor(name, dims, kind, offset, _size(name, dims, kind))


def _size(name: str, dims: tuple[int, ...], kind: int) -> int:
    count = 1
    for length in dims:
        count *= length
        if max(count, length) >= _I64:
            raise BrokenHeader(f"{_short(name)} is larger than any file")
    known = TYPES.get(kind)
    if known is None:
        return 0
    if (dims[0] if dims else 1) % known.block:
        raise BrokenHeader(f"{_short(name)} has rows of {dims[0] if dims else 1:,}; {known.name} goes by {known.block}")
    size = count // known.block * known.size_bytes
    if size >= _U64:
        raise BrokenHeader(f"{_short(name)} is larger than any file")
    return size


# ---- tensor beside tensor


def _wrong(header: Header, path: Path) -> tuple[str, ...]:
    return (*_misplaced(header), *_misnamed(header, path.name))


def _misplaced(header: Header) -> Iterator[str]:
    """Tell tensors that do not follow one another, and those that the file is too short for."""
    end, is_certain = 0, True
    for one in header.tensors:
        if is_certain and one.offset != _padded(end, header.alignment):
            expected = _padded(end, header.alignment)
            yield f"{_short(one.name)} begins at byte {one.offset:,} of the data, expected {expected:,}: damaged"
            return
        end = max(end, one.offset + one.size_bytes) if not is_certain else one.offset + one.size_bytes
        is_certain = one.type_number in TYPES
    missing = header.data_start + end - header.file_size
    if header.tensors and missing > 0:
        expected = header.data_start + end
        how = f"truncated by {counted(missing)}" if is_certain else f"truncated by at least {counted(missing)}"
        yield f"{how}: its header describes {expected:,} bytes, the file has {header.file_size:,}"


def _misnamed(header: Header, name: str) -> Iterator[str]:
    """Tell a part that llama.cpp would not find beside the others: it knows them by their names alone."""
    if header.split_count <= 1:
        return
    told = f"is part {header.split_number} of {header.split_count} {MISNAMED}"
    found = _PART.fullmatch(name)
    if not found:
        wanted = f"NAME-{header.split_number:05}-of-{header.split_count:05}.gguf"
        yield f"{told} its name does not say so: llama.cpp finds the parts by names like {wanted}"
    elif (int(found["number"]), int(found["count"])) != (header.split_number, header.split_count):
        yield f"{told} part {int(found['number'])} of {int(found['count'])} by its name"


def _doubts(header: Header) -> Iterator[str]:
    unknown = sorted({one.type_number for one in header.tensors if one.type_number not in TYPES})
    if unknown:
        kinds = ", ".join(map(str, unknown[:5]))
        yield f"not inspected beyond its header: it has tensors of the unknown types {kinds}"
    if not header.is_native:
        yield "its byte order is not this machine's: llama.cpp refuses it here"
    if not header.tensors and header.split_count <= 1:
        yield "has no tensors: a vocabulary, and no model"
    end = max((one.offset + one.size_bytes for one in header.tensors), default=0)
    more = header.file_size - header.data_start - _padded(end, header.alignment)
    if header.tensors and more > 0 and not unknown:
        yield (
            f"{counted(more)} follow its last tensor: loaders pass over them, "
            "and a download that was resumed wrongly looks like this"
        )


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}…")  # noqa: PLR2004 - a line on a screen
