"""A Hub cache is read as it lies, by whomever it was written, and nothing in it is believed."""

import json
import os

import pytest

from modelready.errors import MalformedRef, RequestError
from modelready.layouts import HubCache
from modelready.model import Digest

SHA256 = "ab" * 32
GIT = "cd" * 20


@pytest.fixture
def ref(cache):
    """Write a reference."""

    def ref(content, name="main"):
        path = cache.storage / "refs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return ref


@pytest.fixture
def tree(cache, commit):
    """Write a listing."""

    def tree(text):
        path = cache.storage / "trees" / f"{commit}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return tree


@pytest.mark.parametrize("repo", ["gpt2", "org/name", "a.b/c_d-e"])
def test_a_repository_has_a_folder_of_its_own(tmp_path, repo):
    """The folder is named as huggingface_hub names it."""
    assert HubCache(tmp_path, repo).storage == tmp_path / ("models--" + repo.replace("/", "--"))


@pytest.mark.parametrize("repo", ["", "a/b/c", "../x/y", "a\\b", "a b"])
def test_a_name_that_is_no_repositorys_is_refused(tmp_path, repo):
    """It would name a folder elsewhere."""
    with pytest.raises(RequestError, match="OWNER/NAME"):
        HubCache(tmp_path, repo)


def test_a_pinned_commit_is_its_own(cache, commit):
    """A whole commit needs no reference."""
    assert cache.revision_commit(commit) == commit


@pytest.mark.parametrize("name", ["main", "v1.0", "refs/pr/1"])
def test_a_reference_is_read(cache, commit, ref, name):
    """A branch or tag stands for the commit it was when it was fetched."""
    ref(commit.encode(), name)

    assert cache.revision_commit(name) == commit


def test_a_reference_that_is_not_there_is_none(cache, ref):
    """Nothing is guessed: not the newest snapshot, not a folder's name."""
    before = cache.revision_commit("main")
    ref(b"x", "refs/pr/1")

    assert before is None
    assert cache.revision_commit("refs") is None
    assert cache.revision_commit("refs/pr/1/2") is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"0" * 40 + b"\n", id="newline"),
        pytest.param(b"0" * 39, id="short"),
        pytest.param(b"A" * 40, id="capitals"),
        pytest.param(b"\xff" * 40, id="no text"),
    ],
)
def test_a_malformed_reference_is_reported(cache, ref, content):
    """huggingface_hub takes an empty one for a snapshot, and a newline for part of the commit."""
    path = ref(content)

    with pytest.raises(MalformedRef, match="40 hexadecimal digits") as caught:
        cache.revision_commit("main")

    assert caught.value.path == path


def test_a_reference_that_cannot_be_read_is_reported(cache, ref):
    """A link that leads in a circle is no missing reference."""
    path = ref(b"")
    path.unlink()
    path.symlink_to("main")

    with pytest.raises(MalformedRef, match="cannot be read"):
        cache.revision_commit("main")


def test_a_reference_that_leads_away_is_reported(cache, ref, tmp_path):
    """Whoever may write to a shared cache may plant a link in it."""
    path = ref(b"")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(MalformedRef, match="leads out of refs"):
        cache.revision_commit("main")


def test_a_snapshot_is_named_by_a_whole_commit(cache):
    """An abbreviated one names no folder."""
    with pytest.raises(RequestError, match="'main' is no commit"):
        cache.snapshot("main")


def test_the_listing_is_read_with_all_it_tells(cache, commit, tree):
    """The digests that huggingface_hub drops when it reads its own file are there."""
    large = {"size": 7, "blob_id": GIT, "lfs_sha256": SHA256, "lfs_size": 7, "xet_hash": "ef" * 32}
    tree(json.dumps({"format_version": 1, "files": {"a.bin": large, "b.json": {"size": 2, "blob_id": GIT}}}))

    first, second = cache.listing(commit)

    assert (first.path, first.size, first.digests) == ("a.bin", 7, (Digest("sha256", SHA256, "trees"),))
    assert (first.xet_hash, first.blob_id) == ("ef" * 32, GIT)
    assert second.digests == (Digest("git_sha1", GIT, "trees"),)


def test_the_listing_we_wrote_is_read_back(provisioned, commit, listing):
    """What certify sees offline is what the Hub said."""
    read = provisioned.listing(commit)

    told = {file.path: (file.size, [(digest.algorithm, digest.hex) for digest in file.digests]) for file in listing}
    assert told == {f.path: (f.size, [(digest.algorithm, digest.hex) for digest in f.digests]) for f in read}


