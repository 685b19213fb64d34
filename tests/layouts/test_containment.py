"""A path from elsewhere never leads out of its folder."""

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.errors import UnsafePath
from modelready.layouts import Folder, HubCache, containment

COMMIT = "0" * 40
BAD = [
    pytest.param("", id="empty"),
    pytest.param("/etc/passwd", id="absolute"),
    pytest.param("..", id="up"),
    pytest.param("a/../../b", id="up and away"),
    pytest.param("a/./b", id="dot"),
    pytest.param("a//b", id="doubled"),
    pytest.param("a/", id="a folder"),
    pytest.param("..\\b", id="backslash"),
    pytest.param("\\\\host\\share\\x", id="share"),
    pytest.param("C:x", id="drive"),
    pytest.param("a/C:/x", id="drive inside"),
    pytest.param("a\0b", id="NUL"),
    pytest.param("a\nb", id="newline"),
    pytest.param("a\udc80b", id="no Unicode"),
]


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_could_lead_elsewhere_is_refused(path, cache, folder, commit):
    """By both layouts, on every system, whatever the path would mean on this one."""
    for place in (lambda: cache.place(commit, path), lambda: folder.place(path)):
        with pytest.raises(UnsafePath) as caught:
            place()

        assert repr(path) in str(caught.value)


@pytest.mark.parametrize("path", ["a", "a b/ü#%.json", "...", "..a/b..", ".gitattributes", "aa:b", "aux1/x"])
def test_an_unusual_path_is_taken(path, cache, folder, commit):
    """Repositories have such files."""
    assert cache.place(commit, path) == cache.snapshot(commit) / path
    assert folder.place(path) == folder.root / path


@settings(database=None)  # no folder of examples in the checkout
@given(st.text(st.characters() | st.sampled_from("/\\.:\0ac"), max_size=30))
def test_whatever_is_taken_lies_inside(tmp_path_factory, path):
    """No text at all makes a place outside."""
    root = tmp_path_factory.getbasetemp() / "inside"
    layouts = [lambda: Folder(root, "m").place(path), lambda: HubCache(root, "a/b").place(COMMIT, path)]

    for place in layouts:
        try:
            found = place()
        except UnsafePath:
            continue
        assert os.path.normpath(found).startswith(f"{root}{os.sep}")
        assert PurePosixPath(path).parts == tuple(path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        ".modelready/tiny-1.0.json",
        ".ModelReady",
        ".cache/huggingface/x",
        "model.bin.part",
        "A.PART",
        "con",
        "deep/AUX.json",
    ],
)
def test_names_kept_for_something_else_are_refused_in_a_folder(path, folder):
    """A file from a source must not pose as a receipt, a part file or a device; save_as is the way out."""
    with pytest.raises(UnsafePath, match="save_as"):
        folder.place(path)


def test_a_device_name_is_taken_in_the_hub_cache(cache, commit):
    """Its names are the repository's; nobody can choose others."""
    assert cache.place(commit, "aux.json").name == "aux.json"


def test_a_link_out_of_the_folder_is_refused(tmp_path, folder):
    """What a link leads to is where the bytes would go."""
    (tmp_path / "elsewhere").mkdir()
    folder.root.mkdir(parents=True)
    (folder.root / "way").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UnsafePath, match="elsewhere"):
        folder.place("way/model.bin")


def test_a_link_inside_the_folder_is_followed(folder):
    """A folder may have links of its own, and may be one."""
    (folder.root / "real").mkdir(parents=True)
    (folder.root / "way").symlink_to("real")
    linked = Folder(folder.root.parent / "linked", "tiny-1.0")
    linked.root.symlink_to(folder.root)

    assert folder.place("way/model.bin") == folder.root / "way/model.bin"
    assert linked.place("model.bin") == linked.root / "model.bin"


def test_a_link_out_of_the_snapshot_is_refused(tmp_path, cache, commit):
    """Only the last link may lead away: to the blob."""
    cache.snapshot(commit).mkdir(parents=True)
    (cache.snapshot(commit) / "way").symlink_to(tmp_path)
    (cache.snapshot(commit) / "model.bin").symlink_to("../../blobs/" + "0" * 64)

    assert cache.place(commit, "model.bin").is_symlink()
    with pytest.raises(UnsafePath):
        cache.place(commit, "way/model.bin")


def test_a_reference_stays_in_its_folder(cache):
    """A revision is part of a path too."""
    with pytest.raises(UnsafePath):
        cache.revision_commit("../../../etc/passwd")


def test_the_whole_root_may_be_the_root_of_the_machine():
    """The longest common path is compared, not letters."""
    containment.check_inside(Path("/"), Path("/etc"))
    with pytest.raises(UnsafePath):
        containment.check_inside(Path("/etc"), Path("/etcetera"))
