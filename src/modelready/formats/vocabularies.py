"""
The words of a tokenizer, in the files that hold them: tokenizer.json, vocab.json, merges.txt.

The same words may stand in two of them. tokenizers refuses merges of words that the vocabulary does not have ("Token
… out of vocabulary"), and a table of embeddings has no row for an id beyond its last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WHOLE, WORDS, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
#: The largest real ones have 40 MB.
_LONGEST = 256 * 2**20
#: How byte-level BPE writes a space: such vocabularies hold each byte, and merges of them without marks.
_SPACE = "\u0120"


class BrokenVocabulary(ValueError):
    """The file holds no words as it should; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and their ids; ``added`` are those that stand beside the model's own."""

    ids: Mapping[str, int]
    added: Mapping[str, int]

    @property
    def highest(self) -> int:
        """Give the highest id of the model's own words; -1 where there are none."""
        return max(self.ids.values(), default=-1)

    @property
    def is_byte_level(self) -> bool:
        """Tell whether words are made of bytes, as in GPT-2."""
        return _SPACE in self.ids


def read_whole(path: Path) -> Vocabulary:
    """
    Read the words of a tokenizer.json.

    Raises: BrokenVocabulary, in words. OSError, where the file cannot be read.
    """
    found = _json(path)
    model = found.get("model") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(model, dict):
        raise BrokenVocabulary("has no model")
    added = found.get("added_tokens")
    return Vocabulary(_model_ids(model.get("vocab")), dict(_added(added if isinstance(added, list) else [])))


def read_words(path: Path) -> Vocabulary:
    """
    Read a vocab.json.

    Raises: BrokenVocabulary, in words. OSError, where the file cannot be read.
    """
    return Vocabulary(_ids(_json(path)), {})


def unmergeable(vocabulary: Vocabulary, merges: Path) -> tuple[str, ...]:
    """
    Give the words that *merges* makes or takes and *vocabulary* lacks.

    Raises: BrokenVocabulary, in words. OSError, where the file cannot be read.
    """
    lost: dict[str, None] = {}
    for pair in _pairs(merges):
        lost.update(dict.fromkeys(word for word in (*pair, "".join(pair)) if word not in vocabulary.ids))
    return tuple(lost)


def other_ids(one: Vocabulary, other: Vocabulary) -> tuple[str, ...]:
    """Give the words that both have, under different ids."""
    known = {**one.ids, **one.added}
    return tuple(word for word, place in other.ids.items() if known.get(word, place) != place)


def _pairs(merges: Path) -> Iterator[list[str]]:
    for line in _text(merges).split("\n"):
        if line.startswith("#version") or not line.strip():
            continue
        pair = line.rstrip("\r").split(" ")
        if len(pair) != len(("left", "right")):
            raise BrokenVocabulary(f"holds {line[:40]!r}, which is no pair of words")
        yield pair


def _model_ids(vocabulary: object) -> dict[str, int]:
    """Give the ids of a model's words: a table of them, or a list of words and scores (Unigram) in their order."""
    if isinstance(vocabulary, list):
        words = [one[0] for one in vocabulary if isinstance(one, list) and one and isinstance(one[0], str)]
        if len(words) != len(vocabulary):
            raise BrokenVocabulary("its vocabulary is no list of words and scores")
        return {word: place for place, word in enumerate(words)}
    return _ids(vocabulary)


def _ids(found: object) -> dict[str, int]:
    if not isinstance(found, dict) or not all(type(place) is int for place in found.values()):
        raise BrokenVocabulary("its vocabulary is no table of words and their numbers")
    return found


def _added(entries: list[Any]) -> Iterator[tuple[str, int]]:
    for one in entries:
        if isinstance(one, dict) and isinstance(one.get("content"), str) and type(one.get("id")) is int:
            yield one["content"], one["id"]


def _json(path: Path) -> object:
    try:
        found: object = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BrokenVocabulary):
            raise
        raise BrokenVocabulary("is no valid JSON") from error
    return found


def _text(path: Path) -> str:
    if (size := path.stat().st_size) > _LONGEST:
        raise BrokenVocabulary(f"is {size:,} bytes long, far more than any vocabulary")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BrokenVocabulary(f"is no text in UTF-8 (at byte {error.start})") from error
