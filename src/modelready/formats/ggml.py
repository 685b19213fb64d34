"""
Models of whisper.cpp (``ggml-base.en.bin``): walked tensor by tensor to the end of the file; no weight is read.

The rules are those of ``whisper_model_load`` in ``src/whisper.cpp``: magic, eleven numbers, mel filters, vocabulary, then
7 tensors of the encoder, 15 of each of its layers, 4 of the decoder, 24 of each of its layers, to the end of the file.
Other models of ggml share the magic (voice activity detection, the examples of ggml): of those nothing is said.
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
#: Which numbers a Whisper can have, in their order: vocabulary, audio context, state, heads, layers; text likewise; mels.
_BOUNDS = (
    (1_000, 1_000_000),
    (1, 100_000),
    (64, 65_536),
    (1, 1_024),
    (1, 1_024),
    (1, 100_000),
    (64, 65_536),
    (1, 1_024),
    (1, 1_024),
    (1, 1_024),
)
_QUANTIZATION_VERSION = 1000
_MOST_DIMENSIONS, _LONGEST_NAME = 4, 256


class BrokenModel(ValueError):
    """No program opens the file; the message says why, in words."""


class OtherModel(Exception):  # noqa: N818 - what happened
    """It is no model of whisper.cpp, and nobody here knows what it is."""


@dataclass(frozen=True)
class Header:
    """The numbers that a Whisper begins with."""

    vocabulary: int
    audio_layers: int
    text_layers: int
    mels: int
    file_type: int

    @property
    def tensor_count(self) -> int:
        """Give how many tensors such a model has."""
        return _FIXED + _EACH_AUDIO * self.audio_layers + _EACH_TEXT * self.text_layers


@dataclass(frozen=True)
class Model:
    """A whole file: its numbers, and the bytes of its tensors by type."""

    header: Header
    sizes: Counter[str]


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if whisper.cpp finds every tensor in it.

    Raises: OSError, where it cannot be read.
    """
    try:
        read(path)
    except BrokenModel as error:
        return (str(error),)
    except OtherModel:  # told as a doubt
        return ()
    return ()


def doubts(path: Path) -> tuple[str, ...]:
    """
    Say what could not be inspected; only of a file without faults.

    Raises: OSError, where it cannot be read.
    """
    try:
        read(path)
    except BrokenModel:
        return ()
    except OtherModel as error:
        return (f"not inspected beyond its first numbers: {error}",)
    return ()


def read(path: Path) -> Model:
    """
    Walk the whole file.

    Raises: BrokenModel, OtherModel, in words. OSError, where it cannot be read.
    """
    with path.open("rb") as file:
        cursor = Cursor(file)
        if cursor.size < len(MAGIC) or cursor.take(len(MAGIC)) != MAGIC:
            raise BrokenModel("is no ggml model: it does not begin with 'lmgg'")
        try:
            header = _header(cursor)
            _skip_tables(cursor)
        except CutShort as error:
            raise BrokenModel(f"truncated before its first tensor: {error}") from error
        return Model(header, _tensors(cursor, header))


def _header(cursor: Cursor) -> Header:
    numbers = cursor.numbers("10i")
    for number, (least, most) in zip(numbers, _BOUNDS, strict=True):
        if not least <= number <= most:
            raise OtherModel("it is ggml, and no Whisper")
    return Header(numbers[0], numbers[4], numbers[8], numbers[9], cursor.number("i") % _QUANTIZATION_VERSION)


def _skip_tables(cursor: Cursor) -> None:
    """Move on behind the mel filters and the vocabulary."""
    mels, width = cursor.numbers("2i")
    words = cursor.number("i") if _is_skipped(cursor, mels, width) else -1
    if words < 0:
        raise BrokenModel("is damaged: its mel filters or its vocabulary have less than nothing")
    cursor.skip_texts(words, "I")


def _is_skipped(cursor: Cursor, mels: int, width: int) -> bool:
    if min(mels, width) < 0:
        return False
    cursor.skip(4 * mels * width)
    return True


def _tensors(cursor: Cursor, header: Header) -> Counter[str]:
    """Walk the tensors, which must end where the file ends."""
    sizes, count = Counter[str](), 0
    try:
        while cursor.remaining:
            name, size = _tensor(cursor)
            cursor.skip(size)
            sizes[name] += size
            count += 1
    except CutShort as error:
        told = f"truncated inside its tensor {count + 1} of {header.tensor_count}"
        raise BrokenModel(f"{told}: {error}") from error
    if count < header.tensor_count:
        raise BrokenModel(f"truncated: it has {count:,} of the {header.tensor_count:,} tensors of such a model")
    if count > header.tensor_count:
        raise BrokenModel(f"has {count:,} tensors; such a model has {header.tensor_count:,}")
    return sizes


def _tensor(cursor: Cursor) -> tuple[str, int]:
    """Read one tensor's own header; give its type and how many bytes follow."""
    start = cursor.position
    dimensions, length, kind = cursor.numbers("3i")
    known = TYPES.get(kind)
    if known is None or not (0 <= dimensions <= _MOST_DIMENSIONS and 0 < length <= _LONGEST_NAME):
        raise BrokenModel(f"is damaged: what follows at byte {start:,} is no tensor")
    count = 1
    for size in cursor.numbers(f"{dimensions}i"):
        count *= size
    cursor.skip(length)
    if count <= 0 or count % known.block:
        raise BrokenModel(f"is damaged: the tensor at byte {start:,} has {counted(count)} of {known.name}")
    return known.name, count // known.block * known.size_bytes
