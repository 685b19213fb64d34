"""A catalog says who opens a model; the suite holds the folder against what that application opens."""

from __future__ import annotations

import json
import struct

import pytest

CATALOG = """
[[model]]
name = "pipeline"
source = "hf:acme/pipeline"
layout = "folder"
include = ["model_index.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"]
consumers = ["diffusers"]

[[model]]
name = "words"
source = "hf:acme/words"
layout = "folder"
include = ["config.json", "model.safetensors"]
consumers = ["transformers", "vllm"]

[[model]]
name = "images"
source = "hf:acme/images"
layout = "folder"
folder = "${MODELS_DIR}"
include = ["split_files/vae/ae.safetensors"]
consumers = ["comfyui"]

[[model.file]]
path = "split_files/vae/ae.safetensors"
save_as = "vae/ae.safetensors"

[[model]]
name = "speech"
source = "hf:acme/speech"
layout = "folder"
include = ["ggml-base.bin"]
consumers = ["whisper.cpp"]

[[model]]
name = "spoken"
source = "hf:acme/spoken"
layout = "folder"
include = ["config.json", "model.bin", "vocabulary.txt", "tokenizer.json"]
exclude = ["README.md"]
consumers = ["faster-whisper"]

[[model]]
name = "quantized"
source = "hf:acme/quantized"
layout = "folder"
include = ["tiny.gguf"]
consumers = ["llama.cpp"]
"""
WEIGHTS = struct.pack("<Q", 2) + b"{}"
INDEX = {"_class_name": "P", "vae": ["diffusers", "AutoencoderKL"]}
FILES = {
    "pipeline/model_index.json": INDEX,
    "pipeline/vae/config.json": {},
    "pipeline/vae/diffusion_pytorch_model.safetensors": WEIGHTS,
    "words/config.json": {"model_type": "acme", "architectures": ["AcmeForCausalLM"]},
    "words/model.safetensors": WEIGHTS,
    "vae/ae.safetensors": WEIGHTS,
    "speech/ggml-base.bin": b"lmgg1234",
    "spoken/config.json": {},
    "spoken/model.bin": b"1",
    "spoken/vocabulary.txt": "a\nb\n",
    "spoken/tokenizer.json": {"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}},
    "quantized/tiny.gguf": b"GGUF\3\0\0\0",
}
ALL = (
    "layouts.comfyui_lists_it[images]",
    "layouts.diffusers_opens_it[pipeline]",
    "layouts.faster_whisper_opens_it[spoken]",
    "layouts.llama_cpp_opens_it[quantized]",
    "layouts.transformers_opens_it[words]",
    "layouts.vllm_finds_it[words]",
    "layouts.whisper_cpp_opens_it[speech]",
)
#: Checks of the bytes themselves are other tests' business; the files here are too small for them.
ONLY = ("-k", "layouts or machine")


@pytest.fixture
def filled(machine):
    """Give a machine on which every application finds what it opens."""
    machine.catalog(CATALOG)
    for path, content in FILES.items():
        write(machine, path, content)
    return machine


def write(machine, path, content):
    place = machine.place / "models" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, (bytes, str)) else json.dumps(content)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_what_every_application_opens_is_proved(filled, judged):
    """Each model has the checks of its consumers, and no others; a workflow finds its models."""
    write(filled, "../flow.json", {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}}})

    outcome = judged(filled, "certify", *ONLY, "--workflow", "flow.json")

    assert outcome.failed == []
    assert sorted(outcome.passed) == [
        *ALL,
        "machine.comfyui_finds_its_models",
        "machine.keeps_no_tokens",
        "machine.variables_agree",
    ]


def test_each_damage_is_told_by_the_check_of_its_application(filled, judged):
    """Seven models, seven broken in the way that only their application would notice."""
    filled.variables["MODEL_NAME"] = "acme/words"
    write(filled, "pipeline/model_index.json", {**INDEX, "unet": ["diffusers", "UNet2DConditionModel"]})
    write(filled, "words/config.json", {"hidden_size": 8})
    write(filled, "speech/ggml-base.bin", b"GGUF1234")
    write(filled, "spoken/vocabulary.txt", "\n".join("a" * 51866))
    write(filled, "../flow.json", {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "AE.safetensors"}}})
    text = CATALOG.replace('save_as = "vae/ae', 'save_as = "vaes/ae').replace('"tiny.gguf"', '"mmproj-tiny.gguf"')
    filled.catalog(text)
    write(filled, "vaes/ae.safetensors", WEIGHTS)
    write(filled, "quantized/mmproj-tiny.gguf", b"GGUF\3\0\0\0")
    filled.variables["COMFYUI_WORKFLOW"] = "flow.json"

    outcome = judged(filled, "certify", *ONLY)

    assert sorted(outcome.failed) == [*ALL, "machine.comfyui_finds_its_models"]
    for words in (
        "unet/config.json",
        "nearest: vae",
        "only the projector",
        "needs 128",
        "set MODEL_NAME=~/models/words",
    ):
        assert words in outcome.text


def test_no_workflow_is_no_check(filled, judged):
    """A machine without one is told nothing of it."""
    outcome = judged(filled, "certify", "-k", "machine or llama_cpp_opens_it")

    assert sorted(outcome.passed) == [
        "layouts.llama_cpp_opens_it[quantized]",
        "machine.keeps_no_tokens",
        "machine.variables_agree",
    ]
