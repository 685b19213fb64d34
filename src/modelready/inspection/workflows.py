"""What the ComfyUI of a machine reads beside single models: its workflows, and its files of extra folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.consumers import comfyui, comfyui_folders, comfyui_workflows, reading
from modelready.inspection import words
from modelready.inspection.applications import consumers_of
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelready.inspection.applications import Here
    from modelready.model import PlacedModel


def named(options: Collection[Path], here: Here) -> tuple[Path, ...]:
    """Give the workflows to be looked at: those of --workflow, and those of COMFYUI_WORKFLOW."""
    given = (Path(one) for one in here.environ.get("COMFYUI_WORKFLOW", "").split(os.pathsep) if one)
    return tuple(dict.fromkeys(here.cwd / one for one in (*options, *given)))


def are_there(models: Collection[PlacedModel], workflows: Collection[Path], here: Here) -> bool:
    """Tell whether there is a workflow, or a file of extra folders, to look at."""
    return bool(workflows) or any(_extra_files(models, here))


def unfound_models(models: Collection[PlacedModel], workflows: Collection[Path], here: Here) -> tuple[Fault, ...]:
    """Tell the extra folders that lead nowhere, and the models of *workflows* that ComfyUI would not find."""
    folders = [comfyui.folders_of(one, here.environ, here.cwd) for one in _models_folders(models, here)]
    wanted = [one.place for model in models for one in model.files]
    faults = list(_extra_faults(models, here))
    for place in workflows:
        shown = words.place(place, here.cwd)
        try:
            faults += comfyui_workflows.faults(shown, comfyui_workflows.read(place), folders, wanted)
        except reading.Unreadable as error:
            faults.append(Fault(shown, str(error), "give --workflow a workflow that ComfyUI saved or exported"))
    return tuple(faults)


def unlooked_models(workflows: Collection[Path], here: Here) -> tuple[Fault, ...]:
    """Tell the models of *workflows* that nobody looked for: their nodes are not known."""
    found: list[Fault] = []
    for place in workflows:
        try:
            found += comfyui_workflows.unlooked(words.place(place, here.cwd), comfyui_workflows.read(place))
        except reading.Unreadable:  # told as a fault
            continue
    return tuple(found)


def _models_folders(models: Collection[PlacedModel], here: Here) -> list[Path]:
    """Give the models folders of the ComfyUI of this machine, as its models say."""
    theirs = [one for one in models if consumers_of("comfyui") & set(one.model.consumers)]
    places = [(one.files[0].place if one.files else one.root / "x", one.root) for one in theirs]
    found = [comfyui.models_folder(place, here.environ, here.cwd, root) for place, root in places]
    alone = here.cwd / "models"
    return list(dict.fromkeys(found or [comfyui.models_folder(alone / "x", here.environ, here.cwd, alone)]))


def _extra_files(models: Collection[PlacedModel], here: Here) -> dict[Path, None]:
    folders = _models_folders(models, here)
    return dict.fromkeys(file for folder in folders for file in comfyui.extra_files(folder, here.environ, here.cwd))


def _extra_faults(models: Collection[PlacedModel], here: Here) -> Iterator[Fault]:
    for place in _extra_files(models, here):
        shown = words.place(place, here.cwd)
        try:
            extras = comfyui_folders.extras(place, here.environ)
        except reading.Unreadable as error:
            yield Fault(shown, str(error), "correct it as extra_model_paths.yaml.example of ComfyUI shows")
            continue
        if extras and not any(reading.is_folder(one.folder) for one in extras):
            first = words.folded(extras[0].folder)
            message = f"leads to no folder: none of the {len(extras)} that it names is there, the first is {first}"
            yield Fault(shown, message, "correct its base_path, or mount what it names")
