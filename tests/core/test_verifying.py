"""Is a certificate still true of a machine: bytes, sizes, models that were added, and files that are no certificate."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from modelready import certificate, proving, verifying
from modelready.certificate import Judged, Run, Subject
from modelready.cli import modelready
from modelready.errors import RequestError
from modelready.ledger import settled_fingerprint
from modelready.placing import locate

BIG = "model-00001-of-00002.safetensors"


@pytest.fixture
def certified(workshop, tiny):
    """Give a function that brings the small model and writes the certificate of it; *run* fields may differ."""
    weights = tiny / BIG
    weights.write_bytes(weights.read_bytes() + b" " * (verifying._SMALL + 1))  # large enough not to be read

    def make(**changes):
        hub_job = workshop.bring()["tiny"]
        assert hub_job.state == "completed", hub_job.error_what
        asked = workshop.asked()
        placed = locate(asked.catalog.by_name["tiny"], asked.ground)
        proven = proving.prove(placed.files, asked.ground.ledger)
        told = {one.path: proven[one.path].digests["sha256"] for one in placed.files}
        run = Run(
            started="2026-01-01T00:00:00+00:00",
            finished="2026-01-01T00:00:01+00:00",
            verdicts=(),
            models=(Judged("tiny", True, "hf:acme/tiny", placed.revision, "proved"),),
            subjects=tuple(
                Subject(f"tiny/{one.path}", told[one.path], "read", size=one.place.stat().st_size)
                for one in placed.files
            ),
            passed=True,
        )
        path = workshop.place / "proof.json"
        certificate.write(Run(**(vars(run) | changes)), path)
        return path

    return make


@pytest.fixture
def workshop(workshop, hub, tiny):
    """Give the workshop; the model is served again once it was made larger."""
    real = workshop.bring

    def bring(**options):
        hub.add_repo("acme/tiny", tiny)
        return real(**options)

    workshop.bring = bring
    return workshop


def told(held):
    return {one.path: one.message for one in held.faults}


def flip(place):
    """Turn a byte of the file that *place* leads to, and leave its size and time as they were."""
    before = place.stat()
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_machine_is_what_was_certified(workshop, certified):
    """Small files are read or remembered; nothing is wrong."""
    held = verifying.hold(certified(), workshop.asked())

    assert (held.is_true, held.models, held.files, held.faults) == (True, ("tiny",), 6, ())


def test_on_another_machine_large_files_count_by_their_size(workshop, certified):
    """A server that has no ledger verifies at once: what is small is read, what is large is measured."""
    path = certified()
    workshop.variables = {"MODELREADY_HOME": str(workshop.place / "another state")}

    held = verifying.hold(path, workshop.asked())

    assert (held.is_true, held.read, held.remembered, held.by_size) == (True, 5, 0, 1)


def test_reread_finds_what_size_cannot_tell(workshop, certified):
    """A byte of a large file flipped: only reading it tells, on a machine that remembers nothing."""
    path = certified()
    flip(workshop.snapshot / BIG)
    workshop.variables = {"MODELREADY_HOME": str(workshop.place / "another state")}

    by_size, read = verifying.hold(path, workshop.asked()), verifying.hold(path, workshop.asked(), reread=True)

    assert by_size.is_true
    assert list(told(read)) == [f"tiny/{BIG}"]
    assert "certified was" in told(read)[f"tiny/{BIG}"]


def test_a_large_file_that_was_changed_here_is_read(workshop, certified):
    """Its size is right, but this machine remembers another time of it: that is no other machine's volume."""
    path = certified()
    weights = workshop.snapshot / BIG
    flip(weights)
    os.utime(weights)

    held = verifying.hold(path, workshop.asked())

    assert list(told(held)) == [f"tiny/{BIG}"]


def test_whole_seconds_are_no_change(workshop, certified):
    """An image keeps no fractions of the times of its files: thousands of them are not read for that."""
    path = certified()
    weights = workshop.snapshot / BIG
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns // 10**9 * 10**9))

    held = verifying.hold(path, workshop.asked())

    assert (held.is_true, held.by_size) == (True, 1)


