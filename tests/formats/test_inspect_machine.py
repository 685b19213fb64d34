"""Variables that lead programs to different caches."""

import os
import subprocess
import sys

import pytest

from modelready.inspection import machine


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"HF_HOME": "/a"}, id="a home"),
        pytest.param({"HF_HOME": "/a", "HF_HUB_CACHE": "/b"}, id="a cache beside a home"),
        pytest.param({"HF_HUB_CACHE": "/b", "HUGGINGFACE_HUB_CACHE": "/b/../b/"}, id="twice the same"),
        pytest.param({"HUGGINGFACE_HUB_CACHE": "/b"}, id="the older name alone"),
        pytest.param(
            {"HF_HOME": "~/hf", "HOME": "/h", "TRANSFORMERS_CACHE": "$HOME/hf/hub"}, id="the same in other words"
        ),
    ],
)
def test_agreement_is_not_accused(environ):
    """``HF_HUB_CACHE`` set beside ``HF_HOME`` is no contradiction."""
    assert machine.disagreeing_variables(environ, []) == ()


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        pytest.param({"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b"}, "HUGGINGFACE_HUB_CACHE", id="older name"),
        pytest.param({"HF_HOME": "/a", "TRANSFORMERS_CACHE": "/a"}, "TRANSFORMERS_CACHE", id="one level off"),
        pytest.param({"PYTORCH_PRETRAINED_BERT_CACHE": "/a"}, "PYTORCH_PRETRAINED_BERT_CACHE", id="from 2019"),
    ],
)
def test_disagreement_is_told_by_the_variable(environ, name):
    """One program fills a cache that another never looks into."""
    (fault,) = machine.disagreeing_variables({"HOME": "/h", **environ}, [])

    assert fault.path == name
    assert f"unset {name}" in fault.remedy


@pytest.mark.parametrize(
    ("environ", "lies_in", "name"),
    [
        pytest.param({"HF_HOME": "{}"}, ".", "HF_HOME", id="directly under HF_HOME"),
        pytest.param({"HF_HUB_CACHE": "{}"}, "hub", "HF_HUB_CACHE", id="one level down"),
        pytest.param({"HF_HOME": "{}"}, "hub", None, id="where it belongs"),
        pytest.param({"HF_HOME": "{}"}, "elsewhere", None, id="nowhere near"),
    ],
)
def test_a_cache_one_level_off_is_told(tmp_path, model_in, environ, lies_in, name):
    """Downloaded, but not found: cache_dir was given HF_HOME."""
    (tmp_path / lies_in / "models--acme--tiny" / "snapshots" / "c0ffee").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    models = [model_in(tmp_path / "empty", layout=layout) for layout in ("hub-cache", "folder")]

    faults = machine.disagreeing_variables({key: value.format(tmp_path) for key, value in environ.items()}, models)

    assert [one.path for one in faults] == ([name] if name else [])
    assert all("one level off" in one.message for one in faults)


def test_no_variable_at_all_points_at_hf_home(tmp_path, model_in):
    """The variable to set is named though none is set."""
    (tmp_path / ".cache/huggingface/models--acme--tiny/snapshots/c0ffee").mkdir(parents=True)
    (tmp_path / "empty").mkdir()

    (fault,) = machine.disagreeing_variables(
        {"HOME": str(tmp_path)}, [model_in(tmp_path / "empty", layout="hub-cache")]
    )

    assert fault.path == "HF_HOME"


@pytest.mark.parametrize(
    ("environ", "name", "words"),
    [
        pytest.param({"HF_HUB_CACHE": "", "HF_HOME": "/x"}, "HF_HUB_CACHE", "set and empty", id="empty"),
        pytest.param({"HF_HOME": ""}, "HF_HOME", "set and empty", id="an empty home"),
        pytest.param({"HF_HOME": "models/hf"}, "HF_HOME", "a relative path", id="relative"),
        pytest.param({"HF_HUB_CACHE": "/x", "HF_HOME": ""}, None, "", id="a stronger one is whole"),
        pytest.param({"HF_HOME": "$HOME/hf"}, None, "", id="named by another"),
    ],
)
def test_a_cache_that_depends_on_where_a_program_starts_is_told(tmp_path, model_in, environ, name, words):
    """`HF_HOME=${HF_HOME}` in a compose file sets it to nothing, and huggingface_hub believes that."""
    in_cache, in_folder = (model_in(tmp_path, layout=layout) for layout in ("hub-cache", "folder"))
    environ = {"HOME": "/h", **environ}

    faults = machine.disagreeing_variables(environ, [in_cache])

    assert [one.path for one in faults] == ([name] if name else [])
    assert all(words in one.message for one in faults)
    assert machine.disagreeing_variables(environ, [in_folder]) == ()


def test_huggingface_hub_takes_an_empty_variable_for_its_value():
    """The rule is its own: should it change, this is told."""
    code = "import huggingface_hub.constants as c; print(repr(c.HF_HUB_CACHE))"
    environ = {**os.environ, "HF_HUB_CACHE": ""}

    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "''"
