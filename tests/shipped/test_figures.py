"""The shipped catalogs say what is known of the models upstream: repositories, commits, sizes, digests, places."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from modelready import patterns, switches
from modelready.rules import rule_for, saved_path

FIGURES = json.loads((Path(__file__).parents[1] / "data" / "models.json").read_text(encoding="utf-8"))
KNOWN = [one for one in FIGURES if one.get("status") != "INVALID_ALIAS"]
#: Entries of which each file is a choice of its own.
SPLIT = {
    "z-image-turbo-gguf": ("z-image-turbo-gguf-q4-k", "z-image-turbo-gguf-q6-k", "z-image-turbo-gguf-q8-0"),
    "steadydancer-smthem-bf16": ("steadydancer-smthem-bf16", "steadydancer-smthem-gguf"),
}
#: Files that a catalog leaves out on purpose, or that are no names.
LEFT_OUT = {
    ("sdxl-base-diffusers-fp16", "text_encoder/model.safetensors"),  # variant=fp16 opens model.fp16.safetensors
    ("sdxl-base-diffusers-fp16", "text_encoder_2/model.safetensors"),
    ("steadydancer-14b", "<sharded Wan2.1-I2V checkpoint dir>"),
}
LICENCES = {
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "FLUX.1 [dev] Non-Commercial": "flux-1-dev-non-commercial-license",
    "CreativeML Open RAIL++-M": "openrail++",
    "Llama 3.2 Community": "llama3.2",
}
#: What else a switch of the real script asks for before it turns anything on.
BESIDE = {"ENABLE_INFCAM": {"GPU_TIER": "datacenter"}}
GATE = re.compile(r"[A-Z][A-Z0-9_]+(?:=[\w.]+)?(?:\|[\w.]+)*")


def entry(one):
    return pytest.param(one, id=one["id"])


def names_of(one):
    return SPLIT.get(one["id"], (one["id"].replace("_", "-"),))


def taking(shipped, one, path):
    """Give the models of an entry that take the file at *path*."""
    models = [shipped.named(name) for name in names_of(one)]
    return [model for model in models if patterns.select([path], model.include, model.exclude)]


def files():
    """Give each file of each entry of which a path is known."""
    for one in KNOWN:
        for file in one.get("files", []):
            if (one["id"], file["path"]) not in LEFT_OUT and "*" not in file["path"]:
                yield pytest.param(one, file, id=f"{one['id']}:{file['path']}")


@pytest.mark.parametrize("one", [entry(one) for one in KNOWN])
def test_every_known_model_is_in_a_catalog(shipped, one):
    """From its own repository, at the commit that is known, under the licence that is known."""
    for model in map(shipped.named, names_of(one)):
        kind, _, address = model.source.text.partition("@")[0].partition(":")

        assert (kind, address) == tuple(one["repo"].replace("modelVersion/", "").partition(":")[::2]) or (
            (kind, address) == ("hf", one["repo"])
        )
        assert one["revision"] in {None, address, model.source.revision}
        assert model.gated == (one["gated"] is True)
        assert LICENCES.get(one["licence"], model.licence) == model.licence


def test_a_name_that_is_no_repository_is_told_and_not_asked(shipped, texts):
    """Who copies it from a document finds out what replaces it."""
    for one in (one for one in FIGURES if one not in KNOWN):
        assert one["repo"] not in {model.source.address for model in shipped.models}
        assert any(f"`{one['repo']}`" in text for text in texts.values())
        assert all(set(names_of({"id": name})) <= set(shipped.by_name) for name in one["replacement"])


@pytest.mark.parametrize(("one", "file"), list(files()))
def test_every_known_file_has_the_figures_that_are_known(shipped, one, file):
    """Size and digests to the last digit; where no size is known, the least that it can have."""
    (model,) = taking(shipped, one, file["path"])
    rule = rule_for(model, file["path"])

    digests = {name: file[name] for name in ("sha256", "git_sha1", "sha1", "md5") if name in file}
    assert (
        {one.algorithm: one.hex for one in rule.digests if one.told_by == "catalog"} == digests if rule else not digests
    )
    if size := file.get("size_bytes"):
        assert rule.size == size
    elif least := file.get("min_bytes"):
        assert (rule.size, rule.min_size) == (None, least)
        assert least >= file.get("document_min_mb", 0) * 2**20  # no weaker than the document's own check
    if file["path"].endswith((".safetensors", ".gguf", ".bin", ".pth", ".pt", ".onnx")):
        assert rule.size or rule.min_size, "a weight file without any size"
    if rule and len(names_of(one)) == 1:
        assert rule.optional == file.get("optional", False)


@pytest.mark.parametrize(("one", "file"), [case for case in files() if "dest" in case.values[1]])
def test_every_file_lies_where_its_application_looks(shipped, one, file):
    """``models/`` is MODELS_DIR there."""
    (model,) = taking(shipped, one, file["path"])

    place = model.folder / saved_path(file["path"], rule_for(model, file["path"]))

    assert place.relative_to("/models") == Path(file["dest"]).relative_to("models")


@pytest.mark.parametrize("one", [entry(one) for one in KNOWN if "total_bytes" in one])
def test_what_is_known_of_the_files_fits_into_the_whole(shipped, one):
    """57.7 GB in 34 files: no minimum asks for more than there is."""
    model = shipped.named(*names_of(one))

    least = sum(rule.size or rule.min_size or 0 for rule in model.files)

    assert least <= one["total_bytes"]
    assert len(model.files) <= one["file_count"]


@pytest.mark.parametrize("one", [entry(one) for one in KNOWN if "tokenizer" in one])
def test_every_known_tokenizer_is_named_and_taken(shipped, one):
    """A model whose tokenizer is not brought fails at its first step."""
    (model,) = map(shipped.named, names_of(one))
    folder = one["tokenizer"]["subdir"]
    paths = [name if folder == "." else f"{folder}/{name}" for name in one["tokenizer"]["files"]]

    assert model.tokenizer == (folder,)
    assert patterns.select(paths, model.include, model.exclude) == paths


@pytest.mark.parametrize("one", [entry(one) for one in KNOWN if "requires" in one])
def test_what_a_model_cannot_do_without_is_needed(shipped, one):
    """Half of a pipeline is none."""
    for model in map(shipped.named, names_of(one)):
        assert {text.partition(" ")[0] for text in one["requires"]} <= {*model.needs}


def gates():
    """Give each alternative of each switch: what has to be set."""
    for one in KNOWN:
        gate = one.get("env_gate") or ""
        if not re.match(r"(ENABLE_(?!.*user-defined)|WAN_)", gate):
            continue
        parts = [GATE.search(part)[0] for part in gate.split(" (")[0].split("&")]
        valued = dict(part.split("|")[0].split("=") for part in parts if "=" in part)
        for alternative in next(part for part in parts if "=" not in part or part.endswith("=true")).split("|"):
            fixed = {part: "true" for part in parts[1:] if "=" not in part}
            name = alternative.partition("=")[0]
            yield pytest.param(one, {**valued, **fixed, name: "true", **BESIDE.get(name, {})}, id=f"{one['id']}:{name}")


@pytest.mark.parametrize(("one", "environ"), list(gates()))
def test_the_switches_of_the_real_script_turn_their_models_on(shipped, one, environ):
    """Together with a choice where one repository serves several; nothing is on before."""
    names = names_of(one)
    for name in names:
        lines = map(switches.parse, shipped.named(name).enabled_by)
        choices = {line.names[0]: line.values[0] for line in lines if line.values and line.names[0] not in environ}
        choices |= {"STEADYDANCER_VARIANT": "gguf"} if name == "steadydancer-smthem-gguf" else {}

        on = switches.decide(shipped.models, {**choices, **environ} | choices)[name]
        off = switches.decide(shipped.models, {})[name]

        assert (on.is_required, off.is_required) == (True, False), on
