"""A workflow names models, in both forms in which ComfyUI writes it; the templates of Comfy-Org are the judge."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.consumers import comfyui_folders, comfyui_workflows, reading
from modelready.consumers.comfyui_workflows import Named

PROMPT = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "xl/base.safetensors"}},
    "5": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "a.safetensors", "clip_name2": "b.safetensors"}},
    "6": {"class_type": "VAELoader", "inputs": {"vae_name": "taesd"}},
    "7": {"class_type": "KSampler", "inputs": {"model": ["4", 0], "sampler_name": "euler"}},
    "8": {"class_type": "AcmeLoader", "inputs": {"model": "own.safetensors"}},
    "9": {"class_type": "UnetLoaderGGUF", "inputs": {"unet_name": "x-Q4_K_M.gguf"}},
}
SAVED = {
    "nodes": [
        {"id": 1, "type": "UNETLoader", "mode": 0, "widgets_values": ["u.safetensors", "default"]},
        {"id": 2, "type": "LoraLoader", "mode": 4, "widgets_values": ["bypassed.safetensors", 1, 1]},
        {"id": 3, "type": "CLIPLoader", "widgets_values": {"clip_name": "c.safetensors", "type": "wan"}},
        {
            "id": 4,
            "type": "NewLoader",
            "widgets_values": ["n.safetensors"],
            "properties": {"models": [{"name": "n.safetensors", "directory": "loras"}]},
        },
        {"id": 5, "type": "graph-1", "widgets_values": [20, "outer.safetensors"]},
    ],
    "definitions": {
        "subgraphs": [
            {
                "id": "graph-1",
                "nodes": [
                    {
                        "id": 6,
                        "type": "VAELoader",
                        "widgets_values": ["inner.safetensors"],
                        "inputs": [{"name": "vae_name", "widget": {"name": "vae_name"}, "link": 9}],
                    },
                    {"id": 7, "type": "LoraLoaderModelOnly", "widgets_values": ["l.safetensors", 1]},
                ],
            }
        ]
    },
}


@pytest.fixture
def comfyui(fill):
    """Give where the ComfyUI of a machine looks that has some models."""
    there = ("checkpoints/xl/base.safetensors", "text_encoders/a.safetensors", "clip/b.safetensors", "vae_approx/t.pth")
    models = fill(dict.fromkeys((*there, "unet/x-Q4_K_M.gguf"), b"1"), "ComfyUI/models")
    return comfyui_folders.of(models)


def test_the_form_of_the_api_is_read():
    """Names of models, by the inputs of the nodes that take them."""
    found = comfyui_workflows.named({"input": {"workflow": PROMPT}})

    assert found == (
        Named("CheckpointLoaderSimple 4", "xl/base.safetensors", ("checkpoints",)),
        Named("DualCLIPLoader 5", "a.safetensors", ("text_encoders",)),
        Named("DualCLIPLoader 5", "b.safetensors", ("text_encoders",)),
        Named("AcmeLoader 8", "own.safetensors"),
        Named("UnetLoaderGGUF 9", "x-Q4_K_M.gguf", ("diffusion_models",)),
    )


def test_the_form_of_the_page_is_read():
    """Bypassed nodes are not run; a node may name its models itself; a subgraph may be given others from outside."""
    found = comfyui_workflows.named(SAVED)

    assert found == (
        Named("UNETLoader 1", "u.safetensors", ("diffusion_models",)),
        Named("CLIPLoader 3", "c.safetensors", ("text_encoders",)),
        Named("NewLoader 4", "n.safetensors", ("loras",)),
        Named("graph-1 5", "outer.safetensors"),
        Named("VAELoader 6", "inner.safetensors"),
        Named("LoraLoaderModelOnly 7", "l.safetensors", ("loras",)),
    )


def test_models_that_are_there_are_found(comfyui):
    """Each under the name that ComfyUI lists, older folders and ComfyUI-GGUF's included."""
    found = comfyui_workflows.named(PROMPT)

    assert comfyui_workflows.faults("w.json", found, [comfyui], ()) == []
    (doubt,) = comfyui_workflows.unlooked("w.json", found)
    assert doubt.path == "w.json: AcmeLoader 8"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("base.safetensors", "; xl/base.safetensors is there", id="without its folder"),
        pytest.param("xl\\base.safetensors", "; xl/base.safetensors is there", id="from Windows"),
        pytest.param("XL/Base.safetensors", "; xl/base.safetensors is there", id="case"),
        pytest.param("other.ckpt", "", id="another"),
    ],
)
def test_a_model_that_is_not_there_is_told(comfyui, name, hint):
    """The workflow, the node, the name, and what is there instead."""
    found = comfyui_workflows.named({"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": name}}})

    (fault,) = comfyui_workflows.faults("w.json", found, [comfyui], ())

    assert fault.path == "w.json: CheckpointLoaderSimple 4"
    assert fault.message == f"names {name}, which ComfyUI does not list in checkpoints{hint}"


