"""What a file is by its first bytes, as far as that decides who can look into it."""

from __future__ import annotations

from modelready.formats import tars

#: As many bytes as are looked at.
HEAD_BYTES = tars.BLOCK
_HIGHEST_PROTOCOL = 5
_LONGEST_HEADER = 100_000_000

_BY_START = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x93NUMPY", "npy"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"GGUF", "harmless"),
    (b"\x89HDF\r\n\x1a\n", "harmless"),
    (b"\x89PNG\r\n\x1a\n", "harmless"),
    (b"\xff\xd8\xff", "harmless"),
    (b"PAR1", "harmless"),
    (b"ARROW1", "harmless"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"\x02\x21\x4c\x18", "compressed with lz4"),
    (b"LZIP", "compressed with lzip"),
    *(
        (b"\x1f\x9d" + bytes([flags | bits]), "compressed with compress")
        for flags in (0, 0x80)
        for bits in range(9, 17)
    ),
    (b"MSCF", "a cabinet"),
)
#: Two bytes or three say little: whether it is so is seen when it is unpacked.
_DOUBTFUL = ((b"x\x01", "zlib"), (b"x\x5e", "zlib"), (b"x\x9c", "zlib"), (b"x\xda", "zlib"), (b"]\x00\x00", "lzma"))
_BY_BYTE = {
    byte: tuple(one for one in (*_BY_START, *_DOUBTFUL) if one[0][:1] == byte)
    for byte in {start[:1] for start, _ in (*_BY_START, *_DOUBTFUL)}
}
#: What nothing here can look into.
CLOSED = frozenset(kind for _, kind in _BY_START if " " in kind)


def kind_of(head: bytes, size: int) -> str:
    """
    Say what a file of *size* bytes that begins with *head* is.

    "zip", "npy", "tar", "gzip", "zlib", "bzip2", "xz", "lzma", "pickle" (it says so itself), "harmless" (never a
    pickle), one of CLOSED, or "" where the first bytes do not tell.
    """
    if is_marked(head):
        return "pickle"
    for start, kind in _BY_BYTE.get(head[:1], ()):
        if head.startswith(start):
            return kind
    if _is_safetensors(head, size):
        return "harmless"
    return "tar" if tars.is_header(head) else ""


def is_marked(head: bytes) -> bool:
    """Tell whether *head* begins a pickle of protocol 2 or higher, or one that claims a lower one."""
    return head[:1] == b"\x80" and len(head) > 1 and head[1] <= _HIGHEST_PROTOCOL


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= min(_LONGEST_HEADER, size - 8)  # noqa: PLR2004 - "{}"
