"""What a provision knows of what it brings: what a layout writes down before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.model import ManifestFile, PlacedFile


@dataclass(frozen=True)
class Delivery:
    """
    A model that lies where it should, or will.

    ``revision`` is as asked, ``commit`` what it was; ``files`` are all files of the model, also those that were there
    before; ``listing`` is the whole repository at that commit, where it is known.
    """

    source: str
    revision: str
    commit: str
    files: tuple[PlacedFile, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    listing: tuple[ManifestFile, ...] | None = None
