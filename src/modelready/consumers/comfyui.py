"""
ComfyUI lists a file whose folder it reads and whose name ends as that folder's files do.

Where it looks, comfyui_folders.py says. Its models folder is that of COMFYUI_PATH, or else the nearest folder called
``models`` above the file, or else MODELS_DIR, or else the model's own folder.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.consumers import comfyui_folders, reading
from modelready.consumers.comfyui_folders import DIFFUSERS, GGUF, GGUF_CATEGORIES, WEIGHTS
from modelready.consumers.setting import shown
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from modelready.consumers.comfyui_folders import Folders
    from modelready.consumers.setting import Setting

GGUF_NODES = "comfyui-gguf"
CUSTOM_NODES = "comfyui-custom-nodes"  # nodes that others wrote read the file, from a folder of their own
_MODEL_INDEX = "model_index.json"
_MEND_FOLDER = (
    "give the file a `save_as` in one of its folders; where custom nodes read this one, "
    f'name them: consumers = ["{CUSTOM_NODES}"]'
)
_MEND_PLACE = "choose a `folder` below its models folder, or say with COMFYUI_PATH where ComfyUI is"


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell the files of the model that ComfyUI does not list."""
    files = {path: place for path, place in setting.files.items() if place.suffix.lower() in {*WEIGHTS, GGUF}}
    if not files and not any(place.name == _MODEL_INDEX for place in setting.files.values()):
        expected = ", ".join(sorted(WEIGHTS))
        return (
            Fault("*.safetensors", f"no file of the model is one that ComfyUI lists; expected {expected} or .gguf"),
        )
    return tuple(_faults(setting, files))


def models_folder(place: Path, environ: Mapping[str, str], cwd: Path, root: Path) -> Path:
    """Give the models folder of the ComfyUI that is to list *place*."""
    if given := environ.get("COMFYUI_PATH"):
        return cwd / given / "models"
    if above := next((one for one in place.parents if one.name == "models"), None):
        return above
    shared = cwd / (environ.get("MODELS_DIR") or "models")
    return shared if place.is_relative_to(shared) else root


def extra_files(models: Path, environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """Give the extra_model_paths.yaml that are read: ComfyUI's own, and those of COMFYUI_EXTRA_MODEL_PATHS."""
    given = environ.get("COMFYUI_EXTRA_MODEL_PATHS", "").split(os.pathsep)
    own = models.parent / comfyui_folders.EXTRA
    return [*([own] if reading.is_file(own) else []), *(cwd / one for one in given if one)]


def folders_of(models: Path, environ: Mapping[str, str], cwd: Path) -> Folders:
    """Give where ComfyUI looks; a file of extra folders that cannot be read adds none, and is told once a machine."""
    found: list[comfyui_folders.Extra] = []
    for place in extra_files(models, environ, cwd):
        try:
            found += comfyui_folders.extras(place, environ)
        except reading.Unreadable:
            continue
    return comfyui_folders.of(models, tuple(found))


def _faults(setting: Setting, files: Mapping[str, Path]) -> Iterator[Fault]:
    known: dict[Path, Folders] = {}
    for path, place in files.items():
        if path in setting.told:
            continue
        models = models_folder(place, setting.environ, setting.cwd, setting.root)
        if models not in known:
            known[models] = folders_of(models, setting.environ, setting.cwd)
        if objection := _objection(setting, known[models], place):
            yield Fault(path, *objection)


def _objection(setting: Setting, folders: Folders, place: Path) -> tuple[str, str] | None:
    """Say why *place* is not listed, and what to do; nothing where it is."""
    named = list(folders.names_of(place)) or folders.linked_names(place)
    listed = [(category, name) for category, name in named if _is_listed(setting, folders, category, name)]
    if listed:
        return next(filter(None, (_shadow(folders, place, *one) for one in listed)), None)
    inside = _below(place, folders.models)
    if CUSTOM_NODES in setting.consumers and (named or inside):
        return None
    if not inside and not named:
        where = "the Hub cache" if setting.is_cached else shown(place.parent, setting.environ)
        message = f"lies in {where}, where ComfyUI does not look: its models are in"
        return f"{message} {shown(folders.models, setting.environ)}", _MEND_PLACE
    return _why_unlisted(setting, folders, named, inside)


def _is_listed(setting: Setting, folders: Folders, category: str, name: str) -> bool:
    if category == DIFFUSERS:
        return _has_index_above(setting, folders, name)
    return folders.lists(category, name, is_gguf_listed=GGUF_NODES in setting.consumers)


def _has_index_above(setting: Setting, folders: Folders, name: str) -> bool:
    """Tell whether a folder of diffusers lies around the file called *name*."""
    wanted = set(setting.files.values())
    above = [folder / part for folder in folders.by_category[DIFFUSERS] for part in _parents(name)]
    return any((one / _MODEL_INDEX) in wanted or reading.is_file(one / _MODEL_INDEX) for one in above)


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _shadow(folders: Folders, place: Path, category: str, name: str) -> tuple[str, str] | None:
    """Say which other file is opened in place of this one: folders are searched in their order."""
    opened = folders.find(category, name)
    if opened is None or os.path.realpath(opened) == os.path.realpath(place):
        return None
    other = f"{opened.parent.name}/{opened.name}"
    return f"is listed as {name}, but ComfyUI opens {other} under that name", f"remove {other}, or rename one of them"


def _below(place: Path, models: Path) -> str:
    """Give the path of *place* below *models*, links in between followed or not; nothing where it lies elsewhere."""
    real = place.parent.resolve() / place.name
    for path, root in ((place, models), (real, models.resolve())):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return ""


def _why_unlisted(
    setting: Setting, folders: Folders, named: list[tuple[str, str]], inside: str
) -> tuple[str, str] | None:
    end = f".{(inside or named[0][1]).rpartition('.')[2].lower()}"
    if named and end == GGUF and GGUF_NODES not in setting.consumers:
        return (
            f"ComfyUI's own nodes list no {GGUF}; ComfyUI-GGUF does",
            f'install ComfyUI-GGUF and say so: consumers = ["{GGUF_NODES}"]',
        )
    if named and end == GGUF:
        expected = ", ".join(GGUF_CATEGORIES)
        return f"ComfyUI-GGUF lists {GGUF} only in {expected} (unet, clip); this is {named[0][0]}", _MEND_FOLDER
    if named and named[0][0] == DIFFUSERS:
        return f"lies in {DIFFUSERS}/ with no {_MODEL_INDEX} in a folder around it", _MEND_FOLDER
    if named:
        expected = ", ".join(sorted(folders.endings(named[0][0]))) or "no ending"
        return f"{named[0][0]} lists no {end}; expected {expected}", _MEND_FOLDER
    return _unread(folders, inside), _MEND_FOLDER


def _unread(folders: Folders, inside: str) -> str:
    folder, slash, _ = inside.partition("/")
    if not slash:
        return f"lies in the models folder itself, which ComfyUI does not read; {_known(folders)}"
    return f"lies in {folder}/, which ComfyUI's own nodes do not read{_meant(folder, folders)}; {_known(folders)}"


def _names(folders: Folders) -> list[str]:
    found = (one.name for places in folders.by_category.values() for one in places if one.parent == folders.models)
    return sorted(set(found))


def _known(folders: Folders) -> str:
    return f"expected one of {', '.join(_names(folders))}"


def _meant(folder: str, folders: Folders) -> str:
    near = patterns.nearest(folder, _names(folders))
    return f" (nearest: {near})" if near else ""
