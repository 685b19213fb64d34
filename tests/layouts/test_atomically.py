"""What is written appears whole, and its name survives a power cut."""

import errno
import os
from pathlib import Path

import pytest

from modelready.errors import DiskFull, NotWritable
from modelready.layouts import LAYOUTS, atomically
from modelready.layouts.atomically import Unsynced


@pytest.fixture
def synced(monkeypatch):
    """Record which folders reach the disk."""
    seen = []
    really = os.fsync

    def fsync(descriptor):
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are only known to Linux")
def test_every_folder_with_a_new_name_is_synced_once(tmp_path, synced):
    """A thousand files in one folder cost one sync; folders made on the way are names in others too."""
    folders = Unsynced()

    folders.make(tmp_path / "a" / "b")
    folders.make(tmp_path / "a" / "b")
    folders.add(tmp_path / "a" / "b", tmp_path / "a" / "b")
    folders.sync()
    folders.sync()

    assert synced == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_served(tmp_path, monkeypatch, number):
    """Some network file systems keep names in their own way."""

    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    folders = Unsynced()
    folders.add(tmp_path)

    folders.sync()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EIO, NotWritable), (errno.EDQUOT, DiskFull), (errno.ENOSPC, DiskFull)]
)
def test_a_sync_that_fails_is_told(tmp_path, monkeypatch, number, kind):
    """A name that may not survive is not passed over."""

    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    folders = Unsynced()
    folders.add(tmp_path)

    with pytest.raises(kind, match=str(tmp_path)):
        folders.sync()


def test_the_limit_of_names_is_asked_of_the_machine(tmp_path, monkeypatch):
    """Of the nearest folder that is there; where nobody knows, the usual one holds."""

    def unknown(*_):
        raise OSError

    known = atomically.name_limit(tmp_path / "not" / "there")
    monkeypatch.setattr(os, "pathconf", unknown)

    assert known >= 100
    assert atomically.name_limit(tmp_path) == 255


def test_the_layouts_are_known_by_the_catalogs_names(tmp_path):
    """A catalog says hub-cache or folder; both are made of a place and a name."""
    made = {name: layout(tmp_path, "org/tiny" if name == "hub-cache" else "tiny") for name, layout in LAYOUTS.items()}

    assert {name: type(layout).__name__ for name, layout in made.items()} == {
        "hub-cache": "HubCache",
        "folder": "Folder",
    }
