"""
A workflow of ComfyUI names models, each as one that a category lists.

Two forms are read: what the API takes (``{id: {class_type, inputs}}``, server.py, POST /prompt) and what the page
saves (``nodes`` with ``widgets_values``, in subgraphs as well). Which input of which node is a model, nodes.py and
comfy_extras/ of ComfyUI say; a node that is not known may name its models itself (``properties.models``), as the
templates of Comfy-Org do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelready import patterns
from modelready.consumers import reading
from modelready.consumers.comfyui_folders import GGUF, WEIGHTS
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from modelready.consumers.comfyui_folders import Folders

#: The inputs of a node that are models, in the order of its widgets, each with the categories it lists.
_CHECKPOINT = (("ckpt_name", "checkpoints"),)
_LORA = (("lora_name", "loras"),)
_NODES: dict[str, tuple[tuple[str, str], ...]] = {
    "CheckpointLoaderSimple": _CHECKPOINT,
    "CheckpointLoader": (("config_name", "configs"), *_CHECKPOINT),
    "unCLIPCheckpointLoader": _CHECKPOINT,
    "ImageOnlyCheckpointLoader": _CHECKPOINT,
    "LTXVAudioVAELoader": _CHECKPOINT,
    "LTXAVTextEncoderLoader": (("text_encoder", "text_encoders"), *_CHECKPOINT),
    "LoraLoader": _LORA,
    "LoraLoaderModelOnly": _LORA,
    "VAELoader": (("vae_name", "vae vae_approx"),),
    "UNETLoader": (("unet_name", "diffusion_models"),),
    "CLIPLoader": (("clip_name", "text_encoders"),),
    **{
        f"{count}CLIPLoader{gguf}": tuple((f"clip_name{number}", "text_encoders") for number in range(1, many + 1))
        for count, many in (("Dual", 2), ("Triple", 3), ("Quadruple", 4))
        for gguf in ("", "GGUF")
    },
    "CLIPVisionLoader": (("clip_name", "clip_vision"),),
    "ControlNetLoader": (("control_net_name", "controlnet"),),
    "DiffControlNetLoader": (("control_net_name", "controlnet"),),
    "StyleModelLoader": (("style_model_name", "style_models"),),
    "GLIGENLoader": (("gligen_name", "gligen"),),
    "UpscaleModelLoader": (("model_name", "upscale_models"),),
    "LatentUpscaleModelLoader": (("model_name", "latent_upscale_models"),),
    "HypernetworkLoader": (("hypernetwork_name", "hypernetworks"),),
    "PhotoMakerLoader": (("photomaker_model_name", "photomaker"),),
    "ModelPatchLoader": (("name", "model_patches"),),
    "AudioEncoderLoader": (("audio_encoder_name", "audio_encoders"),),
    "UnetLoaderGGUF": (("unet_name", "diffusion_models"),),
    "UnetLoaderGGUFAdvanced": (("unet_name", "diffusion_models"),),
    "CLIPLoaderGGUF": (("clip_name", "text_encoders"),),
}
_ENDS = (*WEIGHTS, GGUF)
_WRAPPERS = ("input", "workflow", "prompt")  # as RunPod's worker-comfyui and POST /prompt are given it
_MUTED = (2, 4)  # modes of a node: never, bypassed


@dataclass(frozen=True)
class Named:
    """A model that a workflow names: by which node, in which categories; none where that is not known."""

    node: str
    name: str
    categories: tuple[str, ...] = ()

    @property
    def is_gguf_listed(self) -> bool:
        """Tell whether the node is one of ComfyUI-GGUF."""
        return self.node.partition(" ")[0].endswith(("GGUF", "GGUFAdvanced"))


def read(place: Path) -> tuple[Named, ...]:
    """
    Give the models that the workflow in *place* names.

    Raises: Unreadable, where it is no workflow.
    """
    return named(reading.table(place))


def named(workflow: dict[str, Any]) -> tuple[Named, ...]:
    """
    Give the models that *workflow* names.

    Raises: Unreadable, where it is none.
    """
    for wrapper in _WRAPPERS:
        inner = workflow.get(wrapper)
        workflow = inner if isinstance(inner, dict) else workflow
    if isinstance(workflow.get("nodes"), list):
        return _distinct(_of_page(workflow))
    nodes = {key: node for key, node in workflow.items() if isinstance(node, dict) and "class_type" in node}
    if not nodes:
        raise reading.Unreadable("is no workflow of ComfyUI: it has neither nodes nor a class_type")
    return _distinct(one for key, node in nodes.items() for one in _of_prompt(str(key), node))


def _distinct(found: Iterable[Named]) -> tuple[Named, ...]:
    """Give each model once; a node that is not known adds nothing where a known one names the same."""
    models = list(dict.fromkeys(found))
    known = {one.name for one in models if one.categories}
    return tuple(one for one in models if one.categories or one.name not in known)


def faults(
    shown: str, models: Collection[Named], folders: Collection[Folders], wanted: Collection[Path]
) -> list[Fault]:
    """
    Tell the *models* of the workflow *shown* that ComfyUI does not list.

    *wanted* are the places of files that the catalog requires: whether those are there is told elsewhere.
    """
    return [
        Fault(f"{shown}: {one.node}", message, "name it as ComfyUI lists it, or add the model to the catalog")
        for one in models
        if one.categories and (message := _missing(one, folders, frozenset(wanted)))
    ]


def unlooked(shown: str, models: Collection[Named]) -> list[Fault]:
    """Tell the models of nodes that are not known: nobody looked for them."""
    message = "this node is not known here, so its model was not looked for"
    return [Fault(f"{shown}: {one.node}", f"{one.name}: {message}") for one in models if not one.categories]


def _missing(one: Named, folders: Collection[Folders], wanted: frozenset[Path]) -> str:
    for here in folders:
        for category in one.categories:
            is_listed = here.lists(category, one.name, is_gguf_listed=one.is_gguf_listed)
            places = [folder / one.name for folder in here.by_category.get(category, ())]
            if is_listed and any(place in wanted or reading.is_file(place) for place in places):
                return ""
    known = [name for here in folders for category in one.categories for name in here.names(category)]
    near = next((name for name in known if os.path.basename(name) == _last(one.name)), None)  # noqa: PTH119 - a name, no place
    near = near or patterns.nearest(one.name, known)
    hint = f"; {near} is there" if near else ""
    name = one.name if one.name.isprintable() else repr(one.name)
    return f"names {name}, which ComfyUI does not list in {' or '.join(one.categories)}{hint}"


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


# ---- the two forms


def _of_prompt(key: str, node: dict[str, Any]) -> Iterator[Named]:
    kind, inputs = str(node["class_type"]), node.get("inputs")
    values = inputs if isinstance(inputs, dict) else {}
    title = f"{kind} {key}"
    if kind in _NODES:
        for name, categories in _NODES[kind]:
            yield from _model(title, values.get(name), categories)
    else:
        for value in values.values():
            yield from _model(title, value, "")


def _of_page(workflow: dict[str, Any]) -> Iterator[Named]:
    """Give the models of the nodes that are run, those of subgraphs too."""
    definitions = workflow.get("definitions")
    graphs = [workflow, *_tables(definitions.get("subgraphs") if isinstance(definitions, dict) else None)]
    nodes = {place: _run(graph) for place, graph in enumerate(graphs)}
    outside = {str(node.get("type")): _texts(node) for found in nodes.values() for node in found}
    for place, graph in enumerate(graphs):
        told = outside.get(str(graph.get("id")), []) if place else []
        given = [text for text in told if text.lower().endswith(_ENDS)]
        for node in nodes[place]:
            for one in _of_saved(node):
                # A subgraph is given models from outside: then the name inside it is not the one that is opened.
                is_replaced = given and one.name not in given and _is_linked(node)
                yield Named(one.node, one.name) if is_replaced else one


def _run(graph: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in _tables(graph.get("nodes")) if node.get("mode") not in _MUTED]


def _tables(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(node: dict[str, Any]) -> list[str]:
    widgets = node.get("widgets_values")
    return [one for one in widgets if isinstance(one, str)] if isinstance(widgets, list) else []


def _is_linked(node: dict[str, Any]) -> bool:
    """Tell whether an input of *node* that is a model is given by a link."""
    models = {name for name, _ in _NODES.get(str(node.get("type")), ())}
    linked = [one for one in _tables(node.get("inputs")) if one.get("widget") and one.get("link") is not None]
    return any(not models or one.get("name") in models for one in linked)


def _of_saved(node: dict[str, Any]) -> Iterator[Named]:
    kind, title = str(node.get("type")), f"{node.get('type')} {node.get('id')}"
    widgets = node.get("widgets_values")
    inputs = _NODES.get(kind, ())
    if isinstance(widgets, dict):
        for name, categories in inputs:
            yield from _model(title, widgets.get(name), categories)
    values = widgets if isinstance(widgets, list) else []
    for (_, categories), value in zip(inputs, values, strict=False):
        yield from _model(title, value, categories)
    if not inputs:
        yield from _self_told(node, title)


def _self_told(node: dict[str, Any], title: str) -> Iterator[Named]:
    """Give the models that a node which is not known names itself."""
    properties = node.get("properties")
    told = _tables(properties.get("models") if isinstance(properties, dict) else None)
    folders = {str(one.get("name")): str(one.get("directory") or "") for one in told}
    for value in _texts(node):
        yield from _model(title, value, folders.get(value, ""))


def _model(title: str, value: object, categories: str) -> Iterator[Named]:
    """Give *value* as a model, if its name ends as a model's does; "taesd" and the like are made of other files."""
    if isinstance(value, str) and value.lower().endswith((*_ENDS, ".yaml") if categories else _ENDS):
        yield Named(title, value, tuple(categories.split()))
