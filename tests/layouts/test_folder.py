"""A folder holds files under their own names; the good old one stays until the new one is proved."""

import json
import os

import pytest

from modelready.errors import DiskFull, Held, NotWritable, UnsafePath
from modelready.layouts import Delivery, Folder, receipts
from modelready.mirror import Mirror
from modelready.model import Digest, ManifestFile, PlacedFile

GIT, SHA256 = "cd" * 20, "ab" * 32


@pytest.fixture
def note(folder):
    """Write what huggingface_hub notes of a file."""

    def note(path, text):
        place = folder.root / ".cache/huggingface/download" / f"{path}.metadata"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    return note


def test_files_keep_their_names_and_folders(folder, provision, listing, contents):
    """What applications are given is what the source calls it."""
    provision(folder, listing)

    assert {path: (folder.root / path).read_bytes() for path in contents} == contents
    assert not list(folder.root.rglob("*.part"))


def test_the_old_file_stays_until_the_new_one_is_proved(folder, bring, weights, contents):
    """A failed update must not cost the good copy."""
    place = bring(folder, weights, b"old and good")
    part = folder.prepare(weights, place)
    part.write_bytes(contents[weights.path])

    before = place.read_bytes()
    folder.settle(weights, place, part)

    assert before == b"old and good"
    assert place.read_bytes() == contents[weights.path]
    assert folder.blob(weights, place) == place


def test_a_part_file_lies_beside_its_place(folder, weights):
    """On the same file system, so that the last step is a rename."""
    place = folder.place("diffusion_models/x.safetensors")

    assert folder.part(weights, place) == folder.root / "diffusion_models/x.safetensors.part"


def test_a_name_too_long_for_a_part_file_gets_a_short_one(folder, bring, describe):
    """The name fits, only its part would not."""
    file = describe("x" * 255, b"long")

    part = folder.part(file, folder.place(file.path))
    place = bring(folder, file, b"long")

    assert part.name.endswith(".part")
    assert len(part.name) < 40
    assert part == Folder(folder.root, "other").part(file, place)
    assert place.read_bytes() == b"long"


@pytest.mark.parametrize("path", ["x" * 256, "ü" * 128])
def test_a_name_too_long_for_the_file_system_is_told(folder, describe, path):
    """Before the first byte travels, with the way out."""
    file = describe(path, b"")

    with pytest.raises(NotWritable, match=r"256 bytes long; this file system takes 255.*save_as"):
        folder.prepare(file, folder.place(path))


def test_a_path_too_long_for_the_machine_is_told(folder, describe):
    """Every name fits, but not all of them together."""
    path = "/".join(["x" * 200] * 30)

    with pytest.raises(NotWritable, match="too long"):
        folder.prepare(describe(path, b""), folder.place(path))


def test_a_place_that_cannot_be_written_is_named(folder, weights, contents):
    """A folder lies where the file should."""
    place = folder.place(weights.path)
    part = folder.prepare(weights, place)
    part.write_bytes(contents[weights.path])
    place.mkdir()

    with pytest.raises(NotWritable, match=str(place)):
        folder.settle(weights, place, part)

    assert part.exists()


def test_the_receipt_tells_what_was_brought(folder, provision, listing, commit):
    """Certifying needs no network: revision, patterns, files and digests are there."""
    provision(folder, listing)

    receipt = folder.receipt()

    assert (receipt.source, receipt.revision, receipt.commit) == ("hf:org/tiny@main", "main", commit)
    assert (receipt.include, receipt.exclude) == (("*",), ("*.md",))
    assert [(file.path, file.save_as, file.size) for file in receipt.files] == [
        (f.path, f.path, f.size) for f in listing
    ]
    assert receipt.files[0].mtime_ns == (folder.root / listing[0].path).stat().st_mtime_ns
    assert receipt.files[0].digests == (Digest("git_sha1", listing[0].digests[0].hex, "receipt"),)
    assert receipt.written.endswith("+00:00")


