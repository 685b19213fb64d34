"""What is measured is a whole process; what is brought is real; what fails is no figure."""

import json
import os
import sys

import pytest

from modelready.formats import safetensors, shards


@pytest.fixture
def call(timing, tmp_path):
    """Give a function that makes a call of Python code."""
    return lambda code: timing.Call([sys.executable, "-c", code], dict(os.environ), tmp_path)


def test_a_run_tells_time_work_and_size(timing, call):
    """Memory is counted in bytes on every system."""
    run = timing.measured(call("block = bytearray(60_000_000); sum(range(10_000))"))

    assert run.wall_s > 0
    assert run.cpu_s > 0
    assert 60_000_000 < run.peak_bytes < 6_000_000_000


def test_a_program_that_fails_is_no_figure(timing, call):
    """Its end, and the end of what it printed, are told."""
    with pytest.raises(timing.ProgramFailed, match=r"(?s)ended with 3; it printed:.*no such model"):
        timing.measured(call("import sys; print('no such model'); sys.exit(3)"))


def test_sharded_contents_are_whole_and_differ(contents, tmp_path):
    """The checks that are measured find nothing wrong, and no two blobs are the same."""
    contents.write_sharded(tmp_path / "model", 2, 3_000_000)

    index = shards.read(tmp_path / "model" / "model.safetensors.index.json")
    places = [tmp_path / "model" / name for name in index.shards]
    assert [safetensors.faults(place) for place in places] == [(), ()]
    assert all(abs(place.stat().st_size - 3_000_000) < 10_000 for place in places)
    assert places[0].read_bytes() != places[1].read_bytes()
    assert json.loads((tmp_path / "model" / "tokenizer.json").read_text())["model"]["type"] == "WordLevel"


def test_small_models_have_as_many_files_as_asked_for(contents, tmp_path):
    """Twenty means twenty."""
    contents.write_small_model(tmp_path / "one", 20)
    contents.write_many(tmp_path / "many", 150, 10)

    assert len(list((tmp_path / "one").iterdir())) == 20
    assert sum(path.is_file() for path in (tmp_path / "many").rglob("*")) == 150


def test_a_home_keeps_its_catalog_and_hides_its_token(programs, monkeypatch, tmp_path):
    """Each run starts from nothing, deaf to the settings of whoever measures."""
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("HF_HUB_CACHE", "/elsewhere")
    home = programs.Home(tmp_path / "ours", "http://127.0.0.1:1")
    home.catalog(("model", "acme/tiny"))
    (home.hf / "hub").mkdir(parents=True)

    home.set_aside()
    home.set_aside()

    assert [path.name for path in sorted(home.folder.iterdir())] == ["catalogs", "out"]
    environment = home.modelready("provision").environment
    assert {"HF_TOKEN", "HF_HUB_CACHE"}.isdisjoint(environment)
    assert environment["HF_HOME"] == str(home.hf)
