"""
Formats of which only the beginning is known here: what they begin with, and whether a file does.

A right beginning proves little, a wrong one much. Formats that begin with nothing of their own are not here: TensorRT
engines (Ultralytics puts JSON before them), Core ML's ``.mlmodel``, flax's ``.msgpack``, frozen graphs (``.pb``).
"""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.formats.cursor import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Signature:
    """Bytes at a place in files of a format."""

    format: str
    magic: bytes
    offset: int = 0


_NUMPY = Signature("NumPy array", b"\x93NUMPY")
_ZIP = Signature("ZIP archive", b"PK")
_HDF5 = Signature("HDF5 file", b"\x89HDF\r\n\x1a\n")
#: By the end of a file's name. Keras wrote both formats under its own.
SIGNATURES: dict[str, tuple[Signature, ...]] = {
    ".npy": (_NUMPY,),
    ".npz": (_ZIP,),
    ".keras": (_ZIP, _HDF5),
    ".h5": (_HDF5,),
    ".hdf5": (_HDF5,),
    ".tflite": (Signature("TensorFlow Lite model", b"TFL3", 4),),
    ".pte": (Signature("ExecuTorch program", b"ET", 4),),
}


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the beginning of the file, or, where the format tells its length, with that.

    Raises: OSError, where it cannot be read. KeyError, for a name that promises none of these formats.
    """
    signatures = SIGNATURES[path.suffix.lower()]
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        size = os.fstat(file.fileno()).st_size
    found = next((one for one in signatures if head.startswith(one.magic, one.offset)), None)
    if found is None:
        return () if _is_behind_a_block(head, signatures) else (_unlike(head, signatures),)
    if found is _ZIP:
        return (
            () if zipfile.is_zipfile(path) else ("truncated: the list of files at the end of the archive is lacking",)
        )
    return _shorter(head, size) if found is _HDF5 else ()


def tells_its_length(path: Path) -> bool:
    """Tell whether files of such a name say how long they are, so that a truncated one is seen."""
    return not {_ZIP, _HDF5}.isdisjoint(SIGNATURES.get(path.suffix.lower(), ()))


def _unlike(head: bytes, signatures: Sequence[Signature]) -> str:
    offset = signatures[0].offset
    expected = " or ".join(f"{one.magic!r}" for one in signatures)
    where = f" at byte {offset}" if offset else ""
    formats = " or ".join(one.format for one in signatures)
    return f"is no {formats}: expected {expected}{where}, found {head[offset:][: len(signatures[0].magic)]!r}"


def _is_behind_a_block(head: bytes, signatures: Sequence[Signature]) -> bool:
    """Tell whether it is HDF5 behind a block of its user's own, of 512 bytes, or twice, or four times as many, …."""
    return _HDF5 in signatures and any(head.startswith(_HDF5.magic, 512 << shift) for shift in range(4))


def _shorter(head: bytes, size: int) -> tuple[str, ...]:
    """Hold the end that an HDF5 superblock tells (HDF5 File Format Specification, II.A) against the size."""
    version = head[8] if len(head) > 8 else 255  # noqa: PLR2004 - the byte after the signature
    place = {0: (13, 40), 1: (13, 44), 2: (9, 28), 3: (9, 28)}.get(version)
    if place is None:
        return ()
    width, offset = place
    if len(head) < offset + 8:
        return (f"truncated inside its first block: it has {counted(size)}",)
    if head[width] != 8:  # noqa: PLR2004 - addresses of 8 bytes, as everybody writes them
        return ()
    (end,) = struct.unpack_from("<Q", head, offset)
    missing = end - size
    return (f"truncated by {counted(missing)}: its end is at {end:,}, the file has {size:,}",) if missing > 0 else ()
