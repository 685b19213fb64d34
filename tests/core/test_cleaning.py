"""What downloads left behind is found, told with its bytes, and deleted only where nobody uses it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready.downloads.jobs import Job
from modelready.downloads.queue import Queue
from modelready.housekeeping import aria2, cleaning, finds
from modelready.housekeeping.finds import Find
from modelready.layouts import blobs
from modelready.layouts.metadata import begins_partial

IN_A_FOLDER = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\n'
WEIGHTS = "model-00001-of-00002.safetensors"
SHA = "a" * 64
LONG_AGO = time.time() - 7200


def written(path: Path, content: bytes = b"half of it") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(workshop, **options):
    """Give what would go, by path below the workshop: kind, who left it."""
    leftovers = cleaning.look(workshop.asked(**options))
    return {one.path.relative_to(workshop.place).as_posix(): (one.kind, one.left_by) for one in leftovers.finds}


def cleaned(workshop, **options):
    asked = workshop.asked(**options)
    return cleaning.clean(asked, cleaning.look(asked))


def tree(place: Path) -> dict[str, bytes]:
    """Give every file below *place* with its bytes; links by what they say."""
    return {
        path.relative_to(place).as_posix(): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def control(pieces: int, done: int) -> bytes:
    """Give a control file of aria2 as its manual describes it."""
    bits = bytearray(-(-pieces // 8))
    for piece in range(min(done, pieces)):
        bits[piece // 8] |= 0x80 >> piece % 8
    return b"".join(
        (
            b"\0\1" + bytes(4) + bytes(4),
            (1 << 20).to_bytes(4, "big") + (pieces << 20).to_bytes(8, "big") + bytes(8),
            len(bits).to_bytes(4, "big") + bytes(bits) + bytes(4),
        )
    )


# ---- the Hub cache


@pytest.mark.parametrize("catalog", ['[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n', IN_A_FOLDER])
def test_a_provision_that_ends_well_leaves_nothing(workshop, hub, catalog):
    """No partial file, no scratch, no dead row; and after a download that broke and was resumed, none either."""
    workshop.catalog = catalog
    hub.slow("*00001*", 10_000)
    hub.status("*words.json", 500)
    broken = workshop.bring()
    hub.heal()
    again = workshop.bring()

    leftovers = cleaning.look(workshop.asked())

    assert (broken["tiny"].state, again["tiny"].state) == ("failed", "completed")
    assert leftovers == cleaning.Leftovers()
    names = {Path(path).suffix for path in tree(workshop.place)}
    assert names.isdisjoint({".incomplete", ".part", ".tmp", ".link"})


def test_partial_files_of_the_cache_go_whoever_left_them(workshop):
    """Ours and huggingface_hub's, of models that no catalog names too; the files themselves stay."""
    workshop.bring()
    before = tree(workshop.repo)
    cache = workshop.repo.parent
    other = cache / "datasets--someone--else" / "blobs"
    written(workshop.repo / "blobs" / f"{SHA}.0badcafe.incomplete")
    written(workshop.repo / "blobs" / blobs.part_of(SHA))
    written(other / f"{SHA}.incomplete", b"x" * 5000)

    told = found(workshop)
    outcome = cleaned(workshop)

    assert told == {
        f"hf/hub/models--acme--tiny/blobs/{SHA}.0badcafe.incomplete": ("partial", "huggingface_hub"),
        f"hf/hub/models--acme--tiny/blobs/{blobs.part_of(SHA)}": ("partial", "modelready"),
        f"hf/hub/datasets--someone--else/blobs/{SHA}.incomplete": ("partial", "huggingface_hub"),
    }
    assert outcome.kept == ()
    assert finds.total(outcome.gone) == 10 + 10 + 5000
    assert tree(workshop.repo) == before
    assert cleaning.look(workshop.asked()).is_nothing


def test_only_the_chosen_models_are_looked_at(workshop):
    """--model narrows it to their places."""
    workshop.catalog += '[[model]]\nname = "other"\nsource = "hf:acme/other"\n'
    ours = written(workshop.repo / "blobs" / f"{SHA}.incomplete")
    written(workshop.repo.parent / "models--acme--other" / "blobs" / f"{SHA}.incomplete")

    assert list(found(workshop, models=["tiny"])) == [ours.relative_to(workshop.place).as_posix()]
    assert len(found(workshop)) == 2


