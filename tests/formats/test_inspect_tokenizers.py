"""Which tokenizers a model has, and those that do not work."""

import json
from dataclasses import replace

import pytest

from modelready.inspection import tokenizers as inspected


@pytest.mark.parametrize(
    ("files", "consumers", "found"),
    [
        pytest.param(["tokenizer.json"], (), ["."], id="whole"),
        pytest.param(["tokenizer/tokenizer_config.json"], (), ["tokenizer"], id="only its configuration"),
        pytest.param(["t/vocab.json", "t/merges.txt"], ("mflux",), ["t"], id="read by mflux"),
        pytest.param(["t/vocab.json", "t/merges.txt"], ("comfyui",), [], id="read by nobody"),
        pytest.param(["spiece.model"], ("transformers",), ["."], id="sentencepiece"),
        pytest.param(["a/tokenizer.json", "b/tokenizer.json"], (), ["a", "b"], id="two"),
        pytest.param(["model.safetensors", "config.json"], ("transformers",), [], id="none"),
    ],
)
def test_tokenizers_are_found_among_the_files(model_in, no_models, files, consumers, found):
    """Nobody has to name them."""
    model = model_in(lost=files, consumers=consumers)

    assert [one.path for one in inspected.folders(model, no_models)] == found


def test_the_catalog_names_tokenizers(model_in, tmp_path, whole_tokenizer):
    """One of its own, one that another model brings, one that files of other names lie in."""
    whole_tokenizer(tmp_path / "other" / "sub")
    other = model_in(tmp_path / "other")
    model = model_in(tmp_path / "own", lost=["tok/tokenizer.json"], tokenizer=("tok", "./none", "other:sub"))
    moved = replace(model.files[0], place=tmp_path / "moved" / "tokenizer.json")

    found = inspected.folders(replace(model, files=(moved,)), {"other": other}.__getitem__)

    assert [(one.path, one.folder) for one in found] == [
        ("tok", tmp_path / "moved"),
        ("none", tmp_path / "own" / "none"),
        ("sub", tmp_path / "other" / "sub"),
    ]


def test_tokenizers_that_work_are_not_accused(model_in, tmp_path, no_models, whole_tokenizer, split_tokenizer):
    """Real files, really loaded."""
    whole_tokenizer(tmp_path)
    split_tokenizer(tmp_path / "tokenizer_2")

    assert inspected.unloadable(model_in(), no_models) == ()


def test_a_tokenizer_that_does_not_load_is_told(model_in, tmp_path, no_models, whole_tokenizer):
    """The file in question is named, and what to do."""
    (whole_tokenizer(tmp_path / "tokenizer") / "tokenizer.json").write_text("{")

    (fault,) = inspected.unloadable(model_in(), no_models)

    assert fault.path == "tokenizer/tokenizer.json"
    assert fault.message.startswith("the tokenizer does not work: Exception: EOF")
    assert "provision" in fault.remedy


def test_weights_present_tokenizer_absent_is_told(model_in, write, no_models):
    """The story of a cache test that looks at weights only."""
    write("tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})

    (fault,) = inspected.unloadable(model_in(known_by="snapshot"), no_models)

    assert fault.path == "tokenizer.json"
    assert "no tokenizer file lies here" in fault.message


def test_another_models_tokenizer_is_told_with_its_name(model_in, tmp_path):
    """Otherwise the wrong model would be provisioned."""
    (tmp_path / "other").mkdir()
    other = model_in(tmp_path / "other")
    other = replace(other, model=replace(other.model, name="other"))
    model = model_in(tmp_path / "own", tokenizer=("other:.",))

    (fault,) = inspected.unloadable(model, {"other": other}.__getitem__)

    assert fault.message.startswith("the tokenizer of other does not work: no tokenizer file")


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"lost": ["merges.txt"], "damage": "merges.txt"}, id="absent"),
        pytest.param({"refused": ["vocab.json"]}, id="refused"),
    ],
)
def test_what_an_earlier_check_told_is_passed_over(model_in, tmp_path, no_models, split_tokenizer, about):
    """files.are_there, or whoever was first, names the file."""
    split_tokenizer(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(["broken"]))
    model = model_in(lost=[])
    if "damage" in about:
        (tmp_path / about["damage"]).unlink()

    assert inspected.unloadable(model, no_models, refused=about.get("refused", ())) == ()
