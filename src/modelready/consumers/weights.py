"""
Under which names transformers and diffusers look for weights in a folder.

transformers: modeling_utils.py, ``_get_resolved_checkpoint_files``; diffusers: models/modeling_utils.py,
``ModelMixin.from_pretrained``. Both try safetensors before pickles, whole files and indexes of shards, and put a
variant (``fp16``) before the last part of the name; diffusers knows an older place for it as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelready.consumers import reading
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelready.consumers.setting import Setting

#: The beginnings and ends of the names that each library looks for, in its order.
TRANSFORMERS = (("model", "safetensors"), ("pytorch_model", "bin"))
DIFFUSERS = (("diffusion_pytorch_model", "safetensors"), ("diffusion_pytorch_model", "bin"))

Family = tuple[tuple[str, str], ...]
_VARIANT = r"(?P<variant>[A-Za-z0-9_]+)"
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.|-\d{5}-of-\d{5}$")


def entries(names: Collection[str], family: Family) -> dict[str, list[str]]:
    """Give the files that loading starts from, by variant; the one without a variant is ``""``."""
    found: dict[str, list[str]] = {}
    for stem, end in family:
        for name in sorted(names):
            for pattern in _entry_patterns(stem, end):
                if match := re.fullmatch(pattern, name):
                    found.setdefault(match.groupdict().get("variant") or "", []).append(name)
                    break
    return found


def shards_without_index(names: Collection[str], family: Family) -> list[str]:
    """Give the shards in a folder from which nothing can start, for want of an index."""
    stems = tuple(f"{stem}-" for stem, _ in family)
    return sorted(name for name in names if name.startswith(stems) and _SHARD.search(name))


def expected(family: Family) -> str:
    """Give the names looked for, in words."""
    stem, end = family[0]
    return f"{stem}.{end} or {stem}.{end}.index.json"


def example(family: Family) -> tuple[str, ...]:
    """Give names that such weights have in practice: a catalog that takes none of them wants no weights."""
    return tuple(
        name
        for stem, end in family
        for name in (f"{stem}.{end}", f"{stem}-00001-of-00002.{end}", f"{stem}.fp16.{end}", f"{stem}.{end}.index.json")
    )


def absent_shards(setting: Setting, folder: str, starts: Collection[str]) -> Iterator[Fault]:
    """Tell the shards that the indexes among *starts* name and that are not in *folder*."""
    for name in (name for name in starts if name.endswith(".json")):
        index = joined(folder, name)
        if setting.is_told(index):
            continue
        try:
            shards = _shards(reading.table(setting.root / index))
        except reading.Unreadable as error:
            yield Fault(setting.path_of(index), f"the index of shards {error}")
            continue
        for shard in shards:
            path = joined(folder, shard)
            if not setting.holds(path):
                yield Fault(setting.path_of(path), f"the shard that {index} names is not there")


def joined(folder: str, name: str) -> str:
    """Give the path of *name* in *folder* below the root."""
    return name if folder == "." else f"{folder}/{name}"


def _entry_patterns(stem: str, end: str) -> Iterator[str]:
    name, suffix = re.escape(stem), re.escape(end)
    yield rf"{name}\.{suffix}"
    yield rf"{name}\.{suffix}\.index\.json"
    yield rf"{name}\.{_VARIANT}\.{suffix}"
    yield rf"{name}\.{suffix}\.index\.{_VARIANT}\.json"
    yield rf"{name}\.{suffix}\.{_VARIANT}\.index\.json"


def _shards(index: dict[str, object]) -> list[str]:
    """
    Give the files that an index names.

    Raises: Unreadable, where it names none.
    """
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise reading.Unreadable("holds no weight_map; expected the shard of each tensor")
    shards = list(dict.fromkeys(weight_map.values()))
    if not all(isinstance(shard, str) and "\0" not in shard for shard in shards):
        raise reading.Unreadable("names a shard that is no file name")
    return [str(shard) for shard in shards]
