"""Files that may run code when they are loaded: what their pickles import, and the code that they carry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.formats import runnable
from modelready.importable import is_blocked, is_global
from modelready.inspection import words
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelready.formats.runnable import Finding
    from modelready.model import PlacedFile

_MOST_TOLD = 12
_MEANT = "load it only where you would run a program of its source; its safetensors version runs nothing"
_RUNS = "do not load it: it runs code of its author"
_UNTOLD = "do not load it: nobody can tell what it runs"


@dataclass(frozen=True)
class Found:
    """What was found in files: ``imported`` refuses them, ``carried`` is code that they are known to carry."""

    imported: tuple[Fault, ...] = ()
    carried: tuple[Fault, ...] = ()


def look(files: Sequence[PlacedFile]) -> Found:
    """Look into every one of *files*, whatever its name, for what loading it may run."""
    imported, carried = [], []
    for one in files:
        try:
            found = runnable.findings(one.place, one.allow_globals)
        except OSError as error:
            imported.append(Fault(one.path, words.why(error), words.PROVISION))
            continue
        if refused := [finding for finding in found if not finding.is_meant]:
            imported.append(Fault(one.path, _told(refused), _remedy(refused, _twins(one, files))))
        carried += [Fault(one.path, _told([finding]), _MEANT) for finding in found if finding.is_meant]
    return Found(tuple(imported), tuple(carried))


def _told(found: Sequence[Finding]) -> str:
    """Say what was found, member by member of an archive."""
    shown = list(_by_member(found[:_MOST_TOLD]))
    more = f"; and {len(found) - _MOST_TOLD} more" if found[_MOST_TOLD:] else ""
    return "; ".join(shown) + more


def _by_member(found: Sequence[Finding]) -> Iterator[str]:
    for where, group in groupby(found, key=lambda finding: finding.where):
        what = ", ".join(finding.what for finding in group).replace(", imports ", ", ")
        yield f"{where} {what}" if where else what


def _remedy(found: Sequence[Finding], twins: Sequence[str]) -> str:
    """Say what to do: another file, or the way through for one that is trusted."""
    names = [finding.imports for finding in found if finding.imports]
    instead = f"{twins[0]} lies beside it and runs nothing: leave this one out with `exclude`" if twins else ""
    if any(map(is_blocked, names)):
        return f"{_RUNS}; {instead or 'take its safetensors version, where there is one'}"
    if len(names) < len(found) or not all(map(is_global, names)):
        return f"{_UNTOLD}; {instead or 'take its safetensors version, where there is one'}"
    allowed = ", ".join(f'"{name}"' for name in names[:_MOST_TOLD]) + (", …" if names[_MOST_TOLD:] else "")
    way = f"if you trust its source, name them in its [[model.file]]: allow_globals = [{allowed}]"
    return f"{instead or 'take its safetensors version, where there is one'}; {way}"


def _twins(one: PlacedFile, files: Sequence[PlacedFile]) -> list[str]:
    """Name the safetensors files beside *one*."""
    folder = PurePosixPath(one.path).parent
    return [
        other.path
        for other in files
        if PurePosixPath(other.path).parent == folder and other.path.endswith(".safetensors")
    ]
