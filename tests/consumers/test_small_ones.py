"""llama.cpp, whisper.cpp, faster-whisper and vLLM: what each opens, and where it looks."""

import struct

import pytest

from modelready.consumers import faster_whisper, llama_cpp, vllm, whisper_cpp

GGUF = b"GGUF" + struct.pack("<I", 3)
GGML = struct.pack("<I", 0x67676D6C)
SPLIT = {f"big-{number:05}-of-00003.gguf": GGUF for number in (1, 2, 3)}
CT2 = {
    "config.json": {},
    "model.bin": b"1",
    "tokenizer.json": "{}",
    "vocabulary.json": ["a", "b"],
}
LARGE_V3 = {**CT2, "vocabulary.json": ["a"] * 51866, "preprocessor_config.json": {}}
QWEN = {
    "config.json": {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]},
    "model.safetensors": b"1",
    "tokenizer.json": "{}",
}
MISTRAL = {"params.json": {}, "consolidated.safetensors": b"1", "tekken.json": {}}
COMMIT = "c1" * 20


@pytest.mark.parametrize(
    ("judge", "files"),
    [
        pytest.param(llama_cpp, {"tiny-Q4_K_M.gguf": GGUF}, id="a GGUF"),
        pytest.param(llama_cpp, {"x.gguf": GGUF, "mmproj-x-f16.gguf": GGUF}, id="with its projector"),
        pytest.param(llama_cpp, SPLIT, id="in parts"),
        pytest.param(llama_cpp, {"blob": GGUF}, id="without its ending"),
        pytest.param(whisper_cpp, {"ggml-base.en.bin": GGML}, id="whisper.cpp"),
        pytest.param(whisper_cpp, {"mine.bin": GGML, "README.md": b"#"}, id="another name"),
        pytest.param(
            whisper_cpp,
            {"ggml-base.bin": GGML, "ggml-base-encoder.mlmodelc/weights/weight.bin": b"1"},
            id="with Core ML beside it",
        ),
        pytest.param(faster_whisper, CT2, id="faster-whisper"),
        pytest.param(faster_whisper, LARGE_V3, id="large-v3"),
        pytest.param(vllm, QWEN, id="vLLM"),
        pytest.param(vllm, MISTRAL, id="Mistral's own form"),
        pytest.param(vllm, {**QWEN, "odd-name.safetensors": b"1"}, id="any name of weights"),
        pytest.param(vllm, {"x-Q4_K_M.gguf": GGUF}, id="vLLM opens a GGUF"),
    ],
)
def test_what_publishers_upload_is_opened(fill, met, judge, files):
    """A check never accuses a good folder."""
    assert judge.faults(met(fill(files))) == ()


@pytest.mark.parametrize(
    ("judge", "files", "lost", "path", "words"),
    [
        pytest.param(llama_cpp, {"x.safetensors": b"1"}, [], "*.gguf", "no GGUF file", id="no GGUF"),
        pytest.param(llama_cpp, {"mmproj-x.gguf": GGUF}, [], "mmproj-x.gguf", "only the projector", id="projector"),
        pytest.param(llama_cpp, SPLIT, ["*-00003-of*"], "big-00003-of-00003.gguf", "one of its parts", id="the last"),
        pytest.param(llama_cpp, SPLIT, ["*-00001-of*"], "big-00001-of-00003.gguf", "one of its parts", id="the first"),
        pytest.param(whisper_cpp, {"ggml-base.bin": GGUF}, [], "ggml-base.bin", "llama.cpp opens", id="GGUF"),
        pytest.param(whisper_cpp, {"base.pt": b"PK\3\4"}, [], "base.pt", "checkpoint of PyTorch", id="PyTorch"),
        pytest.param(whisper_cpp, {"ggml-base.bin": b"<htm"}, [], "ggml-base.bin", "begins with 3c68746d", id="a page"),
        pytest.param(whisper_cpp, {"README.md": b"#"}, [], "ggml-*.bin", "no model", id="nothing"),
        pytest.param(faster_whisper, CT2, ["tokenizer.json"], "tokenizer.json", "asks the network", id="tokenizer"),
        pytest.param(faster_whisper, CT2, ["model.bin"], "model.bin", "CTranslate2 opens", id="weights"),
        pytest.param(faster_whisper, CT2, ["vocabulary.json"], "vocabulary.json", "vocabulary.txt", id="vocabulary"),
        pytest.param(faster_whisper, LARGE_V3, ["pre*"], "preprocessor_config.json", "needs 128", id="mel bins"),
        pytest.param(faster_whisper, {**CT2, "config.json": "{"}, [], "config.json", "no JSON", id="broken config"),
        pytest.param(vllm, QWEN, ["config.json"], "config.json", "params.json", id="config"),
        pytest.param(vllm, QWEN, ["*.safetensors"], "model.safetensors", "no weights at the root", id="vLLM weights"),
        pytest.param(vllm, QWEN, ["tokenizer.json"], "tokenizer.json", "a qwen3 model", id="vLLM tokenizer"),
        pytest.param(vllm, {**QWEN, "config.json": "["}, [], "config.json", "no JSON", id="vLLM config"),
    ],
)
def test_each_thing_missing_is_told_once(fill, met, without, judge, files, lost, path, words):
    """One missing file is one objection, which names it."""
    (fault,) = judge.faults(met(fill(without(files, *lost))))

    assert fault.path == path
    assert words in fault.message


