"""Files that are read whole cannot fill the memory, and nobody waits at them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from modelready import catalog, contents
from modelready.errors import CatalogFaults, MalformedRef
from modelready.layouts import metadata, receipts, refs, trees


def held(read, path):
    """Give what *read* makes of *path*; a reference that is none is told, and counts as nothing."""
    try:
        return read(path)
    except MalformedRef:
        return None


READERS = [refs.read, trees.read, receipts.read, metadata.read]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__module__.rpartition(".")[2])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_in_the_place_of_a_note_holds_nothing(tmp_path, read, device):
    """Whoever may write to a shared cache may plant a link in it."""
    (tmp_path / "note").symlink_to(device)

    assert held(read, tmp_path / "note") is None


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__module__.rpartition(".")[2])
def test_nobody_waits_for_a_writer(tmp_path, read):
    """A pipe would keep its reader for ever."""
    os.mkfifo(tmp_path / "note")

    assert held(read, tmp_path / "note") is None


def test_more_than_a_file_may_hold_is_refused(tmp_path):
    """One byte more is too much."""
    (tmp_path / "note").write_bytes(b"12345")

    assert contents.read(tmp_path / "note", most=5) == b"12345"
    with pytest.raises(OSError, match="holds more than 4 bytes"):
        contents.read(tmp_path / "note", most=4)


def test_a_catalog_without_end_is_a_fault(tmp_path):
    """It is told like any other."""
    with pytest.raises(CatalogFaults, match=r"/dev/zero: cannot be read: holds more than .* bytes; expected TOML"):
        catalog.read([Path("/dev/zero")], environ={}, cwd=tmp_path)


def test_a_catalog_may_come_through_a_pipe(tmp_path):
    """As from the shell: --catalog <(generate)."""
    os.mkfifo(tmp_path / "pipe")
    text = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
    writer.start()

    found = catalog.read([tmp_path / "pipe"], environ={}, cwd=tmp_path)

    writer.join()
    assert list(found.by_name) == ["tiny"]
