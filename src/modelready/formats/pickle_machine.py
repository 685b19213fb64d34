"""What an unpickler would do with each opcode, on values that are known or opaque; nothing is made or called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modelready.formats import pickle_values
from modelready.formats.pickle_opcodes import LONGEST_TEXT, BrokenPickle, Reader
from modelready.formats.pickle_stack import Stack
from modelready.formats.pickle_values import JOBLIB_ARRAY, Items, Made, Memo, Name, Table, Value

#: What is kept of one pickle; what goes beyond is opaque, or told.
_MOST_NAMES = 10_000
_MOST_KNOWN = 400_000
_MOST_STORAGES = 200_000
_MOST_INSIDE = 8
_MOST_STEPS = 20_000_000
_LONGEST_INT = 16

_PROTOCOL = 5
_MADE_WHILE_LOADED = "names a global that cannot be told: its name is made while it is loaded"
_ENDLESS_ARRAY = "holds an array of joblib whose length cannot be told"


#: What to do at each byte.
Steps = Sequence[Callable[["Machine"], None]]


@dataclass
class Scan:
    """What a pickle was seen to do, as far as it goes."""

    names: dict[Name, None] = field(default_factory=dict)
    untold: dict[str, None] = field(default_factory=dict)  # what it does that cannot be told
    codes: dict[int, None] = field(default_factory=dict)  # extension codes: what they name, only the loader knows
    storages: dict[tuple[Value, ...], None] = field(default_factory=dict)  # its persistent ids
    value: Value = None  # what it gives, where that is known
    calls: bool = False  # it calls or builds something
    has_arrays: bool = False  # bytes of arrays of joblib lie in the middle of it
    fault: str = ""  # why nobody can load it beyond ``end``
    end: int = 0  # bytes up to and with its STOP


class _Stop(Exception):
    """The pickle is over."""


class Machine(Stack):
    """What Python's Unpickler would do, on values that are known or opaque."""

    def __init__(self, reader: Reader, steps: Steps, *, arrays: bool, inside: int = 0) -> None:
        super().__init__()
        self._arrays = arrays
        self.scan = Scan()
        self.reader = reader
        self._steps = steps
        self._inside = inside
        self._memo = Memo()
        self._budget = _MOST_KNOWN

    def run(self) -> Scan:
        """Follow the pickle to its STOP, or as far as it goes."""
        start = self.reader.position
        steps, opcode = self._steps, self.reader.opcode
        try:
            for _ in range(_MOST_STEPS):
                steps[opcode()](self)
            self._endless()
        except _Stop:
            pass
        except BrokenPickle as error:
            self.scan.fault = f"{error} (byte {self.reader.position:,})"
        self.scan.end = self.reader.position - start
        return self.scan

    def unknown(self) -> None:
        """Refuse a byte that is no opcode."""
        raise BrokenPickle("holds a byte that is no opcode")

    def _endless(self) -> None:
        told = f"has more than {_MOST_STEPS:,} opcodes, too many to be followed"
        self.scan.untold[told] = None
        raise BrokenPickle(told)

    # ---- single opcodes

    def stop(self) -> None:
        """STOP: what is on top is what the pickle gives."""
        self.scan.value = self.pop()
        raise _Stop

    def proto(self) -> None:
        """PROTO: the pickle says which protocol it has."""
        if (protocol := self.reader.number(1)) > _PROTOCOL:
            raise BrokenPickle(f"says it has protocol {protocol}; the highest is {_PROTOCOL}")

    def dup(self) -> None:
        """DUP: what is on top once more."""
        self.push(self.top())

    def readonly(self) -> None:
        """READONLY_BUFFER: bytes that cannot be changed."""
        self.pop()
        self.push(None)

    # ---- names

    def global_(self) -> None:
        """GLOBAL: the name stands in two lines."""
        self.push(self._named(self._word(), self._word()))

    def stack_global(self) -> None:
        """STACK_GLOBAL: module and name lie on the stack, wherever they came from."""
        name, module = self.pop(), self.pop()
        if isinstance(name, str) and isinstance(module, str):
            self.push(self._named(module, name))
        else:
            self.scan.untold[_MADE_WHILE_LOADED] = None
            self.push(None)

    def inst(self) -> None:
        """INST: an object of the class that stands in two lines."""
        self._named(self._word(), self._word())
        self.pop_mark()
        self._called()
        self.push(None)

    def obj(self) -> None:
        """OBJ: an object of the class that lies above the mark."""
        items, is_whole = self.pop_mark()
        if not items and is_whole:
            raise BrokenPickle("makes an object of no class")
        self._called()
        self.push(None)

    def reduce(self) -> None:
        """REDUCE and NEWOBJ: a call."""
        arguments, function = self.pop(), self.pop()
        self._called()
        self.push(pickle_values.made(function, arguments))

    def newobj_ex(self) -> None:
        """NEWOBJ_EX: a call with arguments by name."""
        self.pop()
        self.reduce()

    def build(self) -> None:
        """BUILD: an object takes its state."""
        state, target = self.pop(), self.top()
        self._called()
        if isinstance(target, Name):
            self.scan.untold[f"changes {target} itself, not an object made of it"] = None
        if isinstance(target, Made) and target.name == JOBLIB_ARRAY:
            self.scan.has_arrays = True
            if self._arrays:
                self._array(state)

    def extension(self, size: int) -> None:
        """EXT1 to EXT4: a global by a number that only the loading program knows."""
        self.scan.codes[self.reader.number(size)] = None
        self.push(None)

    def persid(self) -> None:
        """PERSID: something that lies beside the pickle, named in a line."""
        self.reader.line()
        self.push(None)

    def binpersid(self) -> None:
        """BINPERSID: the same, named by what is on top: the storages of torch."""
        found = self.pop()
        if isinstance(found, tuple) and not isinstance(found, (Name, Made)):
            self.scan.storages[found] = None
            if len(self.scan.storages) > _MOST_STORAGES:
                raise BrokenPickle(f"names more than {_MOST_STORAGES:,} storages")
        self.push(None)

    def _word(self) -> str:
        try:
            return self.reader.line().decode("utf-8")
        except UnicodeDecodeError:
            raise BrokenPickle("names a global that is no text") from None

    def _named(self, module: str, name: str) -> Name:
        found = Name(pickle_values.short(module), pickle_values.short(name))
        if len(self.scan.names) < _MOST_NAMES:
            self.scan.names[found] = None
        elif found not in self.scan.names:
            self.scan.untold[f"names more than {_MOST_NAMES:,} globals"] = None
        return found

    def _called(self) -> None:
        self.scan.calls = True

    # ---- memo

    def put(self, index: int) -> None:
        """PUT: what is on top is remembered at *index*."""
        if index < 0 or not self._memo.put(index, self.top()):
            raise BrokenPickle("remembers at a place that no pickler takes")

    def memoize(self) -> None:
        """MEMOIZE: the same, at the next place."""
        self._memo.append(self.top())

    def get(self, index: int) -> None:
        """GET: what is remembered at *index*."""
        self.push(self._memo.get(index))

    def number_line(self) -> int:
        """Give the number of a line, as PUT and GET have it."""
        found = pickle_values.integer(self.reader.line())
        if not isinstance(found, int):
            raise BrokenPickle("has no number where one must be")
        return found

    # ---- values

    def text(self, size: int, encoding: str) -> None:
        """Push a text; a long one is passed over."""
        if size > LONGEST_TEXT:
            self.reader.skip(size)
            self.push(None)
        else:
            self.push(self._decoded(self.reader.take(size), encoding))

    def text_line(self, encoding: str) -> None:
        """UNICODE: a text in a line."""
        line = self.reader.line()
        self.push(self._decoded(line, encoding) if len(line) <= LONGEST_TEXT else None)

    def string_line(self) -> None:
        """Push the text of a STRING, which stands in a line and in quotes."""
        line = self.reader.line()
        if len(line) > LONGEST_TEXT:
            self.push(None)
        elif (content := pickle_values.unquoted(line)) is not None:
            self.push(content.decode("latin-1"))
        else:
            raise BrokenPickle("holds a text without its quotes")

    def skipped(self, size: int) -> None:
        """Push something opaque whose *size* bytes are passed over."""
        self.reader.skip(size)
        self.push(None)

    def integer(self, size: int) -> None:
        """BININT, LONG1, LONG4: a number of *size* bytes."""
        if size > _LONGEST_INT:
            self.skipped(size)
        else:
            self.push(int.from_bytes(self.reader.take(size), "little", signed=True))

    def integer_line(self) -> None:
        """INT, LONG: a number in a line, or true and false."""
        line = self.reader.line()
        self.push({b"00": 0, b"01": 1}.get(line, pickle_values.integer(line.removesuffix(b"L"))))

    def float_line(self) -> None:
        """FLOAT: a number in a line."""
        self.reader.line()
        self.push(None)

    def _decoded(self, content: bytes, encoding: str) -> str:
        try:
            return content.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        except ValueError:
            raise BrokenPickle("holds a text that is none") from None

    # ---- what is made of values

    def tuple_of(self, count: int) -> None:
        """TUPLE1 to TUPLE3: a tuple of the *count* values on top."""
        items = [self.pop() for _ in range(count)]
        self.push(pickle_values.tuple_of(items[::-1]))

    def tuple_(self) -> None:
        """TUPLE: one of all above the mark."""
        items, is_whole = self.pop_mark()
        self.push(pickle_values.tuple_of(items) if is_whole else None)

    def list_(self) -> None:
        """LIST: a list of all above the mark."""
        items, is_whole = self.pop_mark()
        found = Items()
        self.push(found)
        self._extend(found, items, is_whole=is_whole)

    def append(self) -> None:
        """APPEND: what is on top goes into the list below."""
        item, target = self.pop(), self.top()
        if isinstance(target, Items):
            self._extend(target, [item], is_whole=True)
        elif isinstance(target, Name):
            self._changed(target)

    def appends(self) -> None:
        """Put all above the mark into the list below, for APPENDS."""
        items, is_whole = self.pop_mark()
        target = self.top()
        if isinstance(target, Items):
            self._extend(target, items, is_whole=is_whole)
        elif isinstance(target, Name):
            self._changed(target)

    def _extend(self, target: Items, items: list[Value], *, is_whole: bool) -> None:
        self._budget -= len(items)
        if target.is_whole and is_whole and self._budget > 0 and all(map(pickle_values.is_flat, items)):
            target.extend(items)
        else:
            target.is_whole = False
            target.clear()

    def dict_(self) -> None:
        """Push a dictionary of all above the mark, for DICT."""
        items, is_whole = self.pop_mark()
        self.push(Table())
        self._update(items if is_whole else [])

    def setitem(self) -> None:
        """SETITEM: a key and its value go into the dictionary below."""
        value, key = self.pop(), self.pop()
        self._update([key, value])

    def setitems(self) -> None:
        """SETITEMS: all above the mark goes into the dictionary below."""
        items, is_whole = self.pop_mark()
        self._update(items if is_whole else [])

    def additems(self) -> None:
        """ADDITEMS: all above the mark goes into the set below."""
        self.pop_mark()
        self.top()

    def frozenset_(self) -> None:
        """FROZENSET: a set of all above the mark."""
        self.pop_mark()
        self.push(None)

    def _update(self, items: list[Value]) -> None:
        target = self.top()
        if isinstance(target, Name):
            self._changed(target)
        if isinstance(target, Table):
            self._budget -= len(items)
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, str) and pickle_values.is_flat(value) and self._budget > 0:
                    target[key] = value

    def _changed(self, target: Name) -> None:
        self.scan.untold[f"changes {target} itself, not an object made of it"] = None

    # ---- arrays of joblib, which lie in the middle of the pickle

    def _array(self, state: Value) -> None:
        told = state if isinstance(state, Table) else Table()
        size = pickle_values.array_bytes(told)
        if size is None or self._inside >= _MOST_INSIDE:
            self.scan.untold[_ENDLESS_ARRAY] = None
            raise BrokenPickle(_ENDLESS_ARRAY)
        if size < 0:  # objects: a pickle of its own
            self._inner()
            return
        if "numpy_array_alignment_bytes" in told:
            self.reader.skip(self.reader.number(1))
        self.reader.skip(size)

    def _inner(self) -> None:
        inner = Machine(self.reader, self._steps, arrays=True, inside=self._inside + 1).run()
        self.scan.names |= inner.names
        self.scan.untold |= inner.untold
        self.scan.codes |= inner.codes
        if inner.fault:
            raise BrokenPickle(f"holds a pickle that {inner.fault}")
