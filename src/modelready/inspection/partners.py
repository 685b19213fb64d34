"""
Files of one model that speak of the same thing: labels and outputs, words and embeddings, modules and folders.

Every rule takes both figures from the files themselves. What a loader refuses, or what gives wrong names to right
outputs, is held against the file that differs; what good models are published with is only doubted.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.formats import configs, labels, vocabularies
from modelready.inspection import words
from modelready.inspection.findings import Findings
from modelready.inspection.model_folders import WIDTHS, Told, folders
from modelready.inspection.partner_labels import labels_and_config, labels_and_outputs
from modelready.inspection.partner_words import merges_and_words, words_and_rows, words_and_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelready.formats.configs import Module
    from modelready.inspection.model_folders import ModelFolder
    from modelready.model import PlacedFile, PlacedModel

_RULES = (labels_and_outputs, labels_and_config, words_and_rows, words_and_words, merges_and_words)
_POOLING = "Pooling"


def are_there(files: Sequence[PlacedFile]) -> bool:
    """Tell by their names whether any of *files* may speak of the same thing."""
    return any(one.may_be_compared for one in folders(files))


def may_speak(one: PlacedFile) -> bool:
    """Tell whether what is in *one* is read to compare it."""
    named = {configs.CONFIG, configs.MODULES, vocabularies.WHOLE, vocabularies.WORDS, vocabularies.MERGES}
    return one.place.name in named or labels.may_be_labels(one.path) or one.place.suffix.lower() in WIDTHS


def compare(model: PlacedModel, files: Sequence[PlacedFile]) -> Findings:
    """Tell where *files* of *model*, all of them present and none refused, contradict one another."""
    told = Told()
    for folder in folders(files):
        for rule in _RULES:
            rule(folder, told)
        _modules(folder, model, told)
    return Findings(tuple(told.faults), tuple(told.doubts), told.compared)


def _modules(folder: ModelFolder, model: PlacedModel, told: Told) -> None:
    """Look for the pooling layers that modules.json names: sentence-transformers reads the configuration of each."""
    one = folder.files.get(configs.MODULES)
    if one is None:
        return
    try:
        found = configs.modules(one.place)
    except (configs.BrokenConfig, OSError) as error:
        told.compared += 1
        told.object(one.path, words.why(error) if isinstance(error, OSError) else str(error))
        return
    for module in found:
        if module.kind == _POOLING and module.path:
            _pooling(module, folder, one, model, told)


def _pooling(module: Module, folder: ModelFolder, one: PlacedFile, model: PlacedModel, told: Told) -> None:
    path = PurePosixPath(folder.path, module.path, configs.CONFIG).as_posix()
    placed = next((known for known in model.files if known.path == path), None)
    if placed is None:
        if patterns.select([path], model.model.include, model.model.exclude):
            told.compared += 1
            told.object(path, f"is not there, though {one.path} names its folder")
        return
    try:
        pooled = configs.pooled_width(placed.place)
    except (configs.BrokenConfig, OSError):  # an absent one was told of
        return
    if pooled and folder.config and folder.config.width:
        told.compared += 1
        if pooled != folder.config.width:
            config = folder.files[configs.CONFIG].path
            told.object(path, f"pools {pooled:,} numbers, {config} says the model gives {folder.config.width:,}")
