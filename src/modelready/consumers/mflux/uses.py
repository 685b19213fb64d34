"""
Which built-in models of mflux a catalog's model is meant for, and what each of them finds lacking.

Several may open one repository, by different patterns: one weight file of two, a base and its ControlNet, only the VAE.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.consumers.mflux import models, tokenizers, weights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from modelready.consumers.mflux.models import BuiltIn, Opening
    from modelready.consumers.mflux.versions import Target
    from modelready.model import Fault


@dataclass(frozen=True)
class Use:
    """A built-in model, and what it opens in the repository in question."""

    model: BuiltIn
    opens: tuple[Opening, ...]

    @property
    def name(self) -> str:
        """Give the name by which mflux is asked for it."""
        return self.model.name

    @property
    def weights(self) -> tuple[Opening, ...]:
        """Give the looks that are for weights."""
        return tuple(one for one in self.opens if one.kind == "weights")

    @property
    def tokenizers(self) -> tuple[Opening, ...]:
        """Give the looks for tokenizers that are made a second time, by the repository's name."""
        return tuple(one for one in self.opens if one.kind == "tokenizer" and not one.in_weights_root)

    def without_saves(self) -> Use:
        """Give the same, blind for what mflux-save puts into other folders than the original's."""
        return replace(self, opens=tuple(replace(one, saves=()) for one in self.opens))

    def touched(self, wanted: Collection[str]) -> frozenset[str]:
        """Give the patterns of weights and tokenizers that the catalog's files match: configurations tell little."""
        looked_for = {pattern for one in self.opens for pattern in one.patterns if not pattern.endswith(".json")}
        return frozenset(one for one in looked_for if any(patterns.matches_one(path, one) for path in wanted))


def of_repository(repo: str) -> tuple[Use, ...]:
    """Give the uses of *repo*; of one that no built-in model opens, those of the model that its name tells of."""
    if found := models.opening(repo):
        return tuple(Use(one, one.of(repo)) for one in found)
    base = models.named(repo)
    return (Use(base, base.of(base.repo)),) if base else ()


def custom(repo: str, wanted: Collection[str]) -> Use:
    """Give the use of a model that mflux knows nothing of: its weights where the catalog wants them, its tokenizer."""
    parents = dict.fromkeys(PurePosixPath(path).parent for path in wanted if path.endswith(".safetensors"))
    looks = tuple((one / "*.safetensors").as_posix() for one in parents) or ("*.safetensors",)
    speaking = dict.fromkeys(path.split("/")[0] for path in wanted if path.startswith("tokenizer") and "/" in path)
    opens = [models.Opening("weights", repo, looks)]
    opens += [models.Opening("tokenizer", repo, (f"{one}/**",), one, (), "AutoTokenizer") for one in speaking]
    return Use(models.BuiltIn(repo, repo, (0,), (), tuple(opens)), tuple(opens))


def meant(uses: Sequence[Use], wanted: Collection[str]) -> tuple[tuple[Use, ...], ...]:
    """
    Group the uses that a catalog which wants the files *wanted* can be meant for: one of each group has to be served.

    Who brings a file that only one of two uses opens means that one; who brings what both open means either.
    """
    groups: dict[frozenset[str], list[Use]] = defaultdict(list)
    for use in uses:
        groups[use.touched(wanted)].append(use)
    return tuple(tuple(found) for touched, found in groups.items() if not any(touched < other for other in groups))


def lacks(root: Path, use: Use, target: Target) -> Iterator[Fault]:
    """Tell what *use* finds lacking in *root*, wherever that is."""
    for one in use.opens:
        if one.kind in {"weights", "config"}:
            yield from weights.lacks(root, one)
        elif one.kind == "tokenizer":
            yield from tokenizers.lacks(root, one, target)
        else:
            yield from tokenizers.processor(root, one)
