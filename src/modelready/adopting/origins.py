"""Where files may come from: what catalogs that are known here say of their digests, commits and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import catalog, packaged
from modelready.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelready.catalog import Catalog
    from modelready.model import FileRule, Model


@dataclass(frozen=True)
class Origin:
    """A source, and a file's path in it."""

    source: str
    path: str


@dataclass(frozen=True)
class Origins:
    """What *catalogs* know; each answer is one that they agree about."""

    catalogs: Sequence[Catalog] = field(default_factory=tuple)

    def of_digest(self, sha256: str) -> Origin | None:
        """Give the origin of the file with this digest."""
        return self._by_digest.get(sha256)

    def of_commit(self, commit: str) -> str | None:
        """Give the source that is pinned at *commit*."""
        return self._by_commit.get(commit)

    def of_name(self, name: str) -> Origin | None:
        """Give the origin of the only file that is saved under *name*; None where several are, or none."""
        found = self._by_name.get(name, set())
        return next(iter(found)) if len(found) == 1 else None

    @cached_property
    def _by_digest(self) -> dict[str, Origin]:
        return {
            digest.hex: Origin(model.source.text, rule.path)
            for model, rule in self._files()
            for digest in rule.digests
            if digest.algorithm == "sha256"
        }

    @cached_property
    def _by_commit(self) -> dict[str, str]:
        models = (model for one in self.catalogs for model in one.models)
        return {model.source.revision: model.source.text for model in models if model.source.is_pinned}

    @cached_property
    def _by_name(self) -> dict[str, set[Origin]]:
        found: dict[str, set[Origin]] = {}
        for model, rule in self._files():
            name = (rule.save_as or rule.path).rpartition("/")[2]
            found.setdefault(name, set()).add(Origin(model.source.text, rule.path))
        return found

    def _files(self) -> Iterator[tuple[Model, FileRule]]:
        yield from ((model, rule) for one in self.catalogs for model in one.models for rule in model.files)


def shipped() -> Origins:
    """Give what the catalogs know that come with modelready."""
    try:
        return Origins((catalog.read([packaged.folder("catalogs")], environ={}, cwd=Path("/")),))
    except (ModuleNotFoundError, RequestError):  # a guess less: nothing else depends on it
        return Origins()
