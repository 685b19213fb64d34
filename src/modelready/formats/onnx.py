"""
ONNX models: the protobuf walked whole, every tensor held against its shape, and where its external data lie.

No weight is read. The rules are those of ``onnx.proto`` and of ``onnx.checker``, as far as a file alone can keep them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.formats import onnx_tensors
from modelready.formats.cursor import CutShort, counted
from modelready.formats.onnx_tensors import External, Tensor
from modelready.formats.protobuf import BYTES, LONGEST, VARINT, BrokenMessage, EndlessMessage, Wire

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BrokenModel", "External", "Model", "Output", "UnknownModel", "doubts", "faults", "outputs", "read"]

#: Which fields of which message lead to which other message. All are walked: one broken message breaks the model.
_LEADS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 14: "pair", 20: "training", 25: "function", 26: "leaf"},
    "training": {1: "graph", 2: "graph", 3: "pair", 4: "pair"},
    "function": {7: "node", 9: "opset", 11: "attribute", 12: "value", 14: "pair"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "note", 15: "sparse", 16: "pair"},
    "node": {5: "attribute", 9: "pair", 10: "devices"},
    "attribute": {
        5: "tensor",
        6: "graph",
        7: "floats",
        8: "numbers",
        10: "tensor",
        11: "graph",
        14: "type",
        15: "type",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor", 3: "numbers"},
    "value": {2: "type", 4: "pair"},
    "type": {1: "shaped", 4: "holder", 5: "map", 7: "leaf", 8: "shaped", 9: "holder"},
    "shaped": {2: "shape"},
    "shape": {1: "leaf"},
    "holder": {1: "type"},
    "map": {2: "type"},
    "note": {2: "pair"},
    "devices": {2: "sharding"},
    "sharding": {2: "numbers", 3: "entry", 4: "sharded"},
    "entry": {2: "numbers"},
    "sharded": {2: "leaf"},
    "pair": {},
    "opset": {},
    "leaf": {},
}
_IR_VERSION, _PRODUCER, _OPSET = 1, 2, 8
_OUTPUT = 12
#: The way from a value to the shape of a tensor.
_DOWN = {("value", 2), ("type", 1), ("shaped", 2)}
#: From this version of the format on, a model names its sets of operators.
_IR_WITH_OPSETS = 3


class BrokenModel(ValueError):
    """No program opens the file; the message says why, in words."""


class UnknownModel(Exception):
    """The file may be whole, and nobody here can tell; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a model gives: a dimension is a number, a name for what varies, or None; no shape at all is None."""

    name: str
    shape: tuple[int | str | None, ...] | None = None


@dataclass
class Model:
    """What a file says of itself. ``sizes`` are the bytes of its tensors by dtype, external ones included."""

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    producer: str = ""
    outputs: tuple[Output, ...] = ()
    tensor_count: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    unsized: set[str] = field(default_factory=set)
    external: list[External] = field(default_factory=list)
    has_graph: bool = False

    @property
    def shares(self) -> dict[str, float]:
        """Give the dtypes of its tensors, each with its share of their bytes, the largest first."""
        total = self.sizes.total()
        return {name: size / total for name, size in self.sizes.most_common() if size}


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if it is a model whose tensors are what they say they are.

    Raises: OSError, where it cannot be read.
    """
    try:
        read(path)
    except BrokenModel as error:
        return (str(error),)
    except UnknownModel:  # told as a doubt
        return ()
    return ()


def doubts(path: Path) -> tuple[str, ...]:
    """
    Say what could not be inspected; only of a file without faults.

    Raises: OSError, where it cannot be read.
    """
    try:
        unsized = read(path).unsized
    except BrokenModel:
        return ()
    except UnknownModel as error:
        return (f"not inspected to its end: {error}",)
    return (f"not inspected wholly: it has tensors of the unknown {', '.join(sorted(unsized))}",) if unsized else ()


def outputs(path: Path) -> tuple[Output, ...]:
    """
    Give what the model gives, in order.

    Raises: BrokenModel, UnknownModel, in words. OSError, where the file cannot be read.
    """
    return read(path).outputs


def read(path: Path) -> Model:
    """
    Walk the whole model; what only its external data could tell is left to others.

    Raises: BrokenModel, UnknownModel, in words. OSError, where the file cannot be read.
    """
    with path.open("rb") as file:
        wire = Wire(file)
        if wire.size > LONGEST:
            limit = f"protobuf reads {LONGEST:,} at most"
            raise BrokenModel(f"has {counted(wire.size)}; {limit}: such a model keeps its weights in external data")
        try:
            return _checked(_model(wire))
        except CutShort as error:
            raise BrokenModel(f"truncated: {error}") from error
        except BrokenMessage as error:
            raise BrokenModel(f"is no ONNX model: {error}") from error
        except EndlessMessage as error:
            raise UnknownModel(str(error)) from error


