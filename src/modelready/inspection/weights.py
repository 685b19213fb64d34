"""Weight files that are not whole, and sharded weights that lack a shard or a tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.formats import ggml, gguf, onnx, safetensors, shards, signatures, torch_files
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.layouts import looking
from modelready.model import Fault, PlacedFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from modelready.model import PlacedModel

#: Says of a file what is wrong with it, in words.
Reader = Callable[[Path], tuple[str, ...]]

#: Who can say of a file, by the end of its name, what is wrong with its structure.
FORMATS: dict[str, Reader] = {
    ".safetensors": safetensors.faults,
    ".sft": safetensors.faults,
    ".pt": torch_files.faults,
    ".pth": torch_files.faults,
    ".gguf": gguf.faults,
    ".onnx": onnx.faults,
    ".ggml": ggml.faults,
}
#: Ends of names that many formats share: there the first bytes say who can tell.
SHARED = frozenset({".bin", ".ckpt", ".pt2", ".ptl", ".th", ".pkl", ".pickle", ".joblib", ".tar"})
BEGINNINGS: dict[bytes, Reader] = {ggml.MAGIC: ggml.faults, gguf.MAGIC: gguf.faults}
#: Who says beside that what may be wrong, or could not be looked at.
DOUBTS: dict[Reader, Reader] = {
    gguf.faults: gguf.doubts,
    onnx.faults: onnx.doubts,
    ggml.faults: ggml.doubts,
}
#: Weights in formats that nobody here can look into.
_OPAQUE = {
    *(".bin", ".pt2", ".ckpt", ".pkl", ".pickle", ".joblib", ".nemo", ".t7", ".ot"),
    *(".engine", ".plan", ".trt", ".mlmodel", ".msgpack", ".mnn", ".rknn", ".caffemodel", ".weights"),
    *(".params", ".pdparams", ".pdiparams"),
}
_SEARCHED = frozenset({".safetensors", ".sft"})
_REMEDY = words.PROVISION + "; where the catalog leaves it out, widen its `include`"
#: What to do where another copy of the same file would not help, by words of the fault.
_OTHER_REMEDIES = {
    safetensors.TOO_LONG: "no other copy helps: ask its publisher for shards, or for less metadata in the header",
    gguf.MISNAMED: "give the parts the names that they have at their source: mind `save_as` in the catalog",
    gguf.TOO_OLD: "name a newer conversion of the model in the catalog",
}


def is_searched(path: Path) -> bool:
    """Tell whether it is known of such a file which of its bytes are which tensor's."""
    return path.suffix.lower() in _SEARCHED


def may_be_inspected(path: Path) -> bool:
    """Tell whether the structure of a file of such a name can be inspected, as far as a name tells."""
    suffix = path.suffix.lower()
    return suffix in FORMATS or suffix in SHARED or suffix in signatures.SIGNATURES


def is_weight(path: Path) -> bool:
    """Tell whether a file of such a name holds weights, whoever can look into it."""
    return may_be_inspected(path) or path.suffix.lower() in _OPAQUE


def is_inspected(place: Path) -> bool:
    """Tell whether the structure of the file at *place* can be inspected."""
    return _reader(place) is not None


def seen(place: Path) -> str:
    """Say how much of the structure of a weight file is looked at; nothing of other files."""
    reader = _reader(place)
    if reader is signatures.faults and not signatures.tells_its_length(place):
        return "signature only"
    if reader:
        return "inspected"
    return "not inspected" if place.suffix.lower() in _OPAQUE else ""


def unwhole(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the weight files whose header and offsets do not cover them exactly."""
    return tuple(
        Fault(one.path, why, _remedy(why))
        for one in files
        if (reader := _reader(one.place))
        for why in _asked(reader, one.place)
    )


def doubtful(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the weight files that loaders open and that may be wrong all the same, or of which not all was looked at."""
    remedy = "compare it with its source; a sha256 in the catalog would prove it"
    return tuple(
        Fault(one.path, why, remedy)
        for one in files
        if (reader := DOUBTS.get(_reader(one.place) or _silent))
        for why in _asked(reader, one.place)
        if not why.startswith(words.UNREADABLE)  # told as a fault
    )


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


def _reader(place: Path) -> Reader | None:
    """Give who can say what is wrong with the file at *place*."""
    suffix = place.suffix.lower()
    if suffix in SHARED:
        return _by_beginning(place)
    return FORMATS.get(suffix) or (signatures.faults if suffix in signatures.SIGNATURES else None)


def _by_beginning(place: Path) -> Reader | None:
    try:
        with place.open("rb") as file:
            reader = BEGINNINGS.get(file.read(4))
        if reader is None:
            return torch_files.faults if torch_files.is_inspected(place) else None
        return None if reader is ggml.faults and not ggml.knows(place) else reader
    except OSError:
        return None


def _asked(reader: Reader, place: Path) -> tuple[str, ...]:
    try:
        return reader(place)
    except OSError as error:
        return (words.why(error),)


def _silent(_: Path) -> tuple[str, ...]:
    return ()


def _remedy(why: str) -> str:
    return next((remedy for said, remedy in _OTHER_REMEDIES.items() if said in why), words.PROVISION)


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
        if may_be_inspected(one.place) and one.place.parent not in indexed and looking.is_file(one.place):
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
