"""
What the installed transformers says of a type of model: is it known, does it have a tokenizer, a processor.

transformers itself is asked (models/auto/*.py), and only where something is missing: importing it takes seconds.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

#: Ends of architectures that do something for their user; a bare encoder may be a part of something else.
_WORDS = ("ForCausalLM", "ForConditionalGeneration", "ForMaskedLM", "ForSequenceClassification")
_WORDS_TOO = ("ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice", "ForImageTextToText")
_SENSES = ("ForImageClassification", "ForObjectDetection", "ForAudioClassification", "ForCTC", "ForDepthEstimation")
_SENSES_TOO = ("ForSemanticSegmentation", "ForConditionalGeneration", "ForImageTextToText", "ForSpeechSeq2Seq")


def is_known(config: dict[str, Any]) -> bool:
    """Tell whether transformers opens the model by code of its own."""
    return _has(config, "configuration_auto.CONFIG_MAPPING_NAMES")


def works_on_text(config: dict[str, Any]) -> bool:
    """Tell whether the model is used on text, so that it needs a tokenizer."""
    return _ends(config, (*_WORDS, *_WORDS_TOO)) and _has(config, "tokenization_auto.TOKENIZER_MAPPING_NAMES")


def works_on_images_or_sound(config: dict[str, Any]) -> bool:
    """Tell whether the model is used on images or sound, so that it needs a processor."""
    mappings = ("image_processing_auto.IMAGE_PROCESSOR", "feature_extraction_auto.FEATURE_EXTRACTOR")
    is_known = any(_has(config, f"{one}_MAPPING_NAMES") for one in mappings)
    return _ends(config, (*_SENSES, *_SENSES_TOO)) and is_known


def _ends(config: dict[str, Any], ends: tuple[str, ...]) -> bool:
    architectures = config.get("architectures")
    named = architectures if isinstance(architectures, list) else []
    return any(isinstance(one, str) and one.endswith(ends) for one in named)


def _has(config: dict[str, Any], where: str) -> bool:
    kind = config.get("model_type")
    return isinstance(kind, str) and kind in _named(where)


@cache
def _named(where: str) -> frozenset[str]:
    """Give the types of models that a table of transformers names; none where it has no such table."""
    module, _, table = where.partition(".")
    try:
        found = getattr(import_module(f"transformers.models.auto.{module}"), table, {})
    except ImportError:
        return frozenset()
    return frozenset(kind for kind, cls in found.items() if cls)