def test_a_name_that_no_file_can_have_is_told(comfyui):
    """No traceback, and nothing that a terminal would act on."""
    named = {"class_type": "UNETLoader", "inputs": {"unet_name": "\x1b\0.sft", "weight_dtype": "x"}}

    (fault,) = comfyui_workflows.faults("w.json", comfyui_workflows.named({"1": named}), [comfyui], ())

    assert fault.message.startswith(r"names '\x1b\x00.sft', which")


def test_the_nodes_of_comfyui_itself_do_not_list_gguf(comfyui):
    """The file is there, and the loader would not show it."""
    found = comfyui_workflows.named({"1": {"class_type": "UNETLoader", "inputs": {"unet_name": "x-Q4_K_M.gguf"}}})

    assert len(comfyui_workflows.faults("w.json", found, [comfyui], ())) == 1


def test_a_model_that_the_catalog_requires_is_told_elsewhere(comfyui):
    """files.are_there says whether it is there."""
    found = comfyui_workflows.named({"1": {"class_type": "UNETLoader", "inputs": {"unet_name": "u.sft"}}})

    assert comfyui_workflows.faults("w.json", found, [comfyui], [comfyui.models / "unet" / "u.sft"]) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"a": {"b": 1}}', '{"nodes": 3}'])
def test_what_is_no_workflow_is_refused(fill, content):
    """Nothing was looked at, so nothing is fine."""
    place = fill({"w.json": content}) / "w.json"

    with pytest.raises(reading.Unreadable):
        comfyui_workflows.read(place)


def test_every_template_of_comfy_org_is_read():
    """Their nodes say which model lies in which folder: just that is found, or is told as not looked for."""
    folder = Path(str(files("comfyui_workflow_templates_json") / "templates"))
    templates = [json.loads(place.read_text(encoding="utf-8")) for place in sorted(folder.glob("*.json"))]
    told, found, unlooked = set(), set(), set()
    for place, workflow in enumerate(one for one in templates if isinstance(one, dict) and "nodes" in one):
        named = comfyui_workflows.named(workflow)
        told |= {(place, one["name"], one["directory"]) for one in models_of(workflow)}
        found |= {(place, one.name, category) for one in named for category in one.categories}
        unlooked |= {(place, one.name) for one in named if not one.categories}
    lost = told - found

    assert len(told) > 900
    assert len(lost) <= 3  # subgraphs that are given one model from outside and hold another
    assert {one[:2] for one in lost} <= unlooked


def models_of(workflow):
    """Give what the nodes of *workflow* that are run say of their models."""
    subgraphs = workflow.get("definitions", {}).get("subgraphs", [])
    nodes = [node for graph in [workflow, *subgraphs] for node in graph["nodes"] if node.get("mode") not in {2, 4}]
    return [model for node in nodes for model in node.get("properties", {}).get("models") or []]


JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["x.safetensors", "UNETLoader", "graph-1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "nodes",
                    "type",
                    "widgets_values",
                    "class_type",
                    "inputs",
                    "definitions",
                    "subgraphs",
                    "id",
                    "properties",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(workflow=st.dictionaries(st.sampled_from(["nodes", "definitions", "1", "prompt"]), JSON, max_size=3))
def test_no_workflow_breaks_the_reader(workflow):
    """Odd types anywhere: an answer, or a refusal."""
    try:
        found = comfyui_workflows.named(workflow)
    except reading.Unreadable:
        return
    assert all(isinstance(one.name, str) for one in found)
