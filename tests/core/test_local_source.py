"""Media carried by hand: copied and proved, never touched; what is not there says what to mount."""

from __future__ import annotations

import hashlib
import json
import os
import threading

import pytest

from modelready import errors
from modelready.model import Digest
from modelready.transfer import Wanted, copy

BODY = os.urandom(3 << 20)


@pytest.fixture
def medium(tmp_path):
    """Give the folder of a model on a medium, with what systems leave there."""
    folder = tmp_path / "media" / "stick" / "model"
    (folder / "vae").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "vae" / "a b.safetensors").write_bytes(BODY)
    for name in (".DS_Store", "._config.json", "Thumbs.db", "config.json.part"):
        (folder / name).write_bytes(b"junk")
    (folder / ".modelready").mkdir()
    (folder / ".modelready" / "x.json").write_text("{}")
    return folder


@pytest.fixture
def carried(workshop, medium):
    """Give a workshop whose one model lies on the medium."""
    workshop.catalog = catalog(medium)
    return workshop


def catalog(place, *lines, rows=""):
    return f'[[model]]\nname = "one"\nsource = "file:{place}"\n' + "".join(f"{line}\n" for line in lines) + rows


def placed(workshop):
    folder = workshop.place / "models" / "one"
    found = (path for path in folder.rglob("*") if path.is_file() and ".modelready" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def snapshot(folder):
    """Give everything of *folder*: names, bytes, times."""
    found = sorted(folder.rglob("*"))
    return [(path, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in found]


def test_a_folder_is_copied_and_stays_as_it_is(carried, medium):
    """What systems leave there is of no model."""
    before = snapshot(medium)

    jobs = carried.bring()

    assert (jobs["one"].state, jobs["one"].error_what) == ("completed", "")
    assert placed(carried) == {"config.json": b"{}", "vae/a b.safetensors": BODY}
    assert snapshot(medium) == before
    receipt = json.loads((carried.place / "models/one/.modelready/one.json").read_text())
    assert receipt["files"][1]["digests"] == {"sha256": hashlib.sha256(BODY).hexdigest()}


def test_one_file_is_copied(workshop, medium):
    """The path of a file is a model of one file."""
    workshop.catalog = catalog(medium / "config.json")

    workshop.bring()

    assert placed(workshop) == {"config.json": b"{}"}


def test_a_link_that_is_named_itself_is_followed(workshop, medium, tmp_path):
    """Whoever names it means where it leads."""
    (tmp_path / "current.json").symlink_to(medium / "config.json")
    workshop.catalog = catalog(tmp_path / "current.json")

    workshop.bring()

    assert placed(workshop) == {"current.json": b"{}"}
    assert not (workshop.place / "models/one/current.json").is_symlink()


def test_patterns_choose(workshop, medium):
    """As everywhere."""
    workshop.catalog = catalog(medium, 'include = ["vae/*"]')

    workshop.bring()

    assert list(placed(workshop)) == ["vae/a b.safetensors"]


def test_a_medium_is_needed_only_while_something_is_missing(carried, medium):
    """It may be taken away."""
    carried.bring()
    medium.rename(medium.with_name("away"))

    jobs = carried.bring()

    assert jobs["one"].state == "completed"


@pytest.mark.parametrize(
    ("below", "words"),
    [
        pytest.param("media/stick/gone", "mount the medium that belongs at {tmp}/media/stick/gone", id="a folder"),
        pytest.param("media/empty/model", "{tmp}/media/empty is empty; mount the medium", id="an empty mount point"),
        pytest.param("nowhere/at/all", "there is no nowhere in {tmp}", id="the medium"),
    ],
)
def test_a_missing_medium_says_what_to_mount(workshop, medium, tmp_path, below, words):
    """A path alone does not say which of the disks in the drawer it was."""
    (tmp_path / "media" / "empty").mkdir()
    workshop.catalog = catalog(tmp_path / below)

    job = workshop.bring()["one"]

    assert job.error_kind == "not_found"
    assert words.format(tmp=tmp_path) in f"{job.error_what}; {job.error_remedy}"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda place: place.symlink_to("/etc/hostname"), "outside", id="a link out of it"),
        pytest.param(lambda place: place.symlink_to("nowhere"), "leads nowhere", id="a link to nowhere"),
        pytest.param(lambda place: place.symlink_to("vae"), "a link to a folder", id="a link to a folder"),
        pytest.param(os.mkfifo, "is no file", id="a pipe"),
    ],
)
def test_what_is_no_file_of_the_folder_is_refused(carried, medium, spoil, words):
    """Unless the catalog does not want it."""
    spoil(medium / "odd.bin")

    refused = carried.bring()["one"]
    carried.catalog = catalog(medium, 'exclude = ["odd.bin"]')
    excluded = carried.bring()["one"]

    assert words in refused.error_what
    assert (excluded.state, excluded.error_what) == ("completed", "")
    assert "odd.bin" not in placed(carried)


