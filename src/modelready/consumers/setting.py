"""What an application meets on this machine when it is to open a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.consumers import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.model import Source


@dataclass(frozen=True)
class Setting:
    """
    One model as an application finds it: the folder, the Hub cache, the variables, the folder it is started in.

    ``files`` are those that the catalog wants, by their path in the source, whether they are there or not; ``told``
    are the paths that an earlier check objected to: nobody tells of them again. What a judge asks of the folder is
    answered as if those were mended, so that one missing file is one objection.
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
    consumers: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    has_tokenizer_named: bool = False  # the catalog says where its tokenizer lies: in another model, perhaps

    @cached_property
    def _by_place(self) -> dict[Path, str]:
        return {place: path for path, place in self.files.items()}

    @cached_property
    def _told_places(self) -> frozenset[Path]:
        return frozenset(place for path, place in self.files.items() if path in self.told)

    def path_of(self, path: str) -> str:
        """Give the path in the source of what lies at *path* below the root; where it is none of its files, *path*."""
        return self._by_place.get(self.root / path, path)

    def is_told(self, path: str) -> bool:
        """Tell whether an earlier check objected to what lies at *path* below the root."""
        return self.root / path in self._told_places or path in self.told

    def holds(self, path: str) -> bool:
        """Tell whether a file lies at *path* below the root, or would if what was told were mended."""
        return self.is_told(path) or reading.is_file(self.root / path)

    def holds_any(self, paths: Iterable[str]) -> bool:
        """Tell whether one of *paths* is held."""
        return any(self.holds(path) for path in paths)

    def names(self, folder: str = ".") -> frozenset[str]:
        """Give the names of the files right in *folder* below the root, as ``holds`` counts them."""
        place = self.root / folder
        return frozenset(_files_in(place)) | {told.name for told in self._told_places if told.parent == place}

    def holds_folder(self, folder: str) -> bool:
        """Tell whether there is such a folder below the root, or would be if what was told were mended."""
        place = self.root / folder
        return reading.is_folder(place) or any(place in told.parents for told in self._told_places)

    def shown(self, place: Path) -> str:
        """Give *place* for people: below the root as it is, elsewhere with the home folder as ``~``."""
        return shown(place, self.environ) if not place.is_relative_to(self.root) else str(place.relative_to(self.root))

    def is_left_out(self, *paths: str) -> bool:
        """Tell whether the catalog leaves all of *paths* out on purpose, by its ``exclude``."""
        return bool(paths) and all(patterns.matches(path, self.exclude) for path in paths)

    def is_wanted(self, *paths: str) -> bool:
        """Tell whether the catalog would take one of *paths*, were the source to have it."""
        return bool(patterns.select(paths, self.include, self.exclude))


def shown(place: Path, environ: Mapping[str, str]) -> str:
    """Give *place* with the home folder as ``~``: what is told goes to other machines."""
    home = environ.get("HOME", "").rstrip("/")
    return f"~{str(place)[len(home) :]}" if home and place.is_relative_to(home) else str(place)


def _files_in(folder: Path) -> list[str]:
    try:
        places = list(folder.iterdir())
    except OSError:
        return []
    return [place.name for place in places if reading.is_file(place)]
