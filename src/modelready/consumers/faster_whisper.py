"""
faster-whisper opens a folder that CTranslate2 made, and asks the network for a tokenizer that is not in it.

faster_whisper 1.2, transcribe.py (``WhisperModel.__init__``, lines 678-709): tokenizer.json, or else
``Tokenizer.from_pretrained("openai/whisper-tiny")``; preprocessor_config.json, or else 80 mel bins, where large-v3
needs 128. utils.py, download_model, lists the files. CTranslate2, src/models/whisper.cc: model.bin, and
vocabulary.json or vocabulary.txt.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from modelready.consumers import reading
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.consumers.setting import Setting

_VOCABULARY = ("vocabulary.json", "vocabulary.txt")
_NEEDED = {
    "model.bin": "no weights: CTranslate2 opens this name",
    "config.json": "CTranslate2 opens the model without it, and then suppresses no tokens and aligns no words",
    "tokenizer.json": "faster-whisper asks the network for openai/whisper-tiny's instead",
}
_PREPROCESSOR = "preprocessor_config.json"
#: How many words large-v3 and what was made of it have; all the others have one less.
_WORDS_OF_LARGE_V3 = 51866


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps faster-whisper from opening the model with no network."""
    return tuple(_faults(setting))


def _faults(setting: Setting) -> Iterator[Fault]:
    for name, why in _NEEDED.items():
        if not setting.holds(name):
            yield Fault(name, f"is not there: {why}")
    if not setting.holds_any(_VOCABULARY):
        yield Fault(_VOCABULARY[0], f"is not there; expected {' or '.join(_VOCABULARY)}")
    for name in ("config.json", _PREPROCESSOR):
        yield from _unreadable(setting, name)
    if not setting.holds(_PREPROCESSOR) and _words(setting) == _WORDS_OF_LARGE_V3:
        yield Fault(_PREPROCESSOR, "is not there: 80 mel bins are taken, and large-v3 needs 128")


def _unreadable(setting: Setting, name: str) -> Iterator[Fault]:
    if setting.is_told(name) or not setting.holds(name):
        return
    try:
        reading.table(setting.root / name)
    except reading.Unreadable as error:
        yield Fault(setting.path_of(name), str(error))


def _words(setting: Setting) -> int:
    """Count the words of the vocabulary; none where it cannot be read."""
    name = next((name for name in _VOCABULARY if setting.holds(name) and not setting.is_told(name)), "")
    if not name:
        return 0
    try:
        content = reading.text(setting.root / name)
        words = json.loads(content) if name.endswith(".json") else content.splitlines()
    except (ValueError, RecursionError):  # CTranslate2 itself says more of a broken vocabulary
        return 0
    return len(words) if isinstance(words, list) else 0
