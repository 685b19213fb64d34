"""Which mflux is meant: the one that a variable names, the one that is installed here, or the newest known."""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.consumers.mflux import asking, versions
from modelready.consumers.mflux.versions import Target, UnknownTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "MODELREADY_MFLUX"


def chosen(environ: Mapping[str, str]) -> Target:
    """
    Give the mflux in question: *VARIABLE* may hold a version, or the path of the Python that has mflux.

    Raises: UnknownTarget.
    """
    named = environ.get(VARIABLE, "").strip()
    if named and named[0].isdigit():
        return versions.of_version(named)
    if named:
        return _installed(str(Path(named).expanduser()))
    return _installed(sys.executable) if _is_installed() else versions.newest()


def _is_installed() -> bool:
    try:
        metadata.version("mflux")
    except metadata.PackageNotFoundError:
        return False
    return True


@cache
def _installed(python: str) -> Target:
    """Ask the mflux that *python* has for its version and its own pins."""
    said = asking.about(python)
    if not said.version:
        raise UnknownTarget(f"{python} has no mflux that could be asked ({said.why}); name a version, or another")
    known = versions.of_version(said.version)
    return Target(said.version, known.pins if said.pins is None else said.pins, python)
