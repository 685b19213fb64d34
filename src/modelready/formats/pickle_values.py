"""What is known of the values that a pickle makes: texts, numbers, names, and small things made of these."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from modelready.formats.pickle_opcodes import LONGEST_TEXT

#: What is remembered of one pickle; what comes later is opaque.
_MOST_REMEMBERED = 400_000
#: Places of the memo that are far ahead of the others; no pickler leaves one.
_MOST_AHEAD = 100_000
_LONGEST_TUPLE = 8
_MOST_DIGITS = 40
_DIMENSIONS = 64


class Name(NamedTuple):
    """A global as a pickle names it."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Made(NamedTuple):
    """What calling ``name`` with ``arguments`` gives; told of dtypes and of arrays of joblib alone."""

    name: Name
    arguments: tuple[Value, ...]


class Items(list["Value"]):
    """A list, if ``is_whole``; else one that holds something opaque, and here nothing."""

    is_whole = True


class Table(dict[str, "Value"]):
    """A dictionary as far as it is known."""


#: None is what nothing is known of.
Value = str | int | Name | Made | tuple["Value", ...] | Items | Table | None

_DTYPE = Name("numpy", "dtype")
JOBLIB_ARRAY = Name("joblib.numpy_pickle", "NumpyArrayWrapper")
_TOLD = frozenset({_DTYPE, JOBLIB_ARRAY})


def is_flat(value: Value) -> bool:
    """Tell whether *value* is known and holds no list or dictionary: such values stay small."""
    return isinstance(value, str | int | tuple)


def tuple_of(items: list[Value]) -> Value:
    """Give the tuple of *items*, if it is small; what lies deeper in it is opaque."""
    if len(items) > _LONGEST_TUPLE:
        return None
    return tuple(one if isinstance(one, str | int | Name | Made) else None for one in items)


def made(function: Value, arguments: Value) -> Value:
    """Give what calling *function* gives, if that is known."""
    if not isinstance(function, Name) or function not in _TOLD or not isinstance(arguments, tuple):
        return None
    return Made(function, arguments) if all(isinstance(one, str | int) for one in arguments) else None


class Memo:
    """What a pickle remembers, by number."""

    def __init__(self) -> None:
        self._known: dict[int, Value] = {}
        self._next = 0  # every place below is taken
        self._ahead: set[int] = set()

    @property
    def count(self) -> int:
        """Give how many places are taken: MEMOIZE takes the place of this number."""
        return self._next + len(self._ahead)

    def put(self, index: int, value: Value) -> bool:
        """Remember *value*; tell whether its place could be counted."""
        if index == self._next:
            self._next += 1
            while self._next in self._ahead:
                self._ahead.remove(self._next)
                self._next += 1
        elif index > self._next:
            self._ahead.add(index)
        if value is not None and (len(self._known) < _MOST_REMEMBERED or index in self._known):
            self._known[index] = value
        else:
            self._known.pop(index, None)
        return len(self._ahead) <= _MOST_AHEAD

    def append(self, value: Value) -> None:
        """Remember *value* at the next place."""
        if self._ahead:
            self.put(self.count, value)
            return
        if value is not None and len(self._known) < _MOST_REMEMBERED:
            self._known[self._next] = value
        self._next += 1

    def get(self, index: int) -> Value:
        """Give what was remembered, as far as it is known."""
        return self._known.get(index)


# ---- text


def integer(digits: bytes) -> int | None:
    """Give the number that *digits* are, if it is one and not endless."""
    text = digits.strip()
    if len(text) > _MOST_DIGITS:
        return None
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return int(text)
    except ValueError:
        return None


def unquoted(line: bytes) -> bytes | None:
    """Give what stands in quotes, its escapes undone as Python 2 wrote them; None where that makes no sense."""
    text = line.strip()
    if len(text) < len("''") or text[:1] != text[-1:] or text[:1] not in b"'\"":
        return None
    try:
        return codecs.escape_decode(text[1:-1])[0]  # what pickle itself uses
    except ValueError:
        return None


def short(text: str) -> str:
    """Give *text*, or so much of it as no name of a class exceeds."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


# ---- arrays of joblib


def array_bytes(state: Table) -> int | None:
    """
    Give how many bytes the array has that lies behind an array wrapper of joblib with *state*.

    -1 for an array of objects, which is a pickle; None where it cannot be told.
    """
    dtype, shape = state.get("dtype"), state.get("shape")
    if not isinstance(dtype, Made) or dtype.name != _DTYPE or not isinstance(shape, tuple) or isinstance(shape, Made):
        return None
    size = _item_bytes(dtype.arguments)
    if size is None or size < 0 or len(shape) > _DIMENSIONS:
        return size
    for length in shape:
        if not isinstance(length, int) or length < 0:
            return None
        size *= length
    return size


def _item_bytes(arguments: tuple[Value, ...]) -> int | None:
    kind = arguments[0] if arguments else None
    found = re.fullmatch(r"[<>=|]?([a-zA-Z?])(\d{0,9})", kind) if isinstance(kind, str) else None
    if found is None:
        return None
    if found[1] == "O":
        return -1
    return int(found[2] or 1) * (4 if found[1] == "U" else 1) if found[2] or found[1] in "b?SV" else None
