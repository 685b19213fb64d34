"""
What config.json says of the weights beside it, and modules.json of the folders below it.

config.json is transformers' own: the class that loads the weights, its labels, its words, its width. modules.json and
the configuration of a pooling layer are sentence-transformers'.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG, MODULES = "config.json", "modules.json"

_CLASSIFIES = re.compile(r"For(Sequence|Image|Token|Audio|Video)Classification$")
#: What the width of a model is called: by most, by T5, by DistilBERT, by GPT-2.
_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")
_LONGEST = 64 * 2**20
_LARGEST = 2**40


class BrokenConfig(ValueError):
    """The file is no configuration; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration says; 0 and an empty text where it does not."""

    architecture: str = ""
    is_custom: bool = False  # code beside the weights decides what these figures mean
    labels: int = 0
    words: int = 0
    width: int = 0

    @property
    def classifies(self) -> bool:
        """Tell whether transformers gives the weights a head with an output for each label."""
        return bool(_CLASSIFIES.search(self.architecture)) and not self.is_custom


@dataclass(frozen=True, slots=True)
class Module:
    """One part of a model of sentence-transformers, and the folder it lies in."""

    path: str
    kind: str


def read(path: Path) -> Config:
    """
    Read a configuration of transformers.

    Raises: BrokenConfig, in words. OSError, where the file cannot be read.
    """
    found = _object(path)
    architectures = found.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else ""
    return Config(
        architecture=first if isinstance(first, str) else "",
        is_custom="auto_map" in found,
        labels=_labels(found),
        words=_words(found),
        width=next((width for name in _WIDTHS if (width := _count(found.get(name)))), 0),
    )


def pooled_width(path: Path) -> int:
    """
    Give the width that a pooling layer expects; 0 where its configuration does not say.

    Raises: BrokenConfig, in words. OSError, where the file cannot be read.
    """
    return _count(_object(path).get("word_embedding_dimension"))


def modules(path: Path) -> tuple[Module, ...]:
    """
    Give the modules that modules.json names.

    Raises: BrokenConfig, in words. OSError, where the file cannot be read.
    """
    found = _json(path)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BrokenConfig("is no list of modules")
    return tuple(_modules(found))


def _modules(found: list[dict[str, Any]]) -> Iterator[Module]:
    for one in found:
        path, kind = one.get("path"), one.get("type")
        if isinstance(path, str) and isinstance(kind, str):
            yield Module(path.strip("/"), kind.rpartition(".")[2])


def _labels(found: dict[str, Any]) -> int:
    """Count the labels; where two places tell, and differ, nothing is known."""
    named = found.get("id2label")
    told = {len(named) if isinstance(named, dict) else 0, _count(found.get("num_labels"))} - {0}
    return told.pop() if len(told) == 1 else 0


def _words(found: dict[str, Any]) -> int:
    inner = found.get("text_config")
    return _count(found.get("vocab_size")) or _count(inner.get("vocab_size") if isinstance(inner, dict) else None)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST else 0


def _object(path: Path) -> dict[str, Any]:
    """Give the object in *path*; whatever else is named so says nothing."""
    found = _json(path)
    return found if isinstance(found, dict) else {}


def _json(path: Path) -> object:
    if (size := path.stat().st_size) > _LONGEST:
        raise BrokenConfig(f"is {size:,} bytes long, far more than any configuration")
    try:
        found: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BrokenConfig("is no valid JSON") from error
    return found
