"""The JSON of a safetensors header, read as strictly as the safetensors library reads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bits of one element. F4 and F6 share bytes, so their tensors must end at a whole one.
BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}
METADATA = "__metadata__"
_U64 = 2**64
_DEEPEST = 100
_FIELDS = frozenset({"dtype", "shape", "data_offsets"})
#: Far above any tensor's entry, far below what could fill the memory.
_LONGEST_ENTRY = 65_536

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_ENTRY = re.compile(
    rb"\s*(?P<name>%b)\s*+:\s*+(?P<value>null|\{(?:[^{}\"]++|%b)*+\})\s*(?P<end>[,}])" % (_STRING, _STRING), re.DOTALL
)
_PAIR = re.compile(rb"\s*(?P<pair>%b\s*:\s*%b)\s*(?P<end>[,}])" % (_STRING, _STRING), re.DOTALL)


class BrokenHeader(ValueError):
    """The file is no safetensors file that could be opened; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header tells it; ``begin`` and ``end`` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def parse(text: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """
    Give the tensors and the metadata of a header, whole; takes memory as the header's JSON does.

    Raises: BrokenHeader.
    """
    entries = _json(text)
    metadata = _metadata(entries.pop(METADATA, None))
    return {name: _tensor(name, entry) for name, entry in entries.items()}, metadata


def stream(text: bytes) -> Iterator[tuple[str, Tensor]]:
    """
    Give the tensors of a header, in little memory whatever it holds; a name may come twice.

    Raises: BrokenHeader.
    """
    if text[1:].strip() == b"}":
        return
    for start, stop in _groups(text, _ENTRY, 1, len(text)):
        if stop - start <= 2 * _LONGEST_ENTRY:
            tensors, _ = parse(b"{%b}" % text[start:stop])
            yield from tensors.items()
        else:
            _check_long_entry(text, start, stop)


def _groups(text: bytes, pattern: re.Pattern[bytes], position: int, limit: int) -> Iterator[tuple[int, int]]:
    """Give where entries lie in *text*: short ones by the hundred, each long one alone."""
    start, end = position, b","
    while end == b",":
        found = pattern.match(text, position, limit) or refuse("its header is no valid JSON of tensors and texts")
        if found.end() - start > _LONGEST_ENTRY and position > start:
            yield start, position - 1
            start = position
        end, position = found["end"], found.end()
    yield start, position - 1
    if text[position:limit].strip(b" \t\r\n"):
        raise BrokenHeader("its header goes on after its end")


def _check_long_entry(text: bytes, start: int, stop: int) -> None:
    """Let a long table of texts pass, and nothing else."""
    entry = _ENTRY.match(text, start, stop + 1) or refuse("its header is no valid JSON of tensors and texts")
    name = _json(b'{"name":%b}' % entry["name"])["name"]
    if name != METADATA:
        raise BrokenHeader(f"{short(name)} holds what no loader reads")
    for first, last in _groups(text, _PAIR, entry.start("value") + 1, entry.end("value")):
        _metadata(_json(b"{%b}" % text[first:last]))


def short(value: object) -> str:
    """Give *value* in quotes, on one line of a screen."""
    text = str(value)
    return repr(text if len(text) <= 80 else f"{text[:77]}…")  # noqa: PLR2004 - a line on a screen


def refuse(why: str) -> NoReturn:
    """Raise BrokenHeader where an expression is wanted."""
    raise BrokenHeader(why)


# ---- JSON


def _json(text: bytes) -> dict[str, Any]:
    # Only a header with "-0" in it (a name, mostly) pays for a look at every number: -0 is 0 here, and a float there.
    numbers: dict[str, Any] = {"parse_int": _natural} if b"-0" in text else {}
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, **numbers)
    try:
        found: object = decoder.decode(text.decode("utf-8"))
        if b"\\u" in text:
            _check_unicode(found)
    except RecursionError as error:
        raise BrokenHeader("its header is nested too deeply") from error
    except BrokenHeader:
        raise
    except ValueError as error:
        raise BrokenHeader(f"its header is no valid JSON in UTF-8 ({_where(error)})") from error
    return found if isinstance(found, dict) else refuse("its header is no JSON object")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BrokenHeader(f"its header names {short(twice)} twice")
    return found


def _natural(digits: str) -> int | float:
    return float(digits) if digits.startswith("-") else int(digits)


def _refuse_constant(word: str) -> NoReturn:
    raise BrokenHeader(f"its header holds {word}, which is no JSON")


def _check_unicode(found: object) -> None:
    """Refuse half a surrogate pair, which json reads and the safetensors library does not."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BrokenHeader("its header holds half a surrogate pair, which is no text") from error


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"at character {error.pos}"
    return f"at byte {error.start}" if isinstance(error, UnicodeDecodeError) else "a number has too many digits"


# ---- what it says


def _metadata(entry: object) -> dict[str, str]:
    if entry is None:
        return {}
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise BrokenHeader("its __metadata__ is no table of texts")
    return entry


def _tensor(name: str, entry: object) -> Tensor:
    if not isinstance(entry, dict) or not entry.keys() >= _FIELDS:
        raise BrokenHeader(f"{short(name)} has no dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise BrokenHeader(f"{short(name)} has the unknown dtype {short(dtype)}; known are {', '.join(sorted(BITS))}")
    if not _are_naturals(shape) or not _are_naturals(offsets) or len(offsets) != len(("begin", "end")):
        raise BrokenHeader(f"{short(name)} has a shape or data_offsets that are no lists of whole numbers")
    if len(entry) > len(_FIELDS) and not _is_plain(entry):
        raise BrokenHeader(f"{short(name)} holds what no loader reads")
    tensor = Tensor(dtype, tuple(shape), *offsets)
    _check_size(name, tensor)
    return tensor


def _are_naturals(value: object) -> bool:
    if type(value) is not list:
        return False
    for number in value:  # noqa: SIM110 - twice as fast as all(), and asked of every tensor twice
        if type(number) is not int or not 0 <= number < _U64:
            return False
    return True


def _is_plain(value: object, depth: int = 0) -> bool:
    """Tell whether the library would pass over *value*: not too deep, no number that it cannot hold."""
    if isinstance(value, list | dict):
        inner: Iterable[object] = value.values() if isinstance(value, dict) else value
        return depth < _DEEPEST and all(_is_plain(one, depth + 1) for one in inner)
    return not isinstance(value, int | float) or -1e308 < value < 1e308  # noqa: PLR2004 - what a double holds


def _check_size(name: str, tensor: Tensor) -> None:
    bits = _bits(name, tensor)
    if bits % 8:
        raise BrokenHeader(f"{short(name)} does not end at a whole byte")
    if tensor.end - tensor.begin != bits // 8:
        shape = "x".join(map(str, tensor.shape)) or "one number"
        span = f"its offsets span {tensor.end - tensor.begin:,}"
        raise BrokenHeader(f"{short(name)} ({tensor.dtype}, {short(shape)}) needs {bits // 8:,} bytes, {span}")


def _bits(name: str, tensor: Tensor) -> int:
    count = 1
    for length in tensor.shape:
        count *= length
        if count >= _U64:  # step by step, as the library counts: it refuses [2**40, 2**40, 0], which holds nothing
            raise BrokenHeader(f"{short(name)} is larger than any file")
    bits = count * BITS[tensor.dtype]
    return bits if bits < _U64 else refuse(f"{short(name)} is larger than any file")