ENTRY = {"size": 2, "blob_id": GIT}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="a list"),
        pytest.param("[" * 100_000, id="a list without end"),
        pytest.param("{}", id="no version"),
        pytest.param('{"format_version": 2, "files": {}}', id="another version"),
        pytest.param('{"format_version": 1, "files": []}', id="files in a list"),
        *(
            pytest.param(json.dumps({"format_version": 1, "files": {path: entry}}), id=name)
            for name, path, entry in [
                ("a path that climbs", "../x", ENTRY),
                ("no size", "x", {"blob_id": GIT}),
                ("a size in words", "x", ENTRY | {"size": "2"}),
                ("a size below nothing", "x", ENTRY | {"size": -1}),
                ("a size that is true", "x", ENTRY | {"size": True}),
                ("no blob", "x", {"size": 2}),
                ("a blob that is none", "x", ENTRY | {"blob_id": "x"}),
                ("a blob that is a number", "x", ENTRY | {"blob_id": 3}),
                ("a sha256 that is none", "x", ENTRY | {"lfs_sha256": "x"}),
                ("a sha256 that is a number", "x", ENTRY | {"lfs_sha256": 3}),
                ("an entry that is none", "x", None),
            ]
        ),
    ],
)
def test_a_malformed_listing_is_none(cache, commit, tree, text):
    """A listing that is not as huggingface_hub writes it proves nothing."""
    tree(text)

    assert cache.listing(commit) is None


def test_a_listing_that_is_not_there_is_none(cache, commit):
    """Older versions of huggingface_hub write none."""
    assert cache.listing(commit) is None


def test_what_lies_in_the_snapshot_is_found(provisioned, commit, listing):
    """Without any listing the names of the blobs tell digests."""
    found = provisioned.found(commit)

    told = sorted((file.path, file.size, file.digests[0].algorithm, file.digests[0].hex) for file in listing)
    assert [(f.path, f.size, f.digests[0].algorithm, f.digests[0].hex) for f in found] == told
    assert {digest.told_by for file in found for digest in file.digests} == {"blob name"}


def test_the_first_of_two_hops_tells_the_digest(cache, commit):
    """A blob shared by all repositories is named by its xet hash, which no sha256 can be held against."""
    shared, blob = cache.cache / "blobs" / "ef" / ("ef" * 32), cache.storage / "blobs" / SHA256
    place = cache.place(commit, "model.safetensors")
    for folder in (shared.parent, blob.parent, place.parent):
        folder.mkdir(parents=True)
    shared.write_bytes(b"12345")
    blob.symlink_to(os.path.relpath(shared, blob.parent))
    place.symlink_to(os.path.relpath(blob, place.parent))

    (found,) = cache.found(commit)

    assert (found.size, found.digests) == (5, (Digest("sha256", SHA256, "blob name"),))


def test_what_dangles_is_found_without_a_size(provisioned, commit, listing, place_of):
    """The snapshot says that it should be there: that is for a check to tell."""
    lost = next(file for file in listing if file.path == "config.json")
    provisioned.blob(lost, place_of(provisioned, lost.path)).unlink()

    found = {file.path: file for file in provisioned.found(commit)}

    assert found["config.json"].size is None
    assert found["config.json"].digests[0].hex == lost.digests[0].hex


def test_a_file_that_is_no_link_to_a_blob_promises_nothing(cache, commit):
    """Real files, links to elsewhere and names that are no digests tell no digest."""
    snapshot = cache.snapshot(commit)
    snapshot.mkdir(parents=True)
    (snapshot / "real.bin").write_bytes(b"123")
    (snapshot / "odd.bin").symlink_to("../../blobs/odd")
    (snapshot / "far.bin").symlink_to("/somewhere/else/" + SHA256)
    (snapshot / ".DS_Store").write_bytes(b"")

    found = cache.found(commit)

    assert [(file.path, file.size, file.digests) for file in found] == [
        ("far.bin", None, ()),
        ("odd.bin", None, ()),
        ("real.bin", 3, ()),
    ]


def test_reading_a_cache_that_is_not_there_makes_nothing(cache, commit):
    """Certifying only reads."""
    read = [cache.found(commit), cache.listing(commit), cache.revision_commit("main")]

    assert read == [(), None, None]
    assert not cache.cache.exists()
