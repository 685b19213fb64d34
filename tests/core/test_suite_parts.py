"""Parts of the suite that need no run: names, exit statuses, what is partial, which checks apply."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from modelready.inspection import applicability
from modelready.model import Fault, Model, PlacedFile, PlacedModel, Source
from modelready.suite import ending, leaving, naming, showing
from modelready.suite.gathering import Gathering, broken, is_partial, judged, now, run_of
from modelready.suite.options import Options, Wish
from modelready.suite.state import Suite

OFF = '[[model]]\nname = "off"\nsource = "hf:acme/off"\nenabled_by = ["ENABLE_OFF"]\n'


@pytest.fixture
def suite(workshop):
    """Give a function that makes the facts of a run."""

    def make(catalog=None, **options):
        if catalog is not None:
            workshop.catalog = catalog
        given = Options(**options)
        return Suite(given, workshop.asked(models=given.models, require=given.require), "run")

    return make


@pytest.mark.parametrize(
    ("nodeid", "check", "model"),
    [
        ("../x/checks/files.py::test_are_there[tiny]", "files.are_there", "tiny"),
        ("files.py::test_are_there[a.b-1]", "files.are_there", "a.b-1"),
        ("checks/machine.py::test_variables_agree", "machine.variables_agree", ""),
        ("tests/test_x.py::test_y[tiny]", "", "tiny"),
        ("files.py", "", ""),
    ],
)
def test_a_node_id_names_check_and_model(nodeid, check, model):
    """Wherever the suite is installed."""
    assert (naming.check_in(nodeid), naming.model_in(nodeid)) == (check, model)


@pytest.mark.parametrize(
    ("status", "bug", "ends"),
    [
        (pytest.ExitCode.OK, None, 1),  # nothing was looked at: nothing was proved
        (pytest.ExitCode.INTERRUPTED, None, 2),
        (pytest.ExitCode.USAGE_ERROR, None, 4),
        (pytest.ExitCode.INTERNAL_ERROR, None, 3),
        (pytest.ExitCode.OK, ValueError("a bug"), 3),
    ],
)
def test_the_end_of_a_run_is_that_of_the_contract(suite, status, bug, ends):
    """Its own statuses mean other things to pytest."""
    assert ending.exit_status(int(status), Gathering(selected={"tiny"}), suite(), bug=bug) == ends


@pytest.mark.parametrize(("status", "ends"), [(pytest.ExitCode.OK, 5), (pytest.ExitCode.TESTS_FAILED, 1)])
def test_nothing_required_is_5_unless_a_check_of_the_machine_failed(suite, status, ends):
    """An empty pass is none."""
    assert ending.exit_status(int(status), Gathering(), suite(OFF)) == ends


def test_collection_errors_are_bugs(suite):
    """An interruption is what pytest calls them."""
    assert ending.exit_status(2, Gathering(has_collection_errors=True), suite()) == 3


def test_what_travels_holds_no_token_and_no_home(suite, monkeypatch):
    """Certificate, reports and notices are made of one run, cleaned once."""
    monkeypatch.setenv("HOME", "/home/ada")
    token = "hf_abcdefghijklmnopqrstuvwxyz01234567"
    facts = {"check": "files.are_there", "model": "tiny"}
    fault = {"path": "/home/ada/x", "message": f"says {token}", "remedy": "", "kind": "offline"}
    told = facts | {"reason": f"/home/ada/x\n    says {token} \udcff", "faults": [fault]}
    report = pytest.TestReport("files.py::test_are_there[tiny]", ("", 0, ""), {}, "failed", "no", "call")
    report.user_properties = [("modelready", told)]
    gathering = Gathering(selected={"tiny"}, started=now())
    gathering.take(report)

    run = run_of(gathering, suite(), passed=False, configuration={})

    (verdict,) = run.verdicts
    assert verdict.reason == "~/x\n    says hf_a… \\udcff"
    assert verdict.faults == (Fault("~/x", "says hf_a…", "", "offline"),)
    assert run.models[0].reason == verdict.reason


def test_a_run_that_a_bug_ended_is_reported_as_such(suite, tmp_path):
    """Nothing of it is judged again: what failed once would fail once more."""
    wish = Wish("junit", tmp_path / "report.xml")
    gathering = Gathering(started=now())

    status = leaving.reported(broken(gathering), suite(reports=(wish,)), gathering, ending.BUG)

    assert status == 0
    assert "a bug of modelready ended the run" in wish.file.read_text()


def test_why_nothing_was_required_is_told(suite):
    """By the variable, the option, or the selection."""
    off = ending.why_nothing(suite(OFF), Gathering())
    unselected = ending.why_nothing(suite(OFF.replace("enabled_by", "#")), Gathering())

    assert "  off: " in off
    assert "ENABLE_OFF" in off
    assert unselected == "no required model was selected; loosen -k, -m or --model"


def test_of_the_models_that_were_selected_it_is_told_what_turns_them_on(suite):
    """Though others are required; with many, the first of them."""
    rows = "".join(OFF.replace('"off"', f'"off-{number}"') for number in range(25))
    asked = suite(rows + '[[model]]\nname = "on"\nsource = "hf:acme/tiny"\n')

    one = ending.why_nothing(asked, Gathering(selected={"off-7"})).splitlines()
    all_of_them = ending.why_nothing(asked, Gathering(selected=set(asked.models) - {"on"})).splitlines()

    assert one[0] == "none of the selected models is required here; turn one on:"
    assert [line.partition(":")[0] for line in one[1:-1]] == ["  off-7"]
    assert (len(all_of_them), all_of_them[-2]) == (23, "  … 5 more: `modelready status`")


def test_many_catalogs_are_named_by_their_folder(monkeypatch, tmp_path):
    """One line; few are named."""
    monkeypatch.chdir(tmp_path)
    paths = [tmp_path / "catalogs" / f"{name}.toml" for name in "abcd"]

    assert showing._catalogs(paths) == "catalogs (4 files)"
    assert showing._catalogs(paths[:2]) == "catalogs/a.toml, catalogs/b.toml"
    assert showing._catalogs([*paths, tmp_path / "e.toml"]).count(",") == 4


def test_a_run_that_was_cut_is_partial(suite):
    """By -k, --only or --model."""
    assert [
        is_partial(Gathering(), suite()),
        is_partial(Gathering(left_out=Counter(tiny=1)), suite()),
        is_partial(Gathering(), suite(only=("*.json",))),
        is_partial(Gathering(), suite(models=("tiny",))),
    ] == [False, True, True, True]


def test_a_model_that_no_check_looked_at_is_unproved(suite):
    """It was selected, and the run ended before."""
    (tiny,) = judged(Gathering(selected={"tiny"}), suite())

    assert (tiny.verdict, tiny.reason) == ("unproved", "no check ran")


@pytest.mark.parametrize(
    ("path", "text"),
    [("/work/here/catalogs", "catalogs"), ("/work/other", "/work/other"), ("/home/ada/x", "~/x"), ("/home/adam", None)],
)
def test_paths_are_shown_as_people_write_them(monkeypatch, path, text):
    """Relative to here, or from their home."""
    monkeypatch.setattr("os.getcwd", lambda: "/work/here")
    monkeypatch.setenv("HOME", "/home/ada")

    assert showing.shown(Path(path)) == (text or path)


def test_checks_apply_where_there_is_something_to_look_at(tmp_path):
    """A model of texts has no weights, no shards, and lies in no cache."""
    source = Source("hf:acme/tiny", "hf", "acme/tiny")

    def placed(*names, layout="folder"):
        files = tuple(PlacedFile(name, tmp_path / name) for name in names)
        return PlacedModel(Model("tiny", source, layout), tmp_path, files=files)

    texts, shards = placed("words.json"), placed("model-00001-of-00002.safetensors", layout="hub-cache")

    def which(model):
        asked = ["present_files", "weight_files", "blank_weights", "sharded_model", "partner_findings"]
        asked += ["tokenizer_faults", "cached_model"]
        return [name for name in asked if applicability.applies(model, [name], lambda _: model)]

    assert which(texts) == ["present_files"]
    assert which(shards) == ["present_files", "weight_files", "blank_weights", "sharded_model", "cached_model"]
    assert applicability.is_about_the_whole(["sharded_model"])
    assert not applicability.is_about_the_whole(["weight_files"])
