"""The main job, end to end: bring a model from a Hub, certify it, refuse it when it is damaged, mend it."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model-00001-of-00002.safetensors"
FOUND_BY_HUGGINGFACE_HUB = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], local_files_only=True))
"""


def snapshot(machine) -> Path:
    """Give the only snapshot in a machine's cache."""
    return next(machine.cache.glob("models--acme--tiny/snapshots/*"))


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file, and put its time back."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut_short(path: Path) -> None:
    """Take the last bytes of a file away."""
    os.truncate(path, path.stat().st_size - 7)


def page(path: Path) -> None:
    """Put a web page of the same length in the place of a file."""
    size = path.stat().st_size
    path.resolve().write_bytes(b"<!DOCTYPE html><html><body>Please log in</body></html>".ljust(size))


def test_a_model_is_brought_and_certified(speaking, tiny_machine, judged):
    """Provision brings and proves; what it wrote is found by huggingface_hub, offline."""
    outcome = judged(tiny_machine, "provision")

    found = tiny_machine.python(FOUND_BY_HUGGINGFACE_HUB, "acme/tiny")
    assert outcome.status == 0, outcome.text
    assert outcome.predicate["result"] == "PASSED"
    assert outcome.model("tiny")["verdict"] == "proved"
    assert "files.have_the_right_bytes[tiny]" in outcome.passed
    assert "tokenizers.encode_text[tiny]" in outcome.passed
    assert found.stdout.strip() == str(snapshot(tiny_machine)), found.stderr


def test_certifying_asks_the_network_nothing(tiny_machine, hub, judged):
    """Certify works offline, and a second provision has nothing to ask either."""
    judged(tiny_machine, "provision")
    hub.forget()

    certified, again = judged(tiny_machine), judged(tiny_machine, "provision")

    assert (certified.status, again.status) == (0, 0), certified.text + again.text
    assert hub.requests == ()


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(lambda path: path.unlink(), "files.are_there[tiny]", id="name deleted"),
        pytest.param(lambda path: path.resolve().unlink(), "files.are_there[tiny]", id="blob deleted"),
        pytest.param(cut_short, "files.are_large_enough[tiny]", id="cut short"),
        pytest.param(lambda path: os.truncate(path, 0), "files.are_large_enough[tiny]", id="emptied"),
        pytest.param(page, "files.are_not_messages[tiny]", id="page of the same length"),
        pytest.param(flip, "files.have_the_right_bytes[tiny]", id="one bit flipped"),
    ],
)
def test_each_damage_fails_one_check_and_is_mended(tiny_machine, hub, judged, damage, check):
    """The one check that fails tells what is wrong; provisioning again brings that file and nothing else."""
    judged(tiny_machine, "provision")
    damage(snapshot(tiny_machine) / WEIGHTS)
    hub.forget()

    refused = judged(tiny_machine)
    mended = judged(tiny_machine, "provision")

    assert (refused.status, refused.failed) == (1, [check]), refused.text
    assert any(line.strip() == WEIGHTS for line in refused.text.splitlines()), refused.text
    assert mended.status == 0, mended.text
    assert {one.file for one in hub.requests if one.kind == "get"} <= {WEIGHTS}


def test_a_name_lost_is_mended_without_fetching_its_bytes(tiny_machine, hub, judged):
    """A blob that is there and right only needs its name back."""
    judged(tiny_machine, "provision")
    (snapshot(tiny_machine) / WEIGHTS).unlink()
    hub.forget()

    mended = judged(tiny_machine, "provision")

    assert mended.status == 0, mended.text
    assert not [one for one in hub.requests if one.kind == "get"]


@pytest.mark.parametrize(
    ("text", "check"),
    [
        pytest.param("{commit}\n", "cache.names_lead_to_files[tiny]", id="newline"),
        pytest.param("", "cache.names_lead_to_files[tiny]", id="empty"),
    ],
)
def test_a_malformed_ref_is_refused_and_mended(tiny_machine, judged, text, check):
    """A ref with a newline, or an empty one, breaks other programs offline."""
    judged(tiny_machine, "provision")
    ref = tiny_machine.cache / "models--acme--tiny" / "refs" / "main"
    ref.write_text(text.format(commit=ref.read_text()))

    refused, mended = judged(tiny_machine), judged(tiny_machine, "provision")

    assert (refused.status, refused.failed) == (1, [check]), refused.text
    assert mended.status == 0, mended.text


def test_a_partial_left_beside_a_complete_file_is_told_and_removed(tiny_machine, judged):
    """It is space lost, and the trace of a download that went wrong."""
    judged(tiny_machine, "provision")
    blob = (snapshot(tiny_machine) / WEIGHTS).resolve()
    partial = blob.with_name(f"{blob.name}.0badcafe.incomplete")
    partial.write_bytes(b"half")

    refused, mended = judged(tiny_machine), judged(tiny_machine, "provision")

    assert (refused.status, refused.failed) == (1, ["cache.holds_no_partials[tiny]"]), refused.text
    assert mended.status == 0, mended.text
    assert not partial.exists()


