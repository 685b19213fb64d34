"""What people have already, as the catalog of it: folders, Hub caches, workflows of ComfyUI, download scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready import contents
from modelready.adopting import caches, scripts, structure, workflows
from modelready.adopting.folders import Adopter
from modelready.adopting.origins import shipped
from modelready.adopting.rows import Adopted, Row, whole
from modelready.adopting.writing import toml
from modelready.consumers import reading
from modelready.errors import RequestError
from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Adopted", "Row", "adopt", "toml"]

_EXPECTED = "name a Hub cache, a folder of models, a weight file, a workflow of ComfyUI, or a download script"
_SCRIPTS = (".sh", ".bash", ".zsh", "")
_LARGEST_SCRIPT = 4 << 20


def adopt(paths: Sequence[Path], environ: Mapping[str, str]) -> Adopted:
    """
    Give the catalog of what lies at *paths*: rows, and what could not be known.

    Nothing is asked of the network; bytes are read only where nothing tells their digest.
    Raises: RequestError, where a path leads to nothing that could be adopted.
    """
    adopter = Adopter(shipped(), environ)
    found = sum((_one(path, adopter) for path in paths), Adopted())
    named = whole(found)
    if not named.rows:
        told = "".join(f"\n  {line}" for line in named.unknown[:20])
        raise RequestError(
            f"{', '.join(map(str, paths))}: holds no model that could be adopted{told}", remedy=_EXPECTED
        )
    return named


def _one(path: Path, adopter: Adopter) -> Adopted:
    if looking.is_folder(path):
        is_cache = caches.cache_at(path) is not None
        return caches.adopt(path) if is_cache else adopter.folder(path)
    if not looking.is_file(path):
        raise RequestError(f"{path}: is not there", remedy=_EXPECTED)
    if path.suffix.lower() == ".json":
        return _workflow(path, adopter)
    if structure.is_weight(path.name):
        return adopter.file(path)
    if path.suffix.lower() not in _SCRIPTS:
        raise RequestError(f"{path}: is nothing that could be adopted", remedy=_EXPECTED)
    return _script(path)


def _workflow(path: Path, adopter: Adopter) -> Adopted:
    try:
        return workflows.adopt(reading.table(path), adopter.origins)
    except reading.Unreadable as error:
        raise RequestError(f"{path}: {error}", remedy="give a workflow that ComfyUI saved or exported") from error


def _script(path: Path) -> Adopted:
    try:
        text = contents.text(path, most=_LARGEST_SCRIPT)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path}: cannot be read as a script ({error})", remedy=_EXPECTED) from error
    return scripts.adopt(text)
