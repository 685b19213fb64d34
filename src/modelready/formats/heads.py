"""
The widths of a model's ends: how many outputs its head has, how many rows its table of words.

A head is known by its name and its place at the very end: timm calls it head, fc or classifier, transformers classifier
or score. Where several tensors might be one, none is said to be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelready.formats.safetensors_header import Tensor

_FLOATS = ("F", "BF")
#: timm's classifiers (get_classifier), and a linear layer inside one of them: a gated head has two outputs a label.
_TIMM = re.compile(r"(head|head\.fc|head\.linear|fc|classifier|last_linear)\.weight")
#: What transformers' *ForSequenceClassification, ForImageClassification and their like end with.
_TRANSFORMERS = re.compile(r"(classifier|classifier\.out_proj|score|classification_head\.out_proj)\.weight")
_WORDS = re.compile(r"(.*\.)?(word_embeddings|embed_tokens|wte|shared|embed_in|tok_embeddings|token_embedding)\.weight")


class Output(Protocol):
    """What is used of an ONNX model's output: a dimension that is no number varies."""

    @property
    def name(self) -> str:
        """Give its name."""

    @property
    def shape(self) -> tuple[int | str | None, ...] | None:
        """Give its dimensions, if they are told."""


@dataclass(frozen=True, slots=True)
class Width:
    """The end of a model called ``name``: so many outputs, or words."""

    name: str
    count: int


def classifier(tensors: Mapping[str, Tensor]) -> Width | None:
    """Give the head of a classifier of timm."""
    return _only(_TIMM, tensors)


def classifier_of_transformers(tensors: Mapping[str, Tensor]) -> Width | None:
    """Give the head of a classifier of transformers."""
    return _only(_TRANSFORMERS, tensors)


def of_outputs(outputs: Iterable[Output]) -> Width | None:
    """Give the width of the only output that is a table: so many numbers for each thing that was asked about."""
    found = [
        Width(one.name, one.shape[-1])
        for one in outputs
        if one.shape and len(one.shape) == len(("batch", "labels")) and isinstance(one.shape[-1], int)
    ]
    return found[0] if len(found) == 1 else None


def words(tensors: Mapping[str, Tensor]) -> Width | None:
    """Give the rows of the table of words; where there are several, they must agree."""
    found = [Width(name, one.shape[0]) for name, one in tensors.items() if _WORDS.fullmatch(name) and _is_matrix(one)]
    return found[0] if len({one.count for one in found}) == 1 else None


def _only(names: re.Pattern[str], tensors: Mapping[str, Tensor]) -> Width | None:
    found = [Width(name, one.shape[0]) for name, one in tensors.items() if names.fullmatch(name) and _is_matrix(one)]
    return found[0] if len(found) == 1 else None


def _is_matrix(tensor: Tensor) -> bool:
    """Tell whether *tensor* has rows of plain numbers: packed ones have other shapes."""
    sides = [length for length in tensor.shape[1:] if length > 1]
    return tensor.dtype.startswith(_FLOATS) and len(tensor.shape) > 1 and len(sides) <= 1
