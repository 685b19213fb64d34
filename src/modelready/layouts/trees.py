"""The listing of a whole repository at one commit, as huggingface_hub keeps it in ``trees/COMMIT.json``."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from modelready import contents
from modelready.errors import UnsafePath
from modelready.layouts import blobs, containment
from modelready.model import Digest, ManifestFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


def read(path: Path) -> tuple[ManifestFile, ...] | None:
    """Read a listing; None when there is none, or when it is not what huggingface_hub writes."""
    try:
        held = json.loads(contents.text(path, most=contents.LISTING))
        if held["format_version"] != _VERSION:
            return None
        return tuple(_file(name, entry) for name, entry in held["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UnsafePath):
        return None


def text(listing: Iterable[ManifestFile]) -> str | None:
    """Give the bytes that huggingface_hub would write; None when it would refuse to read them."""
    files = {file.path: _entry(file) for file in sorted(listing, key=lambda file: file.path)}
    if not all(_is_readable(entry) for entry in files.values()):
        return None
    return json.dumps({"format_version": _VERSION, "files": files}, indent=1)


def pointer_id(sha256: str, size: int) -> str:
    """Give git's id of the pointer that stands in a repository for an LFS file."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return hashlib.sha1(b"blob %d\0%b" % (len(pointer), pointer), usedforsecurity=False).hexdigest()


def _file(name: str, entry: Mapping[str, object]) -> ManifestFile:
    size, blob_id, sha256 = entry["size"], entry["blob_id"], entry.get("lfs_sha256")
    xet_hash = entry.get("xet_hash")
    if type(size) is not int or size < 0 or not isinstance(blob_id, str) or not _SHA1.fullmatch(blob_id):
        raise ValueError(name)
    if sha256 is None:
        digest = Digest("git_sha1", blob_id, "trees")
    elif isinstance(sha256, str) and _SHA256.fullmatch(sha256):
        digest = Digest("sha256", sha256, "trees")
    else:
        raise ValueError(name)
    return ManifestFile(
        containment.relative(name),
        size,
        (digest,),
        xet_hash=xet_hash if isinstance(xet_hash, str) else None,
        blob_id=blob_id,
    )


def _entry(file: ManifestFile) -> dict[str, object]:
    entry: dict[str, object] = {"size": file.size, "blob_id": _blob_id(file)}
    sha256 = file.digest("sha256")
    if sha256 and not blobs.git_digest(file):
        entry |= {"lfs_sha256": sha256.hex, "lfs_size": file.size}
    if file.xet_hash is not None:
        entry["xet_hash"] = file.xet_hash
    return entry


def _blob_id(file: ManifestFile) -> str | None:
    """Give git's id of what the repository holds: of the pointer, for an LFS file."""
    if file.blob_id:
        return file.blob_id
    if git_sha1 := blobs.git_digest(file):
        return git_sha1.hex
    sha256 = file.digest("sha256")
    return pointer_id(sha256.hex, file.size) if sha256 and file.size is not None else None


def _is_readable(entry: Mapping[str, object]) -> bool:
    xet_hash = entry.get("xet_hash")
    is_whole = entry["size"] is not None and entry["blob_id"] is not None
    return is_whole and (xet_hash is None or _SHA256.fullmatch(str(xet_hash)) is not None)
