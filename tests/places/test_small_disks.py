"""Disks that are too small, that fill up on the way or at the very end, and quotas: one clear error, nothing lost."""

from __future__ import annotations

import errno
import os
import textwrap

import pytest

MIB = 1024 * 1024
PAGE = 4096


def said(done):
    """Give all that a command said."""
    return done.stdout + done.stderr


def assert_disk_full(done, *words):
    """One clear error, no traceback."""
    assert done.returncode == 1, said(done)
    assert "Traceback" not in said(done)
    for word in words:
        assert word in said(done)


def fill(ballast):
    """Take all the room that there is."""
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(64 * 1024))


def test_a_disk_too_small_for_the_plan_is_told_before_the_first_byte(machine, hub, serve, small_disk):
    """Both sums are named: what has to be fetched, and what is free."""
    serve({"a.bin": os.urandom(MIB) * 40, "b.bin": os.urandom(MIB) * 40})
    disk = small_disk(size="64m")

    done = machine.run("provision")

    assert_disk_full(done, "83.9 MB have to be fetched, 67.1 MB are free")
    assert hub.bytes_sent("*.bin") == 0
    assert list(disk.rglob("*.incomplete")) == []


def test_a_disk_that_another_program_fills_keeps_what_arrived(machine, hub, serve, small_disk, patience, cached):
    """With room again, the same command goes on where it stopped."""
    content = os.urandom(MIB) * 40
    serve({"a.bin": content})
    hub.slow("*a.bin", bytes_per_s=20 * MIB)
    disk = small_disk(size="64m")
    first = machine.start("provision")
    parts = patience(lambda: list(disk.glob("hub/models--*/blobs/*.incomplete")))
    patience(lambda: parts[0].stat().st_blocks * 512 > 15 * MIB)

    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        fill(ballast)
    text, _ = first.communicate(timeout=60)
    arrived = hub.bytes_sent("*a.bin")
    ballast.unlink()
    hub.heal()
    hub.forget()
    second = machine.run("provision")

    assert first.returncode == 1, text
    assert "no space left" in text
    assert "Traceback" not in text
    assert second.returncode == 0, said(second)
    assert hub.bytes_sent("*a.bin") <= len(content) - arrived + arrived // 10
    assert cached(disk / "hub") == {"a.bin": content}


@pytest.mark.parametrize("pages", range(5))
def test_a_disk_that_is_full_in_the_last_steps(machine, hub, serve, small_disk, mounts, cached, pages):
    """Whether the last bytes, the listing or the name find no room: with more of it the rest is done, and no more."""
    content = os.urandom(4 * MIB - pages * PAGE)
    serve({"a.bin": content})
    disk = small_disk(size="4m")

    first = machine.run("provision")
    names = list(disk.glob("hub/models--*/refs/main"))
    mounts.change(disk, "size=6m")
    hub.forget()
    second = machine.run("provision")

    if first.returncode:
        assert_disk_full(first, "space")
        assert names == []
    assert second.returncode == 0, said(second)
    assert hub.bytes_sent("*a.bin") <= len(content) // 10
    assert cached(disk / "hub") == {"a.bin": content}


@pytest.mark.parametrize("inodes", [4, 12, 16])
def test_a_disk_without_inodes(machine, hub, serve, small_disk, mounts, cached, inodes):
    """Room for bytes is of no use without names for them."""
    files = {f"{number}.bin": os.urandom(300_000) for number in range(3)}
    serve(files)
    disk = small_disk(size="16m", nr_inodes=inodes)

    first = machine.run("provision")
    mounts.change(disk, "nr_inodes=100")
    second = machine.run("provision")

    assert_disk_full(first, "space")
    assert second.returncode == 0, said(second)
    assert cached(disk / "hub") == files


def test_state_on_the_same_full_disk(machine, hub, serve, small_disk):
    """Rows and ledger have no room either: still one clear error, and the bytes that are there are proved."""
    serve({"a.bin": os.urandom(4 * MIB)})
    disk = small_disk(size="4m")
    machine.variables["MODELREADY_HOME"] = str(disk / "state")

    done = machine.run("provision")

    assert_disk_full(done, "free")


REASONS = {
    errno.EDQUOT: ("quota used up", "Disk quota exceeded"),
    errno.ENOSPC: ("no space left", "No space left"),
    errno.EIO: ("Input/output error",),
}
FAULTY = """
import errno, os, sys
if "pytest" in " ".join(sys.orig_argv):
    real, calls = os.{name}, []
    def faulty(*given, **named):
        if any("disk" in str(one) or isinstance(one, int) for one in given[:2]) and {guard}:
            calls.append(1)
            if len(calls) >= {when}:
                raise OSError({number}, os.strerror({number}))
        return real(*given, **named)
    os.{name} = faulty
"""


@pytest.mark.parametrize(
    ("name", "guard", "when", "number"),
    [
        pytest.param("pwrite", "True", 2, errno.EDQUOT, id="quota, writing"),
        pytest.param("pwrite", "True", 2, errno.EIO, id="broken, writing"),
        pytest.param("replace", "'blobs' in str(given[1])", 2, errno.EDQUOT, id="quota, rename"),
        pytest.param("symlink", "True", 2, errno.ENOSPC, id="full, link"),
        pytest.param("replace", "'trees' in str(given[1])", 1, errno.EDQUOT, id="quota, listing"),
        pytest.param("replace", "'refs' in str(given[1])", 1, errno.ENOSPC, id="full, reference"),
    ],
)
def test_a_disk_that_refuses_one_step(machine, hub, serve, tmp_path, cached, name, guard, when, number):
    """Quotas, which no small disk here can have, and faults of hardware end as clearly, at every step."""
    files = {f"{one}.bin": os.urandom(400_000) for one in range(3)}
    serve(files)
    machine.variables["HF_HOME"] = str(machine.place / "disk")
    plain = machine.environment.get("PYTHONPATH", "")
    (tmp_path / "faulty").mkdir()
    code = FAULTY.format(name=name, guard=guard, when=when, number=number)
    (tmp_path / "faulty" / "sitecustomize.py").write_text(textwrap.dedent(code))
    machine.variables["PYTHONPATH"] = f"{tmp_path / 'faulty'}{os.pathsep}{plain}"

    first = machine.run("provision", "--jobs", "1")
    names = list((machine.place / "disk").glob("hub/models--*/refs/main"))
    machine.variables["PYTHONPATH"] = plain
    hub.forget()
    second = machine.run("provision")

    assert_disk_full(first)
    assert any(words in said(first) for words in REASONS[number])
    assert names == []
    assert second.returncode == 0, said(second)
    assert cached(machine.place / "disk" / "hub") == files
