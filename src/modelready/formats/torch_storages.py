"""What the pickles of torch say of the storages that lie beside them: raw bytes of tensors, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.formats.pickle_values import Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.formats.pickles import Scan

#: Bytes of one element, by the name of the storage (torch/storage.py, ``_dtype_to_storage_type_map``).
ITEM_BYTES = {
    **dict.fromkeys(
        ("ByteStorage", "CharStorage", "BoolStorage", "QInt8Storage", "QUInt8Storage", "UntypedStorage"), 1
    ),
    **dict.fromkeys(("QUInt4x2Storage", "QUInt2x4Storage"), 1),
    **dict.fromkeys(("ShortStorage", "HalfStorage", "BFloat16Storage"), 2),
    **dict.fromkeys(("IntStorage", "FloatStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("LongStorage", "DoubleStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage as a pickle names it; ``item_bytes`` is None for a type that is not known here."""

    key: str
    count: int
    item_bytes: int | None

    @property
    def size(self) -> int | None:
        """Give how many bytes it has, if that can be told."""
        return None if self.item_bytes is None else self.count * self.item_bytes


def named(seen: Scan) -> Iterator[Storage]:
    """Give the storages that the persistent ids of *seen* name: ("storage", type, key, device, count, …)."""
    for found in seen.storages:
        if len(found) < len(("kind", "type", "key", "device", "count")) or found[0] != "storage":
            continue
        _, storage_type, key, _, count, *_ = found
        if isinstance(count, int) and count >= 0 and isinstance(key, str | int):
            name = storage_type.name if isinstance(storage_type, Name) else ""
            yield Storage(str(key), count, ITEM_BYTES.get(name))
