"""A model's layout, chosen by its catalog, and where in it a file lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.layouts import Folder, HubCache

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.environment import Settings
    from modelready.model import FileRule, Model


def layout_of(model: Model, settings: Settings) -> HubCache | Folder:
    """Give the layout of *model*."""
    if model.layout == "hub-cache":
        return HubCache(settings.hf_cache, model.source.address, has_symlinks=not settings.has_no_symlinks)
    return Folder(folder_of(model), model.name)


def folder_of(model: Model) -> Path:
    """Give the folder of a model whose layout is one; a required model always has one."""
    if model.folder is None:
        raise AssertionError(f"{model.name} has no folder")  # unreachable: the catalog refuses such a model
    return model.folder


def place(layout: HubCache | Folder, commit: str | None, path: str, rule: FileRule | None) -> Path:
    """
    Give the place of the file that the source calls *path*.

    Raises: UnsafePath, where it would leave its folder.
    """
    if isinstance(layout, Folder):
        return layout.place((rule.save_as if rule else None) or path)
    if commit is None:  # nothing of the repository is here: a place that does not exist
        return layout.storage / "snapshots" / "unknown" / path
    return layout.place(commit, path)


def root_of(layout: HubCache | Folder, commit: str | None) -> Path:
    """Give the folder that an application is to be given."""
    if isinstance(layout, Folder):
        return layout.root
    return layout.snapshot(commit) if commit else layout.storage
