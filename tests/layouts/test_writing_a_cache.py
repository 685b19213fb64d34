"""A Hub cache is written so that every name leads to whole, proved bytes, whenever the power fails."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from modelready.errors import DiskFull, Held, NotWritable, RequestError
from modelready.layouts import HubCache
from modelready.model import Digest, ManifestFile

HUB_LOCK = """
import sys
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def place(cache, commit, weights):
    """Give its place."""
    return cache.place(commit, weights.path)


@pytest.fixture
def blob(cache, weights, place):
    """Give its blob."""
    return cache.blob(weights, place)


@pytest.fixture
def no_links(monkeypatch):
    """Let the machine have no symbolic links, as FAT does."""

    def refuse(*_, **__):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "symlink", refuse)


def test_a_blob_is_named_by_what_huggingface_hub_calls_its_etag(cache, describe, commit):
    """sha256 for what lies in LFS, git's hash for the rest; also where a lock knows both of a small file."""
    small, large = describe("a.json", b"{}"), describe("a.safetensors", b"{}")
    both = ManifestFile("a.json", 2, (*large.digests, *small.digests))
    place = cache.place(commit, "a.json")

    names = [cache.blob(file, place).name for file in (small, large, both)]

    assert names == [small.digests[0].hex, large.digests[0].hex, small.digests[0].hex]


@pytest.mark.parametrize("known", [{"blob_id": "c" * 40}, {"xet_hash": "b" * 64}], ids=["pointer", "xet"])
def test_a_large_file_is_named_by_sha256_even_if_git_s_hash_is_known(cache, describe, commit, known):
    """A catalog may give git's hash of the bytes; the Hub, which keeps them in LFS, knows only the pointer's."""
    small, large = describe("a.bin", b"{}"), describe("a.safetensors", b"{}")
    file = ManifestFile("a.bin", 2, (*small.digests, *large.digests), **known)

    name = cache.blob(file, cache.place(commit, "a.bin")).name

    assert name == large.digests[0].hex


def test_a_file_of_unknown_digest_has_no_place_in_the_hub_cache(cache, place):
    """The cache names bytes by digest: the way out is named."""
    with pytest.raises(RequestError, match='layout = "folder"'):
        cache.blob(ManifestFile("x.bin", 3, (Digest("md5", "0" * 32),)), place)


def test_a_part_file_has_one_name_in_every_process(cache, weights, place):
    """So that a later process goes on with what a killed one left, and `hf cache prune` can tidy up."""
    part = cache.part(weights, place)

    assert part == HubCache(cache.cache, cache.repo).part(weights, place)
    assert part.parent == cache.storage / "blobs"
    etag, mark, ending = part.name.split(".")
    assert (etag, len(mark), ending) == (weights.digests[0].hex, 8, "incomplete")


def test_a_settled_file_is_a_blob_and_a_relative_link(cache, bring, weights, blob, contents):
    """The cache can be moved as a whole."""
    place = bring(cache, weights, contents[weights.path])

    assert str(place.readlink()) == f"../../blobs/{blob.name}"
    assert blob.read_bytes() == contents[weights.path]
    assert not cache.part(weights, place).exists()


def test_a_file_in_a_deep_folder_links_back_as_far(cache, bring, describe):
    """As many steps up as there are folders."""
    file = describe("a/b/c.txt", b"c")

    place = bring(cache, file, b"c")

    assert str(place.readlink()) == f"../../../../blobs/{file.digests[0].hex}"


def test_a_blob_gets_the_mode_that_umask_leaves(cache, weights, place, contents):
    """A part made for its owner's eyes only does not stay so where others share the cache."""
    part = cache.prepare(weights, place)
    part.write_bytes(contents[weights.path])
    part.chmod(0o600)
    (cache.storage / "usual").touch()

    cache.settle(weights, place, part)

    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE((cache.storage / "usual").stat().st_mode)
    assert not list(cache.storage.glob("blobs/tmp_*"))


