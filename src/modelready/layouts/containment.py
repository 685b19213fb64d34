"""Paths from elsewhere (a listing, a catalog, a receipt) that must stay in their folder."""

from __future__ import annotations

import os
import re
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from modelready.errors import UnsafePath

if TYPE_CHECKING:
    from pathlib import Path

_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in "123456789¹²³"
}
# Patterns, for they look at each path of each of thousands of files, several times.
_CLIMBS = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)")
_NO_NAME = re.compile(r"[\x00-\x1f\ud800-\udfff]")


def relative(path: str) -> str:
    """
    Give *path* back if it is a plain path below some folder, its parts separated by slashes.

    Raises: UnsafePath, for what is absolute, climbs, or means something else on another system.
    """
    if why := _fault(path):
        raise UnsafePath(
            f"{path!r}: {why}; expected a path like folder/file.bin", remedy="correct it where it is named"
        )
    return path


def inside(root: Path, path: str) -> Path:
    """
    Give the place of *path* below *root*, following every link on the way.

    Raises: UnsafePath, when it leads elsewhere.
    """
    place = root / relative(path)
    check_inside(root, place)
    return place


def check_inside(root: Path, place: Path) -> None:
    """
    Let a *place* pass that lies in *root* when all links are followed.

    Raises: UnsafePath, when it lies elsewhere.
    """
    home, real = os.path.realpath(root), os.path.realpath(place)
    if os.path.commonpath([home, real]) != home:
        raise UnsafePath(
            f"{place}: a link on the way leads to {real}, outside {root}", remedy="remove that link, or name its target"
        )


def is_device(path: str) -> bool:
    """Tell whether a part of *path* is what Windows calls a device: ``aux.json`` cannot be a file there."""
    return any(part.split(".")[0].rstrip(" ").lower() in _DEVICES for part in path.split("/"))


def _fault(path: str) -> str:
    """Say what is wrong with *path*; nothing when it is well."""
    if "\\" in path or (":" in path and any(PureWindowsPath(part).drive for part in path.split("/"))):
        return "a backslash or a drive would lead elsewhere on another system"
    if _CLIMBS.search(path):
        return "it is empty, absolute, or climbs"
    if _NO_NAME.search(path):
        return "it holds characters that no file name has"
    return ""
