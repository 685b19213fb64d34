"""The same bytes for two models travel once, and lie on the disk once where that is safe."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from modelready import errors
from modelready.housekeeping import duplicates
from modelready.layouts import Folder, sharing
from modelready.model import Digest, ManifestFile, PlacedFile
from modelready.placing import Options, doubling
from modelready.placing.elsewhere import Twin, repeats
from modelready.placing.planning import Planner, without_repeats
from modelready.sources import Sources
from modelready.standing import standings

WEIGHTS = "model-00001-of-00002.safetensors"
CACHED = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'


def in_a_folder(name: str, repo: str = "acme/tiny", *rest: str) -> str:
    return "\n".join((f'[[model]]\nname = "{name}"\nsource = "hf:{repo}"\nlayout = "folder"', *rest, ""))


def named(path: str, save_as: str) -> str:
    return f'[[model.file]]\npath = "{path}"\nsave_as = "{save_as}"'


def plans(workshop, *names):
    """Give the plans as `modelready plan` makes them."""
    asked = workshop.asked()
    planner = Planner(asked.ground, Options(), Sources(asked.ground.settings))
    return without_repeats([planner.closely(asked.catalog.named(name)) for name in names])


@pytest.fixture
def other(hub, tiny):
    """Give another repository that holds the same weights under another name."""
    folder = tiny.with_name("other")
    folder.mkdir()
    (folder / "the same.safetensors").write_bytes((tiny / WEIGHTS).read_bytes())
    hub.add_repo("acme/other", folder)
    return folder


# ---- once over the network


def test_a_file_of_two_repositories_is_brought_once(workshop, hub, other):
    """Other source, other name, other folder: the digest says that it is here, and it is linked, not fetched."""
    workshop.catalog = in_a_folder("one") + in_a_folder("two", "acme/other")

    jobs = workshop.bring()

    first = workshop.place / "models" / "one" / WEIGHTS
    second = workshop.place / "models" / "two" / "the same.safetensors"
    assert (jobs["two"].state, jobs["two"].bytes_fetched) == ("completed", 0)
    assert (jobs["two"].files_done, jobs["two"].bytes_done) == (1, first.stat().st_size)
    assert second.read_bytes() == first.read_bytes()
    assert sharing.how(first, second) in {"hard link", "reflink"}
    assert hub.bytes_sent("*the same*") == 0


@pytest.mark.parametrize("cached_first", [True, False], ids=["cache, then folder", "folder, then cache"])
def test_between_cache_and_folder_bytes_are_copied_never_linked(workshop, cached_first):
    """Who edits a file in a folder must not change a blob, which other programs take for its name."""
    both = [CACHED, in_a_folder("free")]
    workshop.catalog = "".join(both if cached_first else reversed(both))

    jobs = workshop.bring()

    place, blob = workshop.place / "models" / "free" / WEIGHTS, (workshop.snapshot / WEIGHTS).resolve()
    assert {job.state for job in jobs.values()} == {"completed"}
    assert sorted(job.bytes_fetched > 0 for job in jobs.values()) == [False, True]
    assert place.read_bytes() == blob.read_bytes()
    assert not place.samefile(blob)


def test_two_files_of_one_model_with_the_same_bytes_travel_once(workshop, hub, tiny):
    """A repository may hold a file twice; in a folder both names are wanted."""
    (tiny / "again.safetensors").write_bytes((tiny / WEIGHTS).read_bytes())
    hub.add_repo("acme/tiny", tiny)
    workshop.catalog = in_a_folder("one")
    (plan,) = plans(workshop, "one")

    job = workshop.bring()["one"]

    folder = workshop.place / "models" / "one"
    assert len(plan.need.twins) == 1
    assert plan.bytes_to_fetch == job.bytes_fetched == sum(path.stat().st_size for path in tiny.iterdir()) - _size(tiny)
    assert (folder / "again.safetensors").read_bytes() == (folder / WEIGHTS).read_bytes()
    assert json.loads((folder / ".modelready" / "one.json").read_text())["files"]


def _size(tiny) -> int:
    return (tiny / WEIGHTS).stat().st_size


def test_without_a_network_a_second_place_is_filled_from_the_first(workshop, hub, other):
    """All that is needed is known by the lock, and lies here."""
    workshop.catalog = in_a_folder("one")
    workshop.bring()
    content = (workshop.place / "models" / "one" / WEIGHTS).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    workshop.catalog += (
        in_a_folder(
            "two", "acme/gone@" + "c" * 40, 'include = ["x.safetensors"]', named("x.safetensors", "deep/x.safetensors")
        )
        + f'size = {len(content)}\nsha256 = "{digest}"\n'
    )
    hub.status("*", 500, kind="any")

    jobs = workshop.bring()

    assert jobs["two"].state == "completed", jobs["two"].error_what
    assert (workshop.place / "models" / "two" / "deep" / "x.safetensors").read_bytes() == content


# ---- never wrong


def test_a_damaged_twin_is_not_believed(workshop, hub, other):
    """Its digest is proved before it gets a second place; then the network is asked."""
    workshop.catalog = in_a_folder("one")
    workshop.bring()
    first = workshop.place / "models" / "one" / WEIGHTS
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    workshop.catalog = in_a_folder("two", "acme/other")

    job = workshop.bring()["two"]

    assert (job.state, job.bytes_fetched) == ("completed", len(content))


def test_a_twin_that_vanishes_meanwhile_is_fetched(workshop, hub, other, monkeypatch):
    """What was planned may be untrue by the time it is done."""
    workshop.catalog = in_a_folder("one")
    workshop.bring()
    workshop.catalog = in_a_folder("two", "acme/other")
    double = doubling.double

    def vanishing(twin, *args, **options):
        twin.source.unlink()
        return double(twin, *args, **options)

    monkeypatch.setattr(doubling, "double", vanishing)
    job = workshop.bring()["two"]

    assert (job.state, job.bytes_fetched > 0) == ("completed", True)


def test_mending_one_of_two_names_leaves_the_other_alone(workshop, other):
    """A file gets its name by a rename: what the old name led to stays as it was."""
    workshop.catalog = in_a_folder("one") + in_a_folder("two", "acme/other")
    workshop.bring()
    first = workshop.place / "models" / "one" / WEIGHTS
    second = workshop.place / "models" / "two" / "the same.safetensors"
    good = first.read_bytes()
    os.truncate(first, 100)
    if sharing.how(first, second):
        assert second.stat().st_size == 100

    jobs = workshop.bring()

    assert {job.state for job in jobs.values()} == {"completed"}
    assert first.read_bytes() == second.read_bytes() == good


def test_certifying_reads_nothing_again_after_a_link_was_made(workshop, other):
    """A link changes what the file system says of the first name too."""
    workshop.catalog = in_a_folder("one") + in_a_folder("two", "acme/other")
    workshop.bring()
    ledger = workshop.asked().ground.ledger

    places = [workshop.place / "models" / "one" / WEIGHTS, workshop.place / "models" / "two" / "the same.safetensors"]

    assert all(ledger.recall(place, ["sha256"]) for place in places)


# ---- the acts


@pytest.fixture
def pair(tmp_path):
    """Give a file, the folder it should lie in too, and what is known of it."""
    source = tmp_path / "a" / "x.bin"
    source.parent.mkdir()
    source.write_bytes(os.urandom(9_000_000))
    digest = Digest("sha256", hashlib.sha256(source.read_bytes()).hexdigest())
    layout = Folder(tmp_path / "b", "model")
    placed = PlacedFile("y.bin", layout.root / "y.bin", 9_000_000, digests=(digest,))
    return Twin(placed, source), layout, ManifestFile("y.bin", 9_000_000, (digest,))


def test_without_leave_to_link_a_copy_is_made(pair):
    """Or a reflink, which no later change reaches."""
    twin, layout, file = pair

    how = doubling.double(twin, layout, file, may_link=False, stop=threading.Event())

    assert how in {"copy", "reflink"}
    assert twin.file.place.read_bytes() == twin.source.read_bytes()
    assert not twin.file.place.samefile(twin.source)
    assert sharing.how(twin.source, twin.file.place) == ("reflink" if how == "reflink" else "")
    assert [path.name for path in layout.root.iterdir()] == ["y.bin"]


def test_a_copy_of_other_bytes_gets_no_name(pair):
    """What a disk reads wrong is not taken for the file."""
    twin, layout, file = pair
    twin.source.write_bytes(bytes(9_000_000))

    how = doubling.double(twin, layout, file, may_link=False, stop=threading.Event())

    assert how in {"", "reflink"}  # a reflink is the proved bytes themselves, and nothing is read
    assert how or not twin.file.place.exists()


def test_copying_can_be_stopped(pair):
    """And leaves no part behind."""
    twin, layout, file = pair
    stop = threading.Event()
    stop.set()
    if sharing.reflink(twin.source, twin.source.with_name("probe")):
        pytest.skip("here nothing is copied")

    with pytest.raises(errors.Interrupted):
        doubling.double(twin, layout, file, may_link=False, stop=stop)

    assert list(layout.root.iterdir()) == []


def test_a_link_to_another_disk_is_none(tmp_path):
    """/proc stands for one."""
    assert not sharing.hard_link(Path("/proc/self/status"), tmp_path / "x")
    assert sharing.how(Path("/proc/self/status"), tmp_path) == ""


def test_only_folders_that_were_filled_by_us_are_linked(workshop, tmp_path):
    """A receipt names the file, or it is somebody else's."""
    workshop.catalog = in_a_folder("one")
    workshop.bring()
    root = workshop.place / "models" / "one"
    (root / "mine.bin").write_bytes(b"mine")
    layout = Folder(tmp_path / "two", "two")

    assert doubling.may_link(root / WEIGHTS, layout)
    assert not doubling.may_link(root / "mine.bin", layout)


