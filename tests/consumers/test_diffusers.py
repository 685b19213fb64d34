"""diffusers opens a folder: every component that model_index.json names is there, and nothing good is accused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready.consumers import diffusers

QWEN_IMAGE_EDIT = {
    "model_index.json": {
        "_class_name": "QwenImageEditPipeline",
        "_diffusers_version": "0.36.0",
        "processor": ["transformers", "Qwen2VLProcessor"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "transformer": ["diffusers", "QwenImageTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLQwenImage"],
        "safety_checker": [None, None],
        "requires_safety_checker": False,
    },
    "processor/preprocessor_config.json": {},
    "scheduler/scheduler_config.json": {},
    "text_encoder/config.json": {},
    "text_encoder/model-00001-of-00002.safetensors": b"1",
    "text_encoder/model-00002-of-00002.safetensors": b"2",
    "text_encoder/model.safetensors.index.json": {
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    },
    "tokenizer/merges.txt": "",
    "tokenizer/vocab.json": {},
    "tokenizer/tokenizer_config.json": {},
    "transformer/config.json": {},
    "transformer/diffusion_pytorch_model.safetensors": b"3",
    "vae/config.json": {},
    "vae/diffusion_pytorch_model.safetensors": b"4",
}
SDXL_FP16 = {
    "model_index.json": {
        "_class_name": "StableDiffusionXLPipeline",
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    },
    "scheduler/scheduler_config.json": {},
    "text_encoder/config.json": {},
    "text_encoder/model.fp16.safetensors": b"1",
    "unet/config.json": {},
    "unet/diffusion_pytorch_model.fp16.safetensors": b"2",
    "vae/config.json": {},
    "vae/diffusion_pytorch_model.safetensors": b"3",
}
SHARDED_FP16 = {
    "model_index.json": {"_class_name": "P", "unet": ["diffusers", "UNet2DConditionModel"]},
    "unet/config.json": {},
    "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors": b"1",
    "unet/diffusion_pytorch_model.safetensors.index.fp16.json": {
        "weight_map": {"a": "diffusion_pytorch_model.fp16-00001-of-00001.safetensors"}
    },
}
SAFETY = {
    "model_index.json": {"_class_name": "P", "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]},
    "safety_checker/config.json": {},
    "safety_checker/pytorch_model.bin": b"1",
}
VAE = {"config.json": {"_class_name": "AutoencoderKL"}, "diffusion_pytorch_model.safetensors": b"1"}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(QWEN_IMAGE_EDIT, id="a pipeline with shards and a processor"),
        pytest.param(SDXL_FP16, id="one component falls back from the variant"),
        pytest.param(SHARDED_FP16, id="a sharded variant"),
        pytest.param(SAFETY, id="a library of the pipeline's own, pickles"),
        pytest.param(VAE, id="a single model"),
        pytest.param({"lora.safetensors": b"1"}, id="a LoRA"),
        pytest.param({"sd_xl_base_1.0.safetensors": b"1"}, id="a checkpoint in one file"),
        pytest.param({"modular_model_index.json": {}}, id="a modular pipeline"),
    ],
)
def test_what_publishers_upload_is_opened(fill, met, files):
    """A check never accuses a good folder."""
    assert diffusers.faults(met(fill(files))) == ()


@pytest.mark.parametrize(
    ("lost", "path", "words"),
    [
        pytest.param(["model_index.json"], "model_index.json", "only its folders are here: scheduler", id="index"),
        pytest.param(["scheduler/*"], "scheduler/scheduler_config.json", "names the component", id="component"),
        pytest.param(["vae/config.json"], "vae/config.json", "AutoencoderKLQwenImage", id="config"),
        pytest.param(["vae/*.safetensors"], "vae/diffusion_pytorch_model.safetensors", "no weights", id="weights"),
        pytest.param(["processor/*"], "processor/preprocessor_config.json", "Qwen2VLProcessor", id="processor"),
        pytest.param(["tokenizer/*"], "tokenizer/tokenizer_config.json", "Qwen2Tokenizer", id="tokenizer"),
        pytest.param(
            ["model-00002*"], "text_encoder/model-00002-of-00002.safetensors", "index.json names", id="a shard"
        ),
        pytest.param(["*.index.json"], "text_encoder/model.safetensors.index.json", "never opened", id="shard index"),
    ],
)
def test_each_thing_missing_is_told_once(fill, met, without, lost, path, words):
    """One missing file is one objection, which names it."""
    (fault,) = diffusers.faults(met(fill(without(QWEN_IMAGE_EDIT, *lost))))

    assert fault.path == path
    assert words in fault.message


@pytest.mark.parametrize("lost", [path for path in QWEN_IMAGE_EDIT if not path.endswith(".txt")])
def test_what_an_earlier_check_told_is_not_told_again(fill, met, without, lost):
    """files.are_there and weights.have_every_shard come first."""
    folder = fill(without(QWEN_IMAGE_EDIT, lost))

    assert diffusers.faults(met(folder, lost=[lost])) == ()


def test_a_component_that_the_catalog_excludes_is_not_asked_for(fill, met, without):
    """``exclude = ["vae/*"]`` says that the application is given another."""
    folder = fill(without(QWEN_IMAGE_EDIT, "vae/*"))

    assert diffusers.faults(met(folder, exclude=("vae/*",))) == ()
    assert len(diffusers.faults(met(folder, exclude=("*.bin", "*.fp16.*")))) == 1
    assert len(diffusers.faults(met(folder, include=("model_index.json", "transformer/*")))) == 1


def test_variants_that_do_not_agree_are_told(fill, met, without):
    """No ``variant=`` opens a pipeline of which one part is fp16 only and another bf16 only."""
    files = {**without(SDXL_FP16, "unet/*.safetensors"), "unet/diffusion_pytorch_model.bf16.safetensors": b"2"}

    (fault,) = diffusers.faults(met(fill(files)))

    assert "only the variant" in fault.message


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        pytest.param("model_index.json", "{", "is no JSON", id="no JSON"),
        pytest.param("model_index.json", "[]", "holds no table", id="no table"),
        pytest.param("model_index.json", "[" * 100_000, "nested too deeply", id="nested"),
        pytest.param("model_index.json", b"\xff", "is no text", id="no text"),
        pytest.param("model_index.json", {"vae": ["diffusers", "X"]}, "_class_name", id="no class"),
        pytest.param("vae/config.json", "", "is no JSON", id="empty config"),
        pytest.param("text_encoder/model.safetensors.index.json", {}, "no weight_map", id="empty index"),
        pytest.param("text_encoder/model.safetensors.index.json", {"weight_map": {"a": 1}}, "no file name", id="odd"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(fill, met, path, content, words):
    """The file is named, and what is wrong with it."""
    (fault,) = diffusers.faults(met(fill({**QWEN_IMAGE_EDIT, path: content})))

    assert fault.path == path
    assert words in fault.message


def test_nothing_that_is_a_model_is_told(fill, met):
    """A folder of words is no pass."""
    (fault,) = diffusers.faults(met(fill({"README.md": "hello"})))

    assert fault.path == "model_index.json"


def test_shards_without_an_index_are_no_single_model(fill, met):
    """Shards are opened through their index only."""
    files = {"config.json": {}, "diffusion_pytorch_model-00001-of-00002.safetensors": b"1"}

    (fault,) = diffusers.faults(met(fill(files)))

    assert fault.path == "diffusion_pytorch_model.safetensors.index.json"


def test_a_model_without_its_configuration_is_told(fill, met):
    """from_pretrained reads config.json first."""
    (fault,) = diffusers.faults(met(fill({"diffusion_pytorch_model.safetensors": b"1"})))

    assert fault.path == "config.json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_no_index_breaks_the_judge(fill, met, index):
    """Whatever lies there, an answer comes; and what is no table with a class is never fine."""
    found = diffusers.faults(met(fill({"model_index.json": index})))

    try:
        value = json.loads(index.decode())
    except ValueError:
        value = None
    assert found or isinstance(value.get("_class_name"), str)