def leaves_its_folder(location: str) -> bool:
    """Tell whether external data lie elsewhere than below the folder of the model: no loader may follow there."""
    parts = re.split(r"[/\\]", location)
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return True
    return depth == 0 or not parts[0] or ":" in parts[0] or not location.isprintable()


# ---- the walk


def _model(wire: Wire) -> Model:
    found = Model()
    for number, kind, value in wire.fields(wire.size):
        inner = _LEADS["model"].get(number)
        if number == _IR_VERSION and kind == VARINT:
            found.ir_version = value
        elif kind == BYTES and number == _PRODUCER:
            found.producer = wire.text(value)
        elif kind == BYTES and number == _OPSET:
            domain, version = _opset(wire, wire.position + value)
            found.opsets[domain] = version
        elif kind == BYTES and inner:
            found.has_graph = found.has_graph or inner == "graph"
            _walk(wire, found, inner, wire.position + value, 1)
    return found


def _walk(wire: Wire, found: Model, what: str, end: int, depth: int) -> None:
    """Walk the message *what*, for the tensors in it."""
    leads = _LEADS[what]
    for number, kind, length in wire.fields(end, depth):
        inner = leads.get(number) if kind == BYTES else None
        if inner == "tensor":
            _keep(found, onnx_tensors.read(wire, wire.position + length, depth + 1))
        elif inner == "value" and number == _OUTPUT and depth == 1:
            found.outputs += (_output(wire, wire.position + length, depth + 1),)
        elif inner == "numbers":
            wire.count_varints(length)
        elif inner == "floats":
            wire.check_width(length, 4)
        elif inner:
            _walk(wire, found, inner, wire.position + length, depth + 1)


def _keep(found: Model, tensor: Tensor) -> None:
    found.tensor_count += 1
    if tensor.size_bytes is None and tensor.dtype != "STRING":
        found.unsized.add(tensor.dtype)
    found.sizes[tensor.dtype] += tensor.size_bytes or 0
    if tensor.external:
        found.external.append(tensor.external)


def _opset(wire: Wire, end: int) -> tuple[str, int]:
    domain, version = "", 0
    for number, kind, value in wire.fields(end, 1):
        if number == 1 and kind == BYTES:
            domain = wire.text(value)
        elif number == 2 and kind == VARINT:  # noqa: PLR2004 - the field's number
            version = value
    return domain, version


def _output(wire: Wire, end: int, depth: int) -> Output:
    """Read a ValueInfoProto: its name, and through type, tensor_type and shape its dimensions."""
    name, shape = "", None
    for number, kind, length in wire.fields(end, depth):
        if kind == BYTES and number == 1:
            name = wire.text(length)
        elif kind == BYTES and number in _LEADS["value"]:
            found = _shape(wire, wire.position + length, depth + 1, _LEADS["value"][number])
            shape = shape if found is None else found
    return Output(name, shape)


def _shape(wire: Wire, end: int, depth: int, what: str) -> tuple[int | str | None, ...] | None:
    """Go from the message *what* down to a TensorShapeProto, and read it; None, where there is none."""
    shape: tuple[int | str | None, ...] | None = () if what == "shape" else None
    for number, kind, length in wire.fields(end, depth):
        inner, last = _LEADS[what].get(number) if kind == BYTES else None, wire.position + length
        if what == "shape" and inner:
            shape = (*(shape or ()), _dimension(wire, last, depth + 1))
        elif inner in {"type", "shaped", "shape"} and (what, number) in _DOWN:
            shape = _shape(wire, last, depth + 1, inner)
        elif inner:
            _walk(wire, Model(), inner, last, depth + 1)
    return shape


def _dimension(wire: Wire, end: int, depth: int) -> int | str | None:
    found: int | str | None = None
    for number, kind, value in wire.fields(end, depth):
        if number == 1 and kind == VARINT:
            found = value
        elif number == 2 and kind == BYTES:  # noqa: PLR2004 - the field's number
            found = wire.text(value)
    return found


def _checked(found: Model) -> Model:
    """Refuse what is a message, and no model."""
    if not found.has_graph:
        raise BrokenModel("is no ONNX model: it has no graph")
    if not found.ir_version:
        raise BrokenModel("is no ONNX model: it does not say its ir_version")
    if not found.opsets and found.ir_version >= _IR_WITH_OPSETS:
        raise BrokenModel("names no set of operators (opset_import): its end is lacking, or it was never whole")
    return found