def test_the_receipt_knows_where_a_file_was_saved(folder, commit):
    """save_as gives a file another place; one that has not come yet is named all the same."""
    place = folder.place("vae/other.safetensors")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"123")
    files = (PlacedFile("split/x.safetensors", place), PlacedFile("y.bin", folder.place("y.bin"), 7))

    folder.finish(Delivery("https://x/y", "", "", files))

    first, second = folder.receipt().files
    assert (first.path, first.save_as, first.size) == ("split/x.safetensors", "vae/other.safetensors", 3)
    assert (second.size, second.mtime_ns) == (7, None)


def test_two_models_share_a_folder(folder, provision, listing):
    """Each has its own receipt."""
    other = Folder(folder.root, "other")

    provision(folder, listing)

    assert folder.receipt() is not None
    assert other.receipt() is None


def test_the_same_again_writes_no_receipt(folder, provision, listing):
    """A warm folder may be read-only, and the receipt says when things came."""
    provision(folder, listing)
    path = folder.root / ".modelready" / "tiny-1.0.json"
    os.utime(path, ns=(1, 1))

    provision_again = provision.delivery(folder, listing, "main")
    folder.finish(provision_again)

    assert path.stat().st_mtime_ns == 1


def test_a_receipt_that_finds_no_room_leaves_the_old_one(folder, provision, listing, monkeypatch):
    """A full disk is told, and nothing is half written."""
    provision(folder, listing)
    before = folder.receipt()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DiskFull, match=r"tiny-1\.0\.json"):
        folder.finish(provision.delivery(folder, listing, "v2"))

    assert folder.receipt() == before
    assert [one.name for one in (folder.root / ".modelready").iterdir()] == ["tiny-1.0.json"]


GOOD = {
    "format_version": 1,
    "source": "hf:a/b",
    "revision": "main",
    "commit": "",
    "include": [],
    "exclude": [],
    "written": "2026-01-01",
    "files": [{"path": "a", "save_as": "a", "size": 1, "mtime_ns": None, "digests": {"sha256": SHA256}}],
}
FILE = GOOD["files"][0]


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([], id="a list"),
        pytest.param(GOOD | {"format_version": 2}, id="another version"),
        pytest.param(GOOD | {"source": None}, id="no source"),
        pytest.param(GOOD | {"include": [3]}, id="a pattern that is a number"),
        pytest.param(GOOD | {"files": None}, id="no files"),
        pytest.param(GOOD | {"files": [FILE | {"save_as": "../x"}]}, id="a path that climbs"),
        pytest.param(GOOD | {"files": [FILE | {"size": "1"}]}, id="a size in words"),
        pytest.param(GOOD | {"files": [FILE | {"digests": {"sha256": "ab"}}]}, id="a short digest"),
        pytest.param(GOOD | {"files": [FILE | {"digests": {"crc": "ab"}}]}, id="an unknown digest"),
    ],
)
def test_a_damaged_receipt_is_none(folder, held):
    """What is not whole proves nothing."""
    path = folder.root / ".modelready" / "tiny-1.0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(held))

    damaged = folder.receipt()
    path.write_text("[" * 100_000)
    endless = folder.receipt()
    path.write_text(json.dumps(GOOD))

    assert (damaged, endless) == (None, None)
    assert folder.receipt() is not None


def test_a_receipt_is_kept_as_it_was(folder):
    """Reading gives what was written."""
    file = receipts.ReceiptFile("a/ü", "b", 1, 2, (Digest("md5", "0" * 32, "receipt"),))
    receipt = receipts.Receipt("url", "", "", ("*.bin",), (), (file,), "2026-01-01T00:00:00+00:00")
    folder.root.mkdir(parents=True)
    (folder.root / "r.json").write_text(receipts.text(receipt))

    assert receipts.read(folder.root / "r.json") == receipt


