"""The places that the models of a catalog have on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.layouts import Folder, HubCache
from modelready.placing import locate, places
from modelready.placing.examining import manifest_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.grounds import Requested
    from modelready.model import Model, PlacedFile


@dataclass(frozen=True)
class Places:
    """The folders of models, their files by place, and where their part files would lie."""

    roots: frozenset[Path]
    placed: Mapping[Path, PlacedFile]
    parts: frozenset[Path]

    @classmethod
    def of(cls, asked: Requested) -> Places:
        """Give the places of the selected models; files of all models count, for folders are shared."""
        files: dict[Path, PlacedFile] = {}
        parts = set()
        for model in asked.catalog.models:
            if isinstance(layout := layout_of(model, asked), Folder):
                placed = locate(model, asked.ground).files
                files |= {one.place: one for one in placed}
                parts |= {layout.part(manifest_file(one), one.place) for one in placed}
        return cls(roots(asked.selected.values(), asked), files, frozenset(parts))


def roots(models: Iterable[Model], asked: Requested) -> frozenset[Path]:
    """Give the folders of those *models* that lie in one."""
    return frozenset(layout.root for one in models if isinstance(layout := layout_of(one, asked), Folder))


def layout_of(model: Model, asked: Requested) -> Folder | HubCache | None:
    """Give the layout of *model*; None for a folder that a variable names which is not set."""
    if model.layout == "folder" and model.folder is None:
        return None
    return places.layout_of(model, asked.ground.settings)


def storage(model: Model, cache: Path) -> Path:
    """Give the folder in *cache* that holds the repository of *model*."""
    return HubCache(cache, model.source.address).storage
