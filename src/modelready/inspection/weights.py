"""Weight files that are not whole, and sharded weights that lack a shard or a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.formats import safetensors, shards, torch_files
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.layouts import looking
from modelready.model import Fault, PlacedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from modelready.model import PlacedModel

#: Who can say of a file, by the end of its name, what is wrong with its structure.
FORMATS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    ".safetensors": safetensors.faults,
    ".sft": safetensors.faults,
    ".pt": torch_files.faults,
    ".pth": torch_files.faults,
}
#: Names that say little: such a file is inspected where its first bytes tell that it can be.
_DOUBTFUL = frozenset({".bin", ".ckpt", ".pt2", ".ptl", ".th", ".pkl", ".pickle", ".joblib", ".tar"})
_SEARCHED = frozenset({".safetensors", ".sft"})
_REMEDY = words.PROVISION + "; where the catalog leaves it out, widen its `include`"


def is_searched(path: Path) -> bool:
    """Tell whether it is known of such a file which of its bytes are which tensor's."""
    return path.suffix.lower() in _SEARCHED


def is_inspected(path: Path) -> bool:
    """Tell whether the structure of such a file can be inspected."""
    suffix = path.suffix.lower()
    return suffix in FORMATS or (suffix in _DOUBTFUL and torch_files.is_inspected(path))


def unwhole(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the weight files whose header and offsets do not cover them exactly."""
    inspected = (one for one in files if is_inspected(one.place))
    return tuple(Fault(one.path, why, words.PROVISION) for one in inspected for why in _structure(one.place))


def incomplete_shards(model: PlacedModel, *, refused: Collection[str] = ()) -> tuple[Fault, ...]:
    """
    Tell what the indexes of *model* name and is not there: shards, and tensors in their shards.

    A required file that is absent, or one of *refused*, was told of already: it is passed over.
    """
    known = {one.place: one for one in model.files}
    told = {one.path for one in model.files if is_required_and_absent(one)} | set(refused)
    indexes = [_Indexed(one, model, known, told) for one in _indexes(model) if one.path not in told]
    by_index = [fault for one in indexes for fault in one.faults()]
    counted = _uncounted(model, {place.parent for one in indexes for place in [one.index.place]}, told)
    return (*by_index, *counted)


def doubtful_totals(model: PlacedModel) -> tuple[Fault, ...]:
    """
    Tell the indexes whose ``total_size`` is not the sum of the tensors.

    Worth a warning and no more: loaders pass over it, and good models are published with a wrong one (tied weights
    counted twice, a dtype changed afterwards).
    """
    return tuple(fault for one in _indexes(model) for fault in _doubtful(one))


def _structure(place: Path) -> tuple[str, ...]:
    try:
        return FORMATS.get(place.suffix.lower(), torch_files.faults)(place)
    except OSError as error:
        return (words.why(error),)


def _indexes(model: PlacedModel) -> Iterator[PlacedFile]:
    """Give the indexes of *model* that are there."""
    for one in model.files:
        if one.path.endswith(shards.INDEX_SUFFIX) and looking.is_file(one.place):
            yield one


def _beside(path: str, name: str) -> str:
    """Give the path in the source of what lies beside *path*."""
    return PurePosixPath(path).with_name("x").parent.joinpath(name).as_posix()


@dataclass(frozen=True)
class _Indexed:
    """One index of a model, and what lies beside it."""

    index: PlacedFile
    model: PlacedModel
    known: dict[Path, PlacedFile]
    told: Collection[str]

    @cached_property
    def _folder(self) -> Path:
        return self.index.place.parent

    def faults(self) -> Iterator[Fault]:
        """Give what is wrong with the index or with what it names."""
        try:
            read = shards.read(self.index.place)
        except (shards.BrokenIndex, OSError) as error:
            why = words.why(error) if isinstance(error, OSError) else str(error)
            yield Fault(self.index.path, f"the index {why}", words.PROVISION)
            return
        if self._is_wanted(read):
            for shard in read.shards:
                yield from self._shard_faults(read, shard)

    def _is_wanted(self, read: shards.Index) -> bool:
        """
        Tell whether the catalog wants any shard of the index.

        ``include = ["*.json"]`` brings an index to somebody who wants no weights.
        """
        wanted = [_beside(self.index.path, shard) for shard in read.shards]
        chosen = patterns.select(wanted, self.model.model.include, self.model.model.exclude)
        return bool(chosen) or any(self._folder / shard in self.known for shard in read.shards)

    def _shard_faults(self, read: shards.Index, shard: str) -> Iterator[Fault]:
        if shards.leaves_its_folder(shard):
            yield Fault(self.index.path, f"the index leads out of its folder, to {shard!r}", words.PROVISION)
            return
        place = self._folder / shard
        known = self.known.get(place)
        path = known.path if known else _beside(self.index.path, shard)
        if path in self.told or (known and known.optional and not looking.is_file(place)):
            return
        if not looking.is_file(place):
            yield Fault(path, f"the shard that {self.index.path} names is not there", _REMEDY)
        else:
            yield from self._tensor_faults(read, shard, path)

    def _tensor_faults(self, read: shards.Index, shard: str, path: str) -> Iterator[Fault]:
        place = self._folder / shard
        try:
            lost = shards.tensors_missing(read, shard, safetensors.read_header(place))
        except (safetensors.BrokenHeader, OSError) as error:
            if place not in self.known:  # else weights.are_whole tells it
                why = words.why(error) if isinstance(error, OSError) else str(error)
                yield Fault(path, f"the shard that {self.index.path} names: {why}", _REMEDY)
            return
        if lost:
            more = f", and {len(lost) - 3:,} more tensors" if lost[3:] else ""
            message = f"not in it, though {self.index.path} looks there: {', '.join(lost[:3])}{more}"
            yield Fault(path, message, _REMEDY)


def _uncounted(model: PlacedModel, indexed: Collection[Path], told: Collection[str]) -> Iterator[Fault]:
    """Tell shards missing by the count in their own names, in folders without an index."""
    by_folder: dict[Path, dict[str, PlacedFile]] = {}
    for one in model.files:
        if is_inspected(one.place) and one.place.parent not in indexed and looking.is_file(one.place):
            by_folder.setdefault(one.place.parent, {})[one.place.name] = one
    for folder, present in by_folder.items():
        for name, lost in shards.missing_numbers(present).items():
            one = present[name]
            paths = [_beside(one.path, missing) for missing in lost if not looking.is_file(folder / missing)]
            for path in (path for path in paths if path not in told):
                yield Fault(path, f"{one.path} counts this shard, which is not there", _REMEDY)


def _doubtful(index: PlacedFile) -> Iterator[Fault]:
    try:
        read = shards.read(index.place)
        names = [shard for shard in read.shards if not shards.leaves_its_folder(shard)]
        total = shards.tensor_bytes(safetensors.read_header(index.place.parent / shard) for shard in names)
    except (shards.BrokenIndex, safetensors.BrokenHeader, OSError):  # told by others
        return
    if read.total_size not in {None, total}:
        message = f"its total_size is {read.total_size:,}, its tensors have {total:,} bytes"
        yield Fault(index.path, message, "compare with the source; loaders pass over this figure")
