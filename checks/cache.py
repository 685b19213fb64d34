"""The Hub cache leads every program to the files, with no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.inspection import cache, travelling

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from modelready.model import Fault, PlacedModel
    from modelready.suite.judging import Judge


def test_names_lead_to_files(
    cached_model: PlacedModel, hub_cache: Path, refused: Collection[str], judge: Judge
) -> None:
    """
    Refs, snapshots, links and shared blobs resolve inside the cache.

    Mend: `modelready provision` writes refs and links anew; a copied cache wants `cp -aL`, or its `blobs/` as well.
    """
    judge.warn(travelling.hazards(cached_model))
    judge(cache.broken_names(cached_model, hub_cache, refused=refused))


def test_holds_no_partials(partial_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    No required file is still a partial download, in the Hub cache or in a folder that `hf download` filled.

    Mend: `modelready provision` goes on where the download stopped.
    """
    judge(partial_faults)
