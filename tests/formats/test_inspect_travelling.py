"""A Hub cache that was copied, moved, spelt otherwise, or filled by others: what is told of it."""

import os
import shutil
from dataclasses import replace

import pytest

from modelready.inspection import cache as inspected
from modelready.inspection import files, travelling
from modelready.model import Digest, Model, PlacedModel, Source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
BLOBS = {"config.json": "c" * 40, "vocab.txt": "b" * 40, "sub/model.safetensors": "d" * 64}


def told_absent(tiny, **about):
    return {one.path: one for one in files.absent(tiny.model(**about))}


def shared(tiny, path):
    """Move the blob of *path* where huggingface_hub 2 keeps what several repositories share."""
    blob = tiny.storage / "blobs" / BLOBS[path]
    store = tiny.cache / "blobs" / "ab" / "xet"
    store.parent.mkdir(parents=True)
    blob.rename(store)
    blob.symlink_to("../../blobs/ab/xet")
    return store


def test_a_copy_without_the_shared_blobs_names_them(tiny, tmp_path):
    """`cp -a models--x` takes two links along and leaves the bytes behind."""
    shared(tiny, "sub/model.safetensors")
    shutil.copytree(tiny.storage, tmp_path / "other" / tiny.storage.name, symlinks=True)
    copy = type(tiny).at(tmp_path / "other")

    told = told_absent(copy)

    assert list(told) == ["sub/model.safetensors"]
    where = tmp_path / "other" / "blobs" / "ab" / "xet"
    assert (
        told["sub/model.safetensors"].message
        == f"its link leads to {where} (the cache's shared blobs), which is not there"
    )
    assert "cp -aL" in told["sub/model.safetensors"].remedy


def test_links_in_a_circle_lead_nowhere(tiny):
    """And nobody follows them for ever."""
    blob = tiny.storage / "blobs" / BLOBS["config.json"]
    blob.unlink()
    blob.symlink_to(blob.name)

    assert list(told_absent(tiny)) == ["config.json"]


def test_a_listing_that_leaves_out_what_lies_there_is_told(tiny):
    """Who believes it takes a part for the whole; the model's own files come from it, so the snapshot is asked."""
    tiny.list(**{"sub/model.safetensors": None, "vocab.txt": None})
    whole = tiny.model(known_by="trees")
    model = replace(whole, files=tuple(one for one in whole.files if one.path == "config.json"))
    (tiny.place("config.json").parent / "notes.txt").write_text("mine")

    (fault,) = inspected.broken_names(model, tiny.cache)

    assert fault.path == f"trees/{COMMIT}.json"
    assert fault.message.startswith("does not list sub/model.safetensors and 1 more, though it lies there")


def test_a_healthy_cache_has_no_hazards(tiny, tmp_path):
    """Nor has a folder of its own, nor a cache where nothing lies."""
    folder = PlacedModel(Model("tiny", Source("hf:a/b", "hf", "a/b"), "folder"), tmp_path)
    model = tiny.model()

    assert travelling.hazards(model) == travelling.hazards(folder) == ()
    shutil.rmtree(tiny.cache)
    assert travelling.hazards(model) == ()


def test_absolute_links_are_a_hazard(tiny):
    """The copy of such a cache leads back to the first."""
    tiny.place("config.json").unlink()
    tiny.place("config.json").symlink_to(tiny.storage / "blobs" / BLOBS["config.json"])

    (fault,) = travelling.hazards(tiny.model())

    assert fault.path == "config.json"
    assert "its link is absolute" in fault.message
    assert tiny.broken() == {}


def aged(path, seconds):
    os.utime(path, (1_700_000_000 + seconds,) * 2)


