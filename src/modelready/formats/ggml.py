"""
Models of whisper.cpp (``ggml-base.en.bin``): walked tensor by tensor to the end of the file; no weight is read.

The rules are those of ``whisper_model_load`` and ``whisper_vad_init_with_params`` in ``src/whisper.cpp``. A Whisper is
magic, eleven numbers, mel filters, vocabulary, then 7 tensors of the encoder, 15 of each of its layers, 4 of the
decoder and 24 of each of its layers, to the end of the file. Other models of ggml share the magic: nobody knows them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.formats.cursor import Cursor, CutShort, counted
from modelready.formats.ggml_types import TYPES

if TYPE_CHECKING:
    from pathlib import Path

#: ``0x67676d6c``, as its bytes lie in the file.
MAGIC = b"lmgg"
_FIXED, _EACH_AUDIO, _EACH_TEXT = 7 + 4, 15, 24
#: Voice activity detection: tensors of each encoder layer, and of all the rest.
_EACH_VAD, _FIXED_VAD = 2, 1 + 4 + 2
_VAD = b"silero"
#: What numbers a Whisper can have: vocabulary; context, state, heads and layers of audio; those of text; mels.
_BOUNDS = (
    (1_000, 1_000_000),
    *2 * ((1, 100_000), (64, 65_536), (1, 1_024), (1, 1_024)),
    (1, 1_024),
)
_QUANTIZATION_VERSION = 1000
_MOST_DIMENSIONS, _LONGEST_NAME = 4, 256
_TENSOR_HEADER_BYTES = 12


class BrokenModel(ValueError):
    """No program opens the file; the message says why, in words."""


class OtherModel(Exception):
    """It is no model of whisper.cpp: nobody here knows what it is."""


@dataclass(frozen=True)
class Model:
    """What a file holds: the bytes of its tensors by type, and what follows them."""

    tensor_count: int
    sizes: Counter[str]
    bytes_behind: int


def knows(path: Path) -> bool:
    """
    Tell whether the file begins like a model of whisper.cpp.

    Raises: OSError, where it cannot be read.
    """
    with path.open("rb") as file:
        try:
            _tensor_count(_opened(Cursor(file)))
        except OtherModel:
            return False
        except (BrokenModel, CutShort):
            return True
    return True


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if whisper.cpp finds every tensor in it.

    Raises: OSError, where it cannot be read.
    """
    try:
        read(path)
    except BrokenModel as error:
        return (str(error),)
    except OtherModel:  # not one of ours to judge
        return ()
    return ()


def doubts(path: Path) -> tuple[str, ...]:
    """
    Say what may be wrong with a file without faults.

    Raises: OSError, where it cannot be read.
    """
    try:
        behind = read(path).bytes_behind
    except (BrokenModel, OtherModel):
        return ()
    return (f"{counted(behind)} follow its last tensor: whisper.cpp passes over them",) if behind else ()


def read(path: Path) -> Model:
    """
    Walk the whole file.

    Raises: BrokenModel, OtherModel, in words. OSError, where it cannot be read.
    """
    with path.open("rb") as file:
        cursor = _opened(Cursor(file))
        try:
            count = _tensor_count(cursor)
        except CutShort as error:
            raise BrokenModel(f"truncated before its first tensor: {error}") from error
        sizes = _tensors(cursor, count)
        return Model(count, sizes, cursor.remaining)


def _opened(cursor: Cursor) -> Cursor:
    if cursor.size < len(MAGIC) or cursor.take(len(MAGIC)) != MAGIC:
        raise BrokenModel("is no ggml model: it does not begin with 'lmgg'")
    return cursor


def _tensor_count(cursor: Cursor) -> int:
    """Move on to the first tensor, and give how many there must be."""
    first = cursor.number("i")
    return _vad_count(cursor, first) if len(_VAD) <= first <= _LONGEST_NAME else _whisper_count(cursor, first)


def _whisper_count(cursor: Cursor, vocabulary: int) -> int:
    numbers = (vocabulary, *cursor.numbers("9i"))
    for number, (least, most) in zip(numbers, _BOUNDS, strict=True):
        if not least <= number <= most:
            raise OtherModel("it is ggml, and no Whisper")
    cursor.number("i")  # its file type: each tensor tells its own
    mels, width = cursor.numbers("2i")
    cursor.skip(4 * _natural(mels) * _natural(width))
    cursor.skip_texts(_natural(cursor.number("i")), "I")
    return _FIXED + _EACH_AUDIO * numbers[4] + _EACH_TEXT * numbers[8]


def _vad_count(cursor: Cursor, length: int) -> int:
    if not cursor.take(length).startswith(_VAD):
        raise OtherModel("it is ggml, and no Whisper")
    cursor.skip(5 * 4)  # its version, window and context
    layers = _natural(cursor.number("i"))
    cursor.skip(layers * 3 * 4 + 4 * 4)
    return _FIXED_VAD + _EACH_VAD * layers


def _natural(number: int) -> int:
    if number < 0:
        raise BrokenModel("is damaged: its tables have less than nothing")
    return number


def _tensors(cursor: Cursor, expected: int) -> Counter[str]:
    """Walk the tensors; less than a tensor's own header may follow."""
    sizes = Counter[str]()
    for place in range(1, expected + 1):
        if not cursor.remaining:
            raise BrokenModel(f"truncated: it has {place - 1:,} of the {expected:,} tensors of such a model")
        try:
            name, size = _tensor(cursor)
            cursor.skip(size)
        except CutShort as error:
            raise BrokenModel(f"truncated inside its tensor {place:,} of {expected:,}: {error}") from error
        sizes[name] += size
    if cursor.remaining >= _TENSOR_HEADER_BYTES:
        behind = counted(cursor.remaining)
        raise BrokenModel(f"{behind} follow its {expected:,} tensors, and whisper.cpp takes them for one more")
    return sizes


def _tensor(cursor: Cursor) -> tuple[str, int]:
    """Read one tensor's own header; give its type and how many bytes follow."""
    start = cursor.position
    dimensions, length, kind = cursor.numbers("3i")
    known = TYPES.get(kind)
    if known is None or not (0 <= dimensions <= _MOST_DIMENSIONS and 0 < length <= _LONGEST_NAME):
        raise BrokenModel(f"is damaged: what lies at byte {start:,} is no tensor")
    count = 1
    for size in cursor.numbers(f"{dimensions}i"):
        count *= _natural(size)
    cursor.skip(length)
    if count % known.block:
        raise BrokenModel(
            f"is damaged: the tensor at byte {start:,} has {count:,} elements, {known.name} goes by blocks"
        )
    return known.name, count // known.block * known.size_bytes
