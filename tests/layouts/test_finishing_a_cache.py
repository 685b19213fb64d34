"""What is written when all bytes lie: the listing, and last the reference by which applications find them."""

import pytest

from modelready.layouts import Delivery, HubCache
from modelready.model import Digest, ManifestFile


def state_of(folder):
    """Tell everything that a write would change."""
    return {place: (place.lstat().st_mtime_ns, place.lstat().st_ino) for place in [folder, *folder.rglob("*")]}


def test_a_reference_is_written_last(cache, provision, listing, commit):
    """Who finds the name finds all of the snapshot."""
    provision(cache, listing, "v1.0")

    written = cache.storage / "refs" / "v1.0"
    tree = cache.storage / "trees" / f"{commit}.json"
    assert written.read_bytes() == commit.encode()
    assert written.stat().st_mtime_ns >= tree.stat().st_mtime_ns
    assert not (cache.storage / "refs" / "main").exists()


def test_a_pinned_model_can_be_found_by_name(cache, provision, listing, commit):
    """Applications that ask for the repository without a revision look at main."""
    provision(cache, listing, commit)

    assert cache.revision_commit("main") == commit


def test_a_pinned_model_leaves_main_where_it_is(cache, provision, listing, commit):
    """Somebody else's main is not ours to move."""
    main = cache.storage / "refs" / "main"
    main.parent.mkdir(parents=True)
    main.write_text("f" * 40)

    provision(cache, listing, commit)

    assert main.read_text() == "f" * 40


def test_a_moved_branch_is_followed(provisioned, provision, listing, commit):
    """What was asked for now is what the name says after."""
    main = provisioned.storage / "refs" / "main"
    main.write_text("f" * 40 + "\n")

    provision(provisioned, listing)

    assert main.read_bytes() == commit.encode()


def test_without_a_listing_the_old_one_stays(provisioned, provision, listing, commit):
    """A lock names only the files that are wanted: half a listing would make huggingface_hub miss the rest."""
    before = state_of(provisioned.storage / "trees")
    part = provision.delivery(provisioned, listing[:1], "main")

    provisioned.finish(Delivery(part.source, part.revision, part.commit, part.files))

    assert state_of(provisioned.storage / "trees") == before


def test_a_doctored_listing_is_written_anew(provisioned, provision, listing, commit):
    """huggingface_hub trusts it: with files left out it reports success with half a model."""
    tree = provisioned.storage / "trees" / f"{commit}.json"
    whole = tree.read_bytes()
    tree.write_text('{"format_version": 1, "files": {}}')

    provision(provisioned, listing)

    assert tree.read_bytes() == whole


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(ManifestFile("a", 1, (Digest("git_sha1", "0" * 40),), xet_hash="short"), id="xet hash"),
        pytest.param(ManifestFile("a", None, (Digest("sha256", "0" * 64),)), id="no size"),
        pytest.param(ManifestFile("a", 1, ()), id="no digest"),
    ],
)
def test_a_listing_that_huggingface_hub_would_refuse_is_not_written(cache, commit, odd):
    """Better none than one that cannot be read."""
    cache.finish(Delivery("hf:org/tiny", "main", commit, (), listing=(odd,)))

    assert not (cache.storage / "trees").exists()


def test_a_listing_tells_all_that_is_known(cache, commit):
    """Xet hash and git's id of the pointer are in it, as the Hub gave them."""
    file = ManifestFile("a", 1, (Digest("sha256", "a" * 64),), xet_hash="b" * 64, blob_id="c" * 40)

    cache.finish(Delivery("hf:org/tiny", "main", commit, (), listing=(file,)))

    (read,) = cache.listing(commit)
    assert (read.xet_hash, read.blob_id, read.digests[0].hex) == ("b" * 64, "c" * 40, "a" * 64)


def test_a_warm_cache_is_not_written_at_all(provisioned, provision, listing, place_of):
    """It may be read-only: an image's layer, a shared volume."""
    for place in provisioned.cache.rglob("*"):
        if place.is_dir():
            place.chmod(0o555)
    before = state_of(provisioned.cache)
    warm = HubCache(provisioned.cache, provisioned.repo)

    linked = [warm.link_existing(file, place_of(warm, file.path)) for file in listing]
    warm.finish(provision.delivery(warm, listing, "main"))

    assert all(linked)
    assert state_of(provisioned.cache) == before
    for place in [provisioned.cache, *provisioned.cache.rglob("*")]:
        if place.is_dir():
            place.chmod(0o755)
