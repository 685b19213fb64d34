"""The names of a Hub cache, as programs follow them."""

import shutil
from dataclasses import replace

import pytest

from modelready.inspection import cache as inspected

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
BLOBS = {"config.json": "c" * 40, "vocab.txt": "b" * 40, "sub/model.safetensors": "d" * 64}


def test_a_healthy_cache_is_not_accused(tiny):
    """With a listing and without."""
    without = tiny.broken()
    tiny.list()

    assert without == tiny.broken() == tiny.broken(revision=COMMIT) == {}
    assert inspected.unwritten(tiny.model(), tiny.cache) == ()


def test_nothing_there_is_told_by_others(tiny):
    """files.are_there says that it was never provisioned."""
    model = tiny.model()
    shutil.rmtree(tiny.cache)

    assert inspected.broken_names(model, tiny.cache) == ()
    assert inspected.unwritten(model, tiny.cache) == ()
    assert inspected.partials(model, tiny.cache) == ()


@pytest.mark.parametrize(
    ("held", "words"),
    [
        pytest.param(f"{COMMIT}\n", "holds '0123456789abcdef0123456789abcdef01234567\\n'", id="newline"),
        pytest.param("", "holds nothing", id="empty"),
        pytest.param("main", "holds 'main'", id="no commit"),
        pytest.param(OTHER, f"leads to snapshots/{OTHER}, which is not there", id="no such snapshot"),
        pytest.param(None, "is not there: programs that ask for main find nothing offline", id="missing"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(tiny, held, words):
    """Everything is on disk, and every program asks the network."""
    (tiny.storage / "refs" / "main").unlink()
    if held is not None:
        tiny.write("refs/main", held)

    told = tiny.broken()

    assert list(told) == ["refs/main"]
    assert words in told["refs/main"]
    assert len(inspected.unwritten(tiny.model(), tiny.cache)) == 1


def test_a_reference_to_another_snapshot_is_told(tiny):
    """What was judged is not what applications would open."""
    tiny.write(f"snapshots/{OTHER}/config.json", "{}")
    tiny.write("refs/main", OTHER)

    assert tiny.broken() == {"refs/main": f"leads programs to {OTHER}, what was judged here is {COMMIT}"}


def test_a_pin_needs_no_reference(tiny):
    """Who asks for a commit is led by its name; main may be another's, but it must not be broken."""
    (tiny.storage / "refs" / "main").unlink()
    without = tiny.broken(revision=COMMIT)
    tiny.write("refs/main", OTHER)
    others = tiny.broken(revision=COMMIT)
    tiny.write("refs/main", f"{COMMIT}\n")
    (broken,) = inspected.broken_names(tiny.model(revision=COMMIT), tiny.cache)

    assert without == others == {}
    assert broken.path == "refs/main"
    assert "delete it" in broken.remedy
    assert inspected.unwritten(tiny.model(revision=COMMIT), tiny.cache) == ()


def test_a_pin_whose_snapshot_is_gone_is_told_by_others(tiny):
    """Its files are absent."""
    shutil.rmtree(tiny.storage / "snapshots")

    assert tiny.broken(revision=COMMIT) == {}


def test_a_link_out_of_the_cache_is_told(tiny, tmp_path):
    """It works here, and nowhere the cache is copied to."""
    outside = tmp_path / "elsewhere"
    outside.write_text("x")
    tiny.place("config.json").unlink()
    tiny.place("config.json").symlink_to(outside)

    (fault,) = inspected.broken_names(tiny.model(), tiny.cache)

    assert (fault.path, fault.message) == ("config.json", f"its link leads to {outside}, outside the cache")
    assert "cp -aL" in fault.remedy
    assert inspected.broken_names(tiny.model(), tiny.cache, refused=["config.json"]) == ()


def test_shared_blobs_are_in_the_cache(tiny):
    """huggingface_hub 2 keeps what several repositories share beside them: two links to one file."""
    blob = tiny.storage / "blobs" / BLOBS["config.json"]
    shared = tiny.cache / "blobs" / "ab" / "xet"
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to("../../blobs/ab/xet")

    assert tiny.broken() == {}


def test_a_repository_on_another_disk_is_in_the_cache(tiny, tmp_path):
    """A link in place of the whole folder is how people move it."""
    tiny.storage.rename(tmp_path / "disk")
    tiny.storage.symlink_to(tmp_path / "disk")

    assert tiny.broken() == {}


def test_copies_instead_of_links_are_well(tiny):
    """A file system without links."""
    shutil.rmtree(tiny.storage / "snapshots")
    for path in BLOBS:
        tiny.write(f"snapshots/{COMMIT}/{path}", path)

    assert tiny.broken() == {}


def test_a_blob_of_another_name_is_told(tiny):
    """A blob is named by its digest, or nobody can prove it."""
    (tiny.storage / "blobs" / BLOBS["config.json"]).rename(tiny.storage / "blobs" / "config.json")
    tiny.place("config.json").unlink()
    tiny.link("config.json", "config.json")

    assert tiny.broken() == {"config.json": "its link leads to blobs/config.json, and no digest is written so"}


def test_a_dangling_link_is_told_once(tiny):
    """files.are_there tells of what is required; what nobody wants still hides the repository from `hf cache ls`."""
    tiny.link("README.md", "e" * 40)
    (tiny.storage / "blobs" / BLOBS["config.json"]).unlink()

    assert tiny.broken() == {"README.md": f"its link leads to ../../blobs/{'e' * 40}, which is not there"}


def test_an_optional_file_must_not_dangle(tiny):
    """It may be absent, not half there."""
    (tiny.storage / "blobs" / BLOBS["config.json"]).unlink()

    assert list(tiny.broken(optional=True)) == ["config.json"]


def test_without_a_revision_no_snapshot_is_walked(tiny):
    """Two snapshots and no reference: nobody can say which is meant."""
    (tiny.storage / "refs" / "main").unlink()

    assert list(tiny.broken(commit=None)) == ["refs/main"]


@pytest.mark.parametrize(
    ("sizes", "path", "words"),
    [
        pytest.param({"config.json": 99}, "config.json", "has 11 bytes, trees/", id="another size"),
        pytest.param({"config.json": None}, f"trees/{COMMIT}.json", "does not list config.json", id="not listed"),
    ],
)
def test_a_listing_that_disagrees_is_told(tiny, sizes, path, words):
    """A doctored listing makes huggingface_hub skip files and say "OK"."""
    tiny.list(**sizes)

    told = tiny.broken()

    assert list(told) == [path]
    assert words in told[path]


def test_sizes_that_files_told_are_not_told_again(tiny):
    """files.are_large_enough was first; absent files as well."""
    tiny.list(**{"config.json": 99})

    assert tiny.broken(size=99, optional=True) == {}

    (tiny.storage / "blobs" / BLOBS["config.json"]).unlink()

    assert list(tiny.broken(optional=True)) == ["config.json"]


@pytest.mark.parametrize("held", ["{", "[]", '{"format_version": 2, "files": {}}'])
def test_a_listing_that_cannot_be_read_is_told(tiny, held):
    """huggingface_hub would stumble over it."""
    tiny.write(f"trees/{COMMIT}.json", held)

    assert tiny.broken() == {f"trees/{COMMIT}.json": "is no listing that programs can read"}


# ---- partial downloads


def part_of(tiny, etag, mark=".0123abcd"):
    return tiny.write(f"blobs/{etag}{mark}.incomplete", "half")


@pytest.mark.parametrize("mark", ["", ".0123abcd"])
def test_an_unfinished_download_is_told_where_nobody_listed_the_revision(tiny, mark):
    """The interrupted snapshot that an older hub returns as if it were whole."""
    part_of(tiny, "9" * 64, mark)

    (fault,) = inspected.partials(tiny.model(), tiny.cache)

    assert fault.path == f"blobs/{'9' * 64}{mark}.incomplete"
    assert fault.message.startswith("4 B of a file that never arrived whole")
    assert inspected.partials(tiny.model(known_by="lock"), tiny.cache) == ()


def test_a_leftover_of_a_complete_file_is_no_fault(tiny):
    """No program opens it; it costs space, and that is said as a warning."""
    part_of(tiny, BLOBS["sub/model.safetensors"])
    part_of(tiny, "9" * 64)
    tiny.write("blobs/notes.txt", "")

    (fault,) = inspected.leftovers(tiny.model(known_by="lock"), tiny.cache)

    assert "its file is complete" in fault.message
    assert [one.path for one in inspected.partials(tiny.model(), tiny.cache)] == [
        f"blobs/{'9' * 64}.0123abcd.incomplete"
    ]


def test_a_partial_that_vanishes_meanwhile_has_no_size(tiny):
    """Its download may finish while we look."""
    (tiny.storage / "blobs" / f"{'9' * 64}.incomplete").symlink_to("nowhere")

    (fault,) = inspected.partials(tiny.model(), tiny.cache)

    assert fault.message.startswith("unknown size")


def test_a_missing_file_whose_partial_lies_there_was_told_before(tiny):
    """files.are_there names it; here it is passed over."""
    part_of(tiny, BLOBS["config.json"])
    (tiny.storage / "blobs" / BLOBS["config.json"]).unlink()

    assert inspected.partials(replace(tiny.model(known_by="trees")), tiny.cache) == ()
    assert inspected.leftovers(tiny.model(known_by="trees"), tiny.cache) == ()
