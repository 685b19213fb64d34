"""What an application meets on this machine when it is to open a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelready.model import Source


@dataclass(frozen=True)
class Setting:
    """
    One model as an application finds it: the folder, the Hub cache, the variables, the folder it is started in.

    ``files`` are those that the catalog wants, by their path in the source, whether they are there or not; ``told``
    are the paths that an earlier check objected to: nobody tells of them again.
    """

    name: str
    source: Source
    root: Path  # the snapshot in the Hub cache, or the model's folder
    is_cached: bool  # it lies in the Hub cache
    cache: Path
    cwd: Path
    revision: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()  # repositories that other models required here bring into the Hub cache
    environ: Mapping[str, str] = field(default_factory=dict)
