"""Files that two models would write to one place, differently."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.rules import named_paths, rule_for, saved_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelready.model import Digest, Model, Source


@dataclass(frozen=True)
class Claim:
    """A model says that a file of its source will lie at ``place``."""

    model: str
    place: Path
    source: Source
    path: str
    size: int | None = None
    digests: tuple[Digest, ...] = ()


def claims(model: Model) -> Iterator[Claim]:
    """Give the claims of *model* that its catalog alone makes sure of; a Hub cache never clashes."""
    if model.layout != "folder" or model.folder is None:
        return
    for path in named_paths(model):
        rule = rule_for(model, path)
        known = (rule.size, rule.digests) if rule else (None, ())
        yield Claim(model.name, model.folder / saved_path(path, rule), model.source, path, *known)


def find(claimed: Iterable[Claim]) -> Iterator[tuple[Claim, Claim, str]]:
    """Give each claim that contradicts an earlier one, that one, and what they disagree about."""
    first: dict[str, Claim] = {}
    below: dict[str, Claim] = {}
    for claim in claimed:
        place = os.fspath(claim.place)
        earlier = first.setdefault(place, claim)
        if why := _difference(earlier, claim):
            yield claim, earlier, why
        elif place in below:
            yield claim, below[place], "one needs a file there, the other a folder"
        for parent in _parents(place):
            below.setdefault(parent, claim)
            if parent in first:
                yield claim, first[parent], "one needs a file there, the other a folder"


def _parents(place: str) -> Iterator[str]:
    while (parent := os.path.dirname(place)) != place:  # noqa: PTH120 - a Path for each of 100,000 parents is slow
        yield parent
        place = parent


def _difference(one: Claim, two: Claim) -> str:
    """Say in what the bytes of two claims to one place differ, or may differ; nothing if they are the same."""
    if one is two:
        return ""
    if one.size is not None and two.size is not None and one.size != two.size:
        return "the sizes differ"
    told = {digest.algorithm: digest.hex for digest in one.digests}
    shared = [digest.hex == told[digest.algorithm] for digest in two.digests if digest.algorithm in told]
    if not all(shared):
        return "the digests differ"
    if shared or (_origin(one) == _origin(two)):
        return ""
    return "the sources differ, and no digest says that the bytes are the same"


def _origin(claim: Claim) -> tuple[str, str, str, str | None, str]:
    source = claim.source
    return source.kind, source.address, source.revision, source.file_id, claim.path