def test_a_mount_without_modes_is_written_too(cache, weights, place, monkeypatch):
    """Where chmod is refused the bytes are none the worse."""
    part = cache.prepare(weights, place)
    part.touch(mode=0o600)

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(os, "chmod", refuse)

    cache.settle(weights, place, part)

    assert place.exists()


def test_a_damaged_shared_blob_is_replaced_not_written_through(cache, bring, weights, blob, contents):
    """Other repositories may use it, and a link is not the bytes."""
    shared = cache.cache / "blobs" / "ef" / ("ef" * 32)
    for folder in (shared.parent, blob.parent):
        folder.mkdir(parents=True)
    shared.write_bytes(b"damaged")
    blob.symlink_to(os.path.relpath(shared, blob.parent))

    bring(cache, weights, contents[weights.path])

    assert shared.read_bytes() == b"damaged"
    assert not blob.is_symlink()
    assert blob.read_bytes() == contents[weights.path]


def test_a_damaged_blob_is_replaced(provisioned, bring, weights, blob, contents):
    """Provisioning again mends it under the same name."""
    blob.write_bytes(b"damaged")

    place = bring(provisioned, weights, contents[weights.path])

    assert place.read_bytes() == contents[weights.path]


@pytest.mark.parametrize("old", ["a link to elsewhere", "a real file"])
def test_whatever_lay_at_the_name_is_replaced_at_once(cache, bring, weights, place, old):
    """A snapshot written without links, or a stale link, becomes a link; no scrap is left."""
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old") if old == "a real file" else place.symlink_to("elsewhere")

    bring(cache, weights, b"new")

    assert place.is_symlink()
    assert place.read_bytes() == b"new"
    assert len(list((cache.storage / "blobs").iterdir())) == 1


def test_a_folder_at_the_name_is_told(cache, weights, place, contents):
    """What cannot be replaced is named, and the verified bytes are kept."""
    part = cache.prepare(weights, place)
    part.write_bytes(contents[weights.path])
    place.mkdir()

    with pytest.raises(NotWritable, match=str(place)):
        cache.settle(weights, place, part)

    assert [one.read_bytes() for one in (cache.storage / "blobs").iterdir()] == [contents[weights.path]]


def test_one_blob_serves_two_names(provisioned, commit, contents):
    """Equal bytes are brought once and lie once."""
    twins = [provisioned.place(commit, path) for path in ("model.safetensors", "deep/er/twin.safetensors")]

    assert twins[0].resolve() == twins[1].resolve()
    assert twins[1].read_bytes() == contents["model.safetensors"]


@pytest.mark.parametrize("damage", ["missing", "dangling"])
def test_a_lost_link_is_made_anew_without_the_bytes(provisioned, weights, place, contents, damage):
    """The blob is there: nothing needs to travel."""
    place.unlink()
    if damage == "dangling":
        place.symlink_to("../../blobs/lost")

    linked = provisioned.link_existing(weights, place)

    assert linked
    assert place.read_bytes() == contents[weights.path]


def test_without_a_blob_there_is_nothing_to_link(cache, weights, place):
    """Then the bytes must be brought."""
    assert not cache.link_existing(weights, place)
    assert not cache.cache.exists()


@pytest.mark.usefixtures("no_links")
def test_where_there_are_no_links_the_bytes_lie_in_the_snapshot(cache, provision, listing, commit, contents):
    """As huggingface_hub does it: moved for the first name, copied for the second."""
    provision(cache, listing)

    places = {path: cache.place(commit, path) for path in contents}
    assert {path: place.read_bytes() for path, place in places.items()} == contents
    assert not any(place.is_symlink() for place in places.values())
    assert list((cache.storage / "blobs").iterdir()) == []


def test_links_can_be_turned_off(tmp_path, provision, listing, contents, python):
    """HF_HUB_DISABLE_SYMLINKS: huggingface_hub finds the real files, and nothing is wrong with them."""
    cache = HubCache(tmp_path / "hub", "org/tiny", has_symlinks=False)
    code = """
        import json
        from huggingface_hub import scan_cache_dir, snapshot_download
        print(json.dumps([snapshot_download("org/tiny"), len(scan_cache_dir().warnings)]))
    """

    provision(cache, listing)

    snapshot, warnings = python(code, hub=cache.cache, HF_HUB_DISABLE_SYMLINKS="1")
    assert warnings == 0
    assert {path: (Path(snapshot) / path).read_bytes() for path in contents} == contents


