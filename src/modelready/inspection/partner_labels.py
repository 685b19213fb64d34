"""Labels beside the weights that give them: as many as there are outputs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.formats import configs, heads, labels
from modelready.inspection import words
from modelready.inspection.model_folders import WIDTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.formats.heads import Width
    from modelready.formats.labels import Labels
    from modelready.inspection.model_folders import ModelFolder, Told
    from modelready.model import PlacedFile


def labels_and_outputs(folder: ModelFolder, told: Told) -> None:
    """Hold tables of labels against outputs: one for each, or for each two of a gated head, as JTP PILOT2 has."""
    for one in (one for name, one in folder.files.items() if labels.may_be_labels(name)):
        try:
            table = labels.read(one.place)
        except (labels.BrokenLabels, OSError) as error:
            if one.place.suffix.lower() == ".json":  # a CSV file may be anything
                told.compared += 1
                told.object(one.path, words.why(error) if isinstance(error, OSError) else str(error))
            continue
        for weights in _labelled(one, folder) if table else ():
            width = WIDTHS[weights.place.suffix.lower()](weights.place)
            if width and table:
                told.compared += 1
                _compare_labels(one, table, weights, width, told)


def _labelled(one: PlacedFile, folder: ModelFolder) -> Iterator[PlacedFile]:
    """Give the weights that a table may speak of: those of its own name, or the only ones of their kind beside it."""
    for suffix, alike in _by_suffix(folder).items():
        same = [weights for weights in alike if PurePosixPath(weights.path).stem == PurePosixPath(one.path).stem]
        if same or len(alike) == 1:
            yield (same or alike)[0]
        elif suffix in {".safetensors", ".sft"} and len(folder.weights) == 1:
            yield folder.weights[0]


def _by_suffix(folder: ModelFolder) -> dict[str, list[PlacedFile]]:
    found: dict[str, list[PlacedFile]] = {}
    for one in folder.files.values():
        if one.place.suffix.lower() in WIDTHS:
            found.setdefault(one.place.suffix.lower(), []).append(one)
    return found


def _compare_labels(one: PlacedFile, table: Labels, weights: PlacedFile, width: Width, told: Told) -> None:
    if width.count in {table.count, 2 * table.count}:
        return
    why = f"has {table.count:,} labels, {width.name} of {weights.path} has {width.count:,} outputs"
    # A list may leave outputs without a name, or count a background; an index beyond the last output is an error.
    is_sure = table.kind == "rows" or (table.kind == "index" and table.count > width.count)
    (told.object if is_sure else told.doubt)(one.path, why)


def labels_and_config(folder: ModelFolder, told: Told) -> None:
    """Hold config.json against the head: transformers refuses another number (its issues 14218 and 15876)."""
    one = folder.files.get(configs.CONFIG)
    if one is None or not folder.weights:
        return
    try:
        config = configs.read(one.place)
    except (configs.BrokenConfig, OSError) as error:
        told.compared += 1
        told.object(one.path, words.why(error) if isinstance(error, OSError) else str(error))
        return
    width = heads.classifier_of_transformers(folder.tensors) if config.classifies and config.labels else None
    if width:
        told.compared += 1
        if width.count != config.labels:
            why = f"names {config.labels:,} labels, {width.name} of {folder.weights[0].path} has {width.count:,}"
            told.object(one.path, f"{why} outputs: transformers refuses to load them")