def test_an_empty_file_has_no_twin():
    """It is sooner made than found."""
    empty = (Digest("sha256", hashlib.sha256(b"").hexdigest()),)
    files = [PlacedFile(name, Path(name), 0, digests=empty) for name in "ab"]

    assert list(repeats(files)) == []


# ---- what is told


def test_the_plan_shows_only_what_will_travel(workshop, other):
    """For all models together: the second finds what the first brings."""
    workshop.catalog = in_a_folder("one") + in_a_folder("two", "acme/other")

    one, two = plans(workshop, "one", "two")

    assert one.bytes_to_fetch > 0
    assert (two.bytes_to_fetch, two.need.fetch) == (0, ())
    assert [twin.source for twin in two.need.twins] == [workshop.place / "models" / "one" / WEIGHTS]


def test_status_says_what_is_stored_once(workshop, other):
    """With whom, how, and how many bytes."""
    workshop.catalog = in_a_folder("one") + in_a_folder("two", "acme/other")
    workshop.bring()

    one, two = standings(workshop.asked())

    (shared,) = two.stored_once
    assert (shared["path"], shared["with"]) == ("the same.safetensors", f"one/{WEIGHTS}")
    assert shared["how"] in {"hard link", "reflink"}
    assert two.bytes_stored_once == one.bytes_stored_once == two.bytes_present
    assert json.loads(json.dumps(asdict(one)))["stored_once"][0]["with"] == "two/the same.safetensors"


