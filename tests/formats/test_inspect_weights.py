"""Weight files that are not whole, shards that are not there."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelready.inspection import weights as inspected

INDEX = "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def told(faults):
    return {one.path: one.message for one in faults}


@pytest.fixture
def sharded(write, weights, model_in):
    """Give a model of two shards and their index in a folder of its own."""

    def sharded(folder="transformer/", total=32, **about):
        write(f"{folder}{FIRST}", weights("one"))
        write(f"{folder}{SECOND}", weights("two"))
        write(f"{folder}{INDEX}", {"metadata": {"total_size": total}, "weight_map": {"one": FIRST, "two": SECOND}})
        return model_in(**about)

    return sharded


def test_known_formats_are_inspected(write):
    """Others are not called fine: nobody looked."""
    assert inspected.is_inspected(Path("a/B.SafeTensors"))
    assert not inspected.is_inspected(write("a.bin", b"anything"))


def test_a_file_that_is_not_whole_is_told(write, weights, model_in):
    """By how many bytes; whole ones and unknown ones are passed over."""
    write("a.safetensors", weights("one")[:-3])
    write("b.safetensors", weights("one"))
    write("c.bin", b"")

    faults = inspected.unwhole(model_in().files)

    assert [one.path for one in faults] == ["a.safetensors"]
    assert faults[0].message.startswith("truncated by 3 bytes")


def test_a_file_that_vanished_meanwhile_is_told(model_in):
    """Not a crash, not a pass."""
    assert told(inspected.unwhole(model_in(lost=["a.sft"]).files)) == {
        "a.sft": "cannot be read: No such file or directory"
    }


def test_a_complete_model_is_not_accused(sharded):
    """Everything the index names is there."""
    model = sharded()

    assert inspected.incomplete_shards(model) == ()
    assert inspected.doubtful_totals(model) == ()


def test_a_shard_that_nobody_listed_is_told(sharded, model_in, tmp_path):
    """The silent story: present shards load, the rest stays noise."""
    sharded()
    (tmp_path / "transformer" / SECOND).unlink()

    faults = inspected.incomplete_shards(model_in(known_by="snapshot"))

    assert told(faults) == {
        f"transformer/{SECOND}": f"the shard that transformer/{INDEX} names is not there",
    }
    assert "include" in faults[0].remedy


def test_a_listed_shard_that_is_absent_was_told_before(sharded, tmp_path):
    """files.are_there names it: one fault, one voice."""
    model = sharded()
    (tmp_path / "transformer" / SECOND).unlink()

    assert inspected.incomplete_shards(model) == ()


def test_refused_files_are_passed_over(sharded, tmp_path):
    """What an earlier check refused needs no second objection; an index that is refused is not read."""
    model = sharded()
    (tmp_path / "transformer" / INDEX).write_text("{")

    assert len(inspected.incomplete_shards(model)) == 1
    assert inspected.incomplete_shards(model, refused=[f"transformer/{INDEX}"]) == ()


def test_an_optional_shard_may_be_absent(sharded, tmp_path):
    """The catalog says so."""
    model = sharded(rules={f"transformer/{SECOND}": {"optional": True}})
    (tmp_path / "transformer" / SECOND).unlink()

    assert inspected.incomplete_shards(model) == ()


@pytest.mark.parametrize(
    ("about", "is_told"),
    [
        pytest.param({"include": ("*.json",)}, False, id="no weights wanted"),
        pytest.param({"exclude": ("*.safetensors",)}, False, id="weights left out"),
        pytest.param({"include": ("*.json", "*-00001-*")}, True, id="one shard wanted"),
        pytest.param({}, True, id="everything wanted"),
    ],
)
def test_an_index_for_weights_that_nobody_wants_is_not_judged(sharded, model_in, tmp_path, about, is_told):
    """``include = ["*.json"]`` brings the index to somebody who wants the tokenizer."""
    sharded()
    for name in (FIRST, SECOND):
        (tmp_path / "transformer" / name).unlink()

    assert bool(inspected.incomplete_shards(model_in(known_by="snapshot", **about))) == is_told


def test_a_tensor_that_is_not_in_its_shard_is_told(write, weights, sharded):
    """A shard may be whole, and of another version."""
    model = sharded()
    write(f"transformer/{SECOND}", weights("other"))

    assert told(inspected.incomplete_shards(model)) == {
        f"transformer/{SECOND}": f"not in it, though transformer/{INDEX} looks there: two"
    }


def test_many_tensors_are_counted(write, weights, model_in):
    """Three names are enough to know which layer it is."""
    write("a.safetensors", weights("x"))
    write(INDEX, {"weight_map": {f"t{one}": "a.safetensors" for one in range(1000)}})

    (message,) = told(inspected.incomplete_shards(model_in())).values()

    assert message.endswith("t0, t1, t2, and 997 more tensors")


def test_an_index_that_leads_out_of_its_folder_is_told(write, model_in):
    """It comes from elsewhere."""
    write(INDEX, {"weight_map": {"a": "../../secret.safetensors"}})

    assert told(inspected.incomplete_shards(model_in())) == {
        INDEX: "the index leads out of its folder, to '../../secret.safetensors'"
    }


def test_a_shard_that_is_not_whole_was_told_before(write, sharded):
    """weights.are_whole names it; one that only the index knows is told here."""
    model = sharded()
    write(f"transformer/{SECOND}", b"nothing")
    without = replace(model, files=tuple(one for one in model.files if not one.path.endswith(SECOND)))

    assert inspected.incomplete_shards(model) == ()
    assert (
        f"the shard that transformer/{INDEX} names: has 7 bytes"
        in told(inspected.incomplete_shards(without)).popitem()[1]
    )


def test_a_shard_that_may_not_be_read_is_told(sharded, tmp_path, monkeypatch):
    """As an ordinary user."""
    model = sharded()
    without = replace(model, files=tuple(one for one in model.files if not one.path.endswith(SECOND)))
    real = Path.open

    def refuse(path, *arguments, **more):
        if path.name == SECOND:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)

    assert "cannot be read: Permission denied" in told(inspected.incomplete_shards(without)).popitem()[1]


def test_an_index_that_vanished_meanwhile_is_told(sharded, monkeypatch):
    """Not a crash, not a pass."""
    model = sharded()
    monkeypatch.setattr(inspected.shards, "read", _vanished)

    assert told(inspected.incomplete_shards(model)) == {
        f"transformer/{INDEX}": "the index cannot be read: No such file or directory"
    }


def _vanished(path):
    raise FileNotFoundError(2, "No such file or directory")


def test_shards_without_an_index_are_counted_by_their_names(sharded, model_in, tmp_path):
    """Shard and index both lost: mflux takes that for a complete model."""
    sharded()
    for name in (SECOND, INDEX):
        (tmp_path / "transformer" / name).unlink()

    faults = inspected.incomplete_shards(model_in(known_by="snapshot"))

    assert told(faults) == {f"transformer/{SECOND}": f"transformer/{FIRST} counts this shard, which is not there"}
    assert inspected.incomplete_shards(model_in(lost=[f"transformer/{SECOND}"])) == ()


def test_saved_shards_are_looked_for_where_the_index_lies(write, weights, model_in, tmp_path):
    """save_as may give index and shards another folder: loaders look beside the index."""
    write("moved/a.safetensors", weights("one"))
    write(f"moved/{INDEX}", {"weight_map": {"one": "a.safetensors", "two": "b.safetensors"}})
    model = model_in(known_by="lock")
    paths = {f"moved/{INDEX}": INDEX, "moved/a.safetensors": "weights/a.safetensors"}
    moved = replace(model, files=tuple(replace(one, path=paths[one.path]) for one in model.files))

    assert told(inspected.incomplete_shards(moved)) == {"b.safetensors": f"the shard that {INDEX} names is not there"}


def test_a_wrong_total_is_worth_a_warning(sharded):
    """Loaders pass over it, and good models are published with one."""
    model = sharded(total=99)

    assert inspected.incomplete_shards(model) == ()
    assert told(inspected.doubtful_totals(model)) == {
        f"transformer/{INDEX}": "its total_size is 99, its tensors have 32 bytes"
    }


def test_a_total_that_cannot_be_compared_is_left_alone(sharded, tmp_path):
    """Others told of the missing shard."""
    model = sharded(total=99)
    (tmp_path / "transformer" / SECOND).unlink()

    assert inspected.doubtful_totals(model) == ()
