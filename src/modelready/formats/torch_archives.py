"""
What ``torch.save`` and ``torch.jit.save`` write: a zip archive with ``data.pkl`` and a record for each storage.

The rules are those of torch's own reader (caffe2/serialize/inline_container.cc, torch/serialization.py); its digests of
records are left alone: torch may write none, and the digest of the file covers every byte.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from modelready.formats import pickles, torch_storages, zips
from modelready.formats.byte_views import Budget, Cursor, Unreadable, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelready.formats.pickles import Scan
    from modelready.formats.zips import Member

DATA = "data.pkl"
#: Programs and parts of them: nothing in them is called data.pkl.
_OTHERS = ("archive_format", ".data/extern_modules", ".data/python_version")
#: A record costs that much beside its bytes: its header, padding to 64 bytes, a descriptor, an entry in the directory.
_BESIDE = 210
_LONGEST_WORD = 64


def faults(view: View, *, is_torch: bool) -> Iterator[str]:
    """Say what is wrong with the archive *view*; *is_torch* tells that nothing but torch could have written it."""
    try:
        archive = zips.read(view)
    except zips.BrokenZip as error:
        is_cut = zips.find_end(view) is None
        yield (is_cut and _cut(view)) or f"is a zip archive that {error}"
        return
    yield from (f"is a zip archive that {oddity}" for oddity in archive.oddities)
    if archive.gaps and (end := sum(archive.gaps[-1])) == view.size:
        yield f"{archive.gaps[-1][1]:,} bytes too many, after the end of the archive at {end - archive.gaps[-1][1]:,}"
    records = {one.name: one for one in archive.members}
    root = next((name.removesuffix(DATA) for name in records if _is_root(name)), None)
    if root is not None:
        try:
            yield from _record_faults(view, records, root)
        except Unreadable as error:
            yield f"has a record that {error}"
    elif is_torch and not any(name.endswith(_OTHERS) for name in records):
        yield f"is a zip archive without {DATA}: torch opens no such file"


def _is_root(name: str) -> bool:
    return name == DATA or (name.endswith(f"/{DATA}") and name.count("/") == 1)


def _record_faults(view: View, records: Mapping[str, Member], root: str) -> Iterator[str]:
    for name, words in (("byteorder", (b"little", b"big")), ("version", ()), (".data/version", ())):
        member = records.get(root + name)
        word = _content(view, member) if member else b""
        if member and (word not in words if words else not word.strip().isdigit()):
            yield f"its record {name!r} says {word!r}"
    if not {root + "version", root + ".data/version"} & records.keys():
        yield "lacks its record 'version': torch opens no such file"
    for name, member in records.items():
        if name in {root + DATA, f"{root}constants.pkl"}:  # traced inputs lie there without their bytes
            yield from _pickle_faults(view, records, member)


def _content(view: View, member: Member) -> bytes:
    source = zips.content(view, member, Budget())
    return source.read(0, _LONGEST_WORD) if isinstance(source, View) else source.read(_LONGEST_WORD)


def _pickle_faults(view: View, records: Mapping[str, Member], member: Member) -> Iterator[str]:
    """Say what is wrong with a pickle, or with the storages that it names: those of data.pkl lie in data/."""
    name = member.name.rpartition("/")[2]
    source = zips.content(view, member, Budget())
    seen = pickles.scan(Cursor(source) if isinstance(source, View) else source)
    if seen.fault:
        yield f"its {name} {seen.fault}"
    folder = member.name.removesuffix(".pkl")
    for storage in torch_storages.named(seen):
        record = records.get(f"{folder}/{storage.key}")
        if record is None:
            yield f"lacks the storage {storage.key!r} that its {name} names"
        elif storage.item_bytes and record.size // storage.item_bytes != storage.count:
            yield f"its storage {storage.key!r} has {record.size:,} bytes, its {name} says {storage.size:,}"


# ---- an archive whose end is lost


def _cut(view: View) -> str:
    """Say by about how much an archive was cut short, as its data.pkl tells; empty where it does not."""
    for member in islice(zips.lost_members(view), 1):
        if _is_root(member.name) and member.method == zips.STORED:
            seen = pickles.scan(Cursor(view.part(member.data)))
            return f"truncated inside its {DATA}" if seen.fault else _cut_behind(view, member.data + seen.end, seen)
    return ""


def _cut_behind(view: View, after: int, seen: Scan) -> str:
    storages = {one.key: one for one in torch_storages.named(seen)}
    expected = after + sum((one.size or one.count) + _BESIDE for one in storages.values())
    if expected > view.size:
        return f"truncated by about {expected - view.size:,} bytes: its {DATA} names {len(storages)} storages"
    return "truncated: the directory of the archive, at its end, is missing"
