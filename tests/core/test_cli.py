"""The command line: quick, with examples, with the exit statuses of the contract."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from modelready import cli, suite_calls
from modelready.cli import demonstrating, locks, looking, shared, suite_commands
from modelready.downloads.jobs import Job

HEAVY = ["requests", "pydantic", "huggingface_hub", "transformers", "tokenizers", "rich", "pytest", "safetensors"]
IMPORTED = """
import sys
from modelready.cli import run
status = run(sys.argv[1:])
print(status, sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


@pytest.fixture
def called(workshop, monkeypatch, capsys):
    """Give a function that runs a command in this process, on the workshop's machine."""
    workshop.asked()
    for name in [name for name in os.environ if name.startswith(("HF_", "MODELREADY_", "MODELS_", "DISABLE_"))]:
        monkeypatch.delenv(name)
    variables = {
        "HOME": str(workshop.place),
        "HF_HOME": str(workshop.place / "hf"),
        "HF_ENDPOINT": workshop.endpoint,
        "HF_DOWNLOAD_MAX_RETRIES": "0",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "MODELREADY_HOME": str(workshop.place / "state"),
        "MODELS_DIR": str(workshop.place / "models"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workshop.place)

    def call(*arguments):
        capsys.readouterr()
        status = cli.run(list(arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.mark.parametrize("arguments", [[], *([name] for name in cli._COMMANDS)], ids=" ".join)
def test_every_help_has_an_example_and_imports_nothing_heavy(arguments):
    """Help answers at once, also where half of the packages are broken."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTED.format(heavy=HEAVY), *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert re.search(r"Examples?:\s+(modelready|llama-server) ", done.stdout), done.stdout
    assert done.stderr == "0 []\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["provisoin"], "did you mean provision?"),
        (["xyz"], "expected one of provision, certify"),
        (["status", "--no-such"], "--no-such"),
        (["path"], "NAME"),
        (["status", "--catalog", "nowhere.toml"], "nowhere.toml"),
        (["path", "tini"], "tiny"),
        (["explain", "files.are_ther"], "did you mean files.are_there?"),
        (["explain", "xyz"], "see `modelready explain`"),
        (["mirror", "nowhere"], "nowhere"),
        (["mirror", ".", "--port", "70000"], "70000"),
        (["plan", "--lock", "catalogs"], "catalogs"),
    ],
)
def test_a_request_that_is_wrong_costs_4_and_says_why(called, arguments, words):
    """Every line names the program."""
    status, out, err = called(*arguments)

    assert (status, out) == (4, "")
    assert words in err
    assert all(line.startswith("modelready: ") for line in err.splitlines())


def test_without_a_command_the_help_is_told(called):
    """As it is, on the side of errors: nothing was asked for."""
    status, out, err = called()

    assert (status, out) == (4, "")
    assert err.startswith("Usage: modelready [OPTIONS] COMMAND")
    assert "modelready provision " in err
    assert "-h, --help" in err
    assert called("-h")[0] == 0


def test_a_command_called_wrongly_names_its_help(called):
    """What is missing is one line; how it is called is another page."""
    status, _, err = called("path")

    assert (status, err) == (4, "modelready: Missing argument 'NAME'. See `modelready path --help`.\n")


@pytest.mark.parametrize("command", [("status",), ("plan",), ("path", "tiny")], ids=" ".join)
def test_a_lock_that_is_named_is_there(called, command):
    """Without it other bytes would be taken for the right ones."""
    status, _, err = called(*command, "--lock", "nosuch.json")

    assert status == 4
    assert err.startswith("modelready: --lock nosuch.json: there is no such file; expected a lock; correct it, or ")


def test_plan_tells_models_that_would_write_one_path_differently(called, workshop, hub, tmp_path):
    """Before their sources were asked, nobody could know."""
    _add_clashing(workshop, hub, tmp_path)

    status, out, err = called("plan")

    assert (status, out) == (1, "")
    assert "tiny: 'config.json' would be written to" in err
    assert "other: 'config.json' would be written to" in err


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["status", "-h"], []])
def test_questions_about_itself_are_answered_with_0(called, arguments):
    """A bare `modelready` shows what there is."""
    status, out, err = called(*arguments)

    assert status in ({0} if arguments else {0, 4})
    assert "modelready" in out + err


def test_an_interrupt_is_2(monkeypatch):
    """Ctrl-C in any command."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.modelready, "main", interrupt)

    assert cli.run(["status"]) == 2


def test_status_tells_each_model_in_a_line(called, workshop):
    """Columns stand below each other; what is off says which variable turns it on."""
    workshop.catalog += '[[model]]\nname = "switched"\nsource = "hf:acme/tiny"\nenabled_by = ["ENABLE_IT"]\n'
    workshop.asked()

    status, out, _ = called("status")

    tiny, switched = out.splitlines()
    assert status == 0
    assert tiny.startswith("tiny      required      missing")
    assert switched.startswith("switched  not required  missing")
    assert "ENABLE_IT" in switched


def test_status_says_which_variable_decides(called, workshop, monkeypatch):
    """In a line and as a field; for a model that is only needed by another one, the other's variable."""
    row = '[[model]]\nname = "{}"\nsource = "hf:acme/tiny"\nenabled_by = ["{}"]\n'
    workshop.catalog = row.format("video", "ENABLE_VIDEO") + 'needs = ["encoder"]\n' + row.format("encoder", "WAN=big")
    workshop.asked()
    monkeypatch.setenv("ENABLE_VIDEO", "true")

    _, text, _ = called("status")
    _, data, _ = called("status", "--json")

    told = {one["name"]: (one["required"], one["because"], one["variables"]) for one in json.loads(data)["models"]}
    assert [line.split("  ")[-1] for line in text.splitlines()] == [
        "ENABLE_VIDEO=true",
        "needed by video (ENABLE_VIDEO)",
    ]
    assert told == {
        "video": (True, "ENABLE_VIDEO=true", ["ENABLE_VIDEO"]),
        "encoder": (True, "needed by video", ["ENABLE_VIDEO"]),
    }


def test_status_says_how_the_last_download_ended_badly(called, workshop, hub):
    """Until the model is complete; what it was told then is told again."""
    hub.remove("acme/tiny")
    workshop.bring()

    _, failed, _ = called("status")
    workshop.asked().ground.jobs.write(
        Job("killed", "tiny", state="downloading", bytes_done=1200, bytes_total=40_000, beat=time.time() - 60)
    )
    _, cut_off, _ = called("status")

    assert failed.splitlines()[1].startswith("tiny: the last download failed: ")
    assert "acme/tiny" in failed
    assert cut_off.splitlines()[1] == (
        "tiny: the last download was cut off at 1.2 KB of 40.0 KB; `modelready provision` goes on from there"
    )


def test_status_forgets_what_is_mended(called, workshop, hub):
    """A model that is complete needs no word about earlier failures."""
    workshop.bring()
    workshop.asked().ground.jobs.write(
        Job("later", "tiny", state="failed", error_what="tiny: no", finished_at=time.time())
    )

    _, out, _ = called("status")

    assert len(out.splitlines()) == 1


def test_status_for_scripts_is_json(called, workshop):
    """The shape is part of the contract."""
    workshop.bring()

    status, out, _ = called("status", "--json")

    (found,) = json.loads(out)["models"]
    assert status == 0
    assert (found["name"], found["state"], found["files_present"]) == ("tiny", "complete", 6)
    assert found["job"]["state"] == "completed"


def test_status_of_no_model_is_empty(called):
    """--model may match nothing."""
    status, out, err = called("status", "--model", "nothing*")

    assert (status, out) in {(0, ""), (4, "")}, err


def test_plan_tells_files_bytes_and_places(called, workshop):
    """And changes nothing."""
    status, out, _ = called("plan")

    assert status == 0
    assert out.startswith("tiny: 6 files, 44.4 KB to ")
    assert "  model-00001-of-00002.safetensors  20.1 KB" in out.splitlines()
    assert not workshop.repo.exists()


def test_plan_of_what_is_complete_says_so(called, workshop):
    """Nothing to fetch."""
    workshop.bring()

    status, out, _ = called("plan")

    assert (status, out) == (0, "tiny: nothing to fetch, 6 files in place\n")


def test_plan_of_what_only_lacks_names_says_so(called, workshop):
    """Its bytes are here, and yet it is not in place."""
    workshop.bring()
    (workshop.snapshot / "config.json").unlink()

    status, out, _ = called("plan")

    assert (status, out) == (0, "tiny: nothing to fetch, 1 file to take from this machine, 5 files in place\n")


def test_plan_for_scripts_is_json(called, workshop):
    """One file needs bytes, another only its name."""
    workshop.bring()
    (workshop.snapshot / "words.json").unlink()
    (workshop.snapshot / "config.json").resolve().unlink()

    status, out, _ = called("plan", "--json", "--only", "*.json")

    (found,) = json.loads(out)["models"]
    assert status == 0
    assert [one["path"] for one in found["fetch"]] == ["config.json"]
    assert (found["link"], found["right"]) == (["words.json"], 1)
    assert found["free"] > found["bytes"] > 0


def test_plan_of_one_file_counts_it(called):
    """No plural for one."""
    _, out, _ = called("plan", "--only", "words.json")

    assert out.startswith("tiny: 1 file, ")


def test_plan_tells_what_cannot_be_planned(called, hub):
    """In words, and for scripts."""
    hub.remove("acme/tiny")

    status, out, err = called("plan")
    coded, text, _ = called("plan", "--json")

    assert (status, coded, out) == (1, 1, "")
    assert "no such repository" in err
    error = json.loads(text)["models"][0]["error"]
    assert (error["kind"], error["retryable"]) == ("not_found", False)
    assert error["cause"] == "HF_HUB_DISABLE_IMPLICIT_TOKEN is set: no token is sent"


def test_plan_of_nothing_required_is_5(called, workshop):
    """Which variable turns a model on, `status` says."""
    workshop.catalog += 'enabled_by = ["ENABLE_IT"]\n'
    workshop.asked()

    status, _, err = called("plan")

    assert status == 5
    assert "modelready status" in err


def test_path_gives_the_folder_to_be_given_to_an_application(called, workshop):
    """Only once it is there: a script must not go on with an empty folder."""
    before, nothing, err = called("path", "tiny")
    workshop.bring()

    after, out, _ = called("path", "tiny")

    assert (before, nothing) == (1, "")
    assert "modelready provision" in err
    assert (after, out) == (0, f"{workshop.snapshot}\n")


def test_path_of_a_model_of_which_nothing_is_left_is_told(called, workshop):
    """Another model of the same repository may have left its files in the folder."""
    workshop.bring()
    for one in [path for path in workshop.snapshot.rglob("*") if path.is_symlink()]:
        one.unlink()
    (workshop.snapshot / "of-another.txt").touch()

    status, out, err = called("path", "tiny")

    assert (status, out) == (1, "")
    assert "is not on this machine yet" in err


def test_path_of_a_model_without_a_folder_is_told(called, workshop):
    """Its variable is not set."""
    workshop.catalog = (
        '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\nfolder = "${NO_SUCH_PLACE}/x"\n'
        'enabled_by = ["ENABLE_TINY"]\n'
    )
    workshop.asked()

    status, _, err = called("path", "tiny")

    assert status == 4
    assert "names a variable that is not set" in err


def test_explain_lists_all_and_tells_each(called):
    """The text is the check's own."""
    status, out, _ = called("explain")
    told, text, _ = called("explain", "files.are_there[tiny]")

    assert (status, told) == (0, 0)
    assert out.splitlines()[0].split()[0] == "files.are_there"
    assert text.startswith("files.are_there\n\nEvery required file is on disk.")


def test_explain_tells_what_an_error_means(called):
    """Its kind stands in --json and in the rows of downloads."""
    status, out, _ = called("explain", "digest_mismatch")

    assert status == 0
    assert out.startswith("digest_mismatch\n\nThe bytes that arrived, twice, are not")
    assert "Mend: look for a proxy" in out


def test_explain_for_scripts_is_json(called):
    """All, or one."""
    _, every, _ = called("explain", "--json")
    _, one, _ = called("explain", "files.are_there", "--json")

    assert json.loads(one).items() <= json.loads(every).items()
    assert len(json.loads(every)) > 5
    assert set(json.loads(one)["files.are_there"]) == {"id", "promise", "mend", "why", "example", "story"}


def test_explain_tells_why_an_example_and_a_story(called):
    """And of a kind of error what it means, and whether trying again helps."""
    _, check, _ = called("explain", "weights.have_every_shard")
    status, error, _ = called("explain", "disk_full")

    assert "what is missing keeps random values" in check
    assert "    transformer/1.safetensors\n" in check
    assert "Rapid-MLX 1885" in check
    assert status == 0
    assert "no room" in error
    assert "Trying again may help." in error


def test_explain_writes_the_page_of_all_checks(called):
    """docs/checks.md is what it prints."""
    status, page, _ = called("explain", "--markdown")

    assert (status, page.splitlines()[0]) == (0, "# Checks")
    assert "\n## machine.variables_agree\n" in page


def test_lock_writes_and_check_compares(called, workshop, hub, tiny):
    """In words and for scripts; a check writes nothing."""
    written, out, _ = called("lock")
    path = workshop.place / "catalogs" / "models.lock.json"
    before = path.read_bytes()
    same, nothing, _ = called("lock", "--check")
    (tiny / "words.json").write_text('["bird"]')
    hub.add_repo("acme/tiny", tiny)

    moved, text, _ = called("lock", "--check", "--json")

    assert (written, same, moved) == (0, 0, 1)
    assert out.endswith(f"{path}: written\n")
    assert "nothing has moved" in nothing
    assert "words.json" in str(json.loads(text)["drift"]["tiny"])
    assert path.read_bytes() == before


def test_lock_keeps_what_it_does_not_update_and_forgets_what_the_catalog_dropped(called, workshop, hub, tiny):
    """A name at a time, for reviews that can be read."""
    hub.add_repo("acme/twin", tiny)
    twin = '[[model]]\nname = "twin"\nsource = "hf:acme/twin"\n'
    only_tiny = workshop.catalog
    workshop.catalog += twin
    workshop.asked()
    called("lock")
    (tiny / "words.json").write_text('["bird"]')
    for name in ("tiny", "twin"):
        hub.add_repo(f"acme/{name}", tiny)
    path = workshop.place / "catalogs" / "models.lock.json"
    old = json.loads(path.read_text())["models"]

    called("lock", "--update", "twin")
    updated = json.loads(path.read_text())["models"]
    workshop.catalog = only_tiny
    workshop.asked()
    called("lock")

    assert updated["tiny"] == old["tiny"]
    assert updated["twin"] != old["twin"]
    assert list(json.loads(path.read_text())["models"]) == ["tiny"]


def test_lock_tells_what_it_cannot_resolve_and_keeps_the_rest(called, workshop, hub):
    """A failure is no reason to lose what was locked."""
    workshop.catalog += '[[model]]\nname = "gone"\nsource = "hf:acme/gone"\n'
    workshop.asked()

    status, _, err = called("lock")
    coded, text, _ = called("lock", "--json")

    assert (status, coded) == (1, 1)
    assert "acme/gone" in err
    assert json.loads(text)["errors"]["gone"]["kind"] == "not_found"
    assert list(json.loads((workshop.place / "catalogs" / "models.lock.json").read_text())["models"]) == ["tiny"]


@pytest.mark.parametrize("row", ['include = ["*.safetensor"]\n', '[[model.file]]\npath = "modle.safetensors"\n'])
def test_a_pattern_that_matches_nothing_is_neither_planned_nor_locked(called, workshop, row):
    """Nothing empty passes, whether the model lies here already or not."""
    workshop.bring()
    workshop.catalog += row
    workshop.asked()

    planned, out, err = called("plan")
    locked, text, why = called("lock")

    assert (planned, out, locked, text) == (1, "", 1, "")
    for told in (err, why):
        assert "matches no file of hf:acme/tiny" in told
        assert "correct it in catalog.toml" in told
    assert not (workshop.place / "catalogs" / "models.lock.json").exists()


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        ('include = ["*.safetensors", "*.json"]\nexclude = ["*.json"]\n', "*.json"),
        ('include = ["*.safetensors"]\n[[model.file]]\npath = "*.json"\n', "*.json"),
    ],
)
def test_a_pattern_of_which_nothing_is_left_is_a_mistake_everywhere(called, workshop, rows, pattern):
    """What is certified offline later could not tell it from one that matches nothing."""
    workshop.catalog += rows
    workshop.asked()

    told = [called(command)[2] for command in ("plan", "lock")] + [workshop.bring()["tiny"].error_what]

    for one in told:
        assert f"tiny: {pattern}: include or exclude leaves out all that it matches of hf:acme/tiny" in one


def test_a_file_that_is_named_exactly_is_wanted_whatever_is_excluded(called, workshop):
    """The row is the stronger word."""
    workshop.catalog += 'exclude = ["*.json"]\n[[model.file]]\npath = "config.json"\n'
    workshop.asked()

    assert [called(command)[0] for command in ("plan", "lock")] == [0, 0]
    assert workshop.bring()["tiny"].state == "completed"


def test_lock_with_nothing_resolved_writes_nothing(called, workshop, hub):
    """And does not say that it did."""
    hub.remove("acme/tiny")

    status, out, _ = called("lock")

    assert status == 1
    assert "written" not in out
    assert not (workshop.place / "catalogs" / "models.lock.json").exists()


def test_a_reader_that_goes_away_costs_no_traceback(workshop, tmp_path):
    """`modelready explain | head -1`."""
    done = subprocess.run(
        f"{sys.executable} -P -m modelready explain | head -c 1", shell=True, capture_output=True, text=True, check=True
    )

    assert done.stderr == ""


def test_mirror_serves_until_it_is_stopped(tiny, tmp_path):
    """Another machine's provision is pointed at it."""
    served = subprocess.Popen(
        [sys.executable, "-P", "-m", "modelready", "mirror", str(tiny), "--name", "acme/tiny", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines = [served.stdout.readline() for _ in range(2)]
    url = lines[1].strip().rpartition("=")[2]
    sha = requests.get(f"{url}/api/models/acme/tiny/revision/main", timeout=10).json()["sha"]
    served.send_signal(signal.SIGINT)
    _, err = served.communicate(timeout=10)

    assert lines[0] == "acme/tiny\n"
    assert len(sha) == 40
    assert (served.returncode, err.strip()) == (2, "")


def test_a_port_in_use_is_told(called, hub, tiny):
    """Two mirrors on one port."""
    status, _, err = called("mirror", str(tiny), "--name", "acme/tiny", "--port", hub.url.rpartition(":")[2])

    assert status == 4
    assert "listen" in err or "served" in err


def test_status_watch_shows_until_it_is_stopped(called, workshop, monkeypatch):
    """Ctrl-C is the way out."""
    monkeypatch.setattr(time, "sleep", lambda _: signal.raise_signal(signal.SIGINT))

    status, out, _ = called("status", "--watch")

    assert status == 2
    assert out.startswith("tiny")


def test_status_watch_tells_how_a_download_of_another_process_ended(called, workshop, monkeypatch):
    """Piped, it is a log: what ended while it watched is told, what ended before is not."""
    jobs = workshop.asked().ground.jobs
    jobs.write(Job("before", "tiny", state="failed", finished_at=1.0))

    def end_a_job(_):
        jobs.write(Job("other", "tiny", state="completed", finished_at=time.time()))
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(time, "sleep", end_a_job)

    status, out, _ = called("status", "--watch")

    assert status == 2
    assert out.splitlines()[1:] == ["tiny: in place, 0 files, nothing to fetch"]


def test_the_suite_is_started_deaf_to_the_callers_settings(monkeypatch):
    """What decides a certificate is said on the command line, or in the catalog."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "stray")

    command, environment = suite_calls.suite_command(["-x"]), suite_calls.suite_environment()

    assert command[0] == sys.executable
    assert command[-1] == "-x"
    assert not {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"} & environment.keys()
    assert environment["PYTHONSAFEPATH"] == "1"


def test_columns_of_nothing_are_nothing():
    """No model, no line."""
    assert list(shared.columns([])) == []


def test_the_demos_model_missing_is_told(monkeypatch):
    """It ships in a package of its own."""
    monkeypatch.setattr(demonstrating, "_MODULE", "no_such_module_anywhere")

    assert cli.run(["demo"]) == 4


def test_commands_live_where_the_table_says():
    """Every command can be imported, and says what it does."""
    modules = {"suite_commands": suite_commands, "looking": looking, "locks": locks}

    for name, (module, _) in cli._COMMANDS.items():
        if module in modules:
            assert getattr(modules[module], name).help or getattr(modules[module], name).callback.__doc__
    assert Path(cli.__file__).parent.name == "cli"


def _add_clashing(workshop, hub, tmp_path):
    """Require another model in the folder of the small one, with another config."""
    upstream = tmp_path / "other"
    upstream.mkdir()
    (upstream / "config.json").write_text('{"model_type": "other"}')
    hub.add_repo("acme/other", upstream)
    both = [("tiny", "acme/tiny"), ("other", "acme/other")]
    row = '[[model]]\nname = "{}"\nsource = "hf:{}"\nlayout = "folder"\nfolder = "shared"\n'
    workshop.catalog = "".join(row.format(*one) for one in both)
    workshop.asked()
