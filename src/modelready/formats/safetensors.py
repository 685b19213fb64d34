"""
safetensors files: the header, and whether it covers the file exactly.

Every rule is the format's own, so a file that passes here is one that the safetensors library opens; no tensor is read.
"""

from __future__ import annotations

import os
import re
import struct
from array import array
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from modelready.formats import safetensors_header
from modelready.formats.safetensors_header import BrokenHeader, Tensor, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["BrokenHeader", "Header", "Tensor", "coverage", "faults", "is_long", "read_header", "shares", "short"]

#: No loader accepts a longer header.
LONGEST_HEADER = 100_000_000
#: The words in which a longer one is told: no other copy of the file would help.
TOO_LONG = f"loaders accept {LONGEST_HEADER:,} at most"
#: A longer one is looked through tensor by tensor, so that no header fills the memory. Real ones are far shorter.
_LARGE = 4 * 2**20
#: Shorter ones are remembered for a while: several checks read them.
_SHORT = 2**18
#: What is read whole only by who needs it whole.
_LONG = 16 * 2**20
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Header:
    """What a file says of itself. Sizes are in bytes; ``header_bytes`` counts the JSON alone."""

    header_bytes: int
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    file_size: int

    @property
    def quantization_level(self) -> int | None:
        """Give the bits of mflux's quantization, as mflux itself writes them; None, where it did not."""
        told = self.metadata.get("quantization_level", "")
        return int(told) if re.fullmatch(r"\d{1,2}", told, re.ASCII) else None


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if the safetensors library opens it and every tensor lies in it.

    Raises: OSError, where it cannot be read.
    """
    try:
        text, size = _read(path)
        if len(text) <= _LARGE:
            tensors, _ = _parse(text)
            end = _contiguous_end(tensors.items())
        else:
            end = _large_end(text)
    except BrokenHeader as error:
        return (str(error),)
    return _coverage(_LENGTH.size + len(text) + end, size)


def read_header(path: Path) -> Header:
    """
    Read the header, and hold every rule of the format against it but the size of the file: ``coverage`` does that.

    Raises: BrokenHeader, in words. OSError, where the file cannot be read.
    """
    text, size = _read(path)
    tensors, metadata = _parse(text)
    _contiguous_end(tensors.items())
    return Header(len(text), tensors, metadata, size)


def shares(path: Path) -> dict[str, float]:
    """
    Give the dtypes of the tensors, each with its share of their bytes, the largest first.

    Raises: BrokenHeader, in words. OSError, where the file cannot be read.
    """
    text, _ = _read(path)
    tensors = _parse(text)[0].items() if len(text) <= _LARGE else safetensors_header.stream(text)
    sizes = Counter[str]()
    for _, tensor in tensors:
        sizes[tensor.dtype] += tensor.end - tensor.begin
    total = sizes.total()
    return {dtype: size / total for dtype, size in sizes.most_common() if size}


def is_long(path: Path) -> bool:
    """
    Tell whether the header is so long that reading it whole would fill the memory; real ones have a tenth of that.

    Raises: OSError, where the file cannot be read.
    """
    with path.open("rb") as file:
        start, size = file.read(_LENGTH.size), os.fstat(file.fileno()).st_size
    # What no file can have is a broken header, and read_header says so without reading it.
    return size > _LONG and _LONG < _LENGTH.unpack(start)[0] <= min(size, LONGEST_HEADER)


def coverage(header: Header) -> tuple[str, ...]:
    """Say by how many bytes the file is too short or too long for its tensors."""
    end = max((tensor.end for tensor in header.tensors.values()), default=0)
    return _coverage(_LENGTH.size + header.header_bytes + end, header.file_size)


def _coverage(expected: int, size: int) -> tuple[str, ...]:
    if expected == size:
        return ()
    how = f"truncated by {_bytes(expected - size)}" if expected > size else f"{_bytes(size - expected)} too many"
    return (f"{how}: its header describes {expected:,} bytes, the file has {size:,}",)


def _parse(text: bytes) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    return _parsed(text) if len(text) <= _SHORT else safetensors_header.parse(text)


@lru_cache(maxsize=32)
def _parsed(text: bytes) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    """Parse a header once for the checks of one model, which run in a row."""
    return safetensors_header.parse(text)


def _read(path: Path) -> tuple[bytes, int]:
    """Give the header's text and the size of the file."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _text(file, size), size


def _text(file: BinaryIO, size: int) -> bytes:
    start = file.read(_LENGTH.size + 1)
    if len(start) <= _LENGTH.size:
        raise BrokenHeader(f"has {_bytes(size)}, too few for a safetensors header")
    (length,) = _LENGTH.unpack_from(start)
    if start[-1:] != b"{" or length < len("{}"):
        raise BrokenHeader(f"is no safetensors file: no header follows its first 8 bytes ({start[:8]!r})")
    if length + _LENGTH.size > size:
        raise BrokenHeader(f"truncated inside its header: at least {_bytes(length + _LENGTH.size - size)} are missing")
    if length > LONGEST_HEADER:
        raise BrokenHeader(
            f"its header has {_bytes(length)}, {TOO_LONG}; the file may be whole, and no program opens it"
        )
    file.seek(_LENGTH.size)
    text = file.read(length)
    return text if len(text) == length else safetensors_header.refuse("became shorter while it was read")


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"


# ---- tensor beside tensor


def _contiguous_end(tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Give where the last tensor ends, if each begins where the one before it ends."""
    end = 0
    for name, tensor in sorted(tensors, key=lambda item: (item[1].begin, item[1].end)):
        _check_next(name, tensor.begin, end)
        end = tensor.end
    return end


def _check_next(name: str, begin: int, end: int) -> None:
    if begin != end:
        how = "leaves a gap before it" if begin > end else "overlaps the one before it"
        raise BrokenHeader(f"{short(name)} {how}: it begins at byte {begin:,}, expected {end:,}")


def _large_end(text: bytes) -> int:
    """Do the same for a large header, keeping three numbers of every tensor."""
    names, begins, ends = array("q"), array("Q"), array("Q")
    for name, tensor in safetensors_header.stream(text):
        names.append(hash(name))
        begins.append(tensor.begin)
        ends.append(tensor.end)
    if any(one == other for one, other in pairwise(sorted(names))):
        raise BrokenHeader("its header names a tensor twice")
    end = 0
    # Sorting twice, by one number each, takes half the memory of sorting by pairs.
    by_end = sorted(range(len(ends)), key=ends.__getitem__)
    for index in sorted(by_end, key=begins.__getitem__):
        _check_next(f"tensor {index + 1}", begins[index], end)
        end = ends[index]
    return end
