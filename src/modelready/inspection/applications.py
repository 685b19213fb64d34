"""What keeps the applications that a catalog names from finding and opening a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready.consumers import (
    Setting,
    comfyui,
    diffusers,
    faster_whisper,
    llama_cpp,
    mflux,
    transformers,
    vllm,
    whisper_cpp,
)
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from modelready.model import Fault, Model, PlacedModel

#: Who judges for an application.
JUDGES: dict[str, Callable[[Setting], tuple[Fault, ...]]] = {
    "comfyui": comfyui.faults,
    "diffusers": diffusers.faults,
    "faster-whisper": faster_whisper.faults,
    "llama.cpp": llama_cpp.faults,
    "mflux": mflux.faults,
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


@dataclass(frozen=True)
class Here:
    """Where applications run: the Hub cache, the variables, the folder they start in, and what else is brought."""

    cache: Path
    cwd: Path
    environ: Mapping[str, str]
    models: tuple[Model, ...] = ()


def consumers_of(application: str) -> frozenset[str]:
    """Give the words of a catalog's ``consumers`` that mean *application*."""
    return _ALSO.get(application, frozenset({application}))


def setting(model: PlacedModel, here: Here, refused: Collection[str] = ()) -> Setting:
    """Give *model* as an application meets it; *refused* are the files that earlier checks refused."""
    absent = {one.path for one in model.files if is_required_and_absent(one)}
    beside = {one.source.address for one in here.models if one.layout == "hub-cache" and one.name != model.name}
    return Setting(
        name=model.name,
        source=model.model.source,
        root=model.root,
        is_cached=model.model.layout == "hub-cache",
        cache=here.cache,
        cwd=here.cwd,
        revision=model.revision,
        files={one.path: one.place for one in model.files},
        told=frozenset({*refused, *absent}),
        beside=frozenset(beside),
        environ=here.environ,
        consumers=model.model.consumers,
        include=model.model.include,
        exclude=model.model.exclude,
        has_tokenizer_named=bool(model.model.tokenizer),
    )


def unopened(application: str, setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps *application* from opening a model; what earlier checks told is passed over."""
    found = (one for one in JUDGES[application](setting) if one.path not in setting.told)
    return tuple(dict.fromkeys(one if one.remedy else replace(one, remedy=_REMEDY) for one in found))
