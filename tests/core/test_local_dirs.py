"""Folders that huggingface_hub filled itself are certified by what it noted there, and mended where revisions mix."""

from __future__ import annotations

import fcntl
import json

import pytest
from huggingface_hub import snapshot_download
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready.inspection import files, local_dirs
from modelready.layouts import Folder
from modelready.layouts.metadata import begins_partial
from modelready.placing import locate

IN_A_FOLDER = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\n'
WEIGHTS = "model-00001-of-00002.safetensors"
OTHER = "d" * 40


@pytest.fixture
def filled(workshop, hub):
    """Give the folder of the small model as `hf download --local-dir` fills it."""
    workshop.catalog = IN_A_FOLDER
    snapshot_download("acme/tiny", local_dir=workshop.folder, endpoint=hub.url, token=False)
    return workshop.folder


@pytest.fixture
def unlisted(filled):
    """Give the same as older versions of huggingface_hub leave it: without a listing of the repository."""
    for path in filled.glob(".cache/huggingface/trees/*.json"):
        path.unlink()
    return filled


def located(workshop):
    asked = workshop.asked()
    return locate(asked.catalog.named("tiny"), asked.ground)


def note(folder, path):
    return folder / ".cache" / "huggingface" / "download" / f"{path}.metadata"


def brought_at(folder, path, commit):
    """Let the note of *path* name another commit."""
    _, *rest = note(folder, path).read_text().splitlines()
    note(folder, path).write_text("\n".join([commit, *rest, ""]))


def partial(folder, path, content=b"half"):
    place = note(folder, path).with_name(f"{begins_partial(path)}.{'a' * 64}.0badcafe.incomplete")
    place.write_bytes(content)
    return place


# ---- who knows


def test_a_folder_that_hf_download_filled_is_known_by_its_listing(workshop, hub, filled):
    """Every file of the repository at that commit, with its digest; certifying asks nobody."""
    hub.forget()

    placed = located(workshop)

    assert (placed.known_by, len(placed.files), placed.faults) == ("trees", 6, ())
    assert {digest.algorithm for one in placed.files for digest in one.digests} == {"sha256", "git_sha1"}
    assert hub.requests == ()


def test_without_a_listing_it_is_known_by_the_notes(workshop, unlisted):
    """A file that was noted and is gone is missed; one that nobody noted is not asked for."""
    (unlisted / "words.json").unlink()
    (unlisted / "mine.txt").write_text("mine")

    placed = located(workshop)

    assert placed.known_by == "folder"
    assert sorted(one.path for one in placed.files) == sorted(
        [
            "config.json",
            WEIGHTS,
            WEIGHTS.replace("1-of", "2-of"),
            "model.safetensors.index.json",
            "read me.md",
            "words.json",
        ]
    )
    assert [fault.path for fault in files.absent(placed)] == ["words.json"]
    assert {digest.told_by for one in placed.files for digest in one.digests} == {"metadata"}


def test_the_listing_of_another_repository_in_the_folder_is_not_believed(workshop, hub, filled):
    """Several repositories may have been downloaded into one folder."""
    for path in filled.glob(".cache/huggingface/trees/*.json"):
        held = json.loads(path.read_text())
        held["files"].pop("words.json")
        path.write_text(json.dumps(held))

    assert located(workshop).known_by == "folder"


def test_provisioning_such_a_folder_fetches_nothing(workshop, hub, filled):
    """What is here is proved, and that is all that was asked."""
    hub.forget()

    job = workshop.bring()["tiny"]

    assert (job.state, job.bytes_fetched, hub.requests) == ("completed", 0, ())


# ---- mixed revisions


def test_files_of_two_revisions_are_told(workshop, unlisted):
    """An update broke off: the odd one out is named with both commits."""
    commit = note(unlisted, WEIGHTS).read_text().split()[0]
    brought_at(unlisted, "words.json", OTHER)
    placed = located(workshop)

    faults = local_dirs.of_other_revisions(placed, placed.files)

    assert [(fault.path, fault.message) for fault in faults] == [
        ("words.json", f"was brought at dddddddd, the other files are of {commit[:8]}: revisions are mixed")
    ]


