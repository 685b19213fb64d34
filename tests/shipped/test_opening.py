"""Every application that a shipped model names finds and opens what the catalog takes, by the engine's own rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import stand_ins

from modelready import grounds, packaged, patterns
from modelready.inspection import applications, tokenizers
from modelready.inspection.applications import Here
from modelready.placing import locate
from modelready.rules import destination, named_paths

FIGURES = {
    one["id"].replace("_", "-"): [file["path"] for file in one.get("files", [])]
    for one in json.loads((Path(__file__).parents[1] / "data" / "models.json").read_text(encoding="utf-8"))
}
_DIFFUSERS = ["processor/preprocessor_config.json", "transformer/config.json", "text_encoder/config.json"]
TTS = "qwen3-tts-tokenizer-12hz"
#: Files that repositories hold beside those of which figures are known: a catalog takes them by its patterns, or not.
MORE = {
    "qwen-image-edit-diffusers": _DIFFUSERS,
    "qwen-image-edit-2511-full": [
        *(path for path in FIGURES["qwen-image-edit-diffusers"] if not path.startswith("transformer/diffusion")),
        *_DIFFUSERS,
        "transformer/diffusion_pytorch_model.safetensors",
    ],
    "flux1-dev-diffusers": [
        *(f"{part}/config.json" for part in ("text_encoder", "text_encoder_2", "transformer", "vae")),
        *("tokenizer/tokenizer_config.json", "tokenizer_2/tokenizer_config.json", "flux1-dev.safetensors"),
    ],
    "sdxl-base-diffusers-fp16": [
        *("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"),
        *("tokenizer_2/vocab.json", "tokenizer_2/merges.txt", "tokenizer_2/tokenizer_config.json"),
        *("vae_1_0/config.json", "vae/diffusion_pytorch_model.safetensors"),
    ],
    "z-image-turbo-mflux-4bit-filipstrand": FIGURES["z-image-turbo-mflux-q4"],
    "qwen3-tts-1.7b-customvoice": FIGURES["qwen3-tts-1.7b-base"],
    "qwen3-tts-0.6b-customvoice": FIGURES["qwen3-tts-0.6b-base"],
    "qwen3-4b": ["generation_config.json", "merges.txt", "tokenizer_config.json", "vocab.json", "README.md"],
    "vibevoice-1.5b": ["config.json", "preprocessor_config.json", "model.safetensors.index.json"],
    "vibevoice-large": ["config.json", "preprocessor_config.json", "model.safetensors"],
    "vibevoice-large-q8": ["config.json", "preprocessor_config.json", "model.safetensors"],
}


def listing(model):
    """Give what the model's repository is known to hold, README included."""
    known = [*FIGURES.get(model.name, []), *named_paths(model), *MORE.get(model.name, []), "README.md"]
    return sorted({path for path in known if "*" not in path and "<" not in path})


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """Give a machine that holds nothing, its folder and its variables: the catalogs are read once."""
    root = tmp_path_factory.mktemp("machine")
    environ = {"HOME": str(root), "HF_HOME": str(root / "hf"), "MODELREADY_HOME": str(root / "state")}
    environ |= {"MODELS_DIR": str(root / "models"), "HF_HUB_OFFLINE": "1"}
    asked = grounds.requested(environ, root, catalogs=[packaged.folder("catalogs")])
    yield asked, root, environ
    asked.ground.close()


@pytest.fixture
def met(machine, tmp_path):
    """Give a function that puts a model where the catalog wants it, but for *lost* files, and locates it."""
    asked, root, environ = machine

    def met(name, *, lost=()):
        model = asked.catalog.named(name)
        upstream = stand_ins.write(tmp_path / name, listing(model), name)
        taken = patterns.select(listing(model), model.include, model.exclude)
        for path in taken:
            place = _place(asked, model, path)
            if not patterns.matches(path, lost):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes((upstream / path).read_bytes())
        here = Here(asked.ground.settings.hf_cache, root, environ, tuple(asked.with_needs([name])))
        return locate(model, asked.ground), here

    yield met
    for folder in ("hf", "models"):
        shutil.rmtree(root / folder, ignore_errors=True)


