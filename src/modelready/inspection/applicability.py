"""Which checks have anything to look at in a model: told by what they ask for, before they run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelready.inspection import tokenizers, weights
from modelready.model import PlacedModel

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelready.model import Model

#: Gives another model of the catalog by its name.
Lookup = Callable[[str], PlacedModel]

_SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$|\.safetensors\.index\.json$")


def _has_weights(placed: PlacedModel, _: Lookup) -> bool:
    return any(weights.is_inspected(one.place) for one in placed.files)


def is_sharded(placed: PlacedModel, _: Lookup | None = None) -> bool:
    """Tell whether weights of *placed* are split into shards."""
    return any(_SHARD.search(one.path) for one in placed.files)


def _has_tokenizers(placed: PlacedModel, lookup: Lookup) -> bool:
    return bool(tokenizers.folders(placed, lookup))


def _is_for_mflux(placed: PlacedModel, _: Lookup) -> bool:
    return "mflux" in placed.model.consumers


#: What a check that asks for a fixture needs of a model, by the fixture's name.
_NEEDED: dict[str, Callable[[PlacedModel, Lookup], bool]] = {
    "weight_files": _has_weights,
    "sharded_model": is_sharded,
    "tokenizer_faults": _has_tokenizers,
    "mflux_faults": _is_for_mflux,
}


def applies(placed: PlacedModel, asked: Collection[str], lookup: Lookup) -> bool:
    """Tell whether a check that asks for the fixtures *asked* has anything to look at in *placed*."""
    needed = [_NEEDED[name] for name in asked if name in _NEEDED]
    return may_apply(placed.model, asked) and all(is_there(placed, lookup) for is_there in needed)


def may_apply(model: Model, asked: Collection[str]) -> bool:
    """Tell the same of a model whose files are not known yet, as far as the catalog tells."""
    return "cached_model" not in asked or model.layout == "hub-cache"


def is_about_the_whole(asked: Collection[str]) -> bool:
    """Tell whether a check that asks for the fixtures *asked* judges a model as a whole, not file by file."""
    return not {"sharded_model", "tokenizer_faults", "mflux_faults"}.isdisjoint(asked)