@pytest.mark.usefixtures("no_links")
def test_a_blob_from_elsewhere_is_copied_where_there_are_no_links(provisioned, weights, place, contents):
    """The blob may be another snapshot's: it stays."""
    place.unlink(missing_ok=True)
    blob = provisioned.blob(weights, place)
    blob.write_bytes(contents[weights.path])

    assert provisioned.link_existing(weights, place)
    assert place.read_bytes() == blob.read_bytes() == contents[weights.path]


@pytest.mark.usefixtures("no_links")
def test_a_copy_that_finds_no_room_leaves_nothing(cache, weights, place, contents, monkeypatch):
    """Half a file never stands under a name."""
    blob = cache.blob(weights, place)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(contents[weights.path])

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DiskFull, match="free some space"):
        cache.link_existing(weights, place)

    assert sorted(one.name for one in cache.storage.rglob("*") if one.is_file()) == [blob.name]


def test_huggingface_hubs_lock_keeps_no_proved_bytes_waiting(cache, commit, weights, contents):
    """A download of its own may be under way for hours; only what it is writing is left alone."""
    place = cache.place(commit, weights.path)
    part = cache.prepare(weights, place)
    part.write_bytes(contents[weights.path])
    name = weights.digests[0].hex
    theirs = part.with_name(f"{name}.0a1b2c3d.incomplete")
    theirs.write_bytes(b"half of it")
    lock = cache.cache / ".locks" / "models--org--tiny" / f"{name}.lock"
    lock.parent.mkdir(parents=True)

    with subprocess.Popen(
        [sys.executable, "-c", HUB_LOCK, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        cache.settle(weights, place, part)
        cache.drop_partials([weights])
        assert theirs.exists()
        assert cache.is_being_written(name)
        process.communicate("\n")
    assert not cache.is_being_written(name)
    cache.drop_partials([weights])

    assert place.read_bytes() == contents[weights.path]
    assert not theirs.exists()


def test_the_repository_is_held_as_one(cache):
    """All revisions share blobs and part files."""
    with cache.lock(), pytest.raises(Held), HubCache(cache.cache, cache.repo).lock(patience_s=0):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path, weights, commit):
    """Where a file lies in the way no folder can be made."""
    (tmp_path / "file").touch()
    cache = HubCache(tmp_path / "file", "org/tiny")

    with pytest.raises(NotWritable, match="file"):
        cache.prepare(weights, cache.place(commit, weights.path))


def test_a_part_that_is_gone_is_told(cache, weights, place):
    """Somebody pruned the cache meanwhile."""
    part = cache.prepare(weights, place)

    with pytest.raises(NotWritable, match="No such file"):
        cache.settle(weights, place, part)


def test_a_cache_that_cannot_be_tagged_is_used(cache, weights, place, monkeypatch):
    """The tag only helps backup programs."""
    cache.cache.mkdir()
    (cache.cache / "CACHEDIR.TAG").symlink_to("nowhere/at/all")

    part = cache.prepare(weights, place)

    assert part.parent.is_dir()


def test_two_processes_bring_one_repository_once(tmp_path, contents, python, weights, commit):
    """The second waits for the first, and then finds everything."""
    code = f"""
        import sys, time
        from pathlib import Path
        from modelready.layouts import HubCache
        from modelready.model import Digest, ManifestFile
        cache = HubCache(Path({str(tmp_path / "hub")!r}), "org/tiny")
        file = ManifestFile("a.bin", 5, (Digest("sha256", {"a" * 64!r}),))
        place = cache.place({commit!r}, "a.bin")
        with cache.lock():
            if cache.link_existing(file, place):
                print("found")
            else:
                part = cache.prepare(file, place)
                part.write_bytes(b"bytes")
                time.sleep(0.2)
                cache.settle(file, place, part)
                print("brought")
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in processes)

    assert said == ["brought", "found"]