def test_a_blob_goes_only_when_no_snapshot_leads_to_it(workshop):
    """Of two revisions that share a blob one may go, and the blob stays."""
    workshop.bring()
    shared = workshop.snapshot / WEIGHTS
    blob = shared.resolve()
    other = workshop.repo / "snapshots" / ("b" * 40)
    other.mkdir()
    (other / WEIGHTS).symlink_to(shared.readlink())
    shared.unlink()
    kept = found(workshop)
    (other / WEIGHTS).unlink()

    told = found(workshop)
    cleaned(workshop)

    assert kept == {}
    assert told == {f"hf/hub/models--acme--tiny/blobs/{blob.name}": ("orphan", "")}
    assert not blob.exists()
    assert found(workshop) == {}


def test_a_blob_that_a_folder_links_to_stays(workshop):
    """Old versions of huggingface_hub filled a `local_dir` with links to blobs that no snapshot knew."""
    workshop.catalog += IN_A_FOLDER.replace('"tiny"', '"linked"')
    blob = written(workshop.repo / "blobs" / SHA)
    lonely = written(workshop.repo / "blobs" / ("b" * 64))
    folder = workshop.place / "models" / "linked"
    folder.mkdir(parents=True)
    (folder / "x.bin").symlink_to(blob)

    assert list(found(workshop)) == [lonely.relative_to(workshop.place).as_posix()]


def test_a_snapshot_that_cannot_be_read_keeps_every_blob(workshop):
    """Where one cannot look, nothing is an orphan."""
    written(workshop.repo / "blobs" / SHA)
    (workshop.repo / "snapshots").write_text("no folder")

    assert found(workshop) == {}


@pytest.fixture
def shared_blob(workshop):
    """Give a blob of the store that huggingface_hub 2 shares between repositories, and a repository's name for it."""
    cache = workshop.repo.parent
    store = written(cache / "blobs" / SHA[:2] / SHA)
    written(store.with_name(f"{SHA}.refs"), f"models--acme--tiny/blobs/{'c' * 64}\n".encode())
    written(cache / "blobs" / ".huggingface-shared-blobs", b"1\n")
    name = workshop.repo / "blobs" / ("c" * 64)
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(os.path.relpath(store, name.parent))
    return store, name


def test_shared_blobs_stay_as_long_as_a_snapshot_leads_to_one(workshop, shared_blob):
    """And go with the last repository's name for them."""
    store, name = shared_blob
    place = workshop.repo / "snapshots" / ("d" * 40) / "x.bin"
    place.parent.mkdir(parents=True)
    place.symlink_to(os.path.relpath(name, place.parent))
    wanted = found(workshop)
    place.unlink()

    orphaned = found(workshop)
    cleaned(workshop)

    assert wanted == {}
    assert [Path(path).name for path in orphaned] == [name.name, store.name]
    assert not store.exists()
    assert not store.with_name(f"{SHA}.refs").exists()


@pytest.mark.parametrize("missing", [".huggingface-shared-blobs", f"{SHA[:2]}/{SHA}.refs"])
def test_a_shared_store_that_nobody_marked_is_left_alone(workshop, shared_blob, missing):
    """As huggingface_hub's own clean-up leaves it."""
    store, name = shared_blob
    (workshop.repo.parent / "blobs" / missing).unlink()
    name.unlink()

    assert found(workshop) == {}
    assert store.is_file()


# ---- nobody's work is disturbed


def test_what_huggingface_hub_is_downloading_stays(workshop):
    """Its lock on the blob is asked."""
    part = written(workshop.repo / "blobs" / f"{SHA}.0badcafe.incomplete")
    lock = written(workshop.repo.parent / ".locks" / workshop.repo.name / f"{SHA}.lock", b"")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        leftovers = cleaning.look(workshop.asked())
        late = cleaning.clean(workshop.asked(), cleaning.Leftovers((partial(part, lock),)))

    assert leftovers.finds == ()
    assert [(one.path, one.why) for one in leftovers.kept] == [(part, "another process is at it")]
    assert [one.path for one in late.kept] == [part]
    assert part.exists()
    assert list(found(workshop)) == [part.relative_to(workshop.place).as_posix()]


