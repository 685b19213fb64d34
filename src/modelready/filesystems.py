"""On what kind of file system a path lies: over a network, times and numbers of files do not say what they do here."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")

# FUSE, and so virtiofs, leaves it to a program what a file's numbers mean.
_REMOTE = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "drvfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "wekafs",
    }
)

_WITH_REFLINKS = frozenset({"bcachefs", "btrfs", "ocfs2", "xfs", "zfs"})


def kind(path: Path) -> str:
    """Give the kind of file system that *path* lies on ("ext4", "nfs4"), or nothing where the system does not say."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return kind_in(mounts, os.path.realpath(path))


def is_local(path: Path) -> bool:
    """Tell whether *path* lies on a file system of this machine; where nobody knows, it is taken for one."""
    return not is_remote_kind(kind(path))


def may_reflink(path: Path) -> bool:
    """Tell whether files on the file system of *path* may share bytes and stay files apart."""
    return kind(path) in _WITH_REFLINKS


def is_remote_kind(name: str) -> bool:
    """Tell whether a file system called *name* only stands for another machine's, or for a program."""
    return name in _REMOTE or name.startswith("fuse")


def kind_in(mounts: str, path: str) -> str:
    """Give the kind of the innermost of *mounts* (in the form of mountinfo) that holds *path*."""
    best, found = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        place = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4]) if len(fields) > 4 else ""  # noqa: PLR2004 - the fifth field is the place
        # A later mount on the same place hides the earlier one.
        if place and _holds(place, path) and len(place) >= len(best):
            best, found = place, after.split(" ")[0]
    return found


def _holds(place: str, path: str) -> bool:
    return path == place or path.startswith(place if place.endswith("/") else f"{place}/")