@pytest.mark.parametrize(
    ("judge", "files"),
    [(llama_cpp, SPLIT), (whisper_cpp, {"ggml-base.bin": GGML}), (faster_whisper, LARGE_V3), (vllm, QWEN)],
    ids=["llama", "whisper", "faster", "vllm"],
)
def test_what_an_earlier_check_told_is_not_told_again(fill, met, judge, files):
    """Whichever file is missing, files.are_there has said so."""
    for lost in files:
        folder = fill(files, f"without {lost}")
        (folder / lost).unlink()

        assert judge.faults(met(folder, lost=[lost])) == (), lost


def test_llama_cache_leads_away_from_the_hub_cache(fill, met, tmp_path):
    """`-hf` looks there before it looks into the Hub cache."""
    folder = fill({"x.gguf": GGUF})

    (fault,) = llama_cpp.faults(met(folder, is_cached=True, environ={"LLAMA_CACHE": "elsewhere"}))

    assert fault.path == "LLAMA_CACHE"
    assert llama_cpp.faults(met(folder, is_cached=True, environ={"LLAMA_CACHE": str(tmp_path / "hub")})) == ()
    assert llama_cpp.faults(met(folder, environ={"LLAMA_CACHE": "elsewhere"})) == ()


@pytest.mark.parametrize(
    ("environ", "ref", "about", "path"),
    [
        pytest.param({}, None, {"is_cached": True}, None, id="not asked for by name"),
        pytest.param({"MODEL_NAME": "acme/other"}, None, {}, None, id="another model"),
        pytest.param({"MODEL_NAME": "acme/tiny"}, COMMIT, {"is_cached": True}, None, id="refs/main leads there"),
        pytest.param(
            {"MODEL_NAME": "acme/tiny", "MODEL_REVISION": COMMIT}, None, {"is_cached": True}, None, id="the commit"
        ),
        pytest.param({"MODEL_NAME": "acme/tiny"}, None, {"is_cached": True}, "MODEL_REVISION", id="no refs/main"),
        pytest.param({"MODEL_NAME": "acme/tiny"}, "f" * 40, {"is_cached": True}, "MODEL_REVISION", id="another commit"),
        pytest.param(
            {"MODEL_NAME": "acme/tiny", "MODEL_REVISION": "../../x"},
            COMMIT,
            {"is_cached": True},
            "MODEL_REVISION",
            id="out of the cache",
        ),
        pytest.param({"MODEL_NAME": "acme/tiny"}, None, {}, "MODEL_NAME", id="it lies in a folder"),
    ],
)
def test_vllm_finds_the_model_under_the_name_it_is_given(fill, met, environ, ref, about, path):
    """RunPod's worker serves $MODEL_NAME at $MODEL_REVISION."""
    if ref:
        fill({"models--acme--tiny/refs/main": ref}, "hub")

    found = vllm.faults(met(fill(QWEN), environ=environ, revision=COMMIT, **about))

    assert [one.path for one in found] == ([path] if path else [])


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "a/../../b", "", "."])
def test_names_that_no_file_can_have_break_no_judge(fill, met, name):
    """An index names what it likes: that is told, and nothing outside the folder is touched."""
    index = {"weight_map": {"a": f"{name}.safetensors"}}
    files = {path: content for path, content in QWEN.items() if path != "model.safetensors"}

    found = vllm.faults(met(fill({**files, "model.safetensors.index.json": index})))

    assert len(found) == 1


def test_what_cannot_be_seen_is_not_there(fill, met):
    """A link that leads nowhere is a name and no file."""
    folder = fill(QWEN)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("nowhere")

    assert [one.path for one in vllm.faults(met(folder))] == ["config.json"]
