"""Which checks have anything to look at in a model: told by what they ask for, before they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelready.formats import shards
from modelready.inspection import applications, local_dirs, partners, tokenizers, weights
from modelready.model import PlacedModel

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelready.model import Model, PlacedFile

#: Gives another model of the catalog by its name.
Lookup = Callable[[str], PlacedModel]


def _has_weights(placed: PlacedModel, _: Lookup) -> bool:
    return any(weights.may_be_inspected(one.place) for one in placed.files)


def _has_searched_weights(placed: PlacedModel, _: Lookup) -> bool:
    return any(weights.is_searched(one.place) for one in placed.files)


def _has_partners(placed: PlacedModel, _: Lookup) -> bool:
    return partners.are_there(placed.files)


def is_sharded(placed: PlacedModel, _: Lookup | None = None) -> bool:
    """Tell whether weights of *placed* are split into shards."""
    return any(one.path.endswith(shards.INDEX_SUFFIX) or _is_numbered(one) for one in placed.files)


def _is_numbered(one: PlacedFile) -> bool:
    return bool(shards.NUMBERED.fullmatch(one.place.name)) and weights.may_be_inspected(one.place)


def _has_named_dtypes(placed: PlacedModel, _: Lookup) -> bool:
    return any(one.dtype and weights.is_weight(one.place) for one in placed.files)


def _has_tokenizers(placed: PlacedModel, lookup: Lookup) -> bool:
    return bool(tokenizers.folders(placed, lookup))


def _may_hold_partials(placed: PlacedModel, _: Lookup) -> bool:
    return placed.model.layout == "hub-cache" or local_dirs.has_notes(placed)


#: What a check that asks for a fixture needs of a model, by the fixture's name.
_NEEDED: dict[str, Callable[[PlacedModel, Lookup], bool]] = {
    "weight_files": _has_weights,
    "blank_weights": _has_searched_weights,
    "partial_faults": _may_hold_partials,
    "partner_findings": _has_partners,
    "sharded_model": is_sharded,
    "typed_files": _has_named_dtypes,
    "tokenizer_faults": _has_tokenizers,
}

#: The application that a check judges for, by the fixture it asks for.
_APPLICATIONS = {
    "comfyui_faults": "comfyui",
    "diffusers_faults": "diffusers",
    "faster_whisper_faults": "faster-whisper",
    "llama_cpp_faults": "llama.cpp",
    "mflux_faults": "mflux",
    "transformers_faults": "transformers",
    "vllm_faults": "vllm",
    "whisper_cpp_faults": "whisper.cpp",
}


def applies(placed: PlacedModel, asked: Collection[str], lookup: Lookup) -> bool:
    """Tell whether a check that asks for the fixtures *asked* has anything to look at in *placed*."""
    needed = [_NEEDED[name] for name in asked if name in _NEEDED]
    return may_apply(placed.model, asked) and all(is_there(placed, lookup) for is_there in needed)


def may_apply(model: Model, asked: Collection[str]) -> bool:
    """Tell the same of a model whose files are not known yet, as far as the catalog tells."""
    is_in_its_layout = "cached_model" not in asked or model.layout == "hub-cache"
    asking = [_APPLICATIONS[name] for name in asked if name in _APPLICATIONS]
    return is_in_its_layout and all(_is_opened_by(model, one) for one in asking)


def is_about_the_whole(asked: Collection[str]) -> bool:
    """Tell whether a check that asks for the fixtures *asked* judges a model as a whole, not file by file."""
    return not {"partner_findings", "sharded_model", "tokenizer_faults", *_APPLICATIONS}.isdisjoint(asked)


def _is_opened_by(model: Model, application: str) -> bool:
    return not applications.consumers_of(application).isdisjoint(model.consumers)