def _place(asked, model, path):
    if model.layout == "folder":
        return destination(model, path)
    storage = asked.ground.settings.hf_cache / f"models--{model.source.address.replace('/', '--')}"
    revision = model.source.revision if model.source.is_pinned else "c" * 40
    ref = storage / "refs" / ("main" if model.source.is_pinned else model.source.revision)
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(revision)
    return storage / "snapshots" / revision / path


def judged():
    """Give each shipped model with each application that judges for one of its consumers."""
    from modelready import catalog  # noqa: PLC0415 - only to name the cases

    models = catalog.read([packaged.folder("catalogs")], environ={}, cwd=Path("/work")).models
    for model in models:
        for application in applications.JUDGES:
            if applications.consumers_of(application) & {*model.consumers}:
                yield pytest.param(model.name, application, id=f"{model.name}:{application}")


@pytest.mark.parametrize(("name", "application"), list(judged()))
def test_every_consumer_finds_what_the_catalog_takes(met, name, application):
    """Nothing that an application needs is left out, and everything lies where it looks."""
    placed, here = met(name)

    found = applications.unopened(application, applications.setting(placed, here))

    assert [(one.path, one.message) for one in found] == []


@pytest.mark.parametrize(
    ("name", "application", "lost", "told"),
    [
        ("z-image-turbo-diffusers", "mflux", "text_encoder/model-00002*", "text_encoder/"),
        ("z-image-turbo-diffusers", "diffusers", "scheduler/*", "scheduler/scheduler_config.json"),
        ("z-image-turbo-mflux-q4", "mflux", "tokenizer/*", "tokenizer"),
        ("qwen-image-edit-diffusers", "diffusers", "processor/*", "processor/preprocessor_config.json"),
        ("sdxl-base-diffusers-fp16", "diffusers", "vae/*", "vae/"),
        ("qwen3-tts-1.7b-customvoice", "transformers", "speech_tokenizer/preprocessor*", "speech_tokenizer/preproc"),
        ("florence-2-base", "transformers", "processing_*", "processing_florence2.py"),
        ("whisper-large-v3-turbo-hf", "transformers", "preprocessor_config.json", "preprocessor_config.json"),
        ("faster-whisper-large-v3", "faster-whisper", "tokenizer.json", "tokenizer.json"),
        ("qwen3-0.6b", "vllm", "tokenizer*", "tokenizer"),
    ],
)
def test_what_a_catalog_left_out_would_be_told(met, name, application, lost, told):
    """By the same rules, or by the check that sees a named file absent: the cases above could fail."""
    placed, here = met(name, lost=[lost])

    found = [one.path for one in applications.unopened(application, applications.setting(placed, here))]
    absent = [one.path for one in placed.files if not one.place.exists()]

    assert any(path.startswith(told) for path in [*found, *absent])


def test_every_model_that_speaks_says_where_its_tokenizer_lies(shipped):
    """What reads words is checked with a prompt; VibeVoice's words are another model's."""
    speaking = [
        one for one in shipped.models if {*one.consumers} & {"mflux", "vllm", "vibevoice"} or one.needs == (TTS,)
    ]
    silent = [one.name for one in speaking if not one.tokenizer]

    assert silent == []
    assert shipped.named("vibevoice-1.5b").tokenizer == ("qwen2.5-1.5b-tokenizer:.",)


@pytest.mark.parametrize("name", ["qwen3-tts-0.6b-base", "qwen-image-edit-diffusers"])
def test_a_tokenizer_without_tokenizer_json_encodes_a_prompt(met, name):
    """vocab.json and merges.txt are enough, and both are taken."""
    placed, _ = met(name)

    (folder,) = tokenizers.folders(placed, lambda _: placed)

    assert {one.path.rpartition("/")[2] for one in folder.files} >= {"vocab.json", "merges.txt"}
    assert tokenizers.unloadable(placed, lambda _: placed) == ()