def test_a_partial_of_a_missing_file_is_told_once(tiny_machine, judged):
    """The first check that sees the file missing tells it."""
    judged(tiny_machine, "provision")
    blob = (snapshot(tiny_machine) / WEIGHTS).resolve()
    blob.rename(blob.with_name(f"{blob.name}.0badcafe.incomplete"))

    refused, mended = judged(tiny_machine), judged(tiny_machine, "provision")

    assert (refused.status, refused.failed) == (1, ["files.are_there[tiny]"]), refused.text
    assert mended.status == 0, mended.text


def test_what_was_never_provisioned_is_not_proved(tiny_machine, judged):
    """Nothing known of a model is never a pass."""
    refused = judged(tiny_machine)

    assert refused.status == 1
    assert refused.failed == ["files.are_there[tiny]"], refused.text
    assert "never provisioned here" in refused.text


def test_the_certificate_names_every_file_and_where_its_digest_came_from(tiny_machine, tiny, judged):
    """Subjects are all files, small ones too; a second run remembers, --reread reads."""
    judged(tiny_machine, "provision")

    remembered, reread = judged(tiny_machine), judged(tiny_machine, "certify", "--reread")

    names = {one["name"] for one in remembered.certificate["subject"]}
    assert names == {f"tiny/{path.relative_to(tiny)}" for path in tiny.rglob("*") if path.is_file()}
    assert {one["annotations"]["digest"] for one in remembered.certificate["subject"]} == {"remembered"}
    assert {one["annotations"]["digest"] for one in reread.certificate["subject"]} == {"read"}
    assert str(tiny_machine.place) not in json.dumps(remembered.certificate)
    assert not remembered.predicate["modelready"]["partial"]


def test_a_cut_run_says_so_in_its_certificate(tiny_machine, judged):
    """-k leaves checks out: the certificate is partial, and the last whole one stays."""
    judged(tiny_machine, "provision")
    last = tiny_machine.state / "last-certificate.json"
    before = last.read_text()

    cut = judged(tiny_machine, "certify", "-k", "weights")

    assert cut.status == 0, cut.text
    assert "✓ tiny  passed: " in cut.text
    assert re.search(r"^tiny: not proved by this run: -k or -m left out \d+ checks$", cut.text, re.MULTILINE)
    assert cut.predicate["modelready"]["partial"]
    assert cut.predicate["modelready"]["deselected"] > 0
    assert last.read_text() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--only", "*.json"], "only the files of --only were looked at: no model is proved", id="files"),
        pytest.param(["-k", "weights", "-n", "2"], "tiny: not proved by this run: -k or -m left out", id="processes"),
    ],
)
def test_who_looks_at_a_part_proves_no_model(tiny_machine, judged, options, words):
    """One byte of the rest may be wrong."""
    judged(tiny_machine, "provision")

    cut = judged(tiny_machine, "certify", *options)

    assert cut.status == 0, cut.text
    assert words in cut.text


def test_who_looks_at_all_of_some_models_proves_them(tiny_machine, tiny, hub, judged):
    """A name after -k leaves out other models, and nothing of this one."""
    hub.add_repo("acme/twin", tiny)
    tiny_machine.catalog('[[model]]\nname = "twin"\nsource = "hf:acme/twin"\n', "twin.toml")
    judged(tiny_machine, "provision")

    one = judged(tiny_machine, "certify", "-k", "twin")

    assert "✓ twin  ready: " in one.text
    assert "not proved" not in one.text


@pytest.mark.parametrize("command", ["provision", "certify"])
def test_several_processes_say_the_same(tiny_machine, tiny, hub, judged, command):
    """Under -n the run, its certificate and its exit status are the same; one model goes to one worker."""
    hub.add_repo("acme/twin", tiny)
    tiny_machine.catalog('[[model]]\nname = "twin"\nsource = "hf:acme/twin"\n', "twin.toml")
    if command == "certify":
        judged(tiny_machine, "provision")

    together, alone = judged(tiny_machine, command, "-n", "4"), judged(tiny_machine, "certify")

    assert (together.status, alone.status) == (0, 0), together.text
    assert together.passed == alone.passed
    assert together.certificate["subject"][0]["digest"] == alone.certificate["subject"][0]["digest"]
    assert [one["verdict"] for one in together.predicate["modelready"]["models"]] == ["proved", "proved"]


def test_a_digest_check_alone_never_passes_over_a_missing_file(tiny_machine, judged):
    """A file that is not there is no file with the right digest."""
    judged(tiny_machine, "provision")
    (snapshot(tiny_machine) / WEIGHTS).unlink()

    outcome = judged(tiny_machine, "certify", "-k", "right_bytes")

    assert outcome.status == 1, outcome.text
    assert outcome.model("tiny")["verdict"] == "unproved"
    assert "see files.are_there" in outcome.model("tiny")["reason"]


def test_the_state_folder_lost_costs_time_only(tiny_machine, judged):
    """The ledger is a memory, not a proof."""
    judged(tiny_machine, "provision")
    shutil.rmtree(tiny_machine.state)

    assert judged(tiny_machine).status == 0
