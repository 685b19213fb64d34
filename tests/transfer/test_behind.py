"""What is brought goes to the disk early and leaves the page cache; what is not yet hashed stays."""

import os

import pytest

from modelready.transfer import disk
from modelready.transfer.behind import Behind
from modelready.transfer.parts import Part

MB = 1 << 20


@pytest.fixture
def advised(monkeypatch):
    """Remember what the page cache was told, and let it do that."""
    told = []
    really = os.posix_fadvise

    def advise(descriptor, offset, length, advice):
        told.append((offset, length))
        really(descriptor, offset, length, advice)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.delenv(disk.KEEP, raising=False)
    return told


@pytest.fixture
def part(want):
    """Give a part of 400 MB, a hole."""
    one = Part(want("weights.bin", b"", size=400 * MB), resume=True)
    os.truncate(one.path, 400 * MB)
    yield one
    one.keep()


def test_only_what_was_hashed_is_told_of(part, advised):
    """It would be read from the disk again."""
    begun, gone = [], []
    with Behind(part) as behind:
        for position in range(0, 200 * MB, 3 * MB):
            advised.clear()
            behind.passed(position)
            begun += advised[:1]
            gone += advised[1:]
            assert all(offset + length <= position for offset, length in advised)

    assert begun == [(start, 9 * MB) for start in range(0, 198 * MB, 9 * MB)]
    assert gone[0] == (0, 8 * MB)
    assert sum(gone[-1]) == (189 - 64) * MB


def test_small_files_are_left_alone(part, advised):
    """Configurations are read again at once."""
    with Behind(part) as behind:
        behind.passed(7 * MB)

    assert advised == []


def test_a_resumed_file_is_followed_from_where_it_was(part, advised):
    """What an earlier run brought is on the disk."""
    part.arrived = ((0, 100 * MB),)
    with Behind(part) as behind:
        behind.passed(109 * MB)

    assert advised[0] == (100 * MB, 9 * MB)


def test_a_part_is_synced_every_quarter_of_a_gigabyte(part):
    """So a power cut costs no more."""
    synced = []
    with Behind(part, synced.append) as behind:
        for position in range(0, 400 * MB, 50 * MB):
            part.arrived = ((0, position + 50 * MB),)
            behind.passed(position)

    assert synced == [part]


def _is_cached(path):
    """Tell whether reading the first page of *path* takes no disk."""
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(4096)], 0, os.RWF_NOWAIT) == 4096
        except BlockingIOError:
            return False
        except OSError:  # a file system that cannot tell
            return True


@pytest.mark.parametrize("kept", [pytest.param(False, id="not kept"), pytest.param(True, id="kept")])
def test_what_was_brought_does_not_fill_the_memory(server, want, fetch, large, advised, monkeypatch, kept):
    """Unless somebody wants it there, to load it at once."""
    if kept:
        monkeypatch.setenv(disk.KEEP, "1")
    server.serve("weights.bin", large)
    wanted = want()
    seen = []

    def settle(proof):
        seen.append(_is_cached(proof.wanted.part))
        proof.wanted.part.replace(proof.wanted.part.with_suffix(""))

    assert fetch(wanted, settle=settle) == [large]

    assert ((0, 0) in advised) is not kept
    assert seen == [kept or not _can_leave_memory(wanted.part.parent)]


def _can_leave_memory(folder):
    """Tell whether files of *folder* can leave the page cache: those of a tmpfs cannot."""
    path = folder / "trial"
    path.write_bytes(bytes(4096))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return not _is_cached(path)


def test_a_file_in_pieces_is_hashed_before_it_goes(server, want, fetch, large, advised):
    """Several connections bring it out of order; nothing is read from the disk again."""
    server.serve("weights.bin", large)

    assert fetch(want(), connections=4) == [large]