def test_a_name_that_no_other_system_takes_is_refused(carried, medium):
    """The lock could not be read again."""
    (medium / "aux.json").write_text("{}")

    assert "device" in carried.bring()["one"].error_what


def test_links_inside_the_folder_are_followed(carried, medium):
    """The file is meant."""
    (medium / "same.json").symlink_to("config.json")

    carried.bring()

    assert placed(carried)["same.json"] == b"{}"


def test_a_snapshot_of_a_cache_brings_its_digests(workshop, tmp_path):
    """Its links lead to blobs, which are named by what they hold."""
    repo = tmp_path / "media" / "models--acme--tiny"
    good, bad = hashlib.sha256(BODY).hexdigest(), hashlib.sha256(b"other").hexdigest()
    (repo / "blobs").mkdir(parents=True)
    (repo / "snapshots" / "main").mkdir(parents=True)
    for name, digest in (("a.bin", good), ("b.bin", bad)):
        (repo / "blobs" / digest).write_bytes(BODY)
        (repo / "snapshots" / "main" / name).symlink_to(f"../../blobs/{digest}")
    workshop.catalog = catalog(repo / "snapshots" / "main", 'include = ["a.bin"]')
    right = workshop.bring()["one"]
    workshop.catalog = catalog(repo / "snapshots" / "main", 'include = ["b.bin"]')

    wrong = workshop.bring()["one"]

    assert (right.state, wrong.error_kind) == ("completed", "digest_mismatch")
    assert list(placed(workshop)) == ["a.bin"]


@pytest.mark.parametrize(
    "folder",
    [pytest.param("", id="the source itself"), pytest.param("/vae", id="inside it")],
)
def test_nothing_is_copied_into_its_source(workshop, medium, folder):
    """The medium is only read."""
    before = snapshot(medium)
    workshop.catalog = catalog(medium, f'folder = "{medium}{folder}"')

    job = workshop.bring()["one"]

    assert "only read" in job.error_what
    assert snapshot(medium) == before


def test_a_file_is_not_copied_onto_itself(workshop, medium):
    """A rename would replace the original."""
    workshop.catalog = catalog(medium / "config.json", f'folder = "{medium}"')

    assert "onto itself" in workshop.bring()["one"].error_what


def test_a_wrong_digest_keeps_the_name_free(workshop, medium):
    """The copy on the medium is damaged, or another version."""
    rows = f'[[model.file]]\npath = "config.json"\nsha256 = "{"0" * 64}"\n'
    workshop.catalog = catalog(medium, rows=rows)

    job = workshop.bring()["one"]

    assert job.error_kind == "digest_mismatch"
    assert str(medium / "config.json") in job.error_what
    assert "config.json" not in placed(workshop)
    assert not list((workshop.place / "models").rglob("*.part"))


# ---- the copying itself


