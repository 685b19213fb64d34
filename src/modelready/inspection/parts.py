"""The parts of a split GGUF model among themselves: all there, and still of different versions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from modelready.formats import gguf, shards
from modelready.inspection import words
from modelready.layouts import looking
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from modelready.model import PlacedFile, PlacedModel


def mixed(model: PlacedModel, *, refused: Collection[str] = ()) -> tuple[Fault, ...]:
    """Tell the split models whose parts are there and do not add up, as llama.cpp counts them."""
    families: dict[tuple[Path, str, str], list[PlacedFile]] = defaultdict(list)
    for one in model.files:
        found = shards.NUMBERED.fullmatch(one.place.name)
        if found and found["suffix"] == ".gguf" and one.path not in refused and looking.is_file(one.place):
            families[one.place.parent, found["stem"], found["count"]].append(one)
    whole = (sorted(parts, key=_name) for (_, _, count), parts in families.items() if len(parts) == int(count))
    return tuple(fault for parts in whole for fault in _fault(parts))


def _name(one: PlacedFile) -> str:
    return one.place.name


def _fault(parts: Sequence[PlacedFile]) -> Iterator[Fault]:
    try:
        headers = [gguf.read_header(one.place) for one in parts]
    except (gguf.BrokenHeader, gguf.UnknownHeader, OSError):  # told by weights.are_whole
        return
    total, found = headers[0].split_tensors, sum(len(one.tensors) for one in headers)
    if total and total != found:
        message = f"counts {total:,} tensors in all of its {len(parts)} parts, which have {found:,}: of other versions?"
        yield Fault(parts[0].path, message, words.PROVISION)
