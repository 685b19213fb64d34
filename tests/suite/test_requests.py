"""What is asked of the suite: exit statuses, switches, selection, and one clear line for a mistake."""

from __future__ import annotations

import pytest

MODELS = """
[[model]]
name = "tiny"
source = "hf:acme/tiny"
tags = ["small", "first"]
kind = "prose"

[[model]]
name = "switched"
source = "hf:acme/tiny"
enabled_by = ["ENABLE_SWITCHED"]
"""


@pytest.fixture
def asked(tiny_machine):
    """Give a machine with one model required and one switched off."""
    tiny_machine.catalog(MODELS)
    return tiny_machine


@pytest.mark.parametrize(
    ("catalog", "options", "status", "text"),
    [
        pytest.param("[[model]]\nname = 'x'\n", [], 4, "source", id="no source"),
        pytest.param("[[model]\n", [], 4, "catalog.toml:1", id="no TOML"),
        pytest.param("", [], 4, "[[model]]", id="empty"),
        pytest.param(None, ["--catalog", "nowhere.toml"], 4, "nowhere.toml", id="no catalog"),
        pytest.param(None, ["--require", "nothing-like-this"], 4, "nothing-like-this", id="glob without match"),
        pytest.param(None, ["--jobs", "none"], 4, "--jobs", id="bad number"),
        pytest.param(None, ["--budget", "soon"], 4, "--budget soon: 'soon' is no duration", id="bad duration"),
        pytest.param(None, ["--report=xml"], 4, "--report xml: 'xml' is no kind of report", id="unknown report"),
        pytest.param(None, ["--jbos", "4"], 4, "no option --jbos; did you mean --jobs?", id="unknown option"),
        pytest.param(None, ["--jobs"], 4, "ERROR: --jobs: expected one argument; see", id="no value"),
        pytest.param(None, ["-k", "nothing_like_this"], 5, "", id="nothing selected"),
    ],
)
def test_a_mistake_costs_one_line_and_its_exit_status(asked, catalog, options, status, text):
    """No traceback, no pass, and the words say where to look."""
    if catalog is not None:
        asked.catalog(catalog)

    done = asked.run("certify", *options)

    assert done.returncode == status, done.stdout + done.stderr
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "usage:" not in done.stdout + done.stderr


def test_every_switch_off_is_5_and_says_which_turns_one_on(machine):
    """Nothing required is never a pass."""
    machine.catalog(MODELS.replace('name = "tiny"', 'name = "tiny"\nenabled_by = ["ENABLE_TINY"]'))

    done = machine.run("certify")

    assert done.returncode == 5, done.stdout
    assert "ENABLE_TINY" in done.stdout + done.stderr


def test_a_model_switched_off_is_skipped_with_the_variable(asked, judged):
    """Who reads the run sees what would turn the model on."""
    outcome = judged(asked, "provision")

    assert outcome.status == 0, outcome.text
    assert outcome.model("switched")["verdict"] == "not required"
    assert "ENABLE_SWITCHED" in outcome.model("switched")["reason"]
    assert [one for one in outcome.predicate["modelready"]["skipped"] if "ENABLE_SWITCHED" in one["reason"]]


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        pytest.param({"ENABLE_SWITCHED": "TRUE"}, [], id="by its switch"),
        pytest.param({}, ["--require", "switch*"], id="by --require"),
        pytest.param({"MODELREADY_REQUIRE": "switched"}, [], id="by the variable"),
    ],
)
def test_a_switch_turns_a_model_on(asked, judged, variables, options):
    """Three ways to require a model."""
    asked.variables |= variables

    outcome = judged(asked, "provision", *options)

    assert outcome.status == 0, outcome.text
    assert outcome.model("switched")["verdict"] == "proved"


@pytest.mark.parametrize(
    "option", [["-k", "small"], ["-k", "tiny"], ["-m", "first"], ["-m", "tiny"], ["-k", "prose"], ["--model", "ti*"]]
)
def test_models_are_selected_by_name_tag_and_kind(asked, judged, option):
    """The words of pytest find models."""
    asked.variables |= {"ENABLE_SWITCHED": "1"}

    outcome = judged(asked, "provision", *option)

    assert outcome.status == 0, outcome.text
    assert outcome.model("tiny")["verdict"] == "proved"
    assert not [one for one in outcome.passed if "switched" in one]


def test_what_a_required_model_needs_is_required_too(asked, judged):
    """`needs` beats the needed model's own switches."""
    asked.catalog(MODELS.replace('kind = "prose"', 'needs = ["switched"]'))

    outcome = judged(asked, "provision")

    assert outcome.status == 0, outcome.text
    assert outcome.model("switched")["verdict"] == "proved"


def test_only_brings_and_certifies_just_those_files(asked, judged):
    """--only is for a first look at configs, or a test."""
    outcome = judged(asked, "provision", "--only", "*.json")

    names = {one["name"] for one in outcome.certificate["subject"]}
    assert outcome.status == 0, outcome.text
    assert names == {
        "tiny/config.json",
        "tiny/model.safetensors.index.json",
        "tiny/words.json",
    }
    assert outcome.predicate["modelready"]["partial"]


def test_the_header_says_what_is_judged(asked):
    """Catalogs, lock, cache, Hub and version."""
    done = asked.run("certify")

    for part in ("modelready: ", "catalog: ", "lock: none", "cache: ", "Hub: http://127.0.0.1"):
        assert part in done.stdout


def test_a_bare_pytest_elsewhere_is_left_alone(tmp_path, machine):
    """The suite's plugin does nothing in a run that asks for no checks."""
    (tmp_path / "test_x.py").write_text("def test_x(): pass\n")

    done = machine.python(
        "import pytest, sys; sys.exit(pytest.main(['-p', 'modelready.suite', sys.argv[1]]))",
        str(tmp_path / "test_x.py"),
    )

    assert done.returncode == 0, done.stdout
    assert "modelready" not in done.stdout


def test_the_callers_settings_do_not_leak(asked, judged):
    """PYTEST_ADDOPTS, a stray pytest.ini and a stray xdist.py change nothing."""
    asked.variables |= {"PYTEST_ADDOPTS": "-k nothing_at_all", "PYTEST_PLUGINS": "no_such_plugin"}
    (asked.place / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (asked.place / "xdist.py").write_text("raise SystemExit('stray')\n")
    (asked.place / "conftest.py").write_text("raise SystemExit('stray')\n")

    outcome = judged(asked, "provision", "-n", "2")

    assert outcome.status == 0, outcome.text


def test_a_pattern_that_matches_nothing_fails_the_model(asked, judged):
    """The catalog asks for what the source does not have."""
    asked.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\ninclude = ["*.json", "*.gguf"]\n')

    outcome = judged(asked, "provision")

    assert outcome.status == 1, outcome.text
    assert "*.gguf" in outcome.text


def test_downloads_disabled_refuses_to_bring_and_goes_on_certifying(asked, judged):
    """DISABLE_MODEL_DOWNLOADS names itself; what is complete is proved all the same."""
    asked.variables["DISABLE_MODEL_DOWNLOADS"] = "true"
    refused = judged(asked, "provision")
    del asked.variables["DISABLE_MODEL_DOWNLOADS"]
    judged(asked, "provision")
    asked.variables["DISABLE_MODEL_DOWNLOADS"] = "true"

    complete = judged(asked, "provision")

    assert refused.status == 1
    assert "DISABLE_MODEL_DOWNLOADS" in refused.text
    assert complete.status == 0, complete.text
