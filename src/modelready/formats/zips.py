"""
Zip archives: the directory at their end, the header before each member, and whether the two tell the same story.

The structure is that of PKWARE's APPNOTE.TXT, sections 4.3 to 4.5. Programs differ in which of the two they believe,
so what they disagree about is told; no member is unpacked here.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready.formats.byte_views import Unreadable, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.formats.byte_views import Budget, Unpacked, View

LOCAL = b"PK\x03\x04"
_CENTRAL, _END, _END64, _LOCATOR = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_FIELDS = struct.Struct("<4s4H2LH")
_END64_FIELDS = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_FIELDS = struct.Struct("<4sLQL")
_CENTRAL_FIELDS = struct.Struct("<4s6H3L5H2L")
_LOCAL_FIELDS = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 65_535
#: A directory longer than this would fill the memory; that of a model with 100,000 tensors has 10 MB.
_LONGEST_DIRECTORY = 64 * 2**20
_MOST_MEMBERS = 250_000
_MOST_LOST = 10_000
_LONGEST_NAME = 1024
_IN_64_BITS, _IS_ENCRYPTED, _HAS_DESCRIPTOR = 0xFFFFFFFF, 0x2041, 0x8
_LIMITS = (0xFFFF, _IN_64_BITS, _IN_64_BITS)  # count, size and place, where they stand in 64 bits elsewhere
#: A descriptor behind the data: CRC and sizes, in 32 or 64 bits, with or without its signature.
_LONGEST_DESCRIPTOR = 24
#: How members are packed, and what unpacks them.
STORED = 0
_PACKED = {8: "deflate", 12: "bzip2"}


class BrokenZip(ValueError):
    """The archive has no directory that can be followed; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the directory tells it; ``begin`` is where its own header lies, ``data`` where its bytes do."""

    name: str
    begin: int
    data: int
    packed: int
    size: int
    method: int
    flags: int

    @property
    def end(self) -> int:
        """Give where its bytes end."""
        return self.data + self.packed

    def shifted(self, count: int) -> Member:
        """Give the same, *count* bytes further on: an archive may begin in the middle of a file."""
        return replace(self, begin=self.begin + count, data=self.data + count) if count else self

    @property
    def is_encrypted(self) -> bool:
        """Tell whether it says of itself that it is encrypted."""
        return bool(self.flags & _IS_ENCRYPTED)


@dataclass(frozen=True)
class Archive:
    """An archive: its members by where they lie, what is odd, and what belongs to no member, as (offset, size)."""

    members: tuple[Member, ...]
    oddities: tuple[str, ...]
    gaps: tuple[tuple[int, int], ...]


def content(view: View, member: Member, budget: Budget) -> View | Unpacked:
    """
    Give the bytes of *member* of the archive *view*.

    Raises: Unreadable, in words, where nothing here unpacks it.
    """
    part = view.part(member.data, member.packed)
    if member.method == STORED:
        return part
    if member.method not in _PACKED:
        raise Unreadable(f"is packed in a way that nothing here can undo (method {member.method})")
    return unpacked(part, _PACKED[member.method], budget)


def read(view: View) -> Archive:
    """
    Follow the directory at the end of *view*, and hold every member's own header against it.

    Raises: BrokenZip. OSError, where the file cannot be read.
    """
    end = find_end(view)
    if end is None:
        raise BrokenZip("has no directory at its end: it is cut short")
    directory, start, shift, after, count = _directory(view, end)
    oddities: list[str] = []
    found = _members(view.part(shift, start), directory, oddities)
    members = sorted((one.shifted(shift) for one in found), key=lambda one: one.begin)
    if len(members) != count:
        raise BrokenZip(f"has {len(members):,} members, its end says {count:,}")
    twice = [name for name, count in Counter(one.name for one in members).items() if count > 1]
    oddities += [f"has several members named {name!r}: which one is read is chance" for name in twice[:3]]
    gaps = list(_gaps(members, start + shift, oddities))
    if after < view.size:
        gaps.append((after, view.size - after))
    return Archive(tuple(members), tuple(oddities), tuple(gaps))


def find_end(view: View) -> int | None:
    """Give where the record lies that ends an archive; None where there is none."""
    tail = min(view.size, _END_FIELDS.size + _LONGEST_COMMENT)
    text = view.read(view.size - tail, tail)
    at = text.rfind(_END, 0, max(0, len(text) - _END_FIELDS.size + len(_END)))
    return None if at < 0 else view.size - tail + at


def lost_members(view: View) -> Iterator[Member]:
    """
    Give what seem to be members, by their own headers alone: for an archive without a directory.

    Raises: Unreadable, where there is no end of them.
    """
    at = -1
    for _ in range(_MOST_LOST):
        if (at := view.find(LOCAL, at + 1)) < 0:
            return
        header = view.read(at, _LOCAL_FIELDS.size)
        if len(header) == _LOCAL_FIELDS.size:
            _, _, flags, method, _, _, _, _, size, name_size, extra_size = _LOCAL_FIELDS.unpack(header)
            data = at + len(header) + name_size + extra_size
            name = _text(view.read(at + len(header), min(name_size, _LONGEST_NAME)))
            # What the header says of its length may be wrong: where a pickle ends is seen when it is followed.
            yield Member(name, at, data, max(view.size - data, 0), size, method, flags)
    raise Unreadable(f"has more than {_MOST_LOST:,} members that no directory names, too many to be looked into")


# ---- the directory


def _directory(view: View, end: int) -> tuple[bytes, int, int, int, int]:
    """Give the text of the directory, where it says it begins, how much further, where the archive ends, its count."""
    fields = view.read(end, _END_FIELDS.size)
    _, disk, first_disk, _, count, size, start, comment = _END_FIELDS.unpack(fields)
    after, before = end + _END_FIELDS.size + comment, end
    if found := _end_in_64_bits(view, end):
        if any(
            one not in {limit, other}
            for one, other, limit in zip((count, size, start), found[1:], _LIMITS, strict=True)
        ):
            raise BrokenZip("has two ends that tell of two directories")
        before, count, size, start = found
    if disk not in {0, 0xFFFF} or first_disk not in {0, 0xFFFF}:
        raise BrokenZip("is one part of an archive in several parts")
    if size > _LONGEST_DIRECTORY or count > _MOST_MEMBERS:
        raise BrokenZip(f"has a directory of {size:,} bytes, more than any model needs")
    if (shift := before - size - start) < 0:
        raise BrokenZip(f"has a directory that does not end where it says: at byte {start + size:,}, not {before:,}")
    text = view.read(start + shift, size)
    if len(text) != size:
        raise BrokenZip("became shorter while it was read")
    return text, start, shift, after, count


def _end_in_64_bits(view: View, end: int) -> tuple[int, int, int, int] | None:
    """Give where the larger end record lies, and the count of members, size and place of the directory."""
    locator = view.read(end - _LOCATOR_FIELDS.size, _LOCATOR_FIELDS.size) if end >= _LOCATOR_FIELDS.size else b""
    if locator[:4] != _LOCATOR:
        return None
    at = _LOCATOR_FIELDS.unpack(locator)[2]
    record = view.read(at, _END64_FIELDS.size)
    if len(record) != _END64_FIELDS.size or record[:4] != _END64:
        raise BrokenZip("has a directory in 64 bits that is not where it says")
    fields = _END64_FIELDS.unpack(record)
    return at, fields[7], fields[8], fields[9]


def _members(view: View, directory: bytes, oddities: list[str]) -> Iterator[Member]:
    at = count = 0
    while at < len(directory):
        if directory[at : at + 4] != _CENTRAL or at + _CENTRAL_FIELDS.size > len(directory):
            raise BrokenZip(f"has a directory that breaks off at its entry {count + 1:,}")
        _, _, _, flags, method, _, _, _, packed, size, *sizes, _, _, _, begin = _CENTRAL_FIELDS.unpack_from(
            directory, at
        )
        name_size, extra_size, comment_size = sizes
        name_at = at + _CENTRAL_FIELDS.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if at > len(directory):
            raise BrokenZip(f"has a directory that breaks off at its entry {count + 1:,}")
        raw = directory[name_at:extra_at]
        size, packed, begin = _wide(directory[extra_at : extra_at + extra_size], size, packed, begin)
        yield _placed(view, raw, Member(_text(raw), begin, 0, packed, size, method, flags), oddities)
        count += 1


def _wide(extra: bytes, *numbers: int) -> list[int]:
    """Give *numbers*, those that do not fit into 32 bits from the field that holds them in 64."""
    found, at = list(numbers), 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = iter(struct.iter_unpack("<Q", extra[at + 4 : at + 4 + size // 8 * 8]))
            found = [next(wide, (one,))[0] if one == _IN_64_BITS else one for one in found]
        at += 4 + size
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


# ---- members


def _placed(view: View, raw: bytes, told: Member, oddities: list[str]) -> Member:
    """Give *told* with the place of its bytes, after its own header was held against it."""
    header = view.read(told.begin, _LOCAL_FIELDS.size)
    if len(header) != _LOCAL_FIELDS.size or header[:4] != LOCAL:
        raise BrokenZip(f"has no member {told.name!r} where its directory says: at byte {told.begin:,}")
    _, _, flags, method, _, _, _, packed, size, name_size, extra_size = _LOCAL_FIELDS.unpack(header)
    inside = view.read(told.begin + len(header), name_size + extra_size)
    size, packed = _wide(inside[name_size:], size, packed)
    member = Member(
        told.name,
        told.begin,
        told.begin + len(header) + name_size + extra_size,
        told.packed,
        told.size,
        told.method,
        told.flags | flags,
    )
    if inside[:name_size] != raw:
        oddities.append(f"has a member {told.name!r} that is {_text(inside[:name_size])!r} in its own header")
    if method != told.method:
        oddities.append(f"has a member {told.name!r} that is packed otherwise in its own header")
    is_left_open = flags & _HAS_DESCRIPTOR and packed == size == 0
    if not is_left_open and (packed, size) != (told.packed, told.size):
        oddities.append(f"has a member {told.name!r} with another size in its own header")
    if told.method == STORED and told.packed != told.size:
        oddities.append(f"has a member {told.name!r} with two sizes")
    if member.is_encrypted:
        oddities.append(f"has a member {told.name!r} that says it is encrypted")
    if member.end > view.size:
        raise BrokenZip(f"has a member {told.name!r} that goes on beyond the archive")
    return member


def _gaps(members: list[Member], start: int, oddities: list[str]) -> Iterator[tuple[int, int]]:
    """Give what lies before, between and after *members* and is none of them; tell which of them overlap."""
    at, slack = 0, 0
    for one in members:
        if one.begin < at:
            oddities.append(f"has a member {one.name!r} that lies inside another one")
        elif one.begin > at + slack:
            yield at, one.begin - at
        at = max(at, one.end)
        slack = _LONGEST_DESCRIPTOR if one.flags & _HAS_DESCRIPTOR else 0
    if start > at + slack:
        yield at, start - at