@pytest.mark.parametrize(("etag", "algorithm"), [(SHA256, "sha256"), (GIT, "git_sha1")])
def test_what_huggingface_hub_noted_is_read(folder, note, commit, etag, algorithm):
    """A folder it filled can be certified: its notes tell digest and commit."""
    note("sub/a.bin", f"{commit}\n{etag}\n1712656091.123\n")

    noted = folder.metadata("sub/a.bin")

    assert (noted.commit, noted.digest, noted.written_s) == (
        commit,
        Digest(algorithm, etag, "metadata"),
        1712656091.123,
    )


@pytest.mark.parametrize("text", ["", "a\nb\n", f"c\n{GIT}\nnow\n", "c\nW/odd\n1.0\n"])
def test_a_note_that_tells_nothing_is_none(folder, note, text):
    """An etag that is no digest, or a note cut short, proves nothing."""
    note("a.bin", text)

    assert folder.metadata("a.bin") is None
    assert folder.metadata("b.bin") is None


def test_what_lies_in_the_folder_is_found(folder, note, commit):
    """Without receipts and part files, with what huggingface_hub noted."""
    note("a.bin", f"{commit}\n{GIT}\n1.0\n")
    for path in ("a.bin", "deep/b.bin", "c.bin.part", ".modelready/x.json", ".cache/other"):
        (folder.root / path).parent.mkdir(parents=True, exist_ok=True)
        (folder.root / path).write_bytes(b"123")
    (folder.root / "lost").symlink_to("nowhere")

    found = folder.found()

    noted = (Digest("git_sha1", GIT, "metadata"),)
    assert found == (
        ManifestFile(".cache/other", 3),
        ManifestFile("a.bin", 3, noted),
        ManifestFile("deep/b.bin", 3),
        ManifestFile("lost", None),
    )


def test_reading_a_folder_that_is_not_there_makes_nothing(folder):
    """Certifying only reads."""
    assert (folder.found(), folder.receipt(), folder.metadata("a")) == ((), None, None)
    assert not folder.root.exists()


def test_each_model_of_a_folder_is_held_for_itself(folder):
    """Two models may come into one folder at once; one model only from one process."""
    with folder.lock(), Folder(folder.root, "other").lock(patience_s=0):
        with pytest.raises(Held), Folder(folder.root, "tiny-1.0").lock(patience_s=0):
            pass

        assert (folder.root / ".modelready" / "tiny-1.0.lock").exists()


def test_a_folder_that_huggingface_hub_filled_is_read(folder, tmp_path, contents, run, commit):
    """The notes are read as the real local_dir download writes them."""
    for path, content in contents.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_bytes(content)
    code = (
        f"from huggingface_hub import snapshot_download; snapshot_download('org/tiny', local_dir={str(folder.root)!r})"
    )
    with Mirror() as mirror:
        mirror.add_repo("org/tiny", tmp_path / "repo", commit=commit, lfs=["*.safetensors"])
        run(code, hub=tmp_path / "hub", HF_ENDPOINT=mirror.url, HF_HUB_OFFLINE="0")

    found = folder.found()

    assert {file.path for file in found} == set(contents)
    assert {file.path: file.digests[0].algorithm for file in found if file.path.endswith("s")} == {
        ".gitattributes": "git_sha1",
        "model.safetensors": "sha256",
        "deep/er/twin.safetensors": "sha256",
    }
    assert folder.metadata("config.json").commit == commit


def test_lock_and_receipt_do_not_follow_a_link_out_of_the_folder(tmp_path):
    """A folder that somebody else filled may hold one: what we write there would replace files elsewhere."""
    away = tmp_path / "away"
    folder = Folder(tmp_path / "models", "config")
    away.mkdir()
    folder.root.mkdir()
    (folder.root / ".modelready").symlink_to(away)
    delivery = Delivery(source="hf:acme/tiny", revision="main", commit="", files=())

    with pytest.raises(UnsafePath), folder.lock():
        pass
    with pytest.raises(UnsafePath):
        folder.begin(delivery)

    assert list(away.iterdir()) == []
