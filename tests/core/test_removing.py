"""Removing a model deletes what is its own, and nothing that somebody else needs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready import errors
from modelready.housekeeping import removing

CACHED = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'
IN_A_FOLDER = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\n'
WEIGHTS = "model-00001-of-00002.safetensors"


def planned(workshop, *names, **options):
    asked = workshop.asked(**options)
    return removing.plan_all(asked, [asked.catalog.named(name) for name in names])


def removed(workshop, *names, **options):
    """Remove the models, and give what went."""
    asked = workshop.asked(**options)
    return [removing.remove(asked, one) for one in planned(workshop, *names, **options)]


def tree(place: Path) -> set[str]:
    """Give every path below *place*, folders too."""
    return {path.relative_to(place).as_posix() for path in place.rglob("*")}


def test_a_model_in_the_cache_goes_without_a_trace(workshop):
    """No blob, no ref, no listing, no empty folder, no lock; the bytes won are those of its blobs."""
    workshop.bring()
    size = sum(path.stat().st_size for path in (workshop.repo / "blobs").iterdir())

    (outcome,) = removed(workshop, "tiny")

    files = [one for one in outcome.gone if one.kind == "file"]
    assert (len(files), sum(one.size for one in files), outcome.kept) == (6, size, ())
    assert tree(workshop.repo.parent) <= {"CACHEDIR.TAG", ".locks"}


@pytest.mark.parametrize("catalog", [CACHED, IN_A_FOLDER], ids=["cache", "folder"])
def test_what_was_removed_can_be_brought_again(workshop, catalog):
    """Nothing that was remembered of it stands in the way."""
    workshop.catalog = catalog
    workshop.bring()
    removed(workshop, "tiny")

    again = workshop.bring()

    assert again["tiny"].state == "completed"
    assert again["tiny"].files_done == 6
    assert planned(workshop, "tiny")[0].kept == ()


def test_a_blob_of_two_snapshots_stays_for_the_other(workshop):
    """Only the file that changed between the two is won."""
    workshop.bring()
    changed = (workshop.snapshot / "words.json").resolve()
    other = shutil.copytree(workshop.snapshot, workshop.repo / "snapshots" / ("b" * 40), symlinks=True)
    (other / "words.json").unlink()

    (outcome,) = removed(workshop, "tiny")

    assert workshop.snapshot == other
    assert len([path for path in other.iterdir() if path.is_file()]) == 5
    assert not changed.exists()
    assert sum(one.size for one in outcome.gone if one.kind == "file") == len('["cat", "dog"]')
    assert not (workshop.repo / "refs").exists()


def test_files_of_one_snapshot_that_another_model_wants_stay(workshop):
    """Two models of one repository overlap: the shared file is told, and stays; together both go."""
    workshop.catalog = (
        CACHED + 'include = ["*.json"]\n' + CACHED.replace('"tiny"', '"words"') + 'include = ["words.json"]\n'
    )
    workshop.bring()
    (alone,) = planned(workshop, "tiny")

    removed(workshop, "tiny")
    kept = sorted(path.name for path in workshop.snapshot.iterdir())
    removed(workshop, "tiny", "words")

    assert [(one.path.name, one.why) for one in alone.kept] == [("words.json", "words wants it too")]
    assert kept == ["words.json"]
    assert not workshop.repo.exists()


def test_what_another_program_brought_into_the_snapshot_stays(workshop):
    """And with it the snapshot, its ref and its listing."""
    workshop.catalog = CACHED + 'include = ["*.json"]\n'
    workshop.bring()
    other = workshop.repo / "blobs" / ("a" * 64)
    other.write_bytes(b"theirs")
    (workshop.snapshot / "theirs.bin").symlink_to(f"../../blobs/{other.name}")

    removed(workshop, "tiny")

    assert [path.name for path in workshop.snapshot.iterdir()] == ["theirs.bin"]
    assert other.read_bytes() == b"theirs"
    assert (workshop.repo / "refs" / "main").is_file()


def test_a_shared_blob_goes_with_the_last_repository_that_has_it(workshop):
    """As huggingface_hub's own list of references would have it."""
    workshop.bring()
    cache = workshop.repo.parent
    blob = (workshop.snapshot / WEIGHTS).resolve()
    store = cache / "blobs" / "ab" / f"ab{'c' * 62}"
    store.parent.mkdir(parents=True)
    (cache / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    store.with_name(f"{store.name}.refs").write_text(f"models--acme--tiny/blobs/{blob.name}\n")
    blob.rename(store)
    blob.symlink_to(os.path.relpath(store, blob.parent))
    other = cache / "models--acme--other" / "blobs" / blob.name
    other.parent.mkdir(parents=True)
    other.symlink_to(os.path.relpath(store, other.parent))
    with_other = [one.path for one in planned(workshop, "tiny")[0].finds]
    other.unlink()

    removed(workshop, "tiny")

    assert store not in with_other
    assert not store.exists()


def test_a_model_in_a_folder_goes_with_its_receipt_and_its_folders(workshop):
    """What huggingface_hub noted of it goes too; a file that nobody brought stays, and its folder."""
    workshop.catalog = IN_A_FOLDER + '[[model.file]]\npath = "words.json"\nsave_as = "deep/er/words.json"\n'
    workshop.bring()
    notes = workshop.folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (notes / "config.json.metadata").write_text("a note")
    (workshop.folder / "mine.txt").write_text("mine")

    removed(workshop, "tiny")

    assert tree(workshop.folder) == {"mine.txt"}
    (workshop.folder / "mine.txt").unlink()
    workshop.bring()
    removed(workshop, "tiny")
    assert not workshop.folder.exists()


def test_notes_that_a_link_leads_to_stay(workshop):
    """The folder of notes may be a link to the one of the whole machine."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    away = workshop.place / "away"
    (away / "huggingface" / "trees").mkdir(parents=True)
    (away / "huggingface" / ".gitignore").write_text("*")
    (away / "huggingface" / "trees" / "x.json").write_text("[]")
    (workshop.folder / ".cache").symlink_to(away)
    before = tree(away)

    removed(workshop, "tiny")

    assert tree(away) == before


def test_two_models_in_one_folder_do_not_lose_each_others_files(workshop):
    """By the catalog, and by the receipt of a model that another catalog knows."""
    workshop.catalog = "".join(
        f'[[model]]\nname = "{name}"\nsource = "hf:acme/tiny"\nlayout = "folder"\nfolder = "${{MODELS_DIR}}/all"\n'
        f'include = ["config.json", "{own}"]\n'
        for name, own in (("one", "words.json"), ("two", "read me.md"))
    )
    workshop.bring()
    whole = workshop.catalog
    workshop.catalog = whole[: whole.index('[[model]]\nname = "two"')]

    (outcome,) = removed(workshop, "one")

    place = workshop.place / "models" / "all"
    assert [one.path.name for one in outcome.gone if one.kind == "file"] == ["words.json"]
    assert {path.name for path in place.iterdir()} == {"config.json", "read me.md", ".modelready"}
    workshop.catalog = whole[whole.index('[[model]]\nname = "two"') :]
    removed(workshop, "two")
    assert not place.exists()


def test_what_only_matches_a_pattern_stays(workshop):
    """In a folder filled by hand nothing says whose the files are."""
    workshop.catalog = IN_A_FOLDER + 'include = ["*.json"]\n'
    mine = workshop.folder / "mine.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("{}")

    (removal,) = planned(workshop, "tiny")

    assert removal.finds == ()
    assert [one.path for one in removal.kept] == [mine]


def test_while_it_is_brought_nothing_goes(workshop):
    """Whoever holds its place is not disturbed."""
    workshop.bring()
    before = tree(workshop.repo)
    lock = workshop.repo.parent / ".locks" / workshop.repo.name / "modelready.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(errors.Held, match="is at it"):
            removed(workshop, "tiny")

    assert tree(workshop.repo) == before


def test_a_file_that_cannot_be_deleted_keeps_the_receipt(workshop, monkeypatch):
    """What is left of a model is still known to be its own."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    stubborn = workshop.folder / WEIGHTS
    unlink = Path.unlink

    def refuse(path, *, missing_ok=False):
        if path == stubborn:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    (outcome,) = removed(workshop, "tiny")

    assert [(one.path, one.why) for one in outcome.kept] == [(stubborn, "cannot be deleted: Permission denied")]
    assert (workshop.folder / ".modelready" / "tiny.json").is_file()


def test_who_needs_it_is_told(workshop):
    """A tokenizer that a required model takes from it will be missed."""
    workshop.catalog = CACHED + CACHED.replace('"tiny"', '"user"') + 'needs = ["tiny"]\n'

    assert planned(workshop, "tiny")[0].needed_by == ("user",)


def test_a_model_whose_folder_is_not_known_has_nothing_here(workshop):
    """Its variable is not set, and its switch is off."""
    workshop.catalog = IN_A_FOLDER + 'folder = "${NOWHERE}/tiny"\nenabled_by = ["ENABLE_TINY"]\n'

    (removal,) = planned(workshop, "tiny")

    assert (removal.finds, removal.kept) == ((), ())
    assert removed(workshop, "tiny")[0].gone == ()


HOSTILE = st.sampled_from(
    [
        "../away/secret",
        "..",
        "/etc/passwd",
        "deep/../../away/secret",
        "..\\away\\secret",
        "C:/secret",
        "C:\\secret",
        "link/secret",
        "link",
        "aux.json",
        "nul",
        ".modelready/tiny.json",
        "\u2025/away/secret",
        "\uff0e\uff0e/away/secret",
        "a\u2215..\u2215away",
        "secret\x00",
        "",
        "./secret",
        "x\n",
        "\ud800",
    ]
) | st.text(max_size=12)


@given(names=st.lists(HOSTILE, max_size=4), linked=st.sampled_from(["away", "away/secret", "root"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_receipt_names_nothing_outside_the_folder_goes(workshop, names, linked):
    """A receipt comes with a folder, and folders come from anywhere."""
    workshop.catalog = IN_A_FOLDER
    shutil.rmtree(workshop.place / "models", ignore_errors=True)
    away = workshop.place / "models" / "away"
    away.mkdir(parents=True)
    (away / "secret").write_text("secret")
    receipts = workshop.folder / ".modelready"
    receipts.mkdir(parents=True)
    (workshop.folder / "link").symlink_to("/" if linked == "root" else workshop.place / "models" / linked)
    held = {"format_version": 1, "source": "hf:acme/tiny", "revision": "main", "commit": "c" * 40, "include": []}
    files = [{"path": name, "save_as": name, "size": 6, "mtime_ns": None, "digests": {}} for name in names]
    text = json.dumps(held | {"exclude": [], "written": "", "files": files})
    (receipts / "tiny.json").write_text(text)

    removed(workshop, "tiny")

    assert (away / "secret").read_text() == "secret"
    assert away.is_dir()


def test_the_command_says_each_path_and_asks(tiny_machine):
    """An unknown name costs one line; without a terminal nothing goes unless --yes is said."""
    tiny_machine.run("provision", "-q")
    unknown = tiny_machine.run("remove", "tinny")
    asked = tiny_machine.run("remove", "tiny")
    is_there = (tiny_machine.cache / "models--acme--tiny").is_dir()
    done = tiny_machine.run("remove", "tiny", "--yes", "--json")

    assert (unknown.returncode, asked.returncode, done.returncode) == (4, 4, 0), unknown.stderr + done.stderr
    assert "did you mean" in unknown.stderr
    assert WEIGHTS in asked.stdout
    assert is_there
    (told,) = json.loads(done.stdout)["models"]
    assert told["name"] == "tiny"
    assert told["bytes"] > 40_000
    assert not (tiny_machine.cache / "models--acme--tiny").exists()


def test_bytes_that_are_stored_once_are_won_with_the_last_of_their_names(workshop):
    """Who needs space is told what removing both would win, and that removing one of them wins nothing."""
    row = '[[model]]\nname = "{0}"\nsource = "hf:acme/tiny"\nlayout = "folder"\nfolder = "${{MODELS_DIR}}/{0}"\n'
    workshop.catalog = row.format("one") + row.format("two")
    workshop.bring()
    for path in [path for path in (workshop.place / "models" / "two").iterdir() if path.is_file()]:
        path.unlink()
        os.link(workshop.place / "models" / "one" / path.name, path)
    weights = workshop.place / "models" / "one" / WEIGHTS

    alone, both = planned(workshop, "one"), planned(workshop, "one", "two")

    assert weights.stat().st_nlink == 2
    assert [find.size for removal in alone for find in removal.finds if find.path == weights] == [0]
    sizes = {find.path: find.size for removal in both for find in removal.finds}
    assert (sizes[weights], sizes[weights.parent.parent / "two" / WEIGHTS]) == (0, weights.stat().st_size)
    why = {find.path: find.why for removal in both for find in removal.finds}
    assert "another name" in why[weights]
    assert "another name" not in why[weights.parent.parent / "two" / WEIGHTS]