class Watcher:
    """Remembers what it was told; stops the work after so many bytes."""

    def __init__(self, stop_after=None):
        self.stop, self.stop_after = threading.Event(), stop_after
        self.received_bytes, self.kept, self.restarts = 0, None, 0

    def started(self, _wanted, kept):
        self.kept = kept

    def received(self, _wanted, count):
        self.received_bytes += count
        if self.stop_after is not None and self.received_bytes >= self.stop_after:
            self.stop.set()

    def restarted(self, _wanted):
        self.restarts += 1

    def verifying(self, _wanted):
        pass

    def settle(self, proof):
        self.settled = proof

    def done(self, proof):
        assert proof is self.settled


@pytest.fixture
def original(tmp_path):
    """Give a file of several strides."""
    path = tmp_path / "original.bin"
    path.write_bytes(os.urandom(20 << 20))
    return path


def wanted(original, tmp_path, **facts):
    return Wanted(original.as_uri(), tmp_path / "copy.part", "copy", **facts)


def interrupted(one):
    """Copy a part of *one*."""
    watcher = Watcher(stop_after=5 << 20)
    with pytest.raises(errors.Interrupted):
        copy([one], settle=lambda _: None, watcher=watcher, stop=watcher.stop)


def run(one, **options):
    """Copy *one*; give the watcher."""
    watcher = Watcher()
    copy(
        [one],
        settle=lambda proof: watcher.__dict__.update(settled=proof),
        watcher=watcher,
        stop=watcher.stop,
        **options,
    )
    return watcher


@pytest.mark.parametrize(
    ("change", "options", "resumed"),
    [
        pytest.param(lambda _: None, {}, True, id="as it was"),
        pytest.param(lambda path: os.utime(path, ns=(1, 1)), {}, False, id="touched"),
        pytest.param(lambda path: path.write_bytes(os.urandom(20 << 20)), {}, False, id="another version"),
        pytest.param(lambda _: None, {"resume": False}, False, id="not wanted"),
    ],
)
def test_a_copy_goes_on_only_with_the_same_original(original, tmp_path, change, options, resumed):
    """Size and time say so where no digest is known."""
    one = wanted(original, tmp_path)
    interrupted(one)
    change(original)

    watcher = run(one, **options)

    assert one.part.read_bytes() == original.read_bytes()
    assert watcher.settled.sha256 == hashlib.sha256(original.read_bytes()).hexdigest()
    assert bool(watcher.kept) is resumed
    assert (watcher.received_bytes < 20 << 20) is resumed


def test_a_wrong_beginning_costs_a_second_copy(original, tmp_path):
    """With a digest the beginning is gone on with, whatever time the original has; the digest decides."""
    old, new = original.read_bytes(), os.urandom(20 << 20)
    one = wanted(original, tmp_path, digests=(Digest("sha256", hashlib.sha256(new).hexdigest()),))
    interrupted(one)
    original.write_bytes(new)

    watcher = run(one)

    assert one.part.read_bytes() == new != old
    assert watcher.restarts == 1


def test_an_original_of_another_size_is_told(original, tmp_path):
    """Before anything is copied."""
    with pytest.raises(errors.LengthMismatch, match="instead of 7"):
        run(wanted(original, tmp_path, size=7))

    assert not (tmp_path / "copy.part").exists()


def test_an_original_that_changes_meanwhile_is_told(original, tmp_path):
    """Half of each would be neither."""
    watcher = Watcher()
    watcher.verifying = lambda _: os.utime(original, ns=(1, 1))

    with pytest.raises(errors.ServerFault, match="changes while it is copied"):
        copy([wanted(original, tmp_path)], settle=lambda _: None, watcher=watcher, stop=watcher.stop)


def test_a_medium_taken_away_is_told(original, tmp_path):
    """What arrived is kept."""
    one = wanted(original, tmp_path)
    original.unlink()

    with pytest.raises(errors.NotFound, match="mount its medium again"):
        run(one)
