"""What every command starts from: the catalog asked for, what it requires here, and where things lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelready import catalog as _catalog
from modelready import environment, switches
from modelready import lock as _lock
from modelready.downloads.jobs import Jobs
from modelready.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelready.catalog import Catalog
    from modelready.environment import Settings
    from modelready.lock import LockEntry
    from modelready.model import Model
    from modelready.switches import Decision


@dataclass(frozen=True)
class Ground:
    """What models are located and placed on: the settings, the lock, and what was remembered."""

    settings: Settings
    lock: Mapping[str, LockEntry]
    lock_path: Path | None = None

    @cached_property
    def ledger(self) -> Ledger:
        """Give the digests computed before; in memory where the state folder cannot be written."""
        return Ledger(self.settings.home / "ledger.sqlite3")

    @cached_property
    def jobs(self) -> Jobs:
        """Give the rows of downloads."""
        return Jobs(self.settings.home)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("ledger", "jobs"):
            if name in self.__dict__:
                getattr(self, name).close()


def bare(environ: Mapping[str, str]) -> Ground:
    """
    Give the ground of a program that has no catalog.

    Raises: RequestError, for a variable that makes no sense.
    """
    return Ground(environment.read(environ), {})


@dataclass(frozen=True)
class Requested:
    """What a command was asked about."""

    ground: Ground
    catalog: Catalog
    decisions: Mapping[str, Decision]
    lock_path: Path
    selected: dict[str, Model]

    @property
    def required(self) -> dict[str, Model]:
        """Give the selected models that are required here."""
        return {name: one for name, one in self.selected.items() if self.decisions[name].is_required}

    def with_needs(self, names: Sequence[str]) -> list[Model]:
        """Give the models *names* and all that they need, in the catalog's order."""
        wanted, found = list(names), set[str]()
        while wanted:
            name = wanted.pop()
            if name not in found:
                found.add(name)
                wanted += self.catalog.by_name[name].needs
        return [one for one in self.catalog.models if one.name in found]


def requested(  # noqa: PLR0913 - the options that every command shares
    environ: Mapping[str, str],
    cwd: Path,
    *,
    catalogs: Sequence[Path] = (),
    lock: Path | None = None,
    require: Sequence[str] = (),
    models: Sequence[str] = (),
    may_lack_lock: bool = False,
) -> Requested:
    """
    Read environment, catalogs and lock.

    A lock that was asked for by name is there, unless it is to be written.

    Raises: RequestError, for a mistake in any of them; all faults of the catalogs are told at once.
    """
    settings = environment.read(environ)
    globs = switches.required_globs(require, environ)
    paths = _catalog.default_paths(catalogs, environ, cwd)
    found = _catalog.read(paths, environ=environ, cwd=cwd, require=globs)
    lock_path = lock or _lock.default_path(paths)
    if lock is not None and not may_lack_lock:
        _lock.must_be_there(lock)
    return Requested(
        ground=Ground(settings, _lock.read(lock_path), lock_path),
        catalog=found,
        decisions=switches.decide(found.models, environ, globs, named_by=switches.named_by(require)),
        lock_path=lock_path,
        selected={one.name: one for one in found.select(models)},
    )