def partial(path: Path, *locks: Path) -> Find:
    return Find("partial", path, (path.parent,), "", locks=locks)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux says who has a file open")
@pytest.mark.parametrize(
    "use",
    ["held = open(sys.argv[1], 'rb')", "held = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 0, prot=1)"],
    ids=["open", "mapped"],
)
def test_what_another_process_has_open_stays(workshop, use):
    """And the process is named."""
    part = written(workshop.repo / "blobs" / f"{SHA}.incomplete")
    program = f"import mmap, os, sys\n{use}\nprint('ready', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout.readline() == "ready\n"
        (kept,) = cleaning.look(workshop.asked()).kept
        late = cleaning.clean(workshop.asked(), cleaning.Leftovers((partial(part),)))
        user.communicate("")

    assert kept.path == part
    assert kept.why.startswith(f"is open in process {user.pid} (python")
    assert late.gone == ()
    assert part.exists()


def test_an_orphan_that_is_wanted_again_stays(workshop):
    """Between looking and deleting another program linked it."""
    blob = written(workshop.repo / "blobs" / SHA)
    asked = workshop.asked()
    leftovers = cleaning.look(asked)
    place = workshop.repo / "snapshots" / ("d" * 40) / "x.bin"
    place.parent.mkdir(parents=True)
    place.symlink_to(f"../../blobs/{SHA}")

    outcome = cleaning.clean(asked, leftovers)

    assert [one.why for one in outcome.kept] == ["is wanted again, or was changed meanwhile"]
    assert blob.exists()


def test_nothing_is_deleted_through_a_link_that_leads_away(workshop):
    """A folder of blobs that is a link to somewhere else is not ours to empty."""
    away = written(workshop.place / "away" / f"{SHA}.incomplete")
    workshop.repo.mkdir(parents=True)
    (workshop.repo / "blobs").symlink_to(away.parent)

    leftovers = cleaning.look(workshop.asked())

    assert leftovers.finds == ()
    assert "leads out of" in leftovers.kept[0].why
    assert away.exists()


# ---- locks and rows


def test_locks_of_what_is_gone_and_of_the_dead_go(workshop):
    """A marker that a killed process left would be waited for, for ever."""
    workshop.bring()
    folder = workshop.repo.parent / ".locks" / workshop.repo.name
    name = (workshop.snapshot / WEIGHTS).resolve().name
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    written(folder / f"{name}.lock", ended.stdout.strip() + b"\n" + os.uname().nodename.encode() + b"\n")
    written(folder / f"{SHA}.lock", b"")
    written(folder.parent / "models--acme--gone" / "modelready.lock", b"")
    living = written(folder / "modelready.lock", f"{os.getpid()}\n{os.uname().nodename}\n".encode())

    told = found(workshop)
    cleaned(workshop)

    assert {Path(path).name for path in told} == {f"{name}.lock", f"{SHA}.lock", "modelready.lock"}
    assert set(told.values()) == {("lock", "")}
    assert [path.name for path in folder.glob("*.lock") if path == living] == ["modelready.lock"]
    assert found(workshop) == {}


def test_rows_of_dead_downloads_go(workshop):
    """Those of the living stay, and those that ended tell the story on."""
    asked = workshop.asked()
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    old = {"beat": LONG_AGO, "created_at": LONG_AGO}
    dead = Job("one", "tiny", state="downloading", pid=int(ended.stdout), **old)
    frozen = Job("two", "tiny", state="downloading", **old)
    asked.ground.jobs.write(dead, frozen, Job("three", "tiny", state="completed", **old), Job("four", "tiny"))

    leftovers = cleaning.look(asked)
    cleaning.clean(asked, leftovers)

    assert leftovers.jobs == (dead,)
    assert cleaning.look(asked).jobs == ()
    assert [run for run in ("one", "two", "three", "four") if asked.ground.jobs.of_run(run, "tiny")] == [
        "two",
        "three",
        "four",
    ]


def test_jobs_that_wait_in_the_queue_stay(workshop):
    """No process is at them, so none can be dead: whoever serves the queue brings them, in whichever process."""
    asked = workshop.asked()
    queue = Queue(asked.ground.jobs, asked.ground.settings.home)
    queue.add("tiny")

    leftovers = cleaning.look(asked)
    cleaning.clean(asked, leftovers)

    assert leftovers.jobs == ()
    assert queue.open_job("tiny").state == "queued"


