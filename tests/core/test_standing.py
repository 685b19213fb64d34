"""How models stand: told without reading a byte or asking the network."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import pytest

from modelready import proving
from modelready.ledger import settled_fingerprint
from modelready.placing import locate
from modelready.standing import standings

WEIGHTS = "model-00001-of-00002.safetensors"


def standing(workshop):
    """Give how the first model stands."""
    return next(iter(standings(workshop.asked())))


def test_a_model_that_was_never_brought_is_missing(workshop):
    """Nothing is known of its size."""
    found = standing(workshop)

    assert (found.state, found.known_by, found.files_wanted, found.bytes_wanted) == ("missing", "", 0, None)
    assert found.required
    assert found.job is None


def test_a_model_that_was_brought_is_complete_and_its_job_is_told(workshop):
    """Scripts read it as JSON."""
    workshop.bring()

    found = standing(workshop)

    assert (found.state, found.files_present, found.files_wanted) == ("complete", 6, 6)
    assert found.bytes_present == found.bytes_wanted
    assert found.path == str(workshop.snapshot)
    assert (found.job["state"], found.job["alive"]) == ("completed", False)
    assert json.loads(json.dumps(asdict(found)))["name"] == "tiny"


@pytest.mark.parametrize(
    ("damage", "state", "damaged"),
    [
        pytest.param(lambda path: path.unlink(), "partial", (), id="deleted"),
        pytest.param(lambda path: os.truncate(path, 5), "damaged", (WEIGHTS,), id="cut short"),
    ],
)
def test_what_lacks_is_told(workshop, damage, state, damaged):
    """By presence and size alone."""
    workshop.bring()
    damage(workshop.snapshot / WEIGHTS)

    found = standing(workshop)

    assert (found.state, found.damaged) == (state, damaged)


def test_a_digest_remembered_and_wrong_is_damage(workshop):
    """Somebody has read the file since it changed."""
    workshop.bring()
    path = (workshop.snapshot / WEIGHTS).resolve()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    asked = workshop.asked()
    os.utime(path, (1e9, 1e9))
    unread = standing(workshop)
    _wait_a_tick(path)
    placed = [one for one in _files(asked) if one.path == WEIGHTS]
    proving.prove(placed, asked.ground.ledger)

    read = standing(workshop)

    assert (unread.state, read.state, read.damaged) == ("complete", "damaged", (WEIGHTS,))


def test_what_only_names_tell_of_is_partial(workshop):
    """Whether something lacks cannot be told."""
    workshop.bring()
    for path in (workshop.repo / "trees").iterdir():
        path.unlink()

    assert standing(workshop).state == "partial"


def test_a_model_whose_folder_names_an_unset_variable_is_missing(workshop):
    """It is not required; status shows it all the same."""
    workshop.catalog = (
        '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\nfolder = "${NO_SUCH_PLACE}/x"\n'
        'enabled_by = ["ENABLE_TINY"]\n'
    )

    found = standing(workshop)

    assert (found.state, found.path, found.required) == ("missing", "", False)
    assert "ENABLE_TINY" in found.because
    assert found.variables == ("ENABLE_TINY",)


def _files(asked):
    return locate(asked.catalog.named("tiny"), asked.ground).files


def _wait_a_tick(path):
    """Wait until the file system's clock has moved on: what is remembered earlier is not recalled."""
    settled_fingerprint(path)