def test_files_of_another_revision_than_the_pinned_one_are_told(workshop, unlisted):
    """Even where they all agree; a provision brings the pinned ones."""
    pin = note(unlisted, WEIGHTS).read_text().split()[0]
    workshop.catalog = IN_A_FOLDER.replace("acme/tiny", f"acme/tiny@{pin}")
    right = located(workshop)
    well = local_dirs.of_other_revisions(right, right.files)
    for one in right.files:
        brought_at(unlisted, one.path, OTHER)

    wrong = located(workshop)

    assert well == ()
    assert len(local_dirs.of_other_revisions(wrong, wrong.files)) == 6
    assert workshop.bring()["tiny"].state == "completed"
    mended = located(workshop)
    assert local_dirs.of_other_revisions(mended, mended.files) == ()


def test_where_somebody_else_knows_the_digest_it_decides(workshop, filled):
    """A file that did not change between two revisions is the right one."""
    brought_at(filled, "words.json", OTHER)
    placed = located(workshop)

    assert placed.known_by == "trees"
    assert local_dirs.of_other_revisions(placed, placed.files) == ()


# ---- partial downloads


def test_partials_of_complete_files_are_told_and_dropped_by_provision(workshop, filled):
    """Nothing else ever deletes them."""
    left = partial(filled, WEIGHTS)

    told = local_dirs.leftovers(located(workshop))
    job = workshop.bring()["tiny"]

    assert [(fault.path, fault.message) for fault in told] == [
        (left.relative_to(filled).as_posix(), f"a partial download of 4 B was left behind; {WEIGHTS} is complete")
    ]
    assert job.state == "completed"
    assert not left.exists()


def test_a_partial_that_is_being_written_was_not_left_behind(workshop, filled):
    """huggingface_hub holds its lock."""
    left = partial(filled, WEIGHTS)
    with note(filled, WEIGHTS).with_name(f"{WEIGHTS}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        told = local_dirs.leftovers(located(workshop))
        Folder(filled, "tiny").drop_partials([filled / WEIGHTS])

    assert told == ()
    assert left.exists()


def test_a_partial_of_nobody_knows_which_file_is_told_where_nobody_listed_them(workshop, unlisted):
    """It is the only trace of a file that never arrived."""
    lost = partial(unlisted, "lost.safetensors")

    (fault,) = local_dirs.partials(located(workshop))

    assert fault.path == lost.relative_to(unlisted).as_posix()
    assert "never arrived whole" in fault.message


def test_with_a_listing_a_missing_file_is_told_by_its_name(workshop, filled):
    """And its partial not once more."""
    (filled / WEIGHTS).unlink()
    partial(filled, WEIGHTS)
    placed = located(workshop)

    assert [fault.path for fault in files.absent(placed)] == [WEIGHTS]
    assert (local_dirs.partials(placed), local_dirs.leftovers(placed)) == ((), ())


def test_a_folder_without_notes_has_none(workshop):
    """Ours keep no bookkeeping of huggingface_hub's."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()

    assert not local_dirs.has_notes(located(workshop))


# ---- whatever lies there


@given(
    path=st.sampled_from(["../../../../x", "words.json", "a\u2215b", "deep/x", "con", "..\u2024"]),
    text=st.text(max_size=60) | st.just(f"{OTHER}\n{'a' * 64}\n1.5\n") | st.just(f"{OTHER}\n{'a' * 40}\nnan\n"),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_notes_are_read_or_are_none(workshop, path, text):
    """They come with the folder, from anywhere: no name in them leads out of it."""
    workshop.catalog = IN_A_FOLDER
    place = note(workshop.folder, path.replace("../", ""))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")

    placed = located(workshop)

    assert all(one.place.is_relative_to(workshop.folder) for one in placed.files)
    local_dirs.of_other_revisions(placed, placed.files)


# ---- the suite


def test_certify_tells_what_is_wrong_with_such_a_folder(tiny_machine, hub):
    """By the checks that look at caches, too."""
    tiny_machine.catalog(IN_A_FOLDER)
    folder = tiny_machine.place / "models" / "tiny"
    snapshot_download("acme/tiny", local_dir=folder, endpoint=hub.url, token=False)
    good = tiny_machine.run("certify")
    for path in folder.glob(".cache/huggingface/trees/*.json"):
        path.unlink()
    brought_at(folder, "words.json", OTHER)
    partial(folder, WEIGHTS)

    bad = tiny_machine.run("certify")

    assert (good.returncode, bad.returncode) == (0, 1), good.stdout + bad.stdout
    assert "revisions are mixed" in bad.stdout
    assert "run `modelready cleanup`" in bad.stdout