@pytest.mark.parametrize(
    ("consumers", "revision", "newer", "is_told"),
    [
        pytest.param(("mflux",), "main", OTHER, True, id="mflux opens the other"),
        pytest.param(("mflux",), "main", COMMIT, False, id="mflux opens the same"),
        pytest.param(("transformers",), "main", OTHER, False, id="transformers follows the reference"),
        pytest.param(("mflux",), COMMIT, OTHER, False, id="a pin is followed by all"),
    ],
)
def test_a_second_snapshot_is_a_hazard_where_the_newest_is_taken(tiny, consumers, revision, newer, is_told):
    """What was judged is not what mflux would open."""
    tiny.write(f"snapshots/{OTHER}/config.json", "{}")
    for commit in (COMMIT, OTHER):
        aged(tiny.storage / "snapshots" / commit, 60 * (commit == newer))
    model = tiny.model(revision=revision)

    faults = travelling.hazards(replace(model, model=replace(model.model, consumers=consumers)))

    assert [one.path for one in faults] == [f"snapshots/{OTHER}"] * is_told
    assert all("mflux opens it" in one.message for one in faults)


@pytest.mark.parametrize("place", [f"snapshots/{OTHER}", f"snapshots/{OTHER}/config.json"])
def test_another_snapshot_that_leads_nowhere_is_a_hazard(tiny, place):
    """It fails who asks for it, mflux' search, and `hf cache ls` of the whole repository."""
    (tiny.storage / place).parent.mkdir(parents=True, exist_ok=True)
    (tiny.storage / place).symlink_to("nowhere")

    (fault,) = travelling.hazards(tiny.model())

    assert fault.path == place


def test_the_same_repository_in_another_case_is_a_hazard(tiny):
    """On a disk without case both are one folder; on one with it every byte lies there twice."""
    shutil.copytree(tiny.storage, tiny.cache / "models--Acme--Tiny", symlinks=True)
    (tiny.cache / "models--ACME--tiny").mkdir()  # a lookup that failed leaves such an empty folder

    (fault,) = travelling.hazards(tiny.model())

    assert fault.path == "models--Acme--Tiny"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        pytest.param("hub/models--Acme--Tiny", "models--Acme--Tiny is there: a cache minds the case", id="case"),
        pytest.param("models--acme--tiny", "one level off", id="HF_HOME given as cache_dir"),
        pytest.param("hub/hub/models--acme--tiny", "one level off", id="the cache given as HF_HOME"),
        pytest.param("elsewhere/models--acme--tiny", "", id="nowhere near"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False], ids=["files known", "nothing known"])
def test_where_it_lies_instead_is_told(tiny, tmp_path, there, words, is_known):
    """Downloaded, but not found."""
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    tiny.storage.rename(tmp_path / there)
    model = tiny.model(commit=None)

    first, *more = files.absent(model if is_known else replace(model, files=()))

    assert words in first.message
    assert ("; it lies in" in first.message or "; models--" in first.message) is bool(words)
    assert not any("one level off" in one.message for one in more)


@pytest.mark.parametrize(
    ("known_by", "include", "is_told"),
    [
        pytest.param("snapshot", (), True, id="a snapshot that nobody listed"),
        pytest.param("folder", ("*.json",), True, id="a folder, and patterns"),
        pytest.param("snapshot", ("config.json",), False, id="each file named"),
        pytest.param("trees", (), False, id="listed by huggingface_hub"),
        pytest.param("lock", (), False, id="listed by the lock"),
    ],
)
def test_what_nobody_listed_is_no_silent_pass(tiny, known_by, include, is_told):
    """One file fetched alone looks like a whole snapshot."""
    model = tiny.model(known_by=known_by)

    faults = files.unlisted(replace(model, model=replace(model.model, include=include)))

    assert bool(faults) is is_told
    assert all("modelready lock" in one.remedy for one in faults)


def test_a_blob_that_is_called_otherwise_is_a_hazard(tiny):
    """Some proxies send an ETag of their own: the bytes are right, and their name proves nothing."""
    model = tiny.model()
    first, *rest = model.files
    other = replace(first, digests=(Digest("git_sha1", "9" * 40),))

    (fault,) = travelling.hazards(replace(model, files=(other, *rest)))

    assert fault.path == "config.json"
    assert fault.message.startswith("its blob is called cccccccccccc…, its digest is 999999999999…")
