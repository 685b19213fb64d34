"""Labels, configurations and words are read whatever is in the files: an answer or words, never a crash."""

import contextlib
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.formats import configs, heads, labels, vocabularies
from modelready.formats.heads import Width
from modelready.formats.safetensors import Tensor

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("id2label", "num_labels", "vocab_size", "text_config", "hidden_size", "word_embedding_dimension")
KEYS = st.sampled_from(("architectures", "auto_map", "model", "vocab", "added_tokens", "content", "id", *FIELDS))
KEYS = KEYS | st.sampled_from(("path", "type", "0", "1"))
LIKELY = st.recursive(
    JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
READERS = [
    (labels.read, "tags.json", labels.BrokenLabels),
    (labels.read, "a.csv", labels.BrokenLabels),
    (configs.read, "config.json", configs.BrokenConfig),
    (configs.modules, "modules.json", configs.BrokenConfig),
    (configs.pooled_width, "config.json", configs.BrokenConfig),
    (vocabularies.read_whole, "tokenizer.json", vocabularies.BrokenVocabulary),
    (vocabularies.read_words, "vocab.json", vocabularies.BrokenVocabulary),
    (
        lambda path: vocabularies.unmergeable(vocabularies.Vocabulary({"a": 0}, {}), path),
        "merges.txt",
        vocabularies.BrokenVocabulary,
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Give a folder that all examples share."""
    return tmp_path_factory.mktemp("any")


@pytest.mark.parametrize(("read", "name", "error"), READERS)
@settings(max_examples=60)
@given(content=st.binary(max_size=200) | LIKELY.map(lambda found: json.dumps(found).encode()))
def test_whatever_lies_there_is_read_or_refused_in_words(place, read, name, error, content):
    """No crash, and no other exception than its own."""
    path = place / name
    path.write_bytes(content)

    with contextlib.suppress(error):
        read(path)


@given(st.lists(st.tuples(st.integers(0), st.text(min_size=1)), max_size=30), st.booleans())
def test_rows_are_counted_as_csv_counts_them(place, rows, has_mark):
    """Commas, quotes and marks of the byte order included."""
    text = io.StringIO()
    csv.writer(text).writerows([("tag_id", "name"), *rows])
    path = place / "tags.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if has_mark else "utf-8", "replace"))

    assert labels.read(path) == labels.Labels(len(rows), "rows")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["a", "b"], labels.Labels(2, "list")),
        ({"a": 1, "b": 0}, labels.Labels(2, "index")),
        ({"0": "a", "1": "b"}, labels.Labels(2, "index")),
        ({"a": 1, "b": 1}, None),
        ({"a": True}, None),
        ({"0": "a", "2": "b"}, None),
        ([1, 2], None),
        ([], None),
        ({}, None),
        (5, None),
    ],
)
def test_tables_in_json_are_known_by_what_they_hold(write, found, told):
    """Whatever else is named so says nothing of labels."""
    assert labels.read(write("tags.json", found)) == told


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (labels.read, labels.BrokenLabels),
        (configs.read, configs.BrokenConfig),
        (vocabularies.read_words, vocabularies.BrokenVocabulary),
    ],
)
def test_what_is_far_too_long_is_not_read(write, read, error):
    """It would fill the memory."""
    path = write("config.json")
    with path.open("r+b") as file:
        file.truncate(300 * 2**20)

    with pytest.raises(error, match="far more than any"):
        read(path)


def tensors(**shapes):
    return {name.replace("__", "."): Tensor("F32", shape, 0, 0) for name, shape in shapes.items()}


def test_heads_are_known_by_their_names():
    """A linear layer or a convolution of one pixel; two candidates are none."""
    assert heads.classifier(tensors(head__fc__weight=(9, 4))) == Width("head.fc.weight", 9)
    assert heads.classifier(tensors(fc__weight=(9, 4, 1, 1))) == Width("fc.weight", 9)
    assert heads.classifier(tensors(fc__weight=(9, 4), head__weight=(9, 4))) is None
    assert heads.classifier(tensors(fc__bias=(9,), x__head__weight=(9, 4))) is None
    assert heads.classifier_of_transformers(tensors(score__weight=(3, 4))) == Width("score.weight", 3)
    assert heads.words(tensors(a__wte__weight=(9, 4), b__wte__weight=(9, 4))) == Width("a.wte.weight", 9)


def test_the_width_of_outputs_is_that_of_the_only_table():
    """As an ONNX model tells them: what varies is no number."""

    def told(*shapes):
        return heads.of_outputs([type("Output", (), {"name": "out", "shape": shape})() for shape in shapes])

    assert told(("batch", 10861)) == Width("out", 10861)
    assert told((1, 10861), (1, 7, 7, 768), None) == Width("out", 10861)
    assert told((1, 5), (1, 6)) is None
    assert told(("batch", "labels"), (5,)) is None


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 50), max_size=20), st.data())
def test_words_with_other_numbers_are_all_found(ids, data):
    """And no others."""
    changed = data.draw(st.sets(st.sampled_from(sorted(ids)))) if ids else set()
    other = {word: place + (word in changed) for word, place in ids.items()} | {"more words": 99}

    found = vocabularies.other_ids(vocabularies.Vocabulary(ids, {}), vocabularies.Vocabulary(other, {}))

    assert set(found) == changed