def test_a_remembered_digest_that_differs_is_told_without_reading(workshop, certified):
    """A later run of certify has read the damaged file already."""
    path = certified()
    weights = workshop.snapshot / BIG
    flip(weights)
    asked = workshop.asked()
    placed = locate(asked.catalog.by_name["tiny"], asked.ground)
    settled_fingerprint(weights)
    proving.prove(placed.files, asked.ground.ledger)

    held = verifying.hold(path, asked)

    assert list(told(held)) == [f"tiny/{BIG}"]


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        pytest.param(flip, "config.json", "its sha256 is", id="a small file changed, its size did not"),
        pytest.param(lambda place: os.truncate(place, 10), BIG, "has 10 bytes", id="a large file cut short"),
        pytest.param(lambda place: place.unlink(), BIG, "is not here", id="a file gone"),
    ],
)
def test_what_changed_is_named(workshop, certified, damage, name, message):
    path = certified()
    damage(workshop.snapshot / name)

    held = verifying.hold(path, workshop.asked())

    assert not held.is_true
    assert message in told(held)[f"tiny/{name}"]


def test_a_model_that_is_required_since_then_is_not_proved(workshop, certified):
    """A switch that was turned on after the certificate was written."""
    path = certified()
    workshop.catalog += '[[model]]\nname = "other"\nsource = "hf:acme/other"\n'

    held = verifying.hold(path, workshop.asked())

    assert told(held) == {"other": "is required here (always required), and the certificate does not prove it"}


def test_a_model_of_another_source_is_another_model(workshop, certified):
    path = certified()
    workshop.catalog = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny@v2"\n'

    held = verifying.hold(path, workshop.asked())

    assert "the catalog says hf:acme/tiny@v2 now" in told(held)["tiny"]


def test_a_model_that_no_catalog_names_cannot_be_found(workshop, certified):
    path = certified()
    workshop.catalog = '[[model]]\nname = "other"\nsource = "hf:acme/other"\nenabled_by = ["OTHER"]\n'

    held = verifying.hold(path, workshop.asked())

    assert "no catalog here names it" in told(held)["tiny"]


def test_a_question_about_other_models_is_not_answered_with_yes(workshop, certified):
    path = certified()
    workshop.catalog += '[[model]]\nname = "other"\nsource = "hf:acme/other"\nenabled_by = ["OTHER"]\n'

    held = verifying.hold(path, workshop.asked(models=["other"]))

    assert (held.is_true, told(held)) == (False, {path.name: "proves none of the models that were asked about"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"passed": False}, "says FAILED", id="of a run that failed"),
        pytest.param({"deselected": 3}, "left out 3 checks", id="of a run that -k cut"),
        pytest.param({"models": ()}, "proves no model", id="of no model"),
        pytest.param({"subjects": ()}, "does not speak of it", id="of no file"),
    ],
)
def test_a_certificate_that_proves_nothing_is_not_true(workshop, certified, changes, message):
    held = verifying.hold(certified(**changes), workshop.asked())

    assert not held.is_true
    assert any(message in one for one in told(held).values())


def test_a_file_that_is_no_certificate_of_ours_is_a_mistake(workshop, certified):
    """It may be somebody else's test result."""
    path = certified()
    held = json.loads(path.read_text())
    del held["predicate"]["modelready"]
    path.write_text(json.dumps(held))

    with pytest.raises(RequestError, match="no certificate of modelready"):
        verifying.hold(path, workshop.asked())


def test_the_command_says_it_in_a_line_and_by_its_status(workshop, certified, monkeypatch):
    """0 true, 1 not true, 4 no certificate."""
    path = certified()
    workshop.asked()
    for name, value in {
        "HF_HOME": workshop.place / "hf",
        "MODELREADY_HOME": workshop.place / "state",
        "MODELREADY_CATALOG": workshop.place / "catalogs",
    }.items():
        monkeypatch.setenv(name, str(value))

    def call(*words):
        return CliRunner().invoke(modelready, ["certificate", "verify", *words], standalone_mode=False)

    true = call(str(path))
    (workshop.snapshot / "config.json").unlink()
    untrue, as_json = call(str(path)), call(str(path), "--json")

    assert (true.return_value, true.output.partition(" (")[0]) == (0, f"{path}: still true: 1 model, 6 files")
    assert untrue.return_value == 1
    assert untrue.output.splitlines()[0] == "tiny/config.json: is not here"
    found = json.loads(as_json.output)
    assert (found["true"], [one["path"] for one in found["faults"]]) == (False, ["tiny/config.json"])
    assert isinstance(call(str(workshop.place / "none.json")).exception, RequestError)
