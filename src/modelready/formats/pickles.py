"""
Pickles, looked through and never unpickled: which globals they name, and what they ask of who loads them.

Every opcode of protocols 0 to 5 is followed on a stack and a memo of what is known: texts, numbers, names, and small
tuples of them; all else is opaque. So a name that is put together, fetched from the memo or copied is told like one
that stands there; one that cannot be told is told as such. Payloads are passed over, and memory is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats.pickle_machine import Machine, Scan
from modelready.formats.pickle_opcodes import Reader
from modelready.formats.pickle_values import Items, Name, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.formats.byte_views import Stream
    from modelready.formats.pickle_values import Value

__all__ = ["Name", "Scan", "scan", "scan_next"]


def scan(stream: Stream) -> Scan:
    """Look through the pickle at the beginning of *stream*."""
    return scan_next(Reader(stream))


def scan_next(reader: Reader, *, arrays: bool = True) -> Scan:
    """
    Look through the pickle that comes next.

    joblib reads the bytes of an array where its wrapper was built; with *arrays* false these are opcodes, as they are
    for everybody else.
    """
    return Machine(reader, _STEPS, arrays=arrays).run()


# ---- the opcodes


def _byte(machine: Machine) -> None:
    machine.push(machine.reader.opcode())


def _text(count: int, encoding: str) -> Callable[[Machine], None]:
    return lambda machine: machine.text(machine.reader.number(count), encoding)


def _skipped(count: int) -> Callable[[Machine], None]:
    return lambda machine: machine.skipped(machine.reader.number(count))


def _pushed(value: Value) -> Callable[[Machine], None]:
    return lambda machine: machine.push(value)


def _unsigned(machine: Machine, count: int) -> None:
    machine.push(machine.reader.number(count))


_BY_OPCODE: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": Machine.proto,
    b"\x95": lambda machine: machine.reader.skip(8),  # FRAME: C's unpickler does not mind where a frame ends
    b".": Machine.stop,
    b"(": Machine.mark,
    b"0": Machine.drop,
    b"1": lambda machine: (machine.pop_mark(), None)[1],
    b"2": Machine.dup,
    b"N": _pushed(None),
    b"\x88": _pushed(True),  # noqa: FBT003 - the value itself
    b"\x89": _pushed(False),  # noqa: FBT003
    b"I": Machine.integer_line,
    b"L": Machine.integer_line,
    b"J": lambda machine: machine.integer(4),
    b"K": _byte,
    b"M": lambda machine: _unsigned(machine, 2),
    b"\x8a": lambda machine: machine.integer(machine.reader.number(1)),
    b"\x8b": lambda machine: machine.integer(machine.reader.number(4)),
    b"F": Machine.float_line,
    b"G": lambda machine: machine.skipped(8),
    b"S": Machine.string_line,
    b"T": _text(4, "latin-1"),
    b"U": _text(1, "latin-1"),
    b"V": lambda machine: machine.text_line("raw_unicode_escape"),
    b"X": _text(4, "utf-8"),
    b"\x8c": lambda machine: machine.text(machine.reader.opcode(), "utf-8"),
    b"\x8d": _text(8, "utf-8"),
    b"B": _skipped(4),
    b"C": _skipped(1),
    b"\x8e": _skipped(8),
    b"\x96": _skipped(8),
    b"\x97": _pushed(None),
    b"\x98": Machine.readonly,
    b"]": lambda machine: machine.push(Items()),
    b"l": Machine.list_,
    b"a": Machine.append,
    b"e": Machine.appends,
    b"}": lambda machine: machine.push(Table()),
    b"d": Machine.dict_,
    b"s": Machine.setitem,
    b"u": Machine.setitems,
    b"\x8f": _pushed(None),
    b"\x90": Machine.additems,
    b"\x91": Machine.frozenset_,
    b")": _pushed(()),
    b"\x85": lambda machine: machine.tuple_of(1),
    b"\x86": lambda machine: machine.tuple_of(2),
    b"\x87": lambda machine: machine.tuple_of(3),
    b"t": Machine.tuple_,
    b"p": lambda machine: machine.put(machine.number_line()),
    b"q": lambda machine: machine.put(machine.reader.opcode()),
    b"r": lambda machine: machine.put(machine.reader.number(4)),
    b"\x94": Machine.memoize,
    b"g": lambda machine: machine.get(machine.number_line()),
    b"h": lambda machine: machine.get(machine.reader.opcode()),
    b"j": lambda machine: machine.get(machine.reader.number(4)),
    b"c": Machine.global_,
    b"\x93": Machine.stack_global,
    b"i": Machine.inst,
    b"o": Machine.obj,
    b"R": Machine.reduce,
    b"\x81": Machine.reduce,
    b"\x92": Machine.newobj_ex,
    b"b": Machine.build,
    b"\x82": lambda machine: machine.extension(1),
    b"\x83": lambda machine: machine.extension(2),
    b"\x84": lambda machine: machine.extension(4),
    b"P": Machine.persid,
    b"Q": Machine.binpersid,
}
_STEPS = [_BY_OPCODE.get(bytes([code]), Machine.unknown) for code in range(256)]
