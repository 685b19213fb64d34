"""The files of a model that lie in one folder, read together, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.formats import configs, heads, labels, onnx, safetensors, shards, vocabularies
from modelready.inspection import words
from modelready.inspection.weights import is_searched
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from modelready.formats.configs import Config
    from modelready.formats.heads import Width
    from modelready.formats.safetensors import Tensor
    from modelready.formats.vocabularies import Vocabulary
    from modelready.model import PlacedFile

#: Says how many outputs the weights in a file have; None where that cannot be told.
WidthOf = Callable[[Path], "Width | None"]

_REMEDY = f"{words.PROVISION}; bring both from one revision of one source"
_DOUBT = "compare with the source: models that work are published so, too"


def _safetensors_width(path: Path) -> Width | None:
    tensors = tensors_in([path])
    return heads.classifier(tensors) or heads.classifier_of_transformers(tensors)


def _onnx_width(path: Path) -> Width | None:
    try:
        return heads.of_outputs(onnx.outputs(path))
    except (onnx.BrokenModel, onnx.UnknownModel, OSError):  # weights.are_whole tells it
        return None


#: Who tells the width of a classifier, by the end of the file's name.
WIDTHS: dict[str, WidthOf] = {".safetensors": _safetensors_width, ".sft": _safetensors_width, ".onnx": _onnx_width}


@dataclass
class Told:
    """What was found so far."""

    faults: list[Fault] = field(default_factory=list)
    doubts: list[Fault] = field(default_factory=list)
    compared: int = 0

    def object(self, path: str, why: str) -> None:
        """Hold *why* against *path*."""
        self.faults.append(Fault(path, why, _REMEDY))

    def doubt(self, path: str, why: str) -> None:
        """Doubt *path* for *why*."""
        self.doubts.append(Fault(path, why, _DOUBT))


@dataclass(frozen=True)
class ModelFolder:
    """The files of a model that lie in one folder of the source, by their names there."""

    path: str
    files: Mapping[str, PlacedFile]

    @property
    def may_be_compared(self) -> bool:
        """Tell by their names whether any of the files may speak of the same thing."""
        names = self.files.keys()
        has_tables = configs.CONFIG in names or any(labels.may_be_labels(name) for name in names)
        has_words = vocabularies.WORDS in names and not names.isdisjoint({vocabularies.WHOLE, vocabularies.MERGES})
        has_weights = any(name.lower().endswith((*WIDTHS,)) for name in names)
        return (has_weights and has_tables) or has_words or configs.MODULES in names

    @cached_property
    def weights(self) -> tuple[PlacedFile, ...]:
        """Give the files that together are the weights of the model in this folder; none, where there are several."""
        found = {name: one for name, one in self.files.items() if is_searched(one.place)}
        stems = {match["stem"] for name in found if (match := shards.NUMBERED.fullmatch(name))}
        if len(found) == 1 or (len(stems) == 1 and all(shards.NUMBERED.fullmatch(name) for name in found)):
            return tuple(found.values())
        return (found["model.safetensors"],) if "model.safetensors" in found else ()

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Give the tensors of these weights."""
        return tensors_in([one.place for one in self.weights])

    @cached_property
    def config(self) -> Config | None:
        """Give what the configuration says, where there is one that can be read."""
        one = self.files.get(configs.CONFIG)
        try:
            return configs.read(one.place) if one else None
        except (configs.BrokenConfig, OSError):
            return None

    @cached_property
    def vocabulary(self) -> tuple[PlacedFile, Vocabulary] | None:
        """Give the words that are loaded: those of tokenizer.json, or else of vocab.json."""
        return self._read(vocabularies.WHOLE, vocabularies.read_whole) or self._read(
            vocabularies.WORDS, vocabularies.read_words
        )

    @cached_property
    def words(self) -> tuple[PlacedFile, Vocabulary] | None:
        """Give the words of vocab.json."""
        return self._read(vocabularies.WORDS, vocabularies.read_words)

    def _read(self, name: str, read: Callable[[Path], Vocabulary]) -> tuple[PlacedFile, Vocabulary] | None:
        one = self.files.get(name)
        try:
            return (one, read(one.place)) if one else None
        except (vocabularies.BrokenVocabulary, OSError):  # tokenizers.encode_text tells it
            return None


def folders(files: Sequence[PlacedFile]) -> Iterator[ModelFolder]:
    """Give the folders in which *files* lie in their source."""
    by_folder: dict[str, dict[str, PlacedFile]] = {}
    for one in files:
        folder, _, name = one.path.rpartition("/")
        by_folder.setdefault(folder, {})[name] = one
    for folder, found in by_folder.items():
        yield ModelFolder(folder, found)


def tensors_in(places: Collection[Path]) -> dict[str, Tensor]:
    """Give the tensors of all weights in *places* together; none, where one cannot be read."""
    found: dict[str, Tensor] = {}
    for place in places:
        try:
            found.update({} if safetensors.is_long(place) else safetensors.read_header(place).tensors)
        except (safetensors.BrokenHeader, OSError):  # weights.are_whole tells it
            return {}
    return found
