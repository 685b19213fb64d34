"""Files of a placed model: absent, too small, messages, wrong bytes."""

from dataclasses import replace

import pytest

from modelready.inspection import files, words
from modelready.model import LEARNED, Digest, Fault, PlacedFile


def only(faults):
    (fault,) = faults
    return fault


def test_a_complete_model_lacks_nothing(write, model_in):
    """What is there is not asked for."""
    write("a.txt", "text")

    assert files.absent(model_in()) == ()


def test_absent_files_are_told_with_where_they_should_lie(model_in, tmp_path):
    """save_as gives a file another place: both names are told."""
    model = model_in(lost=["a.bin"])
    moved = PlacedFile("b.bin", tmp_path / "deep" / "c.bin")
    faults = files.absent(
        model_in.__class__ and type(model)(model.model, tmp_path, None, (*model.files, moved), "lock")
    )

    assert [(one.path, one.message) for one in faults] == [
        ("a.bin", "is not on disk"),
        ("b.bin", "is not on disk; expected at deep/c.bin"),
    ]
    assert "modelready provision" in faults[0].remedy


def test_what_could_not_be_brought_is_not_told_to_be_brought(model_in):
    """Doing again what has just failed is no remedy: the one of the failure is."""
    failed = Fault("hf:acme/tiny", "no space left", "free some space", kind="disk_full")
    model = replace(model_in(lost=["a.bin"]), faults=(failed,))

    assert files.absent(model) == (failed, Fault("a.bin", "is not on disk"))


def test_a_dangling_link_is_absent(model_in, tmp_path):
    """The name is there, the bytes are not."""
    (tmp_path / "a.bin").symlink_to("../blobs/gone")

    assert only(files.absent(model_in())).message == "its link leads to ../blobs/gone, which is not there"


@pytest.mark.parametrize(
    ("make", "words_told"),
    [
        pytest.param(lambda path: path.mkdir(), "a folder lies in its place", id="a folder"),
        pytest.param(lambda path: path.symlink_to("/dev/null"), "is no file", id="a device"),
        pytest.param(lambda path: path.symlink_to(path), "cannot be read", id="a link to itself"),
    ],
)
def test_what_is_no_file_does_not_stand_for_one(model_in, tmp_path, make, words_told):
    """Existence is no proof."""
    make(tmp_path / "a.bin")
    model = replace(model_in(), files=(PlacedFile("a.bin", tmp_path / "a.bin"),))

    assert words_told in only(files.absent(model)).message
    assert files.is_required_and_absent(model.files[0])


def test_optional_files_may_be_absent(model_in):
    """The catalog says so."""
    model = model_in(lost=["a.bin"], rules={"a.bin": {"optional": True}})

    assert files.absent(model) == ()
    assert not files.is_required_and_absent(model.files[0])


def test_what_was_wrong_while_locating_is_told(model_in):
    """A pattern without a match is no file, and fails all the same."""
    found = Fault("*.gguf", "no file of the source matches this pattern")

    assert files.absent(model_in(faults=(found,))) == (found,)


@pytest.mark.parametrize(("revision", "told"), [(None, "files of tiny"), ("c0ffee", "files of tiny at c0ffee")])
def test_a_model_of_which_nothing_is_known_never_passes(model_in, revision, told):
    """No files: nothing absent, and nothing proved."""
    fault = only(files.absent(model_in(known_by="", revision=revision)))

    assert fault.path == "hf:acme/tiny"
    assert fault.message.startswith("never provisioned here")
    assert fault.message.endswith(told)
    assert "modelready provision" in fault.remedy


@pytest.mark.parametrize(
    ("content", "rule", "told"),
    [
        pytest.param(b"1234", {"size": 4}, None, id="exact"),
        pytest.param(
            b"1234", {"size": 5000}, "has 4 bytes; expected exactly 5,000 bytes (5.0 KB): 4,996 too few", id="short"
        ),
        pytest.param(b"12", {"size": 1}, "has 2 bytes; expected exactly 1 byte: 1 too many", id="long"),
        pytest.param(
            b"1234",
            {"size": 4, "min_size": 9},
            "has 4 bytes; expected at least 9 bytes",
            id="less than the catalog wants",
        ),
        pytest.param(b"1234", {"min_size": 4}, None, id="the minimum reached"),
        pytest.param(
            b"1" * 2048,
            {"min_size": 3_000_000_000},
            "has 2,048 bytes (2.0 KB); expected at least 3,000,000,000 bytes (3.0 GB)",
            id="below the minimum",
        ),
        pytest.param(b"", {}, "is empty", id="empty weights"),
        pytest.param(b"1", {}, None, id="nothing known"),
    ],
)
def test_sizes_are_told_in_both_numbers(write, model_in, content, rule, told):
    """Who reads both sees whether it is a page, a half, or another version."""
    write("a.safetensors", content)

    faults = files.too_small(model_in(rules={"a.safetensors": rule}).files)

    assert [one.message for one in faults] == ([told] if told else [])


