"""What keeps the applications that a catalog names from finding and opening a model."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.consumers import (
    Setting,
    comfyui,
    comfyui_folders,
    comfyui_workflows,
    diffusers,
    faster_whisper,
    llama_cpp,
    reading,
    transformers,
    vllm,
    whisper_cpp,
)
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from modelready.model import PlacedModel

#: Who judges for an application.
JUDGES: dict[str, Callable[[Setting], tuple[Fault, ...]]] = {
    "comfyui": comfyui.faults,
    "diffusers": diffusers.faults,
    "faster-whisper": faster_whisper.faults,
    "llama.cpp": llama_cpp.faults,
    "transformers": transformers.faults,
    "vllm": vllm.faults,
    "whisper.cpp": whisper_cpp.faults,
}
#: The words of a catalog's ``consumers`` for which a judge speaks, where they are more than its own name.
_ALSO = {
    "comfyui": frozenset({"comfyui", comfyui.GGUF_NODES, comfyui.CUSTOM_NODES}),
    "transformers": frozenset({"transformers", "sentence-transformers", "qwen-tts"}),
}
_REMEDY = words.PROVISION + "; where the catalog leaves it out, widen its `include`"


def consumers_of(application: str) -> frozenset[str]:
    """Give the words of a catalog's ``consumers`` that mean *application*."""
    return _ALSO.get(application, frozenset({application}))


def setting(
    model: PlacedModel, refused: Collection[str], *, cache: Path, cwd: Path, environ: Mapping[str, str]
) -> Setting:
    """Give *model* as an application meets it; *refused* are the files that earlier checks refused."""
    absent = {one.path for one in model.files if is_required_and_absent(one)}
    return Setting(
        name=model.name,
        source=model.model.source,
        root=model.root,
        is_cached=model.model.layout == "hub-cache",
        cache=cache,
        cwd=cwd,
        revision=model.revision,
        files={one.path: one.place for one in model.files},
        told=frozenset({*refused, *absent}),
        environ=environ,
        consumers=model.model.consumers,
        include=model.model.include,
        exclude=model.model.exclude,
        has_tokenizer_named=bool(model.model.tokenizer),
    )


def unopened(application: str, setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps *application* from opening a model; what earlier checks told is passed over."""
    found = (one for one in JUDGES[application](setting) if one.path not in setting.told)
    return tuple(dict.fromkeys(one if one.remedy else replace(one, remedy=_REMEDY) for one in found))


# ---- what a machine's ComfyUI reads, beside single models


def workflows(options: Collection[Path], environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """Give the workflows to be looked at: those of --workflow, and those of COMFYUI_WORKFLOW."""
    named = (Path(one) for one in environ.get("COMFYUI_WORKFLOW", "").split(os.pathsep) if one)
    return tuple(dict.fromkeys(cwd / one for one in (*options, *named)))


def has_comfyui_files(
    models: Collection[PlacedModel], workflows: Collection[Path], environ: Mapping[str, str], cwd: Path
) -> bool:
    """Tell whether there is a workflow, or a file of extra folders, to look at."""
    return bool(workflows) or any(_extra_files(models, environ, cwd))


def unfound_models(
    models: Collection[PlacedModel], workflows: Collection[Path], environ: Mapping[str, str], cwd: Path
) -> tuple[Fault, ...]:
    """Tell the extra folders that lead nowhere, and the models of *workflows* that ComfyUI would not find."""
    folders = [comfyui.folders_of(one, environ, cwd) for one in _models_folders(models, environ, cwd)]
    wanted = [one.place for model in models for one in model.files]
    faults = list(_extra_faults(models, environ, cwd))
    for place in workflows:
        shown = words.place(place, cwd)
        try:
            faults += comfyui_workflows.faults(shown, comfyui_workflows.read(place), folders, wanted)
        except reading.Unreadable as error:
            faults.append(Fault(shown, str(error), "give --workflow a workflow that ComfyUI saved or exported"))
    return tuple(faults)


def unlooked_models(workflows: Collection[Path], cwd: Path) -> tuple[Fault, ...]:
    """Tell the models of *workflows* that nobody looked for: their nodes are not known."""
    found: list[Fault] = []
    for place in workflows:
        try:
            found += comfyui_workflows.unlooked(words.place(place, cwd), comfyui_workflows.read(place))
        except reading.Unreadable:  # told as a fault
            continue
    return tuple(found)


def _models_folders(models: Collection[PlacedModel], environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """Give the models folders of the ComfyUI of this machine, as its models say."""
    theirs = [one for one in models if consumers_of("comfyui") & set(one.model.consumers)]
    places = [(one.files[0].place if one.files else one.root / "x", one.root) for one in theirs]
    found = [comfyui.models_folder(place, environ, cwd, root) for place, root in places]
    alone = cwd / "models"
    return list(dict.fromkeys(found or [comfyui.models_folder(alone / "x", environ, cwd, alone)]))


def _extra_files(models: Collection[PlacedModel], environ: Mapping[str, str], cwd: Path) -> dict[Path, None]:
    folders = _models_folders(models, environ, cwd)
    return dict.fromkeys(file for folder in folders for file in comfyui.extra_files(folder, environ, cwd))


def _extra_faults(models: Collection[PlacedModel], environ: Mapping[str, str], cwd: Path) -> Iterator[Fault]:
    for place in _extra_files(models, environ, cwd):
        shown = words.place(place, cwd)
        try:
            extras = comfyui_folders.extras(place, environ)
        except reading.Unreadable as error:
            yield Fault(shown, str(error), "correct it as extra_model_paths.yaml.example of ComfyUI shows")
            continue
        if extras and not any(reading.is_folder(one.folder) for one in extras):
            first = words.folded(extras[0].folder)
            message = f"leads to no folder: none of the {len(extras)} that it names is there, the first is {first}"
            yield Fault(shown, message, "correct its base_path, or mount what it names")
