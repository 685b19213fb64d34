"""
The folders in which ComfyUI looks for models, category by category.

folder_paths.py of ComfyUI names them (``folder_names_and_paths``, ``map_legacy``, ``get_filename_list_``): where it is
installed, that file is read, elsewhere the table of November 2026 stands in. extra_model_paths.yaml adds to them
(utils/extra_config.py, load_extra_path_config). ComfyUI-GGUF lists .gguf in the folders of two categories (nodes.py,
update_folder_names_and_paths).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.consumers import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WEIGHTS = frozenset({".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"})
GGUF = ".gguf"
GGUF_CATEGORIES = ("diffusion_models", "text_encoders")
DIFFUSERS = "diffusers"  # its models are folders with a model_index.json
FOLDER_PATHS = "folder_paths.py"
EXTRA = "extra_model_paths.yaml"
_LEGACY = {"unet": "diffusion_models", "clip": "text_encoders"}
_ENDINGS = {"configs": frozenset({".yaml"}), "classifiers": frozenset({""}), DIFFUSERS: frozenset({"folder"})}
_PLAIN = (
    *("checkpoints", "configs", "loras", "vae", "clip_vision", "style_models", "embeddings", DIFFUSERS, "vae_approx"),
    *("gligen", "upscale_models", "latent_upscale_models", "hypernetworks", "photomaker", "classifiers"),
    *("model_patches", "audio_encoders", "background_removal", "frame_interpolation", "geometry_estimation"),
    *("optical_flow", "detection"),
)
_KNOWN: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in _PLAIN},
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("unet", "diffusion_models"),
    "controlnet": ("controlnet", "t2i_adapter"),
}
#: The names of all folders of all categories.
CATEGORY_FOLDERS = frozenset(folder for folders in _KNOWN.values() for folder in folders)
_LINE = re.compile(r'^folder_names_and_paths\["(?P<category>\w+)"\]\s*=\s*\((?P<folders>\[.*?\]),', re.MULTILINE)
_JOINED = re.compile(r'join\(models_dir,\s*"(?P<folder>[\w-]+)"\)')
_MOST_FILES = 200_000


@dataclass(frozen=True)
class Extra:
    """What an extra_model_paths.yaml adds to a category: a folder, in front of the others or behind them."""

    category: str
    folder: Path
    is_default: bool = False


@dataclass(frozen=True)
class Folders:
    """Where ComfyUI looks: the folders of each category in its order."""

    models: Path
    by_category: Mapping[str, tuple[Path, ...]]

    def endings(self, category: str) -> frozenset[str]:
        """Give the ends of names that *category* lists; none for one that others added: all are listed."""
        return _ENDINGS.get(category, WEIGHTS if category in self._own else frozenset())

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset({*_KNOWN, *installed(self.models.parent)})

    def lists(self, category: str, name: str, *, is_gguf_listed: bool = False) -> bool:
        """Tell whether *category* lists a file called *name*, by the end of its name."""
        end, endings = os.path.splitext(name)[1].lower(), self.endings(category)  # noqa: PTH122 - as ComfyUI splits it
        is_gguf = is_gguf_listed and end == GGUF and category in GGUF_CATEGORIES
        return is_gguf or not endings or end in endings

    def find(self, category: str, name: str) -> Path | None:
        """Give the file that ComfyUI opens as *name* of *category*: get_full_path takes the first that is there."""
        category = _LEGACY.get(category, category)
        places = (folder / name for folder in self.by_category.get(category, ()))
        return next((place for place in places if reading.is_file(place)), None)

    def names_of(self, place: Path) -> Iterator[tuple[str, str]]:
        """Give the categories in which *place* lies, and the name that it has there."""
        real = place.parent.resolve() / place.name
        for category, folders in self.by_category.items():
            for folder in folders:
                for path, root in ((place, folder), (real, folder.resolve())):
                    if path.is_relative_to(root) and path != root:
                        yield category, path.relative_to(root).as_posix()
                        break

    def linked_names(self, place: Path) -> list[tuple[str, str]]:
        """Give the names under which links lead from the folders to *place*."""
        return self._by_target.get(os.path.realpath(place), [])

    @cached_property
    def _by_target(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for category, folders in self.by_category.items():
            for folder in folders:
                for path in walked(folder):
                    found.setdefault(os.path.realpath(path), []).append((category, path.relative_to(folder).as_posix()))
        return found

    def names(self, category: str) -> list[str]:
        """Give what *category* lists."""
        category = _LEGACY.get(category, category)
        folders = self.by_category.get(category, ())
        return [path.relative_to(folder).as_posix() for folder in folders for path in walked(folder)]


def of(models: Path, extras: tuple[Extra, ...] = ()) -> Folders:
    """Give where ComfyUI looks whose models folder is *models*, with *extras* added as it adds them."""
    own = {**(installed(models.parent) or _KNOWN)}
    found = {category: [models / name for name in names] for category, names in own.items()}
    for extra in extras:
        folders = found.setdefault(_LEGACY.get(extra.category, extra.category), [])
        if extra.folder in folders and extra.is_default:
            folders.remove(extra.folder)
        if extra.folder not in folders:
            folders.insert(0 if extra.is_default else len(folders), extra.folder)
    return Folders(models, {category: tuple(folders) for category, folders in found.items()})


def installed(base: Path) -> dict[str, tuple[str, ...]]:
    """Give the categories that the ComfyUI in *base* names; none where it is not installed there."""
    try:
        source = reading.text(base / FOLDER_PATHS, 2**20)
    except reading.Unreadable:
        return {}
    found = {one["category"]: tuple(_JOINED.findall(one["folders"])) for one in _LINE.finditer(source)}
    return {category: folders for category, folders in found.items() if folders}


def extras(place: Path, environ: Mapping[str, str]) -> tuple[Extra, ...]:
    """
    Give what the extra_model_paths.yaml in *place* adds.

    Raises: Unreadable, where ComfyUI itself would end.
    """
    sections = reading.yaml_table(place).items()
    return tuple(one for name, section in sections for one in _of(name, section, place, environ))


def _of(name: object, section: object, place: Path, environ: Mapping[str, str]) -> Iterator[Extra]:
    if section is None:
        return
    if not isinstance(section, dict):
        raise reading.Unreadable(f"holds {name!r} with no table below it; expected base_path and folders")
    base, is_default = section.get("base_path"), bool(section.get("is_default"))
    if base is not None and not isinstance(base, str):
        raise reading.Unreadable(f"names as base_path of {name!r} what is no text")
    start = place.parent / _expanded(base or "", environ)
    for category, value in section.items():
        if category in {"base_path", "is_default"}:
            continue
        if not isinstance(value, str):
            raise reading.Unreadable(f"names for {category!r} of {name!r} what is no text; ComfyUI ends there")
        for line in filter(None, value.split("\n")):
            yield Extra(str(category), Path(os.path.normpath(start / line)), is_default)


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    """Resolve ``~`` and variables as ComfyUI does."""
    named = re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: environ.get(found[1] or found[2], found[0]), path)
    home = environ.get("HOME")
    return f"{home}{named[1:]}" if home and (named == "~" or named.startswith("~/")) else named


def walked(folder: Path) -> Iterator[Path]:
    """Give the files below *folder* as recursive_search does: links are followed, .git is passed over; circles end."""
    seen: set[str] = set()
    count = 0
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else sorted(name for name in folders if name != ".git")
        if real in seen:
            continue
        seen.add(real)
        for name in sorted(files):
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(root, name)