@pytest.mark.parametrize(
    ("rule", "mends"),
    [
        pytest.param({"size": 4, "min_size": 9}, "min_size", id="as its source has it"),
        pytest.param({"size": 5, "min_size": 9}, "modelready provision", id="cut"),
        pytest.param({"min_size": 9}, "modelready provision", id="nobody knows"),
    ],
)
def test_a_file_that_is_as_its_source_has_it_is_not_brought_again(write, model_in, rule, mends):
    """That would bring the same: it is the catalog that asks for more."""
    write("a.safetensors", b"1234")

    (fault,) = files.too_small(model_in(rules={"a.safetensors": rule}).files)

    assert mends in fault.remedy


def test_an_empty_text_is_as_it_should_be(write, model_in):
    """So is __init__.py."""
    write("__init__.py")

    assert files.too_small(model_in().files) == ()


def test_messages_are_told_by_what_they_are(write, model_in):
    """The path says which file, the message what it is."""
    write("a.safetensors", "Entry not found")
    write("b.txt", "well")

    fault = only(files.messages(model_in().files))

    assert (fault.path, fault.message) == (
        "a.safetensors",
        "is the message 'Entry not found', not what its name promises",
    )


@pytest.mark.parametrize("look", [files.too_small, files.messages])
def test_a_file_that_vanished_meanwhile_is_told(model_in, look):
    """Between two checks anything may happen; nothing of it is a pass or a crash."""
    fault = only(look(model_in(lost=["a.bin"]).files))

    assert fault.message == "cannot be read: No such file or directory"


SHA = "ab" * 32
GIT = "cd" * 20


def test_every_expected_digest_is_compared(model_in):
    """Who said what is told: the lock and the catalog may disagree with each other."""
    digests = (Digest("sha256", SHA, "lock"), Digest("git_sha1", GIT, "blob name"), Digest("md5", "1" * 32))
    model = model_in(lost=["a.bin", "b.bin"], rules={"a.bin": {"digests": digests}})
    asked = []

    def digest_of(placed, algorithms):
        asked.append((placed.path, algorithms))
        return {"sha256": "ef" * 32, "git_sha1": GIT}

    fault = only(files.wrong_bytes(model.files, digest_of))

    assert asked == [("a.bin", ("sha256", "git_sha1", "md5"))]
    assert fault.message == (
        "its sha256 is efefefefefef…, models.lock.json says abababababab…; "
        "its md5 cannot be computed, the catalog says 111111111111…"
    )


def test_right_bytes_are_no_fault(model_in):
    """Silence is a pass only when something was compared."""
    model = model_in(lost=["a.bin"], rules={"a.bin": {"digests": (Digest("sha256", SHA, "receipt"),)}})

    assert files.wrong_bytes(model.files, lambda *_: {"sha256": SHA}) == ()


@pytest.mark.parametrize("error", [KeyError("a.bin"), PermissionError(13, "Permission denied")])
def test_bytes_that_nobody_could_read_are_told(model_in, error):
    """Unread is not right."""
    model = model_in(lost=["a.bin"], rules={"a.bin": {"digests": (Digest("sha256", SHA, "receipt"),)}})

    def digest_of(placed, algorithms):
        raise error

    assert "cannot be" in only(files.wrong_bytes(model.files, digest_of)).message


def test_files_without_a_digest_are_named(model_in):
    """They pass with a warning that says how to prove them."""
    model = model_in(lost=["a.bin", "b.bin"], rules={"a.bin": {"digests": (Digest("sha256", SHA, "lock"),)}})

    fault = only(files.without_digest(model.files))

    assert fault.path == "b.bin"
    assert "modelready lock" in fault.remedy


def test_files_that_only_their_first_fetch_knows_are_named(model_in):
    """Nobody says that those bytes were right; the digest is told, to be compared."""
    rules = {"a.bin": {"digests": (Digest("sha256", SHA, LEARNED),)}}
    model = model_in(lost=["a.bin"], rules=rules)

    fault = only(files.without_digest(model.files))
    wrong = only(files.wrong_bytes(model.files, lambda *_: {"sha256": "0" * 64}))

    assert SHA in fault.message
    assert "compare" in fault.remedy
    assert "its first fetch says" in wrong.message


def test_no_home_folder_is_told(monkeypatch, tmp_path):
    """Certificates travel to other machines."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert words.folded(tmp_path / "hub") == "~/hub"
    assert words.folded("/elsewhere") == "/elsewhere"
    assert words.place(tmp_path / "a" / "b", tmp_path / "a") == "b"
    assert words.place(tmp_path / "c", tmp_path / "a") == "~/c"
    assert words.why(OSError()) == "cannot be read: OSError"
