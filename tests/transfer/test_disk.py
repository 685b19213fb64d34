"""What the disk refuses is told, and what arrived before it stays usable."""

import errno
import os
import threading

import pytest

from modelready import errors
from modelready.transfer import disk, journal, kept
from modelready.transfer.faults import Outdated
from modelready.transfer.parts import Part


@pytest.fixture
def filling(monkeypatch):
    """Give a disk on which only so many bytes of payload have room."""

    def run(room, number=errno.ENOSPC):
        written = os.pwrite

        def pwrite(descriptor, view, offset):
            if len(view) != journal.SLOT and offset + len(view) > room:
                if offset >= room:
                    raise OSError(number, os.strerror(number))
                view = view[: room - offset]
            return written(descriptor, view, offset)

        monkeypatch.setattr(os, "pwrite", pwrite)

    return run


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=["full", "quota"])
def test_a_disk_that_fills_up_keeps_what_it_took(server, want, fetch, filling, monkeypatch, small, number):
    """Afterwards the rest arrives, and only the rest."""
    server.serve("weights.bin", small)
    filling(700_000, number)

    with pytest.raises(errors.DiskFull, match=r"weights\.bin\.part: (no space|quota)"):
        fetch(want())

    monkeypatch.undo()
    assert kept(want()) == 700_000
    server.requests.clear()
    assert fetch(want()) == [small]
    assert server.sent("weights.bin") == len(small) - 700_000


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG])
def test_a_place_that_cannot_be_written_is_told_with_its_path(server, want, fetch, monkeypatch, small, number):
    """In words, with what to do."""

    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    server.serve("weights.bin", small)
    wanted = want()
    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(errors.NotWritable, match=r"weights\.bin\.part: " + os.strerror(number)):
        fetch(wanted)

    assert server.requests == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_only_a_file_is_written_to(server, want, fetch, small, make):
    """Not a folder, a pipe, or whatever a link leads to."""
    server.serve("weights.bin", small)
    wanted = want()
    make(wanted.part)

    with pytest.raises(errors.NotWritable):
        fetch(wanted)


def test_a_part_that_another_program_cuts_is_noticed(server, want, fetch, watching, large):
    """Its digest cannot be right; it is fetched again."""
    server.serve("weights.bin", large)
    wanted = want()
    cut = []

    def received(wanted, count):
        if not cut and kept_bytes(wanted) > 40 << 20:
            cut.append(os.truncate(wanted.part, 1 << 20))

    def kept_bytes(wanted):
        return wanted.part.stat().st_blocks * 512

    watching.received = received

    assert fetch(wanted) == [large]


def test_nothing_is_settled_that_is_not_synced(server, want, fetch, monkeypatch, small):
    """A power cut after the rename must find the bytes."""
    server.serve("weights.bin", small)
    told = []
    synced = disk.sync_file
    monkeypatch.setattr(disk, "sync_file", lambda descriptor: (told.append("synced"), synced(descriptor)))

    def settle(proof):
        told.append(f"settled {proof.wanted.part.stat().st_size}")
        proof.wanted.part.replace(proof.wanted.part.with_suffix(""))

    fetch(want(), settle=settle)

    assert told == ["synced", f"settled {len(small)}"]


def test_a_growing_part_is_synced_now_and_then(server, want, small, monkeypatch):
    """So a power cut costs a quarter of a gigabyte, not the whole file."""
    server.serve("weights.bin", small)
    part = Part(want(), resume=True)
    part.validator = '"one"'
    part.write(0, memoryview(small)[:500_000], 0)

    part.sync()
    part.sync()

    note = journal.newest(part.path.read_bytes()[len(small) :], len(small))
    assert note.durable == ((0, 500_000),)
    part.keep()
    part.keep()
    part.sync()


def test_offsets_beyond_32_bits_are_written_and_noted(server, want):
    """Sixty gigabytes, all of them a hole but the ends."""
    size = 60 << 30
    wanted = want("weights.bin", b"", size=size)
    part = Part(wanted, resume=True)
    part.write(0, memoryview(b"a" * 300_000), 0)
    part.write(size - 300_000, memoryview(b"z" * 300_000), 0)
    part.keep()

    again = Part(wanted, resume=True)

    assert again.arrived == ((0, 300_000), (size - 300_000, size))
    assert kept(wanted) == 600_000
    assert wanted.part.stat().st_blocks * 512 < 2 << 20
    again.keep()


def test_an_old_generation_writes_nothing(server, want, small):
    """Bytes of two versions never meet."""
    server.serve("weights.bin", small)
    part = Part(want(), resume=True)
    part.write(0, memoryview(small), 0)
    part.restart(0)

    with pytest.raises(Outdated):
        part.write(0, memoryview(small), 0)
    with pytest.raises(Outdated):
        part.set_size(7, 0)

    assert part.restart(0) is False
    assert part.count == 0
    part.keep()


def test_a_write_that_is_cut_short_goes_on(tmp_path, monkeypatch):
    """The system may write less than it was given."""
    written = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, view, offset: written(descriptor, view[:3], offset))
    with (tmp_path / "x").open("w+b") as file:
        ends = list(disk.write(file.fileno(), memoryview(b"0123456789"), 2))

        assert ends == [5, 8, 11, 12]
        assert file.read() == b"\0\0" + b"0123456789"


def test_a_failing_sync_is_told(server, want, fetch, monkeypatch, small):
    """Bytes that cannot be made durable are not settled."""
    server.serve("weights.bin", small)

    def refuse(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "sync_file", refuse)

    with pytest.raises(errors.NotWritable, match="Input/output error"):
        fetch(want())


def test_two_errors_are_both_told(server, want, fetch, small, monkeypatch):
    """The first ends it, the other is a note."""
    server.serve("weights.bin", small, lasting=server.status(404))
    wanted = want()
    keep = Part.keep

    def refuse(part):
        keep(part)
        raise errors.DiskFull("full", remedy="free some")

    monkeypatch.setattr(Part, "keep", refuse)

    with pytest.raises(errors.NotFound) as told:
        fetch(wanted)

    assert told.value.__notes__ == ["full; free some"]
    assert threading.active_count() < 50
