"""What huggingface_hub notes of each file that it brings into a folder (``local_dir``)."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import contents
from modelready.layouts import blobs

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.model import Digest


@dataclass(frozen=True, slots=True)
class Metadata:
    """The commit a file came from, what its bytes hashed to, and when that was so (seconds since 1970)."""

    commit: str
    digest: Digest
    written_s: float


def begins_partial(name: str) -> str:
    """Give how huggingface_hub begins the names of the partial downloads of a file called *name*."""
    digest = hashlib.sha1(os.fsencode(f"{name}.metadata"), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()


def read(path: Path) -> Metadata | None:
    """Read a note: commit, etag and time, a line each; None when it is missing, or says something else."""
    try:
        commit, etag, written = contents.text(path, most=contents.NOTE).split()
        return Metadata(commit, blobs.digests_by_name(etag, "metadata")[0], float(written))
    except (OSError, ValueError, IndexError):
        return None
