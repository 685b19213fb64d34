"""Machines that are not as they should be: no permission, no network, no home, and users who are not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
# Through env: what setpriv itself starts may still be found with root's eyes.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"]
TWO = """
[[model]]
name = "tiny"
source = "hf:acme/tiny"

[[model]]
name = "missing"
source = "hf:acme/missing"
"""


@pytest.fixture
def ready(tiny_machine, judged):
    """Give a machine whose model was brought."""
    outcome = judged(tiny_machine, "provision")
    assert outcome.status == 0, outcome.text
    return tiny_machine


@pytest.fixture
def stateless(tiny_machine):
    """Give a machine whose state folder cannot be made."""
    (tiny_machine.place / "file").write_text("")
    tiny_machine.variables["MODELREADY_HOME"] = str(tiny_machine.place / "file" / "state")
    return tiny_machine


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_provisioning_without_a_state_folder_costs_one_clear_line(stateless, judged, options):
    """Nothing is brought, no traceback, no waiting for what never comes."""
    outcome = judged(stateless, "provision", *options)

    assert outcome.status == 1, outcome.text
    assert "set MODELREADY_HOME to a folder" in outcome.text
    assert "Traceback" not in outcome.text
    assert "INTERNALERROR" not in outcome.text
    assert "_pytest" not in outcome.text
    assert not stateless.cache.exists()


def test_certifying_works_without_a_state_folder(ready, judged):
    """It only costs reading every byte."""
    (ready.place / "file").write_text("")
    ready.variables["MODELREADY_HOME"] = str(ready.place / "file" / "state")

    outcome = judged(ready)

    assert outcome.status == 0, outcome.text
    assert {one["annotations"]["digest"] for one in outcome.certificate["subject"]} == {"read"}


@pytest.mark.skipif(not IS_ROOT or not shutil.which("unshare"), reason="needs root and unshare")
@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_certifying_needs_no_network_at_all(ready, options):
    """Not even loopback."""
    done = subprocess.run(
        ["unshare", "-n", *ready.command("certify", *options)],
        env=ready.environment,
        cwd=ready.place,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_machine_without_a_home_can_be_certified(ready):
    """HOME is unset in some services and containers."""
    environment = {name: value for name, value in ready.environment.items() if name != "HOME"}

    done = subprocess.run(
        ready.command("certify"), env=environment, cwd=ready.place, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_certificate_that_cannot_be_written_fails_the_run(ready):
    """Who asked for a proof must not go on without one."""
    (ready.place / "file").write_text("")

    done = ready.run("certify", "--certificate", "file/proof.json")

    assert done.returncode == 1
    assert "no certificate: file/proof.json" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("options", [[], ["-n", "2"], ["-x"], ["--maxfail", "1"]], ids=" ".join)
def test_a_model_that_fails_is_told_and_the_run_ends_with_1(tiny_machine, judged, options):
    """Whatever pytest was told beside."""
    tiny_machine.catalog(TWO)

    outcome = judged(tiny_machine, "provision", *options)

    assert outcome.status == 1, outcome.text
    assert outcome.failed == ["files.are_there[missing]"]
    assert outcome.model("tiny")["verdict"] == "proved"
    assert outcome.model("missing")["verdict"] == "failed"


def test_a_run_cut_short_does_not_prove_what_it_never_looked_at(tiny_machine, judged):
    """-x ends it at the first failure: the model after it is unproved."""
    tiny_machine.catalog(
        '[[model]]\nname = "aa"\nsource = "hf:acme/no"\n[[model]]\nname = "zz"\nsource = "hf:acme/tiny"\n'
    )

    outcome = judged(tiny_machine, "provision", "-x")

    assert outcome.status == 1, outcome.text
    assert outcome.model("zz")["verdict"] == "unproved"


@pytest.mark.parametrize("options", [["--collect-only"], ["--co", "-q"]], ids=" ".join)
@pytest.mark.parametrize("command", ["certify", "provision"])
def test_listing_the_checks_runs_and_brings_nothing(tiny_machine, hub, judged, command, options):
    """And writes no certificate."""
    outcome = judged(tiny_machine, command, *options)

    assert outcome.status == 0, outcome.text
    assert "test_are_there[tiny]" in outcome.text
    assert outcome.certificate == {}
    assert hub.requests == ()


def test_without_xdist_the_suite_runs_alone(ready, judged):
    """`-p no:xdist` is pytest's own."""
    assert judged(ready, "certify", "-p", "no:xdist").status == 0


