"""Indexes of sharded weights."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready.formats import safetensors, shards
from modelready.formats.shards import BrokenIndex, Index

MAP = {"one": "a-00001-of-00002.safetensors", "two": "a-00002-of-00002.safetensors"}


def test_an_index_is_read(write):
    """Its shards are named once each, its total is told."""
    index = shards.read(write("a.safetensors.index.json", {"metadata": {"total_size": 32.0}, "weight_map": MAP}))

    assert index == Index(MAP, 32)
    assert index.shards == tuple(sorted(MAP.values()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("{", "no valid JSON", id="half"),
        pytest.param(b"\xff\xfe\xfd", "no valid JSON", id="no text"),
        pytest.param("[" * 100_000, "no valid JSON", id="nested without end"),
        pytest.param([], "no weight_map", id="a list"),
        pytest.param({}, "no weight_map", id="nothing"),
        pytest.param({"weight_map": {}}, "no weight_map", id="an empty map"),
        pytest.param({"weight_map": ["a"]}, "no weight_map", id="a map that is a list"),
        pytest.param({"weight_map": {"a": 1}}, "no texts", id="a shard that is a number"),
    ],
)
def test_what_is_no_index_is_told(write, content, words):
    """Applications take a broken index for none, and load noise."""
    with pytest.raises(BrokenIndex, match=words):
        shards.read(write("a.safetensors.index.json", content))


def test_what_is_far_too_long_is_not_read(tmp_path):
    """Memory stays small."""
    place = tmp_path / "a.safetensors.index.json"
    with place.open("wb") as file:
        file.truncate(2**30)

    with pytest.raises(BrokenIndex, match="1,073,741,824 bytes"):
        shards.read(place)


@pytest.mark.parametrize("total", [None, "32", -1, True, [], 2**70, float("inf"), float("nan")])
def test_a_total_that_is_no_size_is_none(write, total):
    """Writers put many things there."""
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": MAP})

    assert shards.read(write("a.safetensors.index.json", text)).total_size is None


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\\b/..", "C:/a", "", "a//b", "./a", "a\nb"])
def test_a_shard_that_leaves_the_folder_is_seen(name):
    """An index comes from elsewhere: what it names is not opened blindly."""
    assert shards.leaves_its_folder(name)


@pytest.mark.parametrize("name", ["a.safetensors", "part/a.safetensors", "ä b.safetensors"])
def test_a_shard_in_the_folder_is_well(name):
    """Below the folder is in the folder."""
    assert not shards.leaves_its_folder(name)


def test_tensors_are_looked_for_in_their_shard(write, weights):
    """A shard may be whole and be another model's."""
    header = safetensors.read_header(write("a.safetensors", weights("one", "more")))

    missing = shards.tensors_missing(Index({"one": "a", "lost": "a", "two": "b"}), "a", header)

    assert missing == ("lost",)
    assert shards.tensor_bytes([header, header]) == 64


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        pytest.param(["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], {}, id="all"),
        pytest.param(["a-00000-of-00002.gguf", "a-00001-of-00002.gguf"], {}, id="counted from 0"),
        pytest.param(
            ["a-00002-of-00003.gguf"],
            {"a-00002-of-00003.gguf": ("a-00001-of-00003.gguf", "a-00003-of-00003.gguf")},
            id="one of three",
        ),
        pytest.param(["model.safetensors"], {}, id="no family"),
    ],
)
def test_names_tell_what_is_missing(names, missing):
    """Where the index is missing as well, the count in the names is left."""
    assert shards.missing_numbers(names) == missing


@given(
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda one: st.dictionaries(st.text(max_size=5), one))
)
def test_any_json_is_an_index_or_told(tmp_path_factory, found):
    """No crash on anything."""
    place = tmp_path_factory.getbasetemp() / "any.safetensors.index.json"
    for content in (found, {"weight_map": found}, {"weight_map": {"a": "b"}, "metadata": found}):
        place.write_text(json.dumps(content))
        with contextlib.suppress(BrokenIndex):
            assert shards.read(place).shards
