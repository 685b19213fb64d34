"""Which checks have anything to look at in a model: told by what they ask for, before they run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelready.inspection import tokenizers, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from modelready.model import Model, PlacedModel

_SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$|\.safetensors\.index\.json$")


def applies(placed: PlacedModel, asked: Collection[str], lookup: Callable[[str], PlacedModel]) -> bool:
    """Tell whether a check that asks for the fixtures *asked* has anything to look at in *placed*."""
    if not may_apply(placed.model, asked):
        return False
    if "weight_files" in asked:
        return any(weights.is_inspected(one.place) for one in placed.files)
    if "sharded_model" in asked:
        return is_sharded(placed)
    if "tokenizer_faults" in asked:
        return bool(tokenizers.folders(placed, lookup))
    return True


def may_apply(model: Model, asked: Collection[str]) -> bool:
    """Tell the same of a model whose files are not known yet, as far as the catalog tells."""
    return "cached_model" not in asked or model.layout == "hub-cache"


def is_about_the_whole(asked: Collection[str]) -> bool:
    """Tell whether a check that asks for the fixtures *asked* judges a model as a whole, not file by file."""
    return not {"sharded_model", "tokenizer_faults"}.isdisjoint(asked)


def is_sharded(placed: PlacedModel) -> bool:
    """Tell whether weights of *placed* are split into shards."""
    return any(_SHARD.search(one.path) for one in placed.files)
