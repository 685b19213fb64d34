"""Indexes of sharded weights (``*.safetensors.index.json``): what they name, and whether it is there."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.formats import safetensors

INDEX_SUFFIX = ".safetensors.index.json"
#: A name like model-00002-of-00005.safetensors: one shard of a known number.
NUMBERED = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
#: Far above any real index (a million tensors); what is longer is no index.
_LONGEST_INDEX = 256 * 2**20
_MOST_SHARDS = 10_000


class BrokenIndex(ValueError):
    """The file is no index; the message says why, in words."""


@dataclass(frozen=True)
class Index:
    """What an index says: the shard of every tensor, and the bytes of all tensors, if it tells."""

    weight_map: Mapping[str, str]
    total_size: int | None = None

    @property
    def shards(self) -> tuple[str, ...]:
        """Name the shards, each once, in order."""
        return tuple(sorted(set(self.weight_map.values())))


def read(path: Path) -> Index:
    """
    Read an index.

    Raises: BrokenIndex, in words. OSError, where the file cannot be read.
    """
    if (size := path.stat().st_size) > _LONGEST_INDEX:
        raise BrokenIndex(f"is {size:,} bytes long, far more than any index")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BrokenIndex("is no valid JSON") from error
    weight_map = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise BrokenIndex("has no weight_map: it names no tensor")
    if not all(isinstance(shard, str) for shard in weight_map.values()):
        raise BrokenIndex("its weight_map names shards that are no texts")
    return Index(weight_map, _total(found.get("metadata")))


def leaves_its_folder(shard: str) -> bool:
    """Tell whether a shard's name leads elsewhere than into the folder of its index."""
    parts = re.split(r"[/\\]", shard)
    return not shard.isprintable() or ":" in parts[0] or any(part in {"", ".", ".."} for part in parts)


def tensors_missing(index: Index, shard: str, header: safetensors.Header) -> tuple[str, ...]:
    """Name the tensors that *index* looks for in *shard* and that its *header* does not have."""
    return tuple(name for name, home in index.weight_map.items() if home == shard and name not in header.tensors)


def tensor_bytes(headers: Iterable[safetensors.Header]) -> int:
    """Add up the bytes of all tensors, as ``metadata.total_size`` should."""
    return sum(tensor.end - tensor.begin for header in headers for tensor in header.tensors.values())


def missing_numbers(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """
    Give for one shard of every family (``NAME-00001-of-00003.safetensors``) those that are not among *names*.

    Needs no index, which may be missing as well. A family may be counted from 0 or from 1.
    """
    present = set(names)
    families: dict[tuple[str, int, str], set[int]] = defaultdict(set)
    for found in filter(None, map(NUMBERED.fullmatch, present)):
        families[found["stem"], int(found["count"]), found["suffix"]].add(int(found["number"]))
    missing = {}
    for (stem, count, suffix), numbers in families.items():
        first = 0 if 0 in numbers else 1
        wanted = range(first, first + min(count, _MOST_SHARDS))
        lost = tuple(f"{stem}-{one:05}-of-{count:05}{suffix}" for one in wanted if one not in numbers)
        if lost:
            missing[f"{stem}-{min(numbers):05}-of-{count:05}{suffix}"] = lost
    return missing


def _total(metadata: object) -> int | None:
    total: object = metadata.get("total_size") if isinstance(metadata, dict) else None
    # Some writers put a float there: 1.6e10 is as good as 16000000000.
    if isinstance(total, bool) or not isinstance(total, int | float):
        return None
    return int(total) if 0 < total < 2**63 else None
