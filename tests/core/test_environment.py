"""The environment is read as huggingface_hub reads it, and a number that is none costs one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modelready import environment
from modelready.errors import RequestError

SAID_BY_HUGGINGFACE_HUB = """
import json, os, sys
found = []
for variables in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(variables)
    for name in [name for name in sys.modules if name.startswith("huggingface_hub")]:
        del sys.modules[name]
    from huggingface_hub import constants
    found.append([constants.HF_HOME, constants.HF_HUB_CACHE, constants.ENDPOINT, constants.HF_HUB_OFFLINE])
json.dump(found, sys.stdout)
"""
HOME = "/home/ada"
PLACES = [
    {},
    {"HF_HOME": "/data/hf"},
    {"HF_HOME": "~/hf"},
    {"HF_HOME": "~"},
    {"HF_HOME": "~no-such-user/hf"},
    {"HF_HOME": "$DISK/hf"},
    {"HF_HOME": "${DISK}/hf/../other"},
    {"HF_HOME": "$UNSET/hf"},
    {"HF_HOME": "/data//hf/"},
    {"XDG_CACHE_HOME": "/xdg"},
    {"XDG_CACHE_HOME": "~/xdg"},
    {"XDG_CACHE_HOME": "/xdg", "HF_HOME": "/data/hf"},
    {"HF_HUB_CACHE": "/cache"},
    {"HF_HUB_CACHE": "~/$NAME/cache"},
    {"HF_HUB_CACHE": "/cache", "HF_HOME": "/data/hf"},
    {"HUGGINGFACE_HUB_CACHE": "/old"},
    {"HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/cache"},
    {"HF_ENDPOINT": "http://127.0.0.1:9/"},
    {"HF_HUB_OFFLINE": "YES"},
    {"HF_HUB_OFFLINE": "0"},
    {"TRANSFORMERS_OFFLINE": "on"},
]


@pytest.fixture(scope="module")
def said_by_huggingface_hub():
    """Give what huggingface_hub makes of each of PLACES."""
    asked = json.dumps([_whole(one) for one in PLACES])
    done = subprocess.run(
        [sys.executable, "-c", SAID_BY_HUGGINGFACE_HUB], input=asked, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _whole(variables):
    return {"HOME": HOME, "DISK": "/disk", "NAME": "ada"} | variables


@pytest.mark.parametrize("case", range(len(PLACES)), ids=lambda case: " ".join(PLACES[case]) or "nothing")
def test_the_cache_is_where_huggingface_hub_has_it(said_by_huggingface_hub, case):
    """Other programs look for the files where huggingface_hub says."""
    settings = environment.read(_whole(PLACES[case]))

    home, cache, *rest = said_by_huggingface_hub[case]
    assert [settings.hf_home, settings.hf_cache] == [Path(home).absolute(), Path(cache).absolute()]
    assert [settings.hf_endpoint, settings.is_offline] == rest


def test_without_a_home_the_systems_own_is_taken(monkeypatch):
    """HOME is unset in some containers and services."""
    monkeypatch.delenv("HOME", raising=False)

    settings = environment.read({})

    assert settings.hf_home.is_absolute()
    assert settings.home.is_absolute()
    assert settings.home.name == "modelready"


def test_state_and_models_lie_where_the_variables_say():
    """MODELREADY_HOME may begin with a tilde; MODELS_DIR stays as it is written."""
    settings = environment.read({"MODELREADY_HOME": "~/state", "MODELS_DIR": "/mnt/models"})

    assert settings.home == Path("~/state").expanduser()
    assert settings.models_dir == Path("/mnt/models")


@pytest.mark.parametrize("word", ["1", "true", "YES", " on "])
def test_downloads_are_disabled_by_the_words_that_turn_on(word):
    """The variable is named, so that errors can name it."""
    assert environment.read({"DISABLE_MODEL_DOWNLOADS": word}).disabled_by == "DISABLE_MODEL_DOWNLOADS"


@pytest.mark.parametrize("word", ["", "0", "false", "no", "off", "maybe"])
def test_downloads_are_not_disabled_by_other_words(word):
    """Only what turns on turns on."""
    assert environment.read({"DISABLE_MODEL_DOWNLOADS": word}).disabled_by == ""


@pytest.mark.parametrize("name", ["HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT", "HF_DOWNLOAD_MAX_RETRIES"])
@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e999", "2.5", "9" * 5000])
def test_a_number_that_is_none_costs_one_line(name, text):
    """The variable and its value are named; huggingface_hub would not even start with a fraction."""
    with pytest.raises(RequestError, match=f"{name}='{text}'"):
        environment.read({name: text})


def test_numbers_are_read_and_empty_ones_are_defaults():
    """An empty variable is as good as none."""
    settings = environment.read(
        {"HF_HUB_ETAG_TIMEOUT": "25", "HF_HUB_DOWNLOAD_TIMEOUT": " ", "HF_DOWNLOAD_MAX_RETRIES": "0"}
    )

    assert (settings.metadata_timeout_s, settings.read_timeout_s, settings.max_retries) == (25, 10, 0)


@pytest.fixture
def restless():
    """Let a thread set and unset a variable all the time, as pytest does while its tests run."""
    over = threading.Event()

    def toggle():
        while not over.is_set():
            os.environ["MODELREADY_RESTLESS"] = "1"
            os.environ.pop("MODELREADY_RESTLESS")

    thread = threading.Thread(target=toggle)
    thread.start()
    yield
    over.set()
    thread.join()


def test_an_environment_that_changes_meanwhile_is_read_all_the_same(restless):
    """A download runs in a thread beside the checks; pytest names each of them in a variable."""
    found = [environment.unraced(os.environ.copy) for _ in range(3000)]

    assert all("PATH" in one for one in found)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        pytest.param({}, ("", "CIVITAI_TOKEN"), id="none"),
        pytest.param({"CIVITAI_API_KEY": "key"}, ("key", "CIVITAI_API_KEY"), id="the other name"),
        pytest.param({"CIVITAI_TOKEN": " ", "CIVITAI_API_KEY": "key"}, ("key", "CIVITAI_API_KEY"), id="an empty one"),
        pytest.param({"CIVITAI_TOKEN": "a\n", "CIVITAI_API_KEY": "b"}, ("a", "CIVITAI_TOKEN"), id="both"),
    ],
)
def test_the_key_of_civitai_is_read_from_either_variable_and_never_shown(variables, found):
    """Errors name the variable that holds it; settings may end up in a log."""
    settings = environment.read(variables)

    assert (settings.civitai_token, settings.civitai_token_name) == found
    assert "civitai_token='" not in repr(settings)


def test_civitai_may_be_elsewhere():
    """A mirror, or a test."""
    assert environment.read({}).civitai_endpoint == "https://civitai.com"
    assert environment.read({"CIVITAI_ENDPOINT": "http://127.0.0.1:1/"}).civitai_endpoint == "http://127.0.0.1:1"
    with pytest.raises(RequestError, match="CIVITAI_ENDPOINT='civitai' is no address; expected something like https"):
        environment.read({"CIVITAI_ENDPOINT": "civitai"})


@pytest.mark.parametrize("text", ["hub.example", "ftp://hub.example", "https://", "http:///path", "https://a b"])
def test_an_endpoint_that_is_no_address_costs_one_line(text):
    """Asking it again and again would not help."""
    with pytest.raises(RequestError, match=r"HF_ENDPOINT='.*' is no address; expected something like https://"):
        environment.read({"HF_ENDPOINT": text})


@pytest.mark.parametrize("text", ["http://127.0.0.1:8090/", "https://hub.example/mirror", "HTTP://[::1]:80", ""])
def test_an_endpoint_is_an_address_of_the_web(text):
    """Mirrors may live below a path."""
    assert environment.read({"HF_ENDPOINT": text}).hf_endpoint == (text.rstrip("/") or "https://huggingface.co")
