"""
What ``torch.save`` wrote before version 1.6: five pickles, then every storage as its length and its raw bytes.

And before 0.1.10: a tar archive. The order is that of ``_legacy_load`` in torch/serialization.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats import pickles, tars, torch_storages
from modelready.formats.byte_views import Cursor
from modelready.formats.pickle_opcodes import Reader
from modelready.formats.pickle_values import Items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelready.formats.byte_views import View
    from modelready.formats.torch_storages import Storage

MAGIC = 0x1950A86A20F9469CFC6C
_PICKLES = ("magic number", "protocol", "system", "object", "keys")
_COUNT_BYTES = 8
_IN_TAR = ("pickle", "storages", "tensors")


def is_legacy(view: View) -> bool:
    """Tell whether the first pickle of *view* is torch's magic number."""
    return pickles.scan(Cursor(view)).value == MAGIC


def faults(view: View) -> Iterator[str]:
    """Say what is wrong with the pickles of *view*, or with the storages behind them."""
    reader = Reader(Cursor(view))
    seen = None
    storages: dict[str, Storage] = {}
    for name in _PICKLES:
        seen = pickles.scan_next(reader)
        storages |= {one.key: one for one in torch_storages.named(seen)}
        if seen.fault:
            yield f"its pickle of the {name} {seen.fault}"
            return
    keys = seen.value if seen else None
    if isinstance(keys, Items) and keys.is_whole:
        yield from _storage_faults(view, reader.position, [str(key) for key in keys], storages)


def _storage_faults(view: View, at: int, keys: list[str], storages: Mapping[str, Storage]) -> Iterator[str]:
    """Follow the storages from *at* on, in the order of *keys*."""
    lost, unused = storages.keys() - set(keys), set(keys) - storages.keys()
    if lost or unused:
        yield f"lacks the storage {min(lost)!r}" if lost else f"has a storage {min(unused)!r}, which nothing in it uses"
        return
    for place, key in enumerate(keys):
        told = view.read(at, _COUNT_BYTES)
        storage = storages[key]
        if storage.item_bytes is None:  # of a type that is not known here: it may have any length
            return
        if len(told) == _COUNT_BYTES and (count := int.from_bytes(told, "little", signed=True)) != storage.count:
            yield f"its storage {key!r} has {count:,} elements, its pickle says {storage.count:,}"
            return
        end = at + _COUNT_BYTES + storage.count * storage.item_bytes
        if end > view.size:
            missing = end - view.size + _left(keys[place + 1 :], storages)
            bytes_ = "1 byte" if missing == 1 else f"{missing:,} bytes"
            yield f"truncated by {bytes_}: {len(keys) - place} of its {len(keys)} storages are not whole"
            return
        at = end
    if at < view.size:
        yield f"{view.size - at:,} bytes too many: its storages end at byte {at:,}"


def _left(keys: list[str], storages: Mapping[str, Storage]) -> int:
    return sum(_COUNT_BYTES + (storages[key].size or 0) for key in keys)


def tar_faults(view: View) -> Iterator[str]:
    """Say what is wrong with a tar archive of torch; of others, only whether they are whole is told."""
    names = set()
    try:
        names |= {one.name for one in tars.members(view)}
    except tars.BrokenTar as error:
        yield f"is a tar archive that {error}"
        return
    if names & set(_IN_TAR):
        yield from (f"lacks its member {name!r}" for name in _IN_TAR if name not in names)
