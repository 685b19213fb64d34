"""What the suite asks of applications: a setting of a placed model, faults with a remedy, nothing told twice."""

import pytest

from modelready.inspection import applicability, applications, workflows
from modelready.inspection.applications import Here
from modelready.model import Model, PlacedFile, PlacedModel, Source


@pytest.fixture
def placed(tmp_path, fill):
    """Give a model whose files lie in a folder; those of no content are not there."""

    def placed(files, *, optional=(), name="tiny", **about):
        root = fill({path: content for path, content in files.items() if content is not None}, name)
        model = Model(name, Source("hf:acme/tiny", "hf", "acme/tiny"), "folder", **about)
        wanted = tuple(PlacedFile(path, root / path, optional=path in optional) for path in files)
        return PlacedModel(model, root, None, wanted, "catalog")

    return placed


@pytest.fixture
def judged(tmp_path):
    """Give the faults that an application has with a model."""

    def judged(application, model, refused=(), **environ):
        here = Here(tmp_path / "hub", tmp_path, environ)
        return applications.unopened(application, applications.setting(model, here, refused))

    return judged


@pytest.fixture
def here(tmp_path):
    """Give where applications run, with variables."""
    return lambda **environ: Here(tmp_path / "hub", tmp_path, environ)


def test_every_judge_has_a_check_and_every_check_a_judge():
    """An application that is judged by nobody would always be ready."""
    assert set(applicability._APPLICATIONS.values()) == set(applications.JUDGES)


@pytest.mark.parametrize(
    ("consumers", "fixture", "applies"),
    [
        (("comfyui",), "comfyui_faults", True),
        (("comfyui-gguf",), "comfyui_faults", True),
        (("comfyui-custom-nodes",), "comfyui_faults", True),
        (("qwen-tts",), "transformers_faults", True),
        (("vllm",), "transformers_faults", False),
        (("ollama",), "llama_cpp_faults", False),
        ((), "diffusers_faults", False),
    ],
)
def test_a_check_is_collected_for_its_application_only(placed, consumers, fixture, applies):
    """The catalog says who opens a model; before its files are known, too."""
    model = placed({}, consumers=consumers)

    assert applicability.may_apply(model.model, {fixture}) is applies
    assert applicability.applies(model, {fixture}, None) is applies
    assert applicability.is_about_the_whole({fixture})


def test_a_fault_says_what_to_do(placed, judged):
    """Where the judge has nothing better, provisioning brings what is missing."""
    (fault,) = judged("faster-whisper", placed({"model.bin": b"1", "config.json": {}, "vocabulary.txt": "a"}))

    assert fault.path == "tokenizer.json"
    assert fault.remedy == "run `modelready provision`; where the catalog leaves it out, widen its `include`"


def test_absent_and_refused_files_are_passed_over(placed, judged):
    """Other checks name an absent file and a refused one; an optional one may be absent, but not for vLLM."""
    files = {"model.safetensors": None, "config.json": "{", "tokenizer.json": "{}"}

    assert judged("vllm", placed(files), ["config.json"]) == ()
    assert [one.path for one in judged("vllm", placed(files, optional=["model.safetensors"]), ["config.json"])] == [
        "model.safetensors"
    ]


def test_a_file_with_another_place_is_named_by_its_source(placed, judged, tmp_path):
    """``save_as`` moves a file; catalog and source know it by its path."""
    model = placed({"config.json": "{", "model.safetensors": b"1"})
    moved = PlacedFile("upstream/config.json", model.root / "config.json")
    model = PlacedModel(model.model, model.root, None, (moved, *model.files[1:]), "catalog")

    (fault,) = judged("vllm", model)

    assert fault.path == "upstream/config.json"


def test_no_home_folder_is_told(placed, judged, tmp_path):
    """Certificates go to other machines."""
    model = placed({"config.json": {"model_type": "vit"}, "model.safetensors": b"1"})

    (fault,) = judged("vllm", model, MODEL_NAME="acme/tiny", HOME=str(tmp_path))

    assert fault.remedy == "set MODEL_NAME=~/tiny"


# ---- ComfyUI's own files


def test_workflows_are_named_by_option_and_variable(here, tmp_path):
    """Each once."""
    found = workflows.named([tmp_path / "a.json"], here(COMFYUI_WORKFLOW=f"b.json:{tmp_path}/a.json"))

    assert found == (tmp_path / "a.json", tmp_path / "b.json")


def test_a_machine_without_workflows_is_not_judged(placed, here):
    """Nothing to look at is no verdict."""
    assert not workflows.are_there([placed({"x.sft": b"1"}, consumers=("comfyui",))], (), here())


def test_workflows_and_extra_folders_are_judged_together(placed, fill, here, tmp_path):
    """One model is there, one is told elsewhere, one is nowhere; and the extra folders lead nowhere."""
    files = {"vae/a.safetensors": b"1", "vae/b.safetensors": None}
    model = placed(files, name="models", consumers=("comfyui",))
    nodes = {key: {"class_type": "VAELoader", "inputs": {"vae_name": f"{key}.safetensors"}} for key in "abc"}
    fill({"w.json": nodes, "broken.json": "{", "extra_model_paths.yaml": "a:\n  base_path: /none\n  vae: x\n"}, ".")

    found = workflows.unfound_models([model], [tmp_path / "w.json", tmp_path / "broken.json"], here())

    assert [one.path for one in found] == ["extra_model_paths.yaml", "w.json: VAELoader c", "broken.json"]
    assert "the first is /none/x" in found[0].message
    assert "names c.safetensors" in found[1].message
    assert workflows.unlooked_models([tmp_path / "w.json", tmp_path / "broken.json"], here()) == ()


def test_broken_extra_folders_are_told_once_a_machine(placed, fill, here):
    """Each model is judged without them."""
    model = placed({"vae/a.safetensors": b"1"}, name="models", consumers=("comfyui",))
    fill({"extra_model_paths.yaml": "a: ["}, ".")

    (fault,) = workflows.unfound_models([model], (), here())

    assert fault.path == "extra_model_paths.yaml"
    assert "is no YAML" in fault.message