# ---- folders


@pytest.fixture
def folder(workshop):
    """Give the folder of the small model, filled."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    return workshop.folder


def test_partial_files_of_huggingface_hub_in_a_folder_go(workshop, folder):
    """`hf cache prune` never looks at those of a `local_dir`."""
    notes = folder / ".cache" / "huggingface" / "download"
    part = written(notes / f"{begins_partial('words.json')}.{SHA}.0badcafe.incomplete")
    written(notes / "words.json.lock", b"")
    written(notes / "words.json.metadata", b"note")
    lost = written(notes / "deep" / f"{begins_partial('x')}.{SHA}.incomplete")

    leftovers = {one.path: one.why for one in cleaning.look(workshop.asked()).finds}

    assert leftovers == {part: "its file is complete", lost: "its file never arrived whole"}


def test_our_own_parts_go_and_those_of_others_stay(workshop, folder):
    """Firefox calls its partial files .part as well: a journal, or the name of a file of the model, tells ours."""
    ours = written(folder / "words.json.part", b"[")
    written(folder / "video.mp4.part", b"of a browser")

    assert found(workshop) == {ours.relative_to(workshop.place).as_posix(): ("partial", "modelready")}


def test_aria2s_downloads_go_with_their_control_files(workshop, folder):
    """Where every piece arrived, or the file is proved, only the control file goes."""
    unfinished = written(folder / "big.gguf", bytes(5000))
    written(folder / "big.gguf.aria2", control(9, 4))
    written(folder / "done.gguf", bytes(10))
    written(folder / "done.gguf.aria2", control(9, 9))
    written(folder / f"{WEIGHTS}.aria2", control(3, 1))
    written(folder / "gone.gguf.aria2", control(3, 1))
    written(folder / "poem.aria2", b"roses are red")

    leftovers = cleaning.look(workshop.asked())
    cleaned(workshop)

    assert {one.path.name: [path.name for path in one.also] for one in leftovers.finds} == {
        "big.gguf": ["big.gguf.aria2"],
        "done.gguf.aria2": [],
        f"{WEIGHTS}.aria2": [],
        "gone.gguf.aria2": [],
    }
    assert [one.path.name for one in leftovers.kept] == ["poem.aria2"]
    assert not unfinished.exists()
    assert (folder / WEIGHTS).is_file()
    assert (folder / "poem.aria2").is_file()


def test_wgets_second_copies_go_when_their_bytes_prove_them(workshop, folder):
    """`X.1` is a download of X if X begins with the same bytes; anything else may be something else."""
    content = (folder / WEIGHTS).read_bytes()
    written(folder / f"{WEIGHTS}.1", content[:7000])
    written(folder / f"{WEIGHTS}.2", content)
    written(folder / f"{WEIGHTS}.3", b"something else")
    written(folder / "notes.1", b"a manual page")

    leftovers = cleaning.look(workshop.asked())

    assert [(one.path.name, one.left_by) for one in leftovers.finds] == [
        (f"{WEIGHTS}.1", "wget"),
        (f"{WEIGHTS}.2", "wget"),
    ]
    assert [one.path.name for one in leftovers.kept] == [f"{WEIGHTS}.3"]


def test_a_weight_file_cut_short_goes_and_an_edited_config_stays(workshop, folder):
    """Curl and wget write under the final name; who edits a config makes it shorter, too."""
    os.truncate(folder / WEIGHTS, 5000)
    (folder / "config.json").write_text("{}")

    assert found(workshop) == {f"models/tiny/{WEIGHTS}": ("partial", "curl or wget")}


def test_a_file_that_was_completed_while_the_question_waited_stays(workshop, folder):
    """Somebody brought the rest of it, in another window, before he said yes."""
    whole = (folder / WEIGHTS).read_bytes()
    os.truncate(folder / WEIGHTS, 5000)
    asked = workshop.asked()
    leftovers = cleaning.look(asked)
    workshop.bring()

    outcome = cleaning.clean(asked, leftovers)

    assert [one.path.name for one in leftovers.finds] == [WEIGHTS]
    assert outcome.gone == ()
    assert (folder / WEIGHTS).read_bytes() == whole


def test_what_real_programs_leave_behind_is_found(workshop, folder, hub):
    """Curl and wget against a server that breaks off, and wget where the file is there already."""
    url = f"{hub.url}/acme/tiny/resolve/main/{WEIGHTS}"
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    hub.drop_after("*00001*", 9000)
    (folder / WEIGHTS).unlink()
    subprocess.run(["curl", "-sL", "-o", WEIGHTS, url], cwd=folder, check=False)
    cut = found(workshop)
    hub.heal()
    workshop.bring()
    subprocess.run(["wget", "-q", "--tries=1", url], cwd=folder, check=True)

    second = found(workshop)
    cleaned(workshop)

    assert cut == {f"models/tiny/{WEIGHTS}": ("partial", "curl or wget")}
    assert second == {f"models/tiny/{WEIGHTS}.1": ("partial", "wget")}
    assert hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() == digest


def test_scratch_of_killed_writers_goes_when_it_is_old(workshop, folder):
    """A young one may belong to somebody who is writing right now."""
    young = written(workshop.repo / "blobs" / "tmp_12345678-1234-1234-1234-123456789abc", b"")
    old = written(workshop.repo / ".0badcafe.tmp")
    os.utime(old, (LONG_AGO, LONG_AGO))

    assert found(workshop) == {old.relative_to(workshop.place).as_posix(): ("scratch", "")}
    assert young.exists()


# ---- at random


@given(content=st.binary(max_size=80) | st.builds(control, st.integers(1, 20), st.integers(0, 20)))
@settings(max_examples=60)
def test_a_control_file_is_read_or_is_none(tmp_path_factory, content):
    """Whatever lies there."""
    path = written(tmp_path_factory.getbasetemp() / "any.aria2", content)

    progress = aria2.read(path)

    assert progress is None or 0 <= progress.pieces_done <= 8 * len(content)


NAMES = st.sampled_from(
    [
        f"{SHA}.incomplete",
        f"{'b' * 40}.0badcafe.incomplete",
        SHA,
        "..incomplete",
        "con.incomplete",
        "a\u2215b.incomplete",
        ".\u2024.incomplete",
        "x\\..\\y.incomplete",
        "x.part",
        "x.aria2",
        "words.json.1",
        "model.lock",
    ]
)


@given(names=st.sets(NAMES, max_size=6), is_linked=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cleaning_touches_nothing_outside(workshop, tmp_path_factory, names, is_linked):
    """Whatever names lie in cache and folders, and wherever links lead: what lies outside stays as it is."""
    away = tmp_path_factory.mktemp("away")
    for name in names:
        written(away / name)
        written(workshop.repo / "blobs" / name)
        written(workshop.folder / ".cache" / "huggingface" / "download" / name)
    if is_linked:
        for place in (workshop.repo.parent / f"models--acme--{away.name}", workshop.folder / away.name):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(away)
        (workshop.repo / "blobs" / ("e" * 64)).unlink(missing_ok=True)
        (workshop.repo / "blobs" / ("e" * 64)).symlink_to(away / "x.part")
    before = tree(away)

    cleaned(workshop)

    assert tree(away) == before


# ---- the command


def test_without_a_terminal_nothing_is_deleted_unless_yes_is_said(tiny_machine):
    """It says what it would win, and which option it wants."""
    part = written(tiny_machine.cache / "models--acme--tiny" / "blobs" / f"{SHA}.incomplete")

    looked = tiny_machine.run("cleanup", "--dry-run")
    asked = tiny_machine.run("cleanup")
    was_there = part.exists()
    done = tiny_machine.run("cleanup", "--yes", "--json")

    assert (looked.returncode, asked.returncode, done.returncode) == (0, 4, 0), asked.stderr
    assert "partial of huggingface_hub" in looked.stdout
    assert "1 file, 10 B to win" in looked.stdout
    assert (
        asked.stderr == "modelready: nothing was deleted: nobody can be asked here; say --yes, or --dry-run to look\n"
    )
    assert was_there
    told = json.loads(done.stdout)
    assert (told["deleted"], told["bytes"], [row["path"] for row in told["files"]]) == (True, 10, [str(part)])
    assert not part.exists()
