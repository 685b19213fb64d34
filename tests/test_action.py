"""The action that other repositories call: its own scripts, run as a runner runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / ".github/actions/certify/action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def runner(tiny_machine):
    """Give what runs a step of the action on a machine, and gives its exit status and what it set."""

    def run(name, **variables):
        temporary = tiny_machine.place / "runner"
        (temporary / "modelready-environment").mkdir(parents=True, exist_ok=True)
        (temporary / "modelready-environment" / "installed").write_text(f"{sys.executable}\n")
        output = temporary / "output"
        output.write_text("")
        given = tiny_machine.environment | {"RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(output)}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]]
        done = subprocess.run(
            command, cwd=tiny_machine.place, env=given | variables, capture_output=True, text=True, check=False
        )
        return done, dict(line.split("=", 1) for line in output.read_text().splitlines())

    return run


INPUTS = {"COMMAND": "certify", "CATALOG": "", "ARGUMENTS": "", "CERTIFICATE": "certificate.json"}


def test_the_action_brings_and_certifies(runner, tiny_machine):
    """Status and certificate are told to the workflow."""
    done, told = runner("Run modelready", **INPUTS | {"COMMAND": "provision", "CATALOG": "catalogs\n"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert told == {"status": "0", "certificate": "certificate.json"}
    assert (tiny_machine.place / "certificate.json").is_file()


def test_a_model_that_is_not_ready_fails_the_workflow(runner, tiny_machine):
    """The certificate of a failure is there too, to be kept."""
    done, told = runner("Run modelready", **INPUTS)

    assert done.returncode == 1
    assert told["status"] == "1"
    assert (tiny_machine.place / "certificate.json").is_file()


def test_an_argument_is_one_line_exactly_as_it_is(runner):
    """Spaces need no quotes."""
    done, _ = runner("Run modelready", **INPUTS | {"ARGUMENTS": "-k\nnothing and like_this\n"})

    assert done.returncode == 5, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["COMMAND", "CATALOG", "ARGUMENTS", "CERTIFICATE"])
def test_inputs_are_never_run(runner, tiny_machine, name):
    """An input that came from a stranger stays text."""
    runner("Run modelready", **INPUTS | {name: "$(touch hit); `touch hit`\n; touch hit"})

    assert not (tiny_machine.place / "hit").exists()


def test_no_script_holds_an_expression():
    """What stands in ${{ }} is pasted into a script before it runs: inputs reach scripts as variables only."""
    pasted = [name for name, step in STEPS.items() if "${{" in step.get("run", "")]

    assert pasted == []


def test_what_is_kept_changes_with_the_catalog(runner, tiny_machine):
    """Another catalog, or another lock beside it, is another cache."""
    given = {"CATALOG": "", "PYTHON": sys.executable}

    _, first = runner("Say what is kept from run to run", **given)
    _, again = runner("Say what is kept from run to run", **given)
    (tiny_machine.place / "catalogs" / "models.lock.json").write_text("{}")
    _, locked = runner("Say what is kept from run to run", **given)

    assert first == again != locked


def test_every_action_is_pinned_to_a_commit():
    """A tag can be moved, a commit cannot."""
    files = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".github/actions/*/action.yml"), ROOT / "README.md"]
    lines = [line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    used = [line.split("uses: ")[1].split(" #")[0] for line in lines if "uses: " in line]
    loose = [name for name in used if not name.startswith("./") and not name.endswith("@COMMIT")]

    assert [name for name in loose if len(name.partition("@")[2]) != 40] == []
