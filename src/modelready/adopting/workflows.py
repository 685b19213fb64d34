"""A workflow of ComfyUI as rows: the models that it names, where it, or a catalog, says where they come from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from modelready.adopting.rows import Adopted, File, Row, slug
from modelready.consumers import comfyui_workflows
from modelready.consumers.comfyui_folders import GGUF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.adopting.origins import Origins

_MODELS_DIR = "${MODELS_DIR}"
_HUB = re.compile(r"/(?P<repo>[\w.-]+/[\w.-]+)/(?:resolve|blob)/(?P<revision>[^/]+)/(?P<path>.+)")
_HUBS = frozenset({"huggingface.co", "hf.co"})
_MOST_DEEP = 30


def adopt(workflow: dict[str, Any], origins: Origins) -> Adopted:
    """
    Give the rows of the models that *workflow* names.

    Raises: Unreadable, where it is no workflow.
    """
    addresses = {one["name"]: one for one in _told(workflow, 0)}
    named = comfyui_workflows.named(workflow)
    wanted = {one.name: one.categories for one in reversed(named)}
    wanted |= {name: (str(one.get("directory") or ""),) for name, one in addresses.items() if not wanted.get(name)}
    rows: list[Row] = []
    unknown: list[str] = []
    for name, categories in sorted(wanted.items()):
        found = _source(name, addresses.get(name), origins)
        if found is None:
            where = " or ".join(filter(None, categories)) or "a folder that is not known"
            unknown.append(f"{name} (in {where}): nothing says where it comes from: left out")
        else:
            rows.append(_row(name, categories, *found))
    return Adopted(tuple(rows), tuple(unknown))


def _row(name: str, categories: tuple[str, ...], source: str, path: str) -> Row:
    plain = name.replace("\\", "/")
    category = next(filter(None, categories), "")
    save_as = f"{category}/{plain}" if category else plain
    is_open = source.startswith("hf:") and "@" not in source
    return Row(
        name=slug(plain.rpartition("/")[2].rpartition(".")[0]),
        source=source,
        layout="folder",
        folder=_MODELS_DIR,
        consumers=("comfyui-gguf" if plain.lower().endswith(GGUF) else "comfyui",) if category else (),
        files=(File(path, save_as=save_as if save_as != path else ""),),
        unknown=("not pinned: `modelready lock` pins it",) if is_open else (),
    )


def _source(name: str, told: dict[str, Any] | None, origins: Origins) -> tuple[str, str] | None:
    """Give the source of the model *name*, and its path there."""
    if told is not None and (found := _address(str(told.get("url") or ""))):
        return found
    origin = origins.of_name(name.replace("\\", "/").rpartition("/")[2])
    return (origin.source, origin.path) if origin else None


def _address(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme != "https":
        return None
    if parts.hostname in _HUBS and (found := _HUB.fullmatch(unquote(parts.path))):
        at = "" if found["revision"] == "main" else f"@{found['revision']}"
        return f"hf:{found['repo']}{at}", found["path"]
    name = unquote(parts.path).rpartition("/")[2]
    return (url, name) if name else None


def _told(value: object, depth: int) -> Iterator[dict[str, Any]]:
    """Give every ``{name, url, directory}`` in lists called ``models``, of nodes and of the workflow itself."""
    if depth > _MOST_DEEP:
        return
    if isinstance(value, list):
        for one in value:
            yield from _told(one, depth + 1)
    elif isinstance(value, dict):
        models = value.get("models")
        rows = models if isinstance(models, list) else []
        yield from (one for one in rows if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"])
        for one in value.values():
            yield from _told(one, depth + 1)
