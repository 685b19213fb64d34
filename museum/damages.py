"""Damage done to a file on disk, its time kept: nobody can tell by looking at it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def rewrite(path: Path, content: bytes) -> None:
    """Write *content* through whatever links lead to *path*."""
    before = path.stat()
    path.chmod(0o644)  # huggingface_hub 2 keeps shared blobs read-only
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(path: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(path, bytes(content))


def cut(path: Path, count: int = 1000) -> None:
    """Take the last *count* bytes away."""
    rewrite(path, path.read_bytes()[:-count])


def grow(path: Path, count: int = 24) -> None:
    """Append *count* bytes."""
    rewrite(path, path.read_bytes() + bytes(count))
