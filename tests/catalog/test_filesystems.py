"""On what kind of file system a path lies."""

from pathlib import Path

import pytest

from modelready import filesystems

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
24 22 0:22 / /proc rw - proc proc rw
30 22 0:40 / /vol rw,relatime shared:2 master:3 - nfs4 server:/export rw
31 30 0:41 / /vol/local rw - xfs /dev/vdb rw
32 22 0:42 / /with\040space rw - fuse.sshfs me@host: rw
33 22 0:43 / /over rw - ext4 /dev/vdc rw
34 33 0:44 / /over rw - 9p share rw
broken
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/volume/x", "ext4"),
        ("/vol", "nfs4"),
        ("/vol/a/b", "nfs4"),
        ("/vol/local/a", "xfs"),
        ("/with space/x", "fuse.sshfs"),
        ("/over/x", "9p"),
    ],
)
def test_the_innermost_mount_counts(path, kind):
    """A network folder may be mounted into a local one and the other way round, or hide it."""
    assert filesystems.kind_in(MOUNTS, path) == kind


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuseblk", "fuse.s3fs", "virtiofs", "ceph", "lustre"]
)
def test_what_is_served_by_another_machine_or_program_is_remote(kind):
    """Their inodes and times are whatever the other side says."""
    assert filesystems.is_remote_kind(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "apfs", ""])
def test_what_a_kernel_keeps_itself_is_local(kind):
    """Nothing known counts as local: macOS and Windows do not say."""
    assert not filesystems.is_remote_kind(kind)


def test_this_machine_is_asked(tmp_path, monkeypatch):
    """Links are followed: what counts is where the bytes lie."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path}/far rw - nfs b rw\n")
    monkeypatch.setattr(filesystems, "_MOUNTS", mounts)
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to("far/x")

    assert filesystems.kind(tmp_path / "near") == "nfs"
    assert not filesystems.is_local(tmp_path / "near")
    assert filesystems.is_local(tmp_path)


def test_where_the_system_does_not_say_a_path_is_local(tmp_path, monkeypatch):
    """There is no such file on macOS."""
    monkeypatch.setattr(filesystems, "_MOUNTS", Path(tmp_path / "nope"))

    assert filesystems.kind(tmp_path) == ""
    assert filesystems.is_local(tmp_path)
