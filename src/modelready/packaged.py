"""The folders that are mapped into the package: catalogs, checks, fixtures; found without importing them."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def folder(name: str) -> Path:
    """
    Give the folder *name* of the package, in a checkout as in an installed wheel.

    Raises: ModuleNotFoundError, when it was not installed.
    """
    found = importlib.util.find_spec(f"modelready.{name}")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"modelready is installed without its {name}: install it again")
    return Path(found.submodule_search_locations[0]).resolve()