# ---- what is there twice already


@pytest.fixture
def twice(workshop):
    """Give the files of a model in a folder that the Hub cache holds too, as `hf download --local-dir` leaves it."""
    workshop.catalog = CACHED
    workshop.bring()
    workshop.catalog = CACHED + in_a_folder("free")
    workshop.bring()
    return workshop.place / "models" / "free"


def test_duplicates_are_told_with_the_bytes_to_win(workshop, twice):
    """Nothing is read for it, and nothing changed."""
    found = duplicates.look(workshop.asked())

    assert {one.path.name for one in found} == {path.name for path in workshop.snapshot.iterdir()}
    weights = next(one for one in found if one.path.name == WEIGHTS)
    assert (weights.same_as, weights.size) == ((workshop.snapshot / WEIGHTS).resolve(), weights.path.stat().st_size)


def test_duplicates_share_their_bytes_when_that_is_asked_for(workshop, twice):
    """Both are proved first; afterwards there is nothing to win, and certifying reads nothing again."""
    asked = workshop.asked()
    before = {path.name: path.read_bytes() for path in twice.iterdir() if path.is_file()}

    shared, kept = duplicates.share(asked, duplicates.look(asked))

    assert kept == ()
    assert {one.how for one in shared} <= {"hard link", "reflink"}
    assert {path.name: path.read_bytes() for path in twice.iterdir() if path.is_file()} == before
    assert sharing.how(twice / WEIGHTS, workshop.snapshot / WEIGHTS)
    assert duplicates.look(workshop.asked()) == ()
    assert asked.ground.ledger.recall(twice / WEIGHTS, ["sha256"])


def test_a_changed_file_is_no_duplicate(workshop, twice):
    """What the receipt says of it was true once."""
    content = bytearray((twice / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (twice / WEIGHTS).write_bytes(content)
    asked = workshop.asked()

    _, kept = duplicates.share(asked, [one for one in duplicates.look(asked) if one.path.name == WEIGHTS])

    assert [(one.path, "is no duplicate" in one.why) for one in kept] == [(twice / WEIGHTS, True)]
    assert (twice / WEIGHTS).read_bytes() == content


def test_the_command_links_duplicates_only_when_told_to(tiny_machine):
    """And says how each is shared."""
    tiny_machine.catalog(CACHED + in_a_folder("free"))
    tiny_machine.run("provision", "-q")

    looked = tiny_machine.run("cleanup", "--yes")
    done = tiny_machine.run("cleanup", "--link-duplicates", "--yes", "--json")

    assert (looked.returncode, done.returncode) == (0, 0), looked.stderr + done.stderr
    assert "6 duplicates, " in looked.stdout
    assert "to win with --link-duplicates" in looked.stdout
    assert {row["shared"] for row in json.loads(done.stdout)["duplicates"]} <= {"hard link", "reflink"}