def test_verbose_gives_pytests_own_lines(ready, judged):
    """-v is for people who look for one check."""
    outcome = judged(ready, "certify", "-v")

    assert outcome.status == 0
    assert "test_are_there[tiny] PASSED" in outcome.text


@pytest.mark.parametrize("arguments", [["--fixtures"], ["--markers"], ["--version"], ["-V"]], ids=" ".join)
def test_questions_to_pytest_itself_are_answered(tiny_machine, arguments):
    """They ask for no checks."""
    done = tiny_machine.run("certify", *arguments)

    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in {0, 5}, done.stdout + done.stderr


def test_a_killed_worker_fails_the_model_it_was_at(ready, judged, tmp_path):
    """The kernel takes the one with the most memory."""
    stray = tmp_path / "killer.py"
    stray.write_text(
        "import os, signal\n"
        "def pytest_runtest_call(item):\n"
        "    if 'are_not_messages' in item.name:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ready.variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    outcome = judged(ready, "certify", "-n", "1", "-p", "killer", "--max-worker-restart", "0")

    assert outcome.status in {1, 2}, outcome.text
    assert outcome.model("tiny")["verdict"] == "failed"
    assert "files.are_not_messages[tiny]" in outcome.failed


# ---- an ordinary user


@pytest.fixture
def ordinary(tiny_machine):
    """Give a function that runs a command on the machine as a user who owns nothing but its folder."""
    python = _python_for_all()
    if not IS_ROOT or not shutil.which("setpriv") or python is None:
        pytest.skip("needs root, setpriv, and a Python that everybody may run")
    for folder in (tiny_machine.place, *tiny_machine.place.parents):
        if folder.name.startswith("pytest-of-"):
            break
        folder.chmod(0o755)
    folder.chmod(0o755)
    libraries = tiny_machine.place / "libraries"
    libraries.mkdir()
    folders = [path for path in (sysconfig.get_path("purelib"), os.environ.get("PYTHONPATH")) if path]
    (libraries / "sitecustomize.py").write_text(f"import site\nfor path in {folders!r}: site.addsitedir(path)\n")
    _give_away(tiny_machine.place)

    def run(*arguments):
        return subprocess.run(
            [*NOBODY, python, "-P", "-m", "modelready", *arguments],
            env=tiny_machine.environment | {"PYTHONPATH": str(libraries), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tiny_machine.place,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_an_ordinary_user_provisions_and_certifies(ordinary, tiny_machine):
    """Nothing needs root."""
    brought, proved = ordinary("provision"), ordinary("certify", "-n", "2")

    assert brought.returncode == 0, brought.stdout + brought.stderr
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert {path.stat().st_uid for path in tiny_machine.cache.rglob("*")} == {65534}


def test_a_read_only_cache_serves_all_who_need_nothing_from_it(ordinary, tiny_machine):
    """Images and volumes are mounted so; what is needed and cannot be written is told."""
    ordinary("provision")
    _take_back(tiny_machine.place / "hf")

    proved, unneeded = ordinary("certify"), ordinary("provision")
    next(tiny_machine.cache.glob("models--*/snapshots/*/words.json")).unlink()
    needed = ordinary("provision")

    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert unneeded.returncode == 0, unneeded.stdout + unneeded.stderr
    assert needed.returncode == 1
    assert "Permission denied" in needed.stdout
    assert "choose a place you may write" in needed.stdout
    assert "Traceback" not in needed.stdout + needed.stderr


def _python_for_all():
    """Give a Python of this version that everybody may run."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin"), "/usr/bin/python3"]
    for python in filter(None, candidates):
        code = "import sys; print(sys.version_info[:2])"
        done = subprocess.run([*NOBODY, python, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0 and str(sys.version_info[:2]) in done.stdout:
            return python
    return None


def _give_away(folder):
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)


def _take_back(folder):
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, 0, follow_symlinks=False)
