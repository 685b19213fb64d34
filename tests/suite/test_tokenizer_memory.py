"""What tokenizers cost: none is loaded twice without need, and what loads them is imported while models come."""

import os

import pytest

from modelready.mirror import Mirror

REPO = "acme/speaking"


@pytest.fixture
def broken_transformers(tmp_path):
    """Give a PYTHONPATH on which a transformers lies that cannot be imported; its version is still the old one."""
    folder = tmp_path / "broken" / "transformers"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('raise ImportError("loaded again")\n')
    return os.pathsep.join(filter(None, (str(folder.parent), os.environ.get("PYTHONPATH", ""))))


def test_a_proved_tokenizer_is_loaded_again_only_when_asked(
    judged, machine, hub: Mirror, speaking, broken_transformers
):
    """Importing transformers costs more than all the rest of certifying."""
    hub.add_repo(REPO, speaking)
    machine.catalog(f'[[model]]\nname = "speaking"\nsource = "hf:{REPO}"\n')
    assert machine.run("provision").returncode == 0
    machine.variables["PYTHONPATH"] = broken_transformers

    remembered, reread = judged(machine), judged(machine, "certify", "--reread")

    assert remembered.status == 0
    assert "tokenizers.encode_text[speaking]" in remembered.passed
    assert reread.failed == ["tokenizers.encode_text[speaking]"]
    assert "loaded again" in reread.text


COUNT = """
import pathlib, sys
words = " ".join(sys.orig_argv)
if "tokenizer_trial" in words:
    with pathlib.Path({log!r}).open("a") as log:
        log.write(words.partition("tokenizer_trial.py")[2].strip() + "\\n")
"""


@pytest.fixture
def started(machine, hub: Mirror, speaking, tmp_path):
    """Give a function that runs a command, and tells with which options processes that load tokenizers were begun."""
    hub.add_repo(REPO, speaking)
    machine.catalog(f'[[model]]\nname = "speaking"\nsource = "hf:{REPO}"\n')
    log, folder = tmp_path / "log", tmp_path / "counting"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(COUNT.format(log=str(log)))
    machine.variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))

    def run(*command):
        log.write_text("")
        assert machine.run(*command).returncode == 0
        return log.read_text().splitlines()

    return run


def test_what_loads_tokenizers_is_imported_while_they_come(started):
    """One process a run, begun before anything waits for it, and none where nothing is to be loaded."""
    brought = started("provision")
    again = started("provision")
    certified = started("certify")
    reread = started("certify", "--reread")
    other = started("certify", "--reread", "-k", "not encode_text")

    assert (brought, again, certified, reread, other) == (["--early --polite"], [], [], ["--early"], [])


def test_it_is_not_begun_for_checks_that_do_not_run(started):
    """Nor where several processes share the work: none knows which of them will load."""
    assert started("provision", "-k", "not encode_text") == []
    assert started("certify", "--reread", "-n", "2") == [""]
